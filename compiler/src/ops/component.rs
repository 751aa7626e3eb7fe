//! `component`: the fields of a distribution: `q.mean`, `q.variance[k]`, `q.weight[k]`.

use super::{Args, Infer, InputDef, OpDef, OpRules, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::{Instr, Unary};
use crate::plan::lower::Lower;

/// A field of a gaussian, or of one component of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Which field.
    pub field: Field,
    /// Which component; none for a gaussian.
    pub index: Option<usize>,
}

/// A field of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The mean, `[N, dim]`.
    Mean,
    /// The variance, `[N, dim]`.
    Variance,
    /// Its logarithm, `[N, dim]`.
    LogVariance,
    /// A component's weight, `[N, 1]`.
    Weight,
}

impl OpRules for Component {
    const DEF: OpDef = OpDef {
        name: "component",
        callable: false,
        summary: "the fields of a distribution: `q.mean`, `q.variance[k]`, `q.weight[k]`",
        inputs: &[InputDef::one("q", "the distribution")],
        params: &[],
        outputs: &["out"],
        example: "q.mean[0]",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self {
            field: match args.word("field") {
                "variance" => Field::Variance,
                "log_variance" => Field::LogVariance,
                "weight" => Field::Weight,
                _ => Field::Mean,
            },
            index: args.maybe_pair("index").map(|pair| pair[0]),
        })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match (inputs.fact(0), self.field, self.index) {
            (Fact::Gaussian { dim }, Field::Mean | Field::Variance | Field::LogVariance, None) => {
                Ok(vec![Fact::Vector { channels: *dim }])
            }
            (Fact::Mixture { .. }, Field::Weight, Some(_)) => Ok(vec![Fact::Vector { channels: 1 }]),
            (Fact::Mixture { dim, .. }, _, Some(_)) => Ok(vec![Fact::Vector { channels: *dim }]),
            _ => Err(inputs.wrong_kind(0, "a gaussian, or a component of a mixture")),
        }
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let weight = self.field == Field::Weight;
        let source = match (at.input_fact(0), self.field) {
            (Fact::Gaussian { .. }, Field::Mean) => at.inputs(0)[0],
            (Fact::Gaussian { .. }, _) => at.inputs(0)[1],
            (_, Field::Weight) => at.inputs(0)[0],
            (_, Field::Mean) => at.inputs(0)[1],
            (_, _) => at.inputs(0)[2],
        };
        let dims = at.result_dims();
        let mut value = source;
        if let Some(index) = self.index {
            let mut cut = at.dims_of(source);
            cut[1] = 1.into();
            value = at.emit(Instr::Slice { axis: 1, start: index.into(), len: 1.into() }, vec![value], cut);
            if !weight {
                value = at.emit(Instr::Reshape { dims: dims.clone() }, vec![value], dims.clone());
            }
        }
        if matches!(self.field, Field::Weight | Field::Variance) {
            value = at.emit(Instr::Unary(Unary::Exp), vec![value], dims);
        }
        at.give(vec![value]);
    }

    fn describe(&self) -> String {
        let field = match self.field {
            Field::Mean => "mean",
            Field::Variance => "variance",
            Field::LogVariance => "log_variance",
            Field::Weight => "weight",
        };
        match self.index {
            Some(index) => format!("{field}[{index}]"),
            None => field.to_string(),
        }
    }
}
