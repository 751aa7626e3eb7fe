//! Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), in PyTorch's order of operations.

use super::{Slots, flat};
use crate::error::Result;
use crate::tensor::Value;

/// What is kept for each parameter.
pub(super) const SLOTS: [&str; 2] = ["first_moment", "second_moment"];

/// The rule's numbers.
pub(super) struct Adam {
    pub(super) beta1: f32,
    pub(super) beta2: f32,
    pub(super) epsilon: f32,
    pub(super) decay: f32,
    /// AdamW: decay the parameter itself instead of adding to the gradient.
    pub(super) decoupled: bool,
}

impl Adam {
    /// The parameter after step `steps` (from 1).
    pub(super) fn step(
        &self,
        parameter: Value,
        gradient: Value,
        slots: &mut Slots,
        steps: u64,
        rate: f64,
    ) -> Result<Value> {
        let shape = parameter.shape();
        let (mut x, mut g) = (flat(parameter)?, flat(gradient)?);
        let (beta1, beta2, decay) = (f64::from(self.beta1), f64::from(self.beta2), f64::from(self.decay));
        if decay != 0.0 {
            if self.decoupled {
                x = x.mul_scalar(1.0 - rate * decay);
            } else {
                g = g + x.clone().mul_scalar(decay);
            }
        }
        let mut take = |slot| slots.remove(slot).map(flat).unwrap_or_else(|| Ok(g.zeros_like()));
        let (first, second) = (take(SLOTS[0])?, take(SLOTS[1])?);
        let first = first.clone() + (g.clone() - first).mul_scalar(1.0 - beta1);
        let second = second.mul_scalar(beta2) + g.clone().square().mul_scalar(1.0 - beta2);

        let power = steps as f64;
        let (correction1, correction2) = (1.0 - beta1.powf(power), 1.0 - beta2.powf(power));
        let scale = second.clone().sqrt().div_scalar(correction2.sqrt()).add_scalar(f64::from(self.epsilon));
        let moved = x - (first.clone() / scale).mul_scalar(rate / correction1);

        slots.insert(SLOTS[0], Value::from(first).reshape(&shape)?);
        slots.insert(SLOTS[1], Value::from(second).reshape(&shape)?);
        Value::from(moved).reshape(&shape)
    }
}
