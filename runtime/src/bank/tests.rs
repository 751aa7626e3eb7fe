//! First values, strict loading, folding.

use burn::tensor::Device;
use phg_compiler::plan::Mode;

use super::*;
use crate::exec::Executor;
use crate::exec::network::{Builder, batch, convolve, unet};

#[test]
fn first_values_are_functions_of_seed_and_path() {
    let device = Device::flex();
    let plan = unet(Mode::Train);
    let values = |seed| Bank::init(&plan, seed, &device).unwrap().store().unwrap();
    assert_eq!(values(1), values(1));
    assert_ne!(values(1)["output.weight"], values(2)["output.weight"]);
    // A network with fewer weights draws the same values for those that it has.
    let mut smaller = plan.clone();
    smaller.weights.remove(0);
    let fewer = Bank::init(&smaller, 1, &device).unwrap().store().unwrap();
    assert_eq!(fewer["output.weight"], values(1)["output.weight"]);
    assert_eq!(values(1)["encoder.top.norm.scale"].data, [1.0; 8]);
}

#[test]
fn uniform_and_normal_values_have_their_spread() {
    let mut b = Builder::new(Mode::Train);
    b.weight("u", vec![100, 100], Init::Uniform { bound: 0.5 }, true);
    b.weight("n", vec![100, 100], Init::Normal { deviation: 0.2 }, true);
    let values = Bank::init(&b.plan, 1, &Device::flex()).unwrap().store().unwrap();
    let variance = |name: &str| values[name].data.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 1e4;
    assert!(values["u"].data.iter().all(|x| (-0.5..0.5).contains(x)));
    assert!((variance("u") - 1.0 / 12.0).abs() < 3e-3 && (variance("n") - 0.04).abs() < 3e-3);
}

/// The filter for a factor of 2 in Long et al.'s reference code, and a factor of 3 by hand.
#[test]
fn bilinear_values_are_triangles() {
    let row = |size: usize| bilinear(&[1, 1, 1, size]);
    assert_eq!(row(4), [0.25, 0.75, 0.75, 0.25]);
    let third = 1.0f32 / 3.0;
    for (found, expected) in row(5).iter().zip([third, 2.0 * third, 1.0, 2.0 * third, third]) {
        assert!((found - expected).abs() < 1e-6);
    }
    let square = bilinear(&[2, 2, 2, 2]);
    assert_eq!(&square[4..12], [0.0; 8]);
    assert_eq!(square[..4], square[12..]);
    let depthwise = bilinear(&[2, 1, 4, 4]);
    assert_eq!(depthwise[..16], depthwise[16..]);
}

#[test]
fn stored_values_come_back() {
    let device = Device::flex();
    let plan = unet(Mode::Train);
    let stored = Bank::init(&plan, 7, &device).unwrap().store().unwrap();
    for mode in [Mode::Train, Mode::Eval, Mode::Infer] {
        assert_eq!(Bank::load(&unet(mode), &stored, &device).unwrap().store().unwrap(), stored);
    }
}

#[test]
fn loading_is_strict() {
    let device = Device::flex();
    let plan = unet(Mode::Train);
    let stored = Bank::init(&plan, 7, &device).unwrap().store().unwrap();
    let load = |mode, change: &dyn Fn(&mut HostTensors)| {
        let mut stored = stored.clone();
        change(&mut stored);
        Bank::load(&unet(mode), &stored, &device).err()
    };
    let missing = load(Mode::Train, &|s| {
        let value = s.remove("output.weight").unwrap();
        s.insert("outputs.weight".into(), value);
    });
    let missing = missing.unwrap();
    assert_eq!((missing.code, missing.place.as_deref()), (codes::WEIGHTS_MISSING, Some("output.weight")));
    assert!(missing.help.unwrap().contains("`outputs.weight`"));

    let extra =
        |s: &mut HostTensors| drop(s.insert("more".into(), HostTensor { shape: vec![1], data: vec![0.0] }));
    assert_eq!(load(Mode::Train, &extra).unwrap().code, codes::WEIGHTS_UNEXPECTED);
    assert_eq!(load(Mode::Eval, &extra).unwrap().code, codes::WEIGHTS_UNEXPECTED);
    assert!(load(Mode::Infer, &extra).is_none());

    let shape = |s: &mut HostTensors| s.get_mut("output.bias").unwrap().shape = vec![2, 2];
    assert_eq!(load(Mode::Train, &shape).unwrap().code, codes::WEIGHTS_SHAPE);
}

