//! Elementwise functions, joins, reductions, softmax, products.

use phg_compiler::plan::instr::{Binary, Reduction, Unary};
use phg_compiler::plan::{Instr, Mode, WeightId};

use super::{Array, Case, close};
use crate::codes;

type Function = fn(f64) -> f64;
type Function2 = fn(f64, f64) -> f64;

#[test]
fn unary_functions() {
    let any = Array::random(&[2, 3, 5], 1);
    let positive = any.map(|x| x.abs() + 0.25);
    let cases: [(Unary, &Array, Function); 14] = [
        (Unary::Relu, &any, |x| x.max(0.0)),
        (Unary::Relu6, &any, |x| x.clamp(0.0, 6.0)),
        (Unary::LeakyRelu(0.125), &any, |x| if x > 0.0 { x } else { 0.125 * x }),
        (Unary::Sigmoid, &any, |x| 1.0 / (1.0 + (-x).exp())),
        (Unary::Tanh, &any, f64::tanh),
        (Unary::Exp, &any, f64::exp),
        (Unary::Log, &positive, f64::ln),
        (Unary::Sqrt, &positive, f64::sqrt),
        (Unary::Negate, &any, |x| -x),
        (Unary::Scale(-2.5), &any, |x| -2.5 * x),
        (Unary::Offset(0.75), &any, |x| x + 0.75),
        (Unary::Clamp(-0.50001, 0.70001), &any, |x| x.clamp(-0.50001f32 as f64, 0.70001f32 as f64)),
        (Unary::Relu6, &positive, |x| x.clamp(0.0, 6.0)),
        (Unary::Sigmoid, &positive, |x| 1.0 / (1.0 + (-x).exp())),
    ];
    for (unary, x, f) in cases {
        Case::new(Instr::Unary(unary), vec![x.clone()]).check(|x, _| x[0].map(f));
    }
    let large = Array::new(&[4], vec![7.0, -3.0, 5.9375, 40.0]);
    Case::new(Instr::Unary(Unary::Relu6), vec![large]).check(|x, _| x[0].map(|x| x.clamp(0.0, 6.0)));
}

/// Sigmoid and its gradient stay finite far out.
#[test]
fn sigmoid_of_large_values_is_finite() {
    let x = Array::new(&[4], vec![-200.0, -90.0, 90.0, 200.0]);
    let y = Case::new(Instr::Unary(Unary::Sigmoid), vec![x]).result();
    close("sigmoid", &y, &Array::new(&[4], vec![0.0, 0.0, 1.0, 1.0]), 1e-6);
}

fn broadcast(a: &Array, b: &Array, f: impl Fn(f64, f64) -> f64) -> Array {
    let shape: Vec<usize> = a.shape.iter().zip(&b.shape).map(|(a, b)| *a.max(b)).collect();
    let mut y = Array::zeros(&shape);
    for at in 0..y.data.len() {
        let pick = |x: &Array| {
            let (mut rest, mut place, mut stride) = (at, 0, 1);
            for axis in (0..shape.len()).rev() {
                let index = rest % shape[axis];
                rest /= shape[axis];
                if x.shape[axis] > 1 {
                    place += index * stride;
                }
                stride *= x.shape[axis];
            }
            x.data[place]
        };
        y.data[at] = f(pick(a), pick(b));
    }
    y
}

#[test]
fn binary_functions_broadcast() {
    let shapes: [(&[usize], &[usize]); 5] = [
        (&[2, 3, 4, 5], &[2, 3, 4, 5]),
        (&[2, 3, 4, 5], &[2, 3, 1, 1]),
        (&[1, 1, 4, 5], &[2, 3, 1, 5]),
        (&[3, 7], &[1, 7]),
        (&[5], &[1]),
    ];
    let functions: [(Binary, Function2); 5] = [
        (Binary::Add, |a, b| a + b),
        (Binary::Subtract, |a, b| a - b),
        (Binary::Multiply, |a, b| a * b),
        (Binary::Divide, |a, b| a / b),
        (Binary::Max, f64::max),
    ];
    for (left, right) in shapes {
        for (binary, f) in functions {
            let b = Array::random(right, 2).map(|x| if x < 0.0 { x - 0.5 } else { x + 0.5 });
            Case::new(Instr::Binary(binary), vec![Array::random(left, 1), b])
                .check(|x, _| broadcast(&x[0], &x[1], f));
        }
    }
}

