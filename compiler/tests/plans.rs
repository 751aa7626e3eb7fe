//! Plans: well-formed for every spec, mode and choice of passes; costs against numbers worked out by hand.

mod shipped;

use phg_compiler::ir::dim::Sizes;
use phg_compiler::passes::PIPELINE;
use phg_compiler::plan::cost::Cost;
use phg_compiler::plan::{Plan, ValueId};
use phg_compiler::{Mode, Network, Request, compile};
use proptest::prelude::*;

use shipped::{compiled, specs};

const MODES: [Mode; 3] = [Mode::Train, Mode::Eval, Mode::Infer];

fn network(text: &str) -> Network {
    let outcome = compile(&Request::new("minimal", text));
    assert!(!outcome.diags.iter().any(phg_compiler::diag::Diag::is_error), "{:#?}", outcome.diags);
    outcome.network.unwrap()
}

/// The state of a value while a plan is walked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Unwritten,
    Living,
    Freed,
}

/// What `plan/mod.rs` guarantees; the first breach as text.
fn well_formed(plan: &Plan) -> Result<(), String> {
    let mut values = vec![Value::Unwritten; plan.values.len()];
    let mut last_read = vec![None; plan.values.len()];
    let kept: Vec<ValueId> = plan.outputs.iter().map(|output| output.value).collect();
    for input in &plan.inputs {
        values[input.value.0 as usize] = Value::Living;
    }
    for (at, step) in plan.steps.iter().enumerate() {
        let fault = |what: &str, id: ValueId| Err(format!("step {at}, {}: %{} {what}", step.path, id.0));
        for id in &step.reads {
            match values.get(id.0 as usize) {
                Some(Value::Living) => last_read[id.0 as usize] = Some(at),
                Some(Value::Unwritten) => return fault("is read before it is written", *id),
                Some(Value::Freed) => return fault("is read after it was freed", *id),
                None => return fault("is out of range", *id),
            }
        }
        for id in &step.writes {
            match values.get(id.0 as usize) {
                Some(Value::Unwritten) => values[id.0 as usize] = Value::Living,
                Some(Value::Living | Value::Freed) => return fault("is written twice", *id),
                None => return fault("is out of range", *id),
            }
        }
        for id in &step.frees {
            match values.get(id.0 as usize) {
                Some(Value::Living) => values[id.0 as usize] = Value::Freed,
                Some(Value::Unwritten | Value::Freed) => return fault("is freed without being there", *id),
                None => return fault("is out of range", *id),
            }
            if kept.contains(id) {
                return fault("is an output and freed", *id);
            }
            if last_read[id.0 as usize] != Some(at) && !step.writes.contains(id) {
                return fault("is freed later than its last reader", *id);
            }
        }
        for weight in step.instr.weights() {
            if weight.0 as usize >= plan.weights.len() {
                return Err(format!("step {at}, {}: weight {} is out of range", step.path, weight.0));
            }
        }
    }
    let inputs: Vec<ValueId> = plan.inputs.iter().map(|input| input.value).collect();
    for (at, value) in values.iter().enumerate() {
        let id = ValueId(at as u32);
        let wanted = if kept.contains(&id) { Value::Living } else { Value::Freed };
        let unread_input = inputs.contains(&id) && last_read[at].is_none();
        if *value != wanted && !unread_input {
            return Err(format!("%{at} is {value:?} at the end, not {wanted:?}"));
        }
    }
    if !plan.weights.windows(2).all(|pair| pair[0].name < pair[1].name) {
        return Err("weights are not sorted, or not unique".to_owned());
    }
    let mut used = vec![false; plan.weights.len()];
    for weight in plan.steps.iter().flat_map(|step| step.instr.weights()) {
        used[weight.0 as usize] = true;
    }
    match used.iter().position(|used| !used) {
        Some(at) => Err(format!("no step uses the weight {}", plan.weights[at].name)),
        None => Ok(()),
    }
}

#[test]
fn every_plan_of_every_spec_is_well_formed() {
    for spec in specs() {
        let network = compiled(&spec);
        for mode in MODES {
            assert_eq!(well_formed(&network.plan(mode)), Ok(()), "{}, {mode:?}", spec.name);
        }
    }
}

