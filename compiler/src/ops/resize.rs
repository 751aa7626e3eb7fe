//! `resize`: resizes a map to another's size, to a size, or by a factor; labels to the nearest one.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::diag::codes;
use crate::ir::fact::Fact;
use crate::plan::instr::{Instr, ResizeMode};
use crate::plan::lower::Lower;

/// Resizes a map, half-pixel centres (`align_corners = false`), to the size of `like`, to `size`, or by `scale`; with
/// `mode: nearest` also labels, so that a loss can be taken at the size of the logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Resize {
    /// How values between samples are made.
    pub mode: ResizeMode,
    /// Rows and columns of the result.
    pub size: Option<[usize; 2]>,
    /// Factor.
    pub scale: Option<[usize; 2]>,
}

impl OpRules for Resize {
    const DEF: OpDef = OpDef {
        name: "resize",
        callable: true,
        summary: "resizes a map to another's size, to a size, or by a factor; labels with `mode: nearest`",
        inputs: &[
            InputDef::one("x", "the map, or labels"),
            InputDef::maybe("like", "the map or labels whose size it takes"),
        ],
        params: &[
            ParamDef::with("size", ParamType::PairOr(&["none"]), "none", "rows and columns of the result"),
            ParamDef::with(
                "scale",
                ParamType::PairOr(&["none"]),
                "none",
                "whole factor for rows and columns",
            ),
            ParamDef::with(
                "mode",
                ParamType::Choice(&["bilinear", "nearest"]),
                "bilinear",
                "how values between samples are made",
            ),
        ],
        outputs: &["out"],
        example: "x |> resize(like: skip)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let (size, scale) = (args.maybe_pair("size"), args.maybe_pair("scale"));
        if size.is_some_and(|s| s.contains(&0)) || scale.is_some_and(|s| s.contains(&0)) {
            return Err(Diag::new(&codes::PARAM_VALUE, "a size or factor is at least 1", args.call, "is 0"));
        }
        let mode = if args.word("mode") == "nearest" { ResizeMode::Nearest } else { ResizeMode::Bilinear };
        Ok(Self { mode, size, scale })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let classes = if let Fact::Labels { classes, .. } = inputs.fact(0) { Some(*classes) } else { None };
        if classes.is_some() && self.mode != ResizeMode::Nearest {
            let diag = Diag::new(
                &codes::TYPE_LABELS,
                "labels are classes, not quantities: they cannot be mixed",
                inputs.call,
                "would mix classes",
            );
            let diag = match inputs.operands.first() {
                Some(operand) => diag.because(operand.made, format!("this is {}", operand.fact)),
                None => diag,
            };
            return Err(diag.help(
                "resize the prediction to the labels instead, `|> resize(like: labels)`, or take the nearest label: \
                 `resize(labels, like: logits, mode: nearest)`",
            ));
        }
        let (channels, (height, width)) = match classes {
            Some(_) => (0, inputs.spatial(0)?),
            None => inputs.map(0).map(|(channels, height, width)| (channels, (height, width)))?,
        };
        let like = (inputs.operands.len() > 1).then(|| inputs.spatial(1)).transpose()?;
        let (h, w) = match (like, self.size, self.scale) {
            (Some(like), None, None) => like,
            (None, Some([h, w]), None) => (h.into(), w.into()),
            (None, None, Some([h, w])) => (height.scale(h as i64), width.scale(w as i64)),
            _ => {
                return Err(inputs
                    .bad_parameter("`resize` takes one of `like`, `size` and `scale`", "which size?")
                    .help("write `resize(like: x)`, `resize(size: [48, 96])` or `resize(scale: 2)`"));
            }
        };
        Ok(vec![match classes {
            Some(classes) => Fact::Labels { classes, height: h, width: w },
            None => Fact::Map { channels, height: h, width: w },
        }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let dims = at.result_dims();
        if at.dims_of(at.input(0)) == dims {
            at.give(vec![at.input(0)]);
            return;
        }
        if let Fact::Labels { height, width, .. } = at.result() {
            let to = [height.clone(), width.clone()];
            return at.give_emitted(Instr::ResizeLabels { to }, vec![at.input(0)]);
        }
        let to = [dims[2].clone(), dims[3].clone()];
        let value = at.emit(Instr::Resize { mode: self.mode, to }, vec![at.input(0)], dims);
        at.give(vec![value]);
    }

    fn describe(&self) -> String {
        let mut parts = Vec::new();
        if let Some([h, w]) = self.size {
            parts.push(format!("size: {h}x{w}"));
        }
        if let Some([h, w]) = self.scale {
            parts.push(format!("scale: {h}x{w}"));
        }
        if self.mode == ResizeMode::Nearest {
            parts.push("nearest".to_string());
        }
        parts.join(", ")
    }
}