#[test]
fn operands_that_do_not_go_together_are_an_error() {
    for (a, b) in [(vec![2, 3], vec![3, 2]), (vec![2, 3], vec![2, 3, 1])] {
        let case = Case::new(Instr::Binary(Binary::Add), vec![Array::zeros(&a), Array::zeros(&b)]);
        assert_eq!(case.execute().err().unwrap().code, codes::EXEC_PLAN);
    }
    let case =
        Case::new(Instr::Slice { axis: 1, start: 2.into(), len: 2.into() }, vec![Array::zeros(&[2, 3])]);
    assert_eq!(case.execute().err().unwrap().code, codes::EXEC_PLAN);
    let case = Case::new(Instr::Unary(Unary::Relu), vec![]).labels(vec![1], &[1]);
    assert_eq!(case.execute().err().unwrap().code, codes::EXEC_PLAN);
}

#[test]
fn concat_and_slice() {
    let (a, b) = (Array::random(&[2, 3, 4, 5], 1), Array::random(&[2, 1, 4, 5], 2));
    Case::new(Instr::Concat { axis: 1 }, vec![a.clone(), b]).check(|x, _| {
        let mut y = Array::zeros(&[2, 4, 4, 5]);
        for n in 0..2 {
            for c in 0..4 {
                for at in 0..20 {
                    let from = if c < 3 { x[0].data[(n * 3 + c) * 20 + at] } else { x[1].data[n * 20 + at] };
                    y.data[(n * 4 + c) * 20 + at] = from;
                }
            }
        }
        y
    });
    Case::new(Instr::Slice { axis: 1, start: 1.into(), len: 2.into() }, vec![a]).check(|x, _| {
        let data = (0..2).flat_map(|n| x[0].data[(n * 3 + 1) * 20..(n * 3 + 3) * 20].to_vec());
        Array::new(&[2, 2, 4, 5], data.collect())
    });
}

#[test]
fn reshape_permute_expand() {
    let x = Array::random(&[2, 3, 4, 5], 1);
    let dims = [2, 12, 5].map(Into::into).to_vec();
    Case::new(Instr::Reshape { dims }, vec![x.clone()])
        .check(|x, _| Array::new(&[2, 12, 5], x[0].data.clone()));
    Case::new(Instr::Permute { axes: vec![0, 2, 3, 1] }, vec![x]).check(|x, _| {
        let mut y = Array::zeros(&[2, 4, 5, 3]);
        for n in 0..2 {
            for c in 0..3 {
                for h in 0..4 {
                    for w in 0..5 {
                        *y.at4_mut([n, h, w, c]) = x[0].at4([n, c, h, w]);
                    }
                }
            }
        }
        y
    });
    let dims = [2, 3, 4, 5].map(Into::into).to_vec();
    Case::new(Instr::Expand { dims }, vec![Array::random(&[2, 3, 1, 1], 1)])
        .check(|x, _| broadcast(&x[0], &Array::zeros(&[2, 3, 4, 5]), |a, _| a));
}

#[test]
fn softmax_and_its_logarithm() {
    for (shape, axis) in [(vec![2, 5, 3, 4], 1), (vec![2, 5, 3, 4], 3), (vec![3, 7], 1), (vec![1, 2, 9], 2)] {
        for log in [false, true] {
            let inner: usize = shape[axis + 1..].iter().product();
            let size = shape[axis];
            Case::new(Instr::Softmax { axis, log }, vec![Array::random(&shape, 3)]).check(|x, _| {
                let mut y = x[0].clone();
                for at in 0..y.data.len() {
                    let first = at / (inner * size) * inner * size + at % inner;
                    let sum: f64 = (0..size).map(|k| x[0].data[first + k * inner].exp()).sum();
                    y.data[at] = if log { x[0].data[at] - sum.ln() } else { x[0].data[at].exp() / sum };
                }
                y
            });
        }
    }
    let far = Array::new(&[1, 3], vec![1000.0, 0.0, -1000.0]);
    let y = Case::new(Instr::Softmax { axis: 1, log: true }, vec![far]).result();
    close("log softmax", &y, &Array::new(&[1, 3], vec![0.0, -1000.0, -2000.0]), 1e-6);
}

