//! One instruction with operands and weights of its own: what tests and the check of a device execute.
//!
//! Comes in: an instruction, operands and weights in host memory, and a device. Goes out: its results, gradients
//! and new statistics. Guaranteed: it runs as the executor runs it, with a graph only while training.

use burn::tensor::{Device, FloatDType, Tensor};
use phg_compiler::ir::dim::Sizes;
use phg_compiler::plan::{Init, Instr, Mode, Plan, Step, Weight, WeightId, WeightSource};

use super::{Context, apply};
use crate::bank::Bank;
use crate::error::Result;
use crate::exec::{Bindings, MeasuredWeights};
use crate::host::HostTensor;
use crate::precision::Precision;
use crate::tensor::{Value, each_float, unfit};

/// The seed of random draws.
const SEED: u64 = 5;

/// An operand.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Float(HostTensor),
    Int(Vec<i64>, Vec<usize>),
}

/// An instruction with operands and weights: weight `i` of the instruction is `weights[i]`.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) instr: Instr,
    pub(crate) reads: Vec<Operand>,
    pub(crate) weights: Vec<HostTensor>,
    pub(crate) mode: Mode,
    pub(crate) void: Option<i64>,
    pub(crate) class_weights: Option<MeasuredWeights>,
    pub(crate) step: u64,
    pub(crate) update: u64,
    pub(crate) path: String,
    pub(crate) precision: Precision,
}

/// The name of weight `at` in a case's bank.
fn name(at: usize) -> String {
    format!("w{at}")
}

impl Case {
    /// A case for training, without weights and labels.
    pub(crate) fn new(instr: Instr, reads: Vec<HostTensor>) -> Self {
        Self {
            instr,
            reads: reads.into_iter().map(Operand::Float).collect(),
            weights: vec![],
            mode: Mode::Train,
            void: None,
            class_weights: None,
            step: 0,
            update: 0,
            path: "node".into(),
            precision: Precision::F32,
        }
    }

    fn training(&self) -> bool {
        match self.mode {
            Mode::Train => true,
            Mode::Eval | Mode::Infer => false,
        }
    }

    fn plan(&self) -> Plan {
        let weight = |(at, tensor): (usize, &HostTensor)| Weight {
            name: name(at),
            shape: tensor.shape.clone(),
            init: Init::Constant(0.0),
            trainable: true,
            source: WeightSource::Stored,
            section: String::new(),
        };
        Plan {
            format: 0,
            mode: self.mode,
            steps: vec![],
            values: vec![],
            weights: self.weights.iter().enumerate().map(weight).collect(),
            inputs: vec![],
            outputs: vec![],
            latents: vec![],
        }
    }

    /// Executes the instruction.
    ///
    /// # Errors
    /// Operands that do not fit the instruction.
    pub(crate) fn execute(&self, device: &Device) -> Result<Ran> {
        let plan = self.plan();
        let stored = self.weights.iter().enumerate().map(|(at, tensor)| (name(at), tensor.clone()));
        let bank = Bank::load(&plan, &stored.collect(), device)?;
        let training = self.training();
        let made_on = if training { device.clone().autodiff() } else { device.clone().inner() };
        let reads = self.reads.iter().map(|read| match read {
            Operand::Float(tensor) => {
                let value = Value::from_host(tensor, &made_on)?;
                if !training {
                    return Ok(value);
                }
                Ok(each_float!(value, "an operand", x => x.require_grad().into()))
            }
            Operand::Int(data, shape) => Value::int(data.clone(), shape, &made_on),
        });
        let reads: Vec<Value> = reads.collect::<Result<_>>()?;
        let images = HostTensor { shape: vec![1, 3, 2, 2], data: vec![0.0; 12] };
        let mut bindings = Bindings::from_host(&images, None, device)?;
        bindings.void = self.void;
        bindings.class_weights.clone_from(&self.class_weights);
        bindings.step = self.step;
        bindings.update = self.update;
        bindings.seed = SEED;
        let step = Step {
            instr: self.instr.clone(),
            reads: vec![],
            writes: vec![],
            frees: vec![],
            path: self.path.clone(),
            section: String::new(),
            macs: 0.into(),
        };
        let mut context = Context {
            plan: &plan,
            bank: &bank,
            bindings: &bindings,
            sizes: Sizes { n: 1, h: 2, w: 2 },
            device: &made_on,
            tracked: training,
            path: &self.path,
            precision: self.precision,
            half: false,
            statistics: vec![],
        };
        let results = apply(&step, reads.clone(), &mut context)?;
        let statistics = std::mem::take(&mut context.statistics);
        Ok(Ran { results, reads, bank, statistics })
    }
}

/// What executing a case gave.
pub(crate) struct Ran {
    pub(crate) results: Vec<Value>,
    pub(crate) reads: Vec<Value>,
    pub(crate) bank: Bank,
    pub(crate) statistics: Vec<(WeightId, Tensor<1>)>,
}

/// Gradients of each operand and of each weight; none where no gradient flows.
pub(crate) struct Gradients {
    pub(crate) reads: Vec<Option<Value>>,
    pub(crate) weights: Vec<Option<Value>>,
}

impl Ran {
    /// Gradients of `sum(first result * probe)`; nothing when the result has no graph. `probe` has as many values
    /// as the result.
    ///
    /// # Errors
    /// A case without results, or a probe of another length.
    pub(crate) fn gradients(&self, probe: Vec<f32>) -> Result<Option<Gradients>> {
        let first = self.results.first().ok_or_else(|| unfit("no result"))?.clone().cast(FloatDType::F32);
        let len = first.shape().iter().product::<usize>();
        let y = first.reshape(&[len])?.f1()?;
        let total = (y * Value::float(probe, &[len], self.bank.device())?.f1()?).sum();
        if !total.is_tracked() {
            return Ok(None);
        }
        let found = total.backward();
        let gradient = |value: &Value| -> Option<Value> {
            match value {
                Value::F1(x) => x.grad(&found).map(Value::from),
                Value::F2(x) => x.grad(&found).map(Value::from),
                Value::F3(x) => x.grad(&found).map(Value::from),
                Value::F4(x) => x.grad(&found).map(Value::from),
                Value::F5(x) => x.grad(&found).map(Value::from),
                Value::I1(_) | Value::I2(_) | Value::I3(_) | Value::I4(_) => None,
            }
        };
        let reads = self.reads.iter().map(gradient).collect();
        let names = 0..self.bank.names().count();
        let weights = names.map(|at| Ok(gradient(self.bank.get(&name(at))?))).collect::<Result<_>>()?;
        Ok(Some(Gradients { reads, weights }))
    }
}
