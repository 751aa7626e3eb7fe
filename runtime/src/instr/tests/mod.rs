//! Every instruction against an independent reference in `f64`: results, and gradients against central
//! differences of the reference. Odd sizes, batches of one, and cases at the edge.

mod divergence_values;
mod divergences;
mod draws;
mod losses;
mod normalise;
mod pointwise;
mod regions;
mod spatial;

use burn::tensor::Device;
use phg_compiler::plan::{Instr, Mode};

use super::case::{self, Ran};
use crate::error::Result;
use crate::host::HostTensor;
use crate::random::{Purpose, Stream};
use crate::tensor::Value;

/// A dense array in row-major order.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) data: Vec<f64>,
}

impl Array {
    pub(super) fn new(shape: &[usize], data: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len());
        Self { shape: shape.to_vec(), data }
    }

    pub(super) fn zeros(shape: &[usize]) -> Self {
        Self::new(shape, vec![0.0; shape.iter().product()])
    }

    /// Distinct values in about -1.5..1.5, exact as `f32`, no two closer than 2^-12 in small arrays.
    pub(super) fn random(shape: &[usize], seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Scene, [17, 4]);
        let data =
            (0..shape.iter().product()).map(|_| f64::from((stream.unit() * 12288.0).floor()) / 4096.0 - 1.5);
        Self::new(shape, data.collect())
    }

    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(&self.shape, self.data.iter().map(|x| f(*x)).collect())
    }

    pub(super) fn at4(&self, [n, c, h, w]: [usize; 4]) -> f64 {
        self.data[((n * self.shape[1] + c) * self.shape[2] + h) * self.shape[3] + w]
    }

    pub(super) fn at4_mut(&mut self, [n, c, h, w]: [usize; 4]) -> &mut f64 {
        let at = ((n * self.shape[1] + c) * self.shape[2] + h) * self.shape[3] + w;
        &mut self.data[at]
    }

    fn floats(&self) -> Vec<f32> {
        self.data.iter().map(|x| *x as f32).collect()
    }

    fn host(&self) -> HostTensor {
        HostTensor { shape: self.shape.clone(), data: self.floats() }
    }
}

/// An operand of the instruction under test.
#[derive(Clone)]
pub(super) enum Operand {
    Float(Array),
    Int(Vec<i64>, Vec<usize>),
}

/// One instruction with operands and weights.
pub(super) struct Case {
    pub(super) instr: Instr,
    pub(super) reads: Vec<Operand>,
    pub(super) weights: Vec<Array>,
    pub(super) mode: Mode,
    pub(super) void: Option<i64>,
    pub(super) step: u64,
    pub(super) update: u64,
    pub(super) path: String,
}

impl Case {
    pub(super) fn new(instr: Instr, reads: Vec<Array>) -> Self {
        let reads = reads.into_iter().map(Operand::Float).collect();
        let (mode, path) = (Mode::Train, "node".into());
        Self { instr, reads, weights: vec![], mode, void: None, step: 0, update: 0, path }
    }

    pub(super) fn weights(mut self, weights: Vec<Array>) -> Self {
        self.weights = weights;
        self
    }

    pub(super) fn labels(mut self, labels: Vec<i64>, shape: &[usize]) -> Self {
        self.reads.push(Operand::Int(labels, shape.to_vec()));
        self
    }

    pub(super) fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub(super) fn void(mut self, void: i64) -> Self {
        self.void = Some(void);
        self
    }

    /// Results, operands with their graph, bank, new statistics.
    fn execute(&self) -> Result<Ran> {
        let reads = self.reads.iter().map(|read| match read {
            Operand::Float(array) => case::Operand::Float(array.host()),
            Operand::Int(data, shape) => case::Operand::Int(data.clone(), shape.clone()),
        });
        let case = case::Case {
            reads: reads.collect(),
            weights: self.weights.iter().map(Array::host).collect(),
            mode: self.mode,
            void: self.void,
            step: self.step,
            update: self.update,
            path: self.path.clone(),
            ..case::Case::new(self.instr.clone(), vec![])
        };
        case.execute(&Device::flex())
    }

