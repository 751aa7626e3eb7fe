//! `depth_to_space`: channels become the pixels of a block.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::lower::Lower;

/// Channels become the pixels of a block: `[N, c * s * s, h, w]` to `[N, c, h * s, w * s]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthToSpace {
    /// Rows and columns of a block, `s`.
    pub block: usize,
    /// Which channel becomes which pixel.
    pub order: ChannelOrder,
}

/// Which channel becomes row `dy` and column `dx` of channel `c`'s block, for `n` resulting channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// `(c * s + dy) * s + dx`: PyTorch's `PixelShuffle`, ONNX's `CRD`.
    PixelShuffle,
    /// `(dy * s + dx) * n + c`: TensorFlow's `depth_to_space`, ONNX's `DCR`.
    Tensorflow,
}

impl OpRules for DepthToSpace {
    const DEF: OpDef = OpDef {
        name: "depth_to_space",
        callable: true,
        summary: "channels become the pixels of a block",
        inputs: &[InputDef::one("x", "a map of so many channels times the pixels of a block")],
        params: &[
            ParamDef::required("block", ParamType::Count, "rows and columns of a block, `s`"),
            ParamDef::with(
                "order",
                ParamType::Choice(&["pixel_shuffle", "tensorflow"]),
                "pixel_shuffle",
                "the channel of row `dy`, column `dx` of channel `c` of `n`: `(c * s + dy) * s + dx`, or \
                 `(dy * s + dx) * n + c`",
            ),
        ],
        outputs: &["out"],
        example: "x |> conv(12 * 8 * 8) |> depth_to_space(block: 8, order: tensorflow)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let tensorflow = args.word("order") == "tensorflow";
        let order = if tensorflow { ChannelOrder::Tensorflow } else { ChannelOrder::PixelShuffle };
        Ok(Self { block: args.int("block"), order })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = inputs.map(0)?;
        let s = self.block;
        let pixels = s.saturating_mul(s).max(1);
        if channels % pixels != 0 || channels == 0 {
            return Err(inputs
                .bad_parameter(
                    format!("{channels} channels cannot be split among the {s} x {s} pixels of a block"),
                    "not a multiple",
                )
                .help(format!(
                    "give it a multiple of {pixels}: `|> conv({} * {s} * {s})`",
                    (channels / pixels).max(1)
                )));
        }
        let (height, width) = (height.scale(s as i64), width.scale(s as i64));
        Ok(vec![Fact::Map { channels: channels / pixels, height, width }])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    /// One side of the blocks after the other: no tensor has more than five axes.
    fn lower(&self, at: &mut Lower<'_>) {
        let Fact::Map { height: h, width: w, .. } = at.input_fact(0).clone() else { return };
        let to = at.result_dims();
        let [n, c, rows, columns] = [0, 1, 2, 3].map(|axis| to[axis].clone());
        let s = self.block as i64;
        let side = || self.block.into();
        let mut value = at.input(0);
        match self.order {
            ChannelOrder::PixelShuffle => {
                let many = c.scale(s);
                value = at.reshaped(value, vec![n.clone(), many, side(), h.clone(), w]);
                value = at.permuted(value, &[0, 1, 3, 4, 2]);
                value = at.reshaped(value, vec![n, c, side(), h, columns]);
                value = at.permuted(value, &[0, 1, 3, 2, 4]);
            }
            ChannelOrder::Tensorflow => {
                let many = c.scale(s);
                value = at.reshaped(value, vec![n.clone(), side(), many, h, w.clone()]);
                value = at.permuted(value, &[0, 2, 3, 1, 4]);
                value = at.reshaped(value, vec![n, side(), c, rows, w]);
                value = at.permuted(value, &[0, 2, 3, 4, 1]);
            }
        }
        let value = at.reshaped(value, to);
        at.give(vec![value]);
    }

    fn describe(&self) -> String {
        let order = match self.order {
            ChannelOrder::PixelShuffle => "pixel_shuffle",
            ChannelOrder::Tensorflow => "tensorflow",
        };
        format!("{}, {order}", self.block)
    }
}