#[test]
fn a_value_of_another_shape_is_refused() {
    let device = Device::flex();
    let mut bank = Bank::init(&unet(Mode::Train), 7, &device).unwrap();
    let value = Value::float(vec![0.0; 3], &[3], &device).unwrap();
    assert!(bank.set("output.bias", value.clone()).is_err());
    assert!(bank.set("nowhere", value).is_err());
}

/// A convolution folded with its batch norm gives what the two give.
#[test]
fn folding_keeps_the_result() {
    let device = Device::flex();
    for biased in [false, true] {
        let mut plain = Builder::new(Mode::Infer);
        let image = plain.input("image", phg_compiler::plan::InputKind::Image);
        let y = plain.unit("u", image, [3, 5]);
        plain.output("y", y, phg_compiler::plan::Role::Prediction);
        if biased {
            let bias = plain.weight("u.conv.bias", vec![5], Init::Uniform { bound: 1.0 }, true);
            let weight = phg_compiler::plan::WeightId(0);
            plain.plan.steps[0].instr = convolve(weight, Some(bias), 3);
        }
        let plan = plain.plan;
        let mut stored = Bank::init(&plan, 3, &device).unwrap().store().unwrap();
        for (at, part) in ["scale", "offset", "mean", "variance"].into_iter().enumerate() {
            let data = (0..5).map(|c| 0.5 + 0.25 * (c * (at + 1) % 5) as f32).collect();
            stored.insert(format!("u.norm.{part}"), HostTensor { shape: vec![5], data });
        }
        let executor = Executor::new(plan.clone(), &device);
        let batch = batch(0, 1, 7, 9);
        let run = |executor: &Executor, bank: &Bank| {
            executor.run(bank, &batch).unwrap().predictions[0].1.try_to_vec_as::<f32>().unwrap()
        };
        let expected = run(&executor, &Bank::load(&plan, &stored, &device).unwrap());

        let mut folded = plan.clone();
        let source = |bias: bool| {
            let (norm, epsilon) = ("u.norm".to_string(), 1e-5);
            if bias {
                WeightSource::FoldedBias { bias: biased.then(|| "u.conv.bias".into()), norm, epsilon }
            } else {
                WeightSource::FoldedWeight { weight: "u.conv.weight".into(), norm, epsilon }
            }
        };
        let weight = |name: &str, shape: &[usize], bias| Weight {
            name: name.into(),
            shape: shape.to_vec(),
            init: Init::Constant(0.0),
            trainable: true,
            source: source(bias),
            section: String::new(),
        };
        folded.weights =
            vec![weight("u.conv.weight", &[5, 3, 3, 3], false), weight("u.conv.bias", &[5], true)];
        let ids = [0, 1].map(phg_compiler::plan::WeightId);
        folded.steps[0].instr = convolve(ids[0], Some(ids[1]), 3);
        let conv = folded.steps[0].writes[0];
        folded.steps.remove(1);
        folded.steps[1].reads = vec![conv];
        let found =
            run(&Executor::new(folded.clone(), &device), &Bank::load(&folded, &stored, &device).unwrap());
        assert!(expected.iter().any(|y| *y > 0.1));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        stored.remove("u.norm.mean");
        assert_eq!(Bank::load(&folded, &stored, &device).err().unwrap().code, codes::WEIGHTS_MISSING);
    }
}