    /// The first result.
    pub(super) fn result(&self) -> Array {
        let ran = self.execute().unwrap();
        to_array(&ran.results[0])
    }

    /// Checks the first result and all gradients against `reference(operands, weights)`: with the project's own
    /// kernels, and with Burn's operations, which other devices than the processor run.
    pub(super) fn check(&self, reference: impl Fn(&[Array], &[Array]) -> Array) {
        self.check_once(&reference);
        crate::native::without(|| self.check_once(&reference));
    }

    fn check_once(&self, reference: &impl Fn(&[Array], &[Array]) -> Array) {
        let ran = self.execute().unwrap();
        let inputs: Vec<Array> = self
            .reads
            .iter()
            .filter_map(|read| match read {
                Operand::Float(array) => Some(array.clone()),
                Operand::Int(..) => None,
            })
            .collect();
        let expected = reference(&inputs, &self.weights);
        let found = to_array(&ran.results[0]);
        close("result", &found, &expected, 2e-5);

        // The gradient of sum(result * probe).
        let probe = Array::random(&expected.shape, 99);
        let value = |inputs: &[Array], weights: &[Array]| -> f64 {
            reference(inputs, weights).data.iter().zip(&probe.data).map(|(y, r)| y * r).sum()
        };
        let Some(gradients) = ran.gradients(probe.floats()).unwrap() else { return };
        let gradient = |found: &Option<Value>, like: &Array| -> Array {
            found.as_ref().map_or_else(|| Array::zeros(&like.shape), to_array)
        };
        let mut at = 0;
        for (read, found) in ran.reads.iter().zip(&gradients.reads) {
            if read.is_int() {
                continue;
            }
            let expected = differences(&inputs[at], |moved| {
                let mut inputs = inputs.clone();
                inputs[at] = moved;
                value(&inputs, &self.weights)
            });
            close(&format!("gradient of operand {at}"), &gradient(found, &inputs[at]), &expected, 5e-4);
            at += 1;
        }
        for (at, weight) in self.weights.iter().enumerate() {
            let expected = differences(weight, |moved| {
                let mut weights = self.weights.clone();
                weights[at] = moved;
                value(&inputs, &weights)
            });
            let found = gradient(&gradients.weights[at], weight);
            close(&format!("gradient of weight {at}"), &found, &expected, 5e-4);
        }
    }
}

pub(super) fn to_array(value: &Value) -> Array {
    let data = if value.is_int() {
        value.to_ints().unwrap().into_iter().map(|x| x as f64).collect()
    } else {
        value.to_host().unwrap().data.into_iter().map(f64::from).collect()
    };
    Array::new(&value.shape(), data)
}

/// Central differences; NaN where an element was left out (large arrays are sampled).
fn differences(x: &Array, f: impl Fn(Array) -> f64) -> Array {
    let every = x.data.len().div_ceil(60);
    let h = 1e-5;
    let data = (0..x.data.len()).map(|at| {
        if at % every != 0 {
            return f64::NAN;
        }
        let moved = |by: f64| {
            let mut moved = x.clone();
            moved.data[at] += by;
            f(moved)
        };
        (moved(h) - moved(-h)) / (2.0 * h)
    });
    Array::new(&x.shape, data.collect())
}

/// Compares up to `tolerance` of the largest magnitude; NaN in `expected` is not compared.
pub(super) fn close(what: &str, found: &Array, expected: &Array, tolerance: f64) {
    assert_eq!(found.shape, expected.shape, "{what}: shape");
    let scale = expected.data.iter().filter(|x| x.is_finite()).fold(1e-2, |a: f64, x| a.max(x.abs()));
    for (at, (f, e)) in found.data.iter().zip(&expected.data).enumerate() {
        if !e.is_nan() {
            assert!(
                (f - e).abs() <= tolerance * scale,
                "{what} at {at}: found {f}, expected {e} (scale {scale})"
            );
        }
    }
}
