//! Random specs for property tests: texts that the grammar accepts, with spaces, newlines and comments
//! wherever it lets them stand, and a comparison of trees without their spans.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::ast::File;

/// Where the grammar allows spaces, newlines and comments; replaced by some of them at the end.
const GAP: char = '~';

/// A tree without its spans, to be compared with another.
pub(crate) fn spanless(file: &File) -> String {
    let mut rest = format!("{file:?}");
    let mut out = String::new();
    while let Some(at) = rest.find("Span { file") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
        rest = rest.split_off(end);
    }
    out + &rest
}

fn name() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        proptest::sample::select(vec![
            "x", "y1", "loss", "layer", "train", "output", "param", "encoder", "mean", "K"
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,3}_[a-z0-9]{1,12}",
    ]
}

fn joined(parts: &[String]) -> String {
    parts.join("~,~")
}

fn body(value: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = String> {
    let one = (name(), value.clone()).prop_map(|(name, value)| format!("let {name}~=~{value}\n"));
    (vec(one, 0..2), value).prop_map(|(lets, value)| format!("{{~{}{value}~}}", lets.concat()))
}

/// An expression, its gaps marked.
fn expr() -> impl Strategy<Value = String> + Clone {
    let leaf = prop_oneof![
        name(),
        (0_u32..2000).prop_map(|value| value.to_string()),
        proptest::sample::select(vec!["0.5", "1e-4", "2.5E3", "true", "false", "\"a \\\" b\"", "[]", "f()"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 4, |inner| {
        let op =
            proptest::sample::select(vec!["++", "or", "and", "==", "<", "+", "*", "/", "div", "%", ".."]);
        let call =
            (name(), vec((proptest::option::of(name()), inner.clone()), 0..4), proptest::option::of(name()))
                .prop_map(|(callee, mut args, label)| {
                    args.sort_by_key(|(name, _)| name.is_some());
                    let args: Vec<_> = args
                        .into_iter()
                        .map(|(name, value)| name.map_or(value.clone(), |name| format!("{name}~:~{value}")))
                        .collect();
                    let label = label.map(|label| format!("~as {label}")).unwrap_or_default();
                    format!("{callee}(~{}~){label}", joined(&args))
                })
                .boxed();
        let stage = prop_oneof![name(), call.clone()];
        let bracketed = inner.clone().prop_map(|value| format!("(~{value}~)")).boxed();
        prop_oneof![
            call.clone(),
            (bracketed.clone(), op, bracketed.clone()).prop_map(|(a, op, b)| format!("{a}~{op}~{b}")),
            (bracketed.clone(), bracketed.clone()).prop_map(|(a, b)| format!("{a} -~{b}")),
            (bracketed.clone(), vec(stage, 1..4)).prop_map(|(head, stages)| head
                + &stages.iter().map(|stage| format!("~|>~{stage}")).collect::<String>()),
            vec(inner.clone(), 0..6).prop_map(|entries| format!("[~{}~]", joined(&entries))),
            bracketed.clone().prop_map(|value| format!("-~{value}")),
            bracketed.clone().prop_map(|value| format!("not ~{value}")),
            (bracketed.clone(), name()).prop_map(|(value, field)| format!("{value}.{field}")),
            (name(), inner.clone()).prop_map(|(value, index)| format!("{value}[~{index}~]")),
            (
                bracketed.clone(),
                body(inner.clone()),
                bracketed.clone(),
                body(inner.clone()),
                body(inner.clone())
            )
                .prop_map(|(a, then, b, other, last)| format!(
                    "if {a}~{then}~else if {b}~{other}~else~{last}"
                )),
            (name(), inner.clone(), body(inner.clone()))
                .prop_map(|(each, over, body)| format!("for {each} in~{}~{body}", brackets(&over))),
            (name(), name(), inner.clone(), body(inner.clone())).prop_map(|(carried, each, over, body)| {
                format!("fold [~{carried}~,~c~]~=~0 for [~{each}~,~b~] in~{}~{body}", brackets(&over))
            }),
            bracketed,
        ]
    })
}

fn brackets(value: &str) -> String {
    format!(" (~{value}~)")
}

fn ty() -> impl Strategy<Value = String> + Clone {
    proptest::sample::select(vec![
        "int",
        "[~int~]",
        "a~|~b | c",
        "map[~N~,~3~,~H/4~,~W/4~]",
        "class(~K~)[~N, H, W~]",
        "[[float]]",
    ])
    .prop_map(str::to_owned)
}

fn statement() -> impl Strategy<Value = String> + Clone {
    let guard = proptest::option::of(expr());
    let when =
        |guard: Option<String>| guard.map(|guard| format!("~when {}", brackets(&guard))).unwrap_or_default();
    let pattern = proptest::sample::select(vec!["a_", "[~p~,~q~]", "(~v, i~)"]);
    prop_oneof![
        (pattern, proptest::option::of(ty()), expr(), guard.clone()).prop_map(
            move |(pattern, ty, value, guard)| {
                let ty = ty.map(|ty| format!("~:~{ty}")).unwrap_or_default();
                format!("let {pattern}{ty}~=~{value}{}", when(guard))
            }
        ),
        (name(), expr(), guard)
            .prop_map(move |(name, value, guard)| format!("layer {name}~=~{value}{}", when(guard))),
        (expr(), proptest::option::of(ty())).prop_map(|(value, ty)| {
            let ty = ty.map(|ty| format!("~:~{ty}")).unwrap_or_default();
            format!("assert {}{ty}~,~\"no\"", brackets(&value))
        }),
        Just("/// What it is.\nlet z~=~1".to_owned()),
    ]
}

/// Statements and the like in braces, ended by newlines or semicolons.
fn braces(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (vec((inner, prop_oneof![Just("\n"), Just(";"), Just(" // behind\n"), Just("\n\n\n// above\n")]), 0..4))
        .prop_map(|parts| {
            format!("{{~{}~}}", parts.iter().map(|(text, end)| format!("{text}{end}~")).collect::<String>())
        })
}

fn item() -> impl Strategy<Value = String> {
    let setting = prop_oneof![
        (name(), expr()).prop_map(|(name, value)| format!("{name}~=~{value}")),
        (name(), name()).prop_map(|(group, name)| format!("{group}~{{~{name} = 1;~{name}_ = 2~}}")),
    ];
    let term = prop_oneof![
        (name(), expr()).prop_map(|(name, value)| format!("{name}~=~{value}~when deep")),
        statement(),
    ];
    prop_oneof![
        statement(),
        (name(), ty(), expr()).prop_map(|(name, ty, value)| format!(
            "/// One.\n// between\n/// Two.\nparam {name}~:~{ty}~=~{value}"
        )),
        (name(), ty()).prop_map(|(name, ty)| format!("input {name}~:~{ty}")),
        (name(), braces(statement())).prop_map(|(name, body)| format!("decoder~ {name}_ when a~{body}")),
        braces(statement()).prop_map(|body| format!("encoder~{body}")),
        (name(), ty(), expr(), braces(statement())).prop_map(|(name, ty, value, body)| {
            format!("block {name}(~x~:~{ty}~,~n: int~=~{value}~)~->~(~out~:~{ty}~)~{body}")
        }),
        (name(), expr()).prop_map(|(name, value)| format!("output {name}~=~{value}")),
        braces(term.clone()).prop_map(|body| format!("loss~{body}")),
        braces(setting.clone()).prop_map(|body| format!("train~{body}")),
        (braces(setting), braces(term)).prop_map(|(train, loss)| {
            format!("extend \"a.phg\"~{{~K~=~4;~train~{train}\nloss~{loss}\n}}")
        }),
        name().prop_map(|name| format!("use~ std.resnet (~{name}~,~{name} as b~,~)")),
        Just("use \"a b.phg\" (c)".to_owned()),
    ]
}

/// A spec that parses.
pub(crate) fn spec() -> impl Strategy<Value = String> {
    let gaps = vec(
        prop_oneof![
            6 => Just(""),
            6 => Just(" "),
            1 => Just("\n  "),
            1 => Just(" // note\n"),
            1 => Just("\n\n\n"),
            1 => Just("\r\n// one\n\n// two  \n"),
        ],
        1..40,
    );
    (vec(item(), 0..4), gaps).prop_map(|(items, gaps)| {
        let text = "//! A spec.\n\n~".to_owned() + &items.join("\n~") + "~";
        let mut next = gaps.iter().cycle();
        text.chars().fold(String::new(), |mut out, character| {
            if character == GAP {
                let gap = next.next().copied().unwrap_or("");
                // Words and operators must not run together.
                let word =
                    |end: Option<char>| end.is_some_and(|end| end.is_alphanumeric() || "_/".contains(end));
                out.push_str(if gap.is_empty() && word(out.chars().last()) { " " } else { gap });
            } else {
                out.push(character);
            }
            out
        })
    })
}
