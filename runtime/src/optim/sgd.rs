//! Stochastic gradient descent with momentum, as PyTorch writes it (Sutskever et al. 2013 with the rate outside
//! the velocity).

use super::{Slots, flat};
use crate::error::Result;
use crate::tensor::Value;

/// What is kept for each parameter when there is momentum.
pub(super) const SLOTS: [&str; 1] = ["velocity"];

/// The rule's numbers.
pub(super) struct Sgd {
    pub(super) momentum: f32,
    pub(super) nesterov: bool,
    pub(super) decay: f32,
}

impl Sgd {
    /// The parameter after one step.
    pub(super) fn step(
        &self,
        parameter: Value,
        gradient: Value,
        slots: &mut Slots,
        rate: f64,
    ) -> Result<Value> {
        let shape = parameter.shape();
        let (x, mut g) = (flat(parameter)?, flat(gradient)?);
        if self.decay != 0.0 {
            g = g + x.clone().mul_scalar(f64::from(self.decay));
        }
        if self.momentum != 0.0 {
            let momentum = f64::from(self.momentum);
            // The first velocity is the gradient itself.
            let velocity = match slots.remove(SLOTS[0]) {
                Some(old) => flat(old)?.mul_scalar(momentum) + g.clone(),
                None => g.clone(),
            };
            slots.insert(SLOTS[0], Value::from(velocity.clone()).reshape(&shape)?);
            g = if self.nesterov { g + velocity.mul_scalar(momentum) } else { velocity };
        }
        Value::from(x - g.mul_scalar(rate)).reshape(&shape)
    }
}