#[test]
fn linear_layers_and_products() {
    for shape in [vec![3, 4], vec![2, 3, 4], vec![1, 4]] {
        let instr = Instr::Linear { weight: WeightId(0), bias: Some(WeightId(1)) };
        Case::new(instr, vec![Array::random(&shape, 1)])
            .weights(vec![Array::random(&[5, 4], 2), Array::random(&[5], 3)])
            .check(|x, weights| {
                let mut shape = x[0].shape.clone();
                *shape.last_mut().unwrap() = 5;
                let mut y = Array::zeros(&shape);
                for at in 0..y.data.len() {
                    let (row, o) = (at / 5, at % 5);
                    let products = (0..4).map(|i| x[0].data[row * 4 + i] * weights[0].data[o * 4 + i]);
                    y.data[at] = weights[1].data[o] + products.sum::<f64>();
                }
                y
            });
    }
    let (a, b) = (Array::random(&[2, 3, 4], 1), Array::random(&[2, 4, 5], 2));
    Case::new(Instr::MatMul, vec![a, b]).check(|x, _| {
        let mut y = Array::zeros(&[2, 3, 5]);
        for at in 0..30 {
            let (n, r, c) = (at / 15, at / 5 % 3, at % 5);
            y.data[at] =
                (0..4).map(|k| x[0].data[(n * 3 + r) * 4 + k] * x[1].data[(n * 4 + k) * 5 + c]).sum();
        }
        y
    });
}

#[test]
fn reductions() {
    let shape = [2, 3, 4, 5];
    for by in [Reduction::Sum, Reduction::Mean, Reduction::Max] {
        for axes in [vec![2, 3], vec![1], vec![0, 2, 3], vec![1, 2, 3], vec![0, 2], vec![0, 1, 2, 3], vec![3]]
        {
            for keep in [true, false] {
                let instr = Instr::Reduce { by, axes: axes.clone(), keep };
                Case::new(instr, vec![Array::random(&shape, 1)]).check(|x, _| {
                    let kept: Vec<usize> =
                        (0..4).map(|at| if axes.contains(&at) { 1 } else { shape[at] }).collect();
                    let mut groups = vec![Vec::new(); kept.iter().product()];
                    for (at, value) in x[0].data.iter().enumerate() {
                        let index = [at / 60, at / 20 % 3, at / 5 % 4, at % 5];
                        let place = (0..4).fold(0, |sum, axis| sum * kept[axis] + index[axis] % kept[axis]);
                        groups[place].push(*value);
                    }
                    let data = groups.iter().map(|group| match by {
                        Reduction::Sum => group.iter().sum(),
                        Reduction::Mean => group.iter().sum::<f64>() / group.len() as f64,
                        Reduction::Max => group.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    });
                    let mut result: Vec<usize> =
                        (0..4).filter(|at| keep || !axes.contains(at)).map(|at| kept[at]).collect();
                    if result.is_empty() {
                        result.push(1);
                    }
                    Array::new(&result, data.collect())
                });
            }
        }
    }
}

#[test]
fn learned_tensors_and_stopped_gradients() {
    Case::new(Instr::Learned { weight: WeightId(0) }, vec![])
        .weights(vec![Array::random(&[1, 3], 1)])
        .check(|_, weights| weights[0].clone());
    let case = Case::new(Instr::StopGradient, vec![Array::random(&[2, 3], 1)]);
    let ran = case.execute().unwrap();
    assert!(!ran.results[0].clone().f2().unwrap().is_tracked());
    let eval = Case::new(Instr::Learned { weight: WeightId(0) }, vec![])
        .weights(vec![Array::random(&[1, 3], 1)])
        .mode(Mode::Eval);
    assert!(!eval.execute().unwrap().results[0].clone().f2().unwrap().is_tracked());
}
