//! `pad`: zeros around a map, or before and after its channels.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::{Diag, codes};
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Zeros around a map: so many, up to a multiple, or as many as TensorFlow's `SAME` adds for a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Pad {
    /// How many.
    pub by: Amount,
}

/// How many zeros are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Before and after, for channels, rows and columns.
    Fixed([[usize; 2]; 3]),
    /// Rows and columns up to the next multiple: half of what is missing before, rounded down, the rest after.
    Multiple([usize; 2]),
    /// What a window needs so that `ceil(size / stride)` of them cover the map: half before, rounded down, the rest
    /// after (TensorFlow's `SAME`).
    Window {
        /// Rows and columns of the window.
        kernel: [usize; 2],
        /// Step between windows.
        stride: [usize; 2],
    },
}

impl Amount {
    /// Zeros before and after, for channels, rows and columns, of a map of this height and width.
    fn sides(self, height: &Dim, width: &Dim) -> [[Dim; 2]; 3] {
        let halves = |total: Dim| {
            let before = total.floor_div(2);
            [before.clone(), total.minus(&before)]
        };
        let none = || [Dim::default(), Dim::default()];
        match self {
            Self::Fixed(sides) => sides.map(|side| side.map(Dim::from)),
            Self::Multiple([rows, columns]) => {
                let missing = |size: &Dim, to: usize| {
                    let to = to as i64;
                    halves(size.ceil_div(to).scale(to).minus(size))
                };
                [none(), missing(height, rows), missing(width, columns)]
            }
            Self::Window { kernel, stride } => {
                let missing = |size: &Dim, axis: usize| {
                    let (kernel, stride) = (kernel[axis] as i64, stride[axis] as i64);
                    if kernel < stride {
                        return none(); // a window of one pixel, which needs nothing
                    }
                    let covered = size.ceil_div(stride).offset(-1).scale(stride).offset(kernel);
                    halves(covered.minus(size))
                };
                [none(), missing(height, 0), missing(width, 1)]
            }
        }
    }
}

impl OpRules for Pad {
    const DEF: OpDef = OpDef {
        name: "pad",
        callable: true,
        summary: "zeros around a map, or before and after its channels",
        inputs: &[InputDef::one("x", "the map")],
        params: &[
            ParamDef::with(
                "rows",
                ParamType::PairOr(&["none"]),
                "none",
                "rows of zeros above and below, `[above, below]` or one number for both",
            ),
            ParamDef::with(
                "columns",
                ParamType::PairOr(&["none"]),
                "none",
                "columns of zeros left and right, `[left, right]` or one number for both",
            ),
            ParamDef::with(
                "channels",
                ParamType::PairOr(&["none"]),
                "none",
                "channels of zeros before and after, `[before, after]` or one number for both",
            ),
            ParamDef::with(
                "multiple",
                ParamType::PairOr(&["none"]),
                "none",
                "rows and columns are brought up to a multiple of this, half of what is missing on either side",
            ),
            ParamDef::with(
                "window",
                ParamType::PairOr(&["none"]),
                "none",
                "as much as TensorFlow's `SAME` adds for a window of this size; one more below and right where it is odd",
            ),
            ParamDef::with("stride", ParamType::Pair, "1", "step of that window"),
        ],
        outputs: &["out"],
        example: "x |> pad(window: 3, stride: 2) |> conv(64, kernel: 3, stride: 2, padding: 0)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let sides = ["channels", "rows", "columns"].map(|name| args.maybe_pair(name));
        let (multiple, window) = (args.maybe_pair("multiple"), args.maybe_pair("window"));
        let fixed = sides.iter().any(Option::is_some);
        let by = match (fixed, multiple, window) {
            (true, None, None) => Amount::Fixed(sides.map(|side| side.unwrap_or([0, 0]))),
            (false, Some(to), None) if !to.contains(&0) => Amount::Multiple(to),
            (false, None, Some(kernel)) if !kernel.contains(&0) => {
                let stride = args.pair("stride");
                if (0..2).any(|axis| 1 < kernel[axis] && kernel[axis] < stride[axis]) {
                    return Err(Diag::new(
                        &codes::PARAM_VALUE,
                        "a window is at least as large as its stride, or has one pixel",
                        args.span("window"),
                        format!("smaller than the stride of {}x{}", stride[0], stride[1]),
                    ));
                }
                Amount::Window { kernel, stride }
            }
            (false, Some(_), None) | (false, None, Some(_)) => {
                let name = if multiple.is_some() { "multiple" } else { "window" };
                let message = format!("`{name}` of `pad` is at least 1");
                return Err(Diag::new(&codes::PARAM_VALUE, message, args.span(name), "is 0"));
            }
            _ => {
                return Err(Diag::new(
                    &codes::PARAM_VALUE,
                    "`pad` takes numbers of zeros, or `multiple`, or `window`",
                    args.call,
                    "how many zeros?",
                )
                .help("write `pad(rows: 1, columns: [0, 1])`, `pad(multiple: 8)` or `pad(window: 3, stride: 2)`"));
            }
        };
        Ok(Self { by })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = inputs.map(0)?;
        let [_, rows, columns] = self.by.sides(&height, &width);
        let more = if let Amount::Fixed([[before, after], ..]) = self.by { before + after } else { 0 };
        let all = |size: &Dim, [before, after]: [Dim; 2]| size.plus(&before).plus(&after);
        let (height, width) = (all(&height, rows), all(&width, columns));
        Ok(vec![Fact::Map { channels: channels.saturating_add(more), height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let Fact::Map { height, width, .. } = at.input_fact(0) else { return };
        let sides = self.by.sides(height, width);
        let side = |which: usize| {
            std::iter::once(Dim::default()).chain(sides.iter().map(|side| side[which].clone())).collect()
        };
        at.emit_like(Instr::Pad { before: side(0), after: side(1) });
    }

    fn describe(&self) -> String {
        let pair = |p: [usize; 2]| format!("{}x{}", p[0], p[1]);
        match self.by {
            Amount::Fixed(sides) => {
                let named = ["channels", "rows", "columns"].into_iter().zip(sides);
                let parts = named.filter(|(_, side)| *side != [0, 0]);
                parts.map(|(name, [a, b])| format!("{name}: {a}+{b}")).collect::<Vec<_>>().join(", ")
            }
            Amount::Multiple(to) => format!("multiple: {}", pair(to)),
            Amount::Window { kernel, stride } => {
                format!("window: {}, stride: {}", pair(kernel), pair(stride))
            }
        }
    }
}
