//! `train { ... }`: settings are checked against their types and ranges, unknown ones refused.

use super::Elaborator;
use super::value::Value;
use crate::ast::{self, Expr, ExprKind, ItemKind, Setting, Settings};
use crate::diag::{Diag, codes, did_you_mean};
use crate::settings::{
    AUGMENT, Augment, Length, Optimizer, SETTINGS, Schedule, ScheduleKind, SettingDoc, Training,
};
use crate::source::Span;

/// What a spec without `train { ... }` trains with: the paper's settings as far as it gives them.
impl Default for Training {
    fn default() -> Self {
        Self {
            length: Length::Epochs(100),
            batch: 8,
            samples: None,
            resize: None,
            optimizer: adam(1e-3),
            schedule: Schedule { kind: ScheduleKind::Constant, warmup: 0 },
            freeze: Vec::new(),
            rates: Vec::new(),
            augment: Augment {
                flip: 0.0,
                scale: None,
                crop: None,
                brightness: 0.0,
                contrast: 0.0,
                saturation: 0.0,
                hue: 0.0,
            },
            accumulate: 1,
            clip: None,
            ema: None,
            patience: None,
            validate: 1,
            mean: [0.485, 0.456, 0.406],
            deviation: [0.229, 0.224, 0.225],
            predict_void: false,
            seed: 0,
        }
    }
}

fn adam(rate: f32) -> Optimizer {
    Optimizer::Adam { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0 }
}

