//! `crop`: the part of a map that is as large as another one.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::{Diag, codes};
use crate::ir::constraint::{Constraint, ConstraintKind};
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// The part of a map that is as large as `like`: from its centre, or from a stated row and column on.
#[derive(Clone, Debug, PartialEq)]
pub struct Crop {
    /// First row and column; none: as many are cut from either side, one more from the end where the number is odd.
    pub at: Option<[usize; 2]>,
}

impl Crop {
    /// The first row (axis 0) or column (axis 1) that is taken.
    fn start(&self, size: &Dim, to: &Dim, axis: usize) -> Dim {
        self.at.map_or_else(|| size.minus(to).floor_div(2), |at| at[axis].into())
    }
}

impl OpRules for Crop {
    const DEF: OpDef = OpDef {
        name: "crop",
        callable: true,
        summary: "the part of a map that is as large as another one",
        inputs: &[
            InputDef::one("x", "the map"),
            InputDef::named("like", "the map or labels whose size it takes"),
        ],
        params: &[ParamDef::with(
            "at",
            ParamType::PairOr(&["center"]),
            "center",
            "the first row and column that are taken, `[row, column]` or one number for both",
        )],
        outputs: &["out"],
        example: "x |> crop(like: skip)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        Ok(Self { at: args.maybe_pair("at") })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = inputs.map(0)?;
        let (rows, columns) = inputs.spatial(1)?;
        for (what, size, to, axis) in [("rows", &height, &rows, 0), ("columns", &width, &columns, 1)] {
            let first: Dim = self.at.map_or(0, |at| at[axis]).into();
            let left = size.minus(to).minus(&first);
            match left.as_constant() {
                Some(0..) => {}
                Some(missing) => {
                    let wanted =
                        if self.at.is_some() { format!("{to} from {first} on") } else { to.to_string() };
                    let mut diag = Diag::new(
                        &codes::SHAPE_MISMATCH,
                        format!("`crop` takes {wanted} of {size} {what}"),
                        inputs.call,
                        format!("{} too few", missing.saturating_neg()),
                    );
                    for operand in inputs.operands.iter().take(2) {
                        diag = diag.because(operand.made, format!("{}", operand.fact));
                    }
                    return Err(diag.help("bring it to that size instead: `|> resize(like: x)`"));
                }
                None => inputs.constraints.push(Constraint {
                    kind: ConstraintKind::AtLeast(left, 0),
                    span: inputs.call,
                    because: format!("`crop` takes {to} of {size} {what}"),
                    stated: false,
                }),
            }
        }
        Ok(vec![Fact::Map { channels, height: rows, width: columns }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let to = at.result_dims();
        let mut value = at.input(0);
        for axis in [2, 3] {
            let mut dims = at.dims_of(value);
            if dims[axis] == to[axis] {
                continue;
            }
            let start = self.start(&dims[axis], &to[axis], axis - 2);
            let len = to[axis].clone();
            dims[axis] = len.clone();
            value = at.emit(Instr::Slice { axis, start, len }, vec![value], dims);
        }
        at.give(vec![value]);
    }

    fn describe(&self) -> String {
        self.at.map_or_else(|| "center".to_string(), |[row, column]| format!("at: {row}x{column}"))
    }
}