/// The check above can fail.
#[test]
fn a_broken_plan_is_found() {
    let text = "input image: float[N, 3, H, W]\nlet x = image |> conv(4)\noutput y = x + (x |> relu)";
    let good = network(text).plan(Mode::Infer);
    assert_eq!(well_formed(&good), Ok(()));
    let broken = |change: fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        well_formed(&plan).unwrap_err()
    };
    assert!(broken(|plan| plan.steps.swap(0, 1)).contains("before it is written"));
    assert!(broken(|plan| plan.steps[0].frees.push(ValueId(1))).contains("after it was freed"));
    assert!(
        broken(|plan| {
            let late = std::mem::take(&mut plan.steps[0].frees);
            plan.steps[1].frees.extend(late);
        })
        .contains("later than its last reader")
    );
    assert!(broken(|plan| plan.steps[2].frees.push(ValueId(3))).contains("is an output"));
    assert!(broken(|plan| plan.steps[2].frees.clear()).contains("at the end"));
    assert!(broken(|plan| plan.steps[1].writes[0] = ValueId(1)).contains("written twice"));
    assert!(broken(|plan| plan.weights.truncate(1)).contains("out of range"));
    assert!(broken(|plan| plan.weights.reverse()).contains("not sorted"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Passes may be switched off one by one: the plan stays well-formed, and its parameters stay the same.
    #[test]
    fn any_choice_of_passes_gives_a_well_formed_plan(off in prop::sample::subsequence(
        PIPELINE.iter().map(|pass| pass.name).collect::<Vec<_>>(), 0..=PIPELINE.len(),
    )) {
        for spec in specs().into_iter().filter(|spec| spec.name == "phgmm-small" || spec.name == "unet-small") {
            let network = compiled(&spec);
            let names: Vec<String> = off.iter().map(|name| (*name).to_owned()).collect();
            for mode in MODES {
                let plan = network.plan_without(mode, &names);
                prop_assert_eq!(well_formed(&plan), Ok(()), "{}, {:?} without {:?}", spec.name, mode, off);
                let pruned = mode == Mode::Infer && !off.contains(&"prune-training") && !off.contains(&"dead-code");
                let sizes = Sizes { n: 1, h: 32, w: 64 };
                let whole = network.cost(Mode::Train, &sizes).parameters;
                let cost = phg_compiler::plan::cost::cost(&plan, &sizes);
                if !pruned {
                    prop_assert_eq!(cost.parameters, whole, "{}, {:?} without {:?}", spec.name, mode, off);
                }
            }
        }
    }
}

fn section<'a>(cost: &'a Cost, name: &str) -> &'a phg_compiler::plan::cost::SectionCost {
    &cost.sections.iter().find(|(section, _)| section == name).unwrap().1
}

/// ResNet-101 without its classifier: 44,549,160 - 2,049,000 parameters as published with its weights, and
/// 7.80 G multiply-accumulates at 224 x 224, here counted layer by layer in a program of its own.
#[test]
fn the_encoder_costs_what_a_resnet_101_costs() {
    let text = "use std.resnet (resnet)\ninput image: float[N, 3, H, W]\n\
                encoder { let [_x1, _x2, _x3, x4] = image |> resnet }\noutput y = softmax(x4)";
    let text = text.replace("_x", "u");
    let network = network(&text);
    for (h, w, macs) in [(224, 224, 7_799_357_440), (384, 768, 45_841_121_280), (180, 240, 7_115_596_800)] {
        for (mode, n) in [(Mode::Infer, 1), (Mode::Infer, 3), (Mode::Train, 2)] {
            let cost = network.cost(mode, &Sizes { n, h, w });
            assert_eq!((cost.parameters, cost.macs), (42_500_160, macs), "{mode:?} at {h}x{w}");
        }
    }
}

/// By hand: a 3x3 convolution takes `9 * i * o` for each pixel of its level, the last one `8 * 12`.
#[test]
fn the_unet_costs_what_its_formula_says() {
    let spec = specs().into_iter().find(|spec| spec.name == "unet-small").unwrap();
    let (h, w) = (180u64, 240u64);
    let level = |l: u32, i: u64, o: u64| (h >> l) * (w >> l) * 9 * o * (i + o);
    let encoder: u64 = [(0, 3, 8), (1, 8, 16), (2, 16, 32), (3, 32, 64), (4, 64, 128)]
        .map(|(l, i, o)| level(l, i, o))
        .iter()
        .sum();
    let up: u64 =
        [(3, 192, 64), (2, 96, 32), (1, 48, 16), (0, 24, 8)].map(|(l, i, o)| level(l, i, o)).iter().sum();
    let cost = compiled(&spec).cost(Mode::Infer, &Sizes { n: 1, h: 180, w: 240 });
    assert_eq!(section(&cost, "encoder").macs, encoder);
    assert_eq!(section(&cost, "decoder").macs, up + h * w * 8 * 12);
    assert_eq!(cost.macs, 581_921_280);
}

