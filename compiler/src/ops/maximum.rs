//! `maximum`: the largest of several values, element by element.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::{Binary, Instr};
use crate::plan::lower::Lower;

/// The largest of several maps, vectors or tensors of one shape, element by element.
#[derive(Clone, Debug, PartialEq)]
pub struct Maximum;

impl OpRules for Maximum {
    const DEF: OpDef = OpDef {
        name: "maximum",
        callable: true,
        summary: "the largest of several values, element by element",
        inputs: &[InputDef::many("values", "maps, vectors or tensors of one shape")],
        params: &[],
        outputs: &["out"],
        example: "maximum(a, b)",
    };

    fn from_args(_args: &Args) -> Result<Self, Diag> {
        Ok(Self)
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let first = inputs.elementwise(0)?;
        let wanted = first.tensors().into_iter().next().unwrap_or_default();
        for at in 1..inputs.operands.len() {
            let other = inputs.elementwise(at)?;
            let dims = other.tensors().into_iter().next().unwrap_or_default();
            if other.kind() != first.kind() || dims.len() != wanted.len() {
                return Err(inputs.wrong_kind(at, &format!("values of one kind, here a {}", first.kind())));
            }
            for (axis, (a, b)) in wanted.iter().zip(&dims).enumerate() {
                let name = match (&first, axis) {
                    (Fact::Map { .. } | Fact::Vector { .. }, 1) => "channels".to_string(),
                    (Fact::Map { .. }, 2) => "height".to_string(),
                    (Fact::Map { .. }, 3) => "width".to_string(),
                    _ => format!("size on axis {axis}"),
                };
                inputs.equal(&name, (a, 0), (b, at))?;
            }
        }
        Ok(vec![first])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let mut largest = at.input(0);
        for operand in 1..at.operand_count() {
            let other = at.input(operand);
            largest = at.emit_one(Instr::Binary(Binary::Max), vec![largest, other]);
        }
        at.give(vec![largest]);
    }

    fn describe(&self) -> String {
        String::new()
    }
}