impl Elaborator<'_> {
    /// The training settings: the spec's own, then those of `extend` and `--set`.
    pub(super) fn training(&mut self) -> Training {
        let program = self.program;
        let mut training = Training::default();
        let own = program.modules.first().map(|module| module.ast.clone());
        let own = own.iter().flat_map(|tree| &tree.items).filter_map(|item| match &item.kind {
            ItemKind::Train(settings) => Some(settings),
            _ => None,
        });
        let own: Vec<Settings> = own.cloned().collect();
        if let [first, second, ..] = own.as_slice() {
            self.report(
                Diag::new(&codes::NAME_DUPLICATE, "`train` stands twice", second.span, "here again")
                    .because(first.span, "first here")
                    .help("put all settings into one `train { ... }`"),
            );
        }
        for settings in own.iter().chain(&program.settings) {
            self.settle_once(settings);
            for field in &settings.fields {
                self.setting(&mut training, field);
            }
        }
        training
    }

    /// Refuses what one `train { ... }` says twice: a setting, or the length in epochs and in steps.
    fn settle_once(&mut self, settings: &Settings) {
        let mut seen: Vec<&ast::Ident> = Vec::new();
        for field in &settings.fields {
            let (Setting::Value { name, .. } | Setting::Group { name, .. }) = field;
            let length = |name: &str| matches!(name, "epochs" | "steps");
            let same =
                |other: &&&ast::Ident| other.node == name.node || length(&other.node) && length(&name.node);
            if let Some(first) = seen.iter().find(same) {
                let message = if first.node == name.node {
                    format!("`{}` is set twice", name.node)
                } else {
                    "`epochs` and `steps` both say how long training takes".to_owned()
                };
                self.report(
                    Diag::new(&codes::TRAIN_VALUE, message, name.span, "here again")
                        .because(first.span, "first here")
                        .help("delete one of them"),
                );
            }
            seen.push(name);
        }
    }

    fn setting(&mut self, training: &mut Training, field: &Setting) {
        match field {
            Setting::Group { name, fields } if name.node == "augment" => {
                for field in &fields.fields {
                    match field {
                        Setting::Value { name, value } => self.augment(&mut training.augment, name, value),
                        Setting::Group { name, .. } => self.unknown_setting(name, AUGMENT),
                    }
                }
            }
            Setting::Group { name, fields } if name.node == "rates" => {
                self.rates(training, "", fields);
            }
            Setting::Group { name, .. } => self.unknown_setting(name, SETTINGS),
            Setting::Value { name, value } => self.train_value(training, name, value),
        }
    }

    fn unknown_setting(&mut self, name: &ast::Ident, known: &[SettingDoc]) {
        let known: Vec<&str> = known.iter().map(|setting| setting.name).collect();
        let other = |list: &[SettingDoc]| list.iter().any(|setting| setting.name == name.node);
        let help = match name.node.as_str() {
            "lr" | "rate" | "learning_rate" => {
                Some("the rate is an argument of the optimizer: `optimizer = adam(rate: 1e-3)`".to_owned())
            }
            "momentum" | "weight_decay" | "decay" | "nesterov" | "beta1" | "beta2" => Some(
                "this is an argument of the optimizer: `optimizer = sgd(rate: 1e-2, momentum: 0.9)`"
                    .to_owned(),
            ),
            "augment" => Some("its settings stand in braces: `augment { flip = 0.5 }`".to_owned()),
            "rates" => Some("parts of the network stand in braces: `rates { encoder = 0.1 }`".to_owned()),
            _ if !known.contains(&"epochs") && other(SETTINGS) => {
                Some("it stands in `train { ... }`, outside of `augment`".to_owned())
            }
            _ if known.contains(&"epochs") && other(AUGMENT) => {
                Some(format!("it stands in `augment`: `augment {{ {} = ... }}`", name.node))
            }
            _ => did_you_mean(&name.node, known.iter().copied())
                .or_else(|| Some(format!("settings are {}", known.join(", ")))),
        };
        let message = format!("there is no training setting `{}`", name.node);
        self.report(Diag::new(&codes::TRAIN_UNKNOWN, message, name.span, "no such setting").maybe_help(help));
    }

    fn train_value(&mut self, training: &mut Training, name: &ast::Ident, value: &Expr) {
        let key = name.node.as_str();
        match key {
            "epochs" => {
                if let Some(count) = self.count(key, value) {
                    training.length = Length::Epochs(count);
                }
            }
            "steps" => {
                if let Some(count) = self.count(key, value) {
                    training.length = Length::Steps(count);
                }
            }
            "batch" => self.set_count(&mut training.batch, key, value),
            "samples" => training.samples = self.count(key, value).and_then(|n| usize::try_from(n).ok()),
            "accumulate" => self.set_count(&mut training.accumulate, key, value),
            "validate" => self.set_count(&mut training.validate, key, value),
            "patience" => training.patience = self.count(key, value).and_then(|n| usize::try_from(n).ok()),
            "warmup" => {
                if let Some(steps) = self.number(key, value, 0.0, 1e12) {
                    training.schedule.warmup = steps as u64;
                }
            }
            "seed" => {
                if let Some(seed) = self.number(key, value, 0.0, 1e15) {
                    training.seed = seed as u64;
                }
            }
            "resize" => training.resize = self.size(key, value).or(training.resize),
            "crop" => training.augment.crop = self.size(key, value).or(training.augment.crop),
            "clip" => training.clip = self.number(key, value, 1e-12, 1e12).map(|n| n as f32),
            "ema" => training.ema = self.number(key, value, 0.0, 1.0).map(|n| n as f32),
            "mean" => self.triple(&mut training.mean, key, value),
            "deviation" => self.triple(&mut training.deviation, key, value),
            "predict_void" => match self.eval(value) {
                Value::Bool(on) => training.predict_void = on,
                other => self.bad_setting(key, "true or false", &other, value.span),
            },
            "optimizer" => self.optimizer(training, value),
            "schedule" => self.schedule(&mut training.schedule, value),
            "freeze" => self.freeze(training, value),
            _ => self.unknown_setting(name, SETTINGS),
        }
    }

    fn augment(&mut self, augment: &mut Augment, name: &ast::Ident, value: &Expr) {
        let key = name.node.as_str();
        match key {
            "flip" => augment.flip = self.number(key, value, 0.0, 1.0).map_or(augment.flip, |n| n as f32),
            "brightness" => augment.brightness = self.number(key, value, 0.0, 1.0).map_or(0.0, |n| n as f32),
            "contrast" => augment.contrast = self.number(key, value, 0.0, 1.0).map_or(0.0, |n| n as f32),
            "saturation" => augment.saturation = self.number(key, value, 0.0, 1.0).map_or(0.0, |n| n as f32),
            "hue" => augment.hue = self.number(key, value, 0.0, 0.5).map_or(0.0, |n| n as f32),
            "crop" => augment.crop = self.size(key, value),
            "scale" => {
                if let Some([low, high]) =
                    self.floats(key, value, 2).as_deref().and_then(|list| <[f32; 2]>::try_from(list).ok())
                {
                    if low > 0.0 && low <= high && high <= 16.0 {
                        augment.scale = Some([low, high]);
                    } else {
                        let text =
                            "`scale` is a range of factors such as `[0.5, 2.0]`, ascending and above 0";
                        self.report(Diag::new(&codes::TRAIN_VALUE, text, value.span, "not such a range"));
                    }
                }
            }
            _ => self.unknown_setting(name, AUGMENT),
        }
    }

    pub(super) fn bad_setting(&mut self, key: &str, wanted: &str, value: &Value, span: Span) {
        if matches!(value, Value::Poison) {
            return;
        }
        let kind = match value {
            Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Text(_) => value.source(),
            other => self.kind(other),
        };
        // A size as other programs write it: one number, or `384x768`.
        let pair = match value {
            Value::Int(side) => Some((side.to_string(), side.to_string())),
            Value::Text(text) => {
                text.split_once('x').map(|(h, w)| (h.trim().to_owned(), w.trim().to_owned()))
            }
            _ => None,
        };
        let help = match (wanted, pair, value) {
            ("`[rows, columns]`", Some((h, w)), _) => Some(format!("write `{key} = [{h}, {w}]`")),
            ("a whole number of at least 1", _, Value::Text(text)) if text.parse::<u64>().is_ok() => {
                Some(format!("write `{key} = {text}`"))
            }
            _ => None,
        };
        self.report(
            Diag::new(
                &codes::TRAIN_VALUE,
                format!("`{key}` is {wanted}, not {kind}"),
                span,
                format!("this is {kind}"),
            )
            .maybe_help(help),
        );
    }

    fn count(&mut self, key: &str, value: &Expr) -> Option<u64> {
        match self.eval(value) {
            Value::Int(count @ 1..) => u64::try_from(count).ok(),
            other => {
                self.bad_setting(key, "a whole number of at least 1", &other, value.span);
                None
            }
        }
    }

    fn set_count(&mut self, field: &mut usize, key: &str, value: &Expr) {
        if let Some(count) = self.count(key, value).and_then(|n| usize::try_from(n).ok()) {
            *field = count;
        }
    }

    pub(super) fn number(&mut self, key: &str, value: &Expr, low: f64, high: f64) -> Option<f64> {
        let result = self.eval(value);
        let number = match result {
            Value::Int(whole) => Some(whole as f64),
            Value::Float(number) => Some(number),
            _ => None,
        };
        match number {
            Some(number) if (low..=high).contains(&number) => Some(number),
            _ => {
                let wanted = if high >= 1e12 {
                    format!("a number of at least {low}")
                } else {
                    format!("a number from {low} to {high}")
                };
                self.bad_setting(key, &wanted, &result, value.span);
                None
            }
        }
    }

    fn size(&mut self, key: &str, value: &Expr) -> Option<[usize; 2]> {
        let result = self.eval(value);
        if let Value::List(list) = &result
            && let [Value::Int(h @ 1..=65536), Value::Int(w @ 1..=65536)] = list.as_slice()
        {
            return Some([*h as usize, *w as usize]);
        }
        self.bad_setting(key, "`[rows, columns]`", &result, value.span);
        None
    }

    fn floats(&mut self, key: &str, value: &Expr, len: usize) -> Option<Vec<f32>> {
        let result = self.eval(value);
        if let Value::List(list) = &result {
            let numbers: Option<Vec<f32>> = list
                .iter()
                .map(|item| match item {
                    Value::Int(whole) => Some(*whole as f32),
                    Value::Float(number) => Some(*number as f32),
                    _ => None,
                })
                .collect();
            if let Some(numbers) = numbers.filter(|numbers| numbers.len() == len) {
                return Some(numbers);
            }
        }
        self.bad_setting(key, &format!("a list of {len} numbers"), &result, value.span);
        None
    }

    fn triple(&mut self, field: &mut [f32; 3], key: &str, value: &Expr) {
        if let Some(three) =
            self.floats(key, value, 3).as_deref().and_then(|list| <[f32; 3]>::try_from(list).ok())
        {
            if key == "deviation" && three.iter().any(|v| *v <= 0.0) {
                self.report(Diag::new(
                    &codes::TRAIN_VALUE,
                    "a deviation is above 0",
                    value.span,
                    "would divide by 0",
                ));
                return;
            }
            *field = three;
        }
    }

    /// Name and numeric arguments of a call such as `adam(rate: 1e-4)`; the names that it may have are
    /// `known`, each with its parameters in order.
    fn rule(&mut self, key: &str, value: &Expr, known: &[(&'static str, &[&'static str])]) -> Option<Rule> {
        let (callee, args) = match value.kind.as_ref() {
            ExprKind::Call(call) => (call.callee.clone(), call.args.clone()),
            ExprKind::Name(name) => (ast::Ident::new(name.clone(), value.span), Vec::new()),
            _ => {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                let text = format!("`{key}` is one of {}", names.join(", "));
                self.report(Diag::new(&codes::TRAIN_VALUE, text, value.span, "not one of them"));
                return None;
            }
        };
        let Some((name, params)) = known.iter().find(|(name, _)| *name == callee.node) else {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let help = did_you_mean(&callee.node, names.iter().copied())
                .or_else(|| Some(format!("there are {}", names.join(", "))));
            let message = format!("there is no {key} `{}`", callee.node);
            self.report(Diag::new(&codes::TRAIN_VALUE, message, callee.span, "not known").maybe_help(help));
            return None;
        };
        let mut rule = Rule { name, values: Vec::new() };
        for (at, arg) in args.iter().enumerate() {
            let param = match &arg.name {
                Some(ident) => params.iter().find(|param| **param == ident.node).copied(),
                None => params.get(at).copied(),
            };
            let Some(param) = param else {
                let (text, span) = match &arg.name {
                    Some(ident) => (ident.node.as_str(), ident.span),
                    None => ("one more argument", arg.value.span),
                };
                let help = did_you_mean(text, params.iter().copied())
                    .or_else(|| Some(format!("its parameters are {}", params.join(", "))));
                let message = format!("`{name}` has no parameter `{text}`");
                self.report(
                    Diag::new(&codes::PARAM_UNKNOWN, message, span, "no such parameter").maybe_help(help),
                );
                continue;
            };
            let result = self.eval(&arg.value);
            let numbers = match &result {
                Value::Int(whole) => Some(vec![*whole as f32]),
                Value::Float(number) => Some(vec![*number as f32]),
                Value::Bool(on) => Some(vec![f32::from(u8::from(*on))]),
                Value::List(list) => list
                    .iter()
                    .map(|item| match item {
                        Value::Int(whole) => Some(*whole as f32),
                        Value::Float(number) => Some(*number as f32),
                        _ => None,
                    })
                    .collect(),
                _ => None,
            };
            match numbers {
                Some(numbers) if numbers.iter().all(|n| n.is_finite() && *n >= 0.0) => {
                    rule.values.push((param, numbers))
                }
                _ => self.bad_setting(param, "a number of at least 0", &result, arg.value.span),
            }
        }
        Some(rule)
    }

    fn optimizer(&mut self, training: &mut Training, value: &Expr) {
        const ADAM: &[&str] = &["rate", "beta1", "beta2", "epsilon", "decay"];
        const SGD: &[&str] = &["rate", "momentum", "nesterov", "decay"];
        let Some(rule) = self.rule("optimizer", value, &[("adam", ADAM), ("adamw", ADAM), ("sgd", SGD)])
        else {
            return;
        };
        let get = |name: &str, default: f32| rule.get(name).unwrap_or(default);
        let (beta1, beta2, epsilon) = (get("beta1", 0.9), get("beta2", 0.999), get("epsilon", 1e-8));
        if beta1 >= 1.0 || beta2 >= 1.0 {
            self.report(Diag::new(
                &codes::TRAIN_VALUE,
                "`beta1` and `beta2` are below 1",
                value.span,
                "would never forget",
            ));
            return;
        }
        training.optimizer = match rule.name {
            "adamw" => {
                Optimizer::AdamW { rate: get("rate", 1e-3), beta1, beta2, epsilon, decay: get("decay", 0.01) }
            }
            "sgd" => Optimizer::Sgd {
                rate: get("rate", 1e-2),
                momentum: get("momentum", 0.0),
                nesterov: get("nesterov", 0.0) != 0.0,
                decay: get("decay", 0.0),
            },
            _ => Optimizer::Adam { rate: get("rate", 1e-3), beta1, beta2, epsilon, decay: get("decay", 0.0) },
        };
    }

    fn schedule(&mut self, schedule: &mut Schedule, value: &Expr) {
        const KNOWN: &[(&str, &[&str])] = &[
            ("constant", &["warmup"]),
            ("poly", &["power", "warmup"]),
            ("cosine", &["warmup"]),
            ("step", &["milestones", "factor", "warmup"]),
        ];
        let Some(rule) = self.rule("schedule", value, KNOWN) else { return };
        schedule.kind = match rule.name {
            "poly" => ScheduleKind::Poly { power: rule.get("power").unwrap_or(0.9) },
            "cosine" => ScheduleKind::Cosine,
            "step" => {
                let milestones = rule.list("milestones").unwrap_or_else(|| vec![0.5, 0.75]);
                let ascending = milestones.windows(2).all(|pair| pair.first() < pair.last());
                if !ascending || milestones.iter().any(|m| *m <= 0.0 || *m >= 1.0) {
                    let text =
                        "milestones are shares of the training in (0, 1), ascending, such as `[0.5, 0.75]`";
                    self.report(Diag::new(&codes::TRAIN_VALUE, text, value.span, "not such a list"));
                    return;
                }
                ScheduleKind::Step { milestones, factor: rule.get("factor").unwrap_or(0.1) }
            }
            _ => ScheduleKind::Constant,
        };
        if let Some(warmup) = rule.get("warmup") {
            schedule.warmup = warmup as u64;
        }
    }
}

/// A rule by name with its numbers.
struct Rule {
    name: &'static str,
    values: Vec<(&'static str, Vec<f32>)>,
}

impl Rule {
    fn list(&self, name: &str) -> Option<Vec<f32>> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, list)| list.clone())
    }

    fn get(&self, name: &str) -> Option<f32> {
        self.list(name).and_then(|list| list.first().copied())
    }
}