/// A network small enough to walk through on paper, with 4-byte floats, one image of 4 x 4:
///
/// | step                       | writes | living | freed after |
/// |----------------------------|--------|--------|-------------|
/// | (image, 3 x 4 x 4)         | 192    | 192    |             |
/// | x: convolution, 2 x 4 x 4  | 128    | 320    | image       |
/// | max pool, 2 x 2 x 2        | 32     | 160    |             |
/// | resize, 2 x 4 x 4          | 128    | 288    | the pool    |
/// | concat, 4 x 4 x 4          | 256    | 512    | x, resize   |
/// | softmax, 4 x 4 x 4         | 256    | 512    | concat      |
///
/// Who asks for a prediction holds the image all the while. The weights are 2 x 3 x 9 + 2 numbers.
const TINY: &str = "input image: float[N, 3, H, W]\ninput labels: class(4)[N, H, W]\n\
    let x = image |> conv(2, kernel: 3)\nlet y = x |> max_pool |> resize(like: x)\n\
    let z = concat(x, y)\noutput scores = softmax(z)\nloss { l = cross_entropy(z, labels) }";

#[test]
fn the_peak_of_a_tiny_inference() {
    let cost = network(TINY).cost(Mode::Infer, &Sizes { n: 1, h: 4, w: 4 });
    let weights = (2 * 3 * 9 + 2) * 4;
    assert_eq!(cost.parameter_bytes, weights);
    assert_eq!(cost.activation_bytes, 128 + 32 + 128 + 256 + 256);
    assert_eq!(cost.peak_bytes, 192 + 512 + weights);
    // A batch doubles what lives, not the weights; multiply-accumulates are those of one image.
    let two = network(TINY).cost(Mode::Infer, &Sizes { n: 2, h: 4, w: 4 });
    assert_eq!(two.peak_bytes, 2 * (192 + 512) + weights);
    assert_eq!((two.macs, cost.macs), (16 * 2 * 3 * 9, 16 * 2 * 3 * 9));
}

/// Kept for gradients are x and the positions of the pool's maxima (8 bytes each of 2 x 2 x 2), the result of the
/// concat for the loss, and the result of the softmax, which nothing goes back through. The most is held when the
/// loss has given its gradient (256) beside them. Image and labels (8 bytes each of 4 x 4) stay, and each parameter
/// has two moments.
#[test]
fn the_peak_of_a_tiny_training_step() {
    let cost = network(TINY).cost(Mode::Train, &Sizes { n: 1, h: 4, w: 4 });
    let parameters = 2 * 3 * 9 + 2;
    assert_eq!(cost.activation_bytes, 128 + 32 + 128 + 256 + 256 + 4);
    let held = 192 + 128 + 3 * 4 * parameters;
    assert_eq!(cost.peak_bytes, held + 128 + 64 + 256 + 256 + 256 + 4);
}

/// Folding a norm changes what a plan holds, not how many parameters the network has: 3 -> 4 channels, 3x3.
#[test]
fn folded_weights_count_as_stored() {
    for (bias, own) in [("false", 4 * 3 * 9), ("true", 4 * 3 * 9 + 4)] {
        let text = format!(
            "input image: float[N, 3, H, W]\noutput y = image |> conv(4, kernel: 3, bias: {bias}) |> norm |> relu"
        );
        let network = network(&text);
        let sizes = Sizes { n: 1, h: 8, w: 8 };
        for mode in MODES {
            assert_eq!(network.cost(mode, &sizes).parameters, own + 4 + 4, "{mode:?}, bias: {bias}");
        }
        assert_eq!(network.cost(Mode::Infer, &sizes).parameter_bytes, 4 * (4 * 3 * 9 + 4), "weight and bias");
        let running = 4 + 4;
        assert_eq!(network.cost(Mode::Train, &sizes).parameter_bytes, 4 * (own + 8 + running));
    }
}

/// A parameter has one name, made of the way to it; a layer called twice has two paths and one set of parameters.
#[test]
fn names_are_the_way_to_a_parameter() {
    let text = "input image: float[N, 3, H, W]\n\
        block unit(x: map) -> (out: map) {\n\
            let inner = x |> conv(channels(x), kernel: 3) |> relu |> conv(channels(x), kernel: 3)\n\
            let out = x + inner\n\
        }\n\
        layer refine = conv(16, kernel: 3)\n\
        let y = image |> conv(16) as stem |> unit |> unit |> refine |> refine\n\
        output z = y |> conv(4)";
    let plan = network(text).plan(Mode::Infer);
    let names: Vec<&str> = plan.weights.iter().map(|weight| weight.name.as_str()).collect();
    let layers = [
        "refine",
        "y.stem",
        "y.unit.inner.conv",
        "y.unit.inner.conv2",
        "y.unit2.inner.conv",
        "y.unit2.inner.conv2",
        "z.conv",
    ];
    let expected: Vec<String> = layers
        .iter()
        .flat_map(|layer| ["bias", "weight"].map(|suffix| format!("{layer}.{suffix}")))
        .collect();
    assert_eq!(names, expected);
    let calls: Vec<&str> = plan
        .steps
        .iter()
        .map(|step| step.path.as_str())
        .filter(|path| path.starts_with("y.refine"))
        .collect();
    assert_eq!(calls, ["y.refine", "y.refine2"]);
}
