//! What the three pooling ops share: windows over a map, and what a call says of them.

use super::conv::{same_padding, window};
use super::{Args, Infer, ParamDef, ParamType};
use crate::diag::{Diag, codes};
use crate::ir::dim::Dim;
use crate::plan::instr::{Instr, Pool, PoolKind};

pub(super) const KERNEL: ParamDef =
    ParamDef::with("kernel", ParamType::Pair, "2", "rows and columns of the window");
pub(super) const STRIDE: ParamDef = ParamDef::with(
    "stride",
    ParamType::PairOr(&["kernel"]),
    "kernel",
    "step between windows; the kernel's size unless given",
);
pub(super) const PADDING: ParamDef = ParamDef::with(
    "padding",
    ParamType::PairOr(&["same", "none"]),
    "none",
    "padding on either side; `same` keeps the size at stride 1",
);
pub(super) const CEIL: ParamDef = ParamDef::with("ceil", ParamType::Bool, "false", "round sizes up");

/// The windows of a pooling op.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Step.
    pub stride: [usize; 2],
    /// Padding on either side.
    pub padding: [usize; 2],
    /// Round sizes up.
    pub ceil: bool,
}

impl Windows {
    /// Takes [`KERNEL`], [`STRIDE`], [`PADDING`] and [`CEIL`] from a call.
    pub(super) fn from_args(args: &Args) -> Result<Self, Diag> {
        let kernel = args.pair("kernel");
        let padding = match args.word("padding") {
            "same" => same_padding(args, kernel, [1, 1])?,
            _ => args.maybe_pair("padding").unwrap_or([0, 0]),
        };
        let stride = args.maybe_pair("stride").unwrap_or(kernel);
        if stride.contains(&0) {
            return Err(Diag::new(
                &codes::PARAM_VALUE,
                "a stride is at least 1",
                args.span("stride"),
                "is 0",
            ));
        }
        if (0..2).any(|a| 2 * padding[a] > kernel[a]) {
            return Err(Diag::new(
                &codes::PARAM_VALUE,
                "padding is at most half of the kernel, or windows would see nothing but padding",
                args.span("padding"),
                "too large",
            ));
        }
        Ok(Self { kernel, stride, padding, ceil: args.bool("ceil") })
    }

    /// Channels, rows and columns of the result.
    pub(super) fn sizes(&self, inputs: &mut Infer<'_>) -> Result<(usize, Dim, Dim), Diag> {
        let (channels, height, width) = inputs.map(0)?;
        let out = |size: &Dim, axis: usize| {
            window(size, self.kernel[axis], self.stride[axis], self.padding[axis], 1, self.ceil)
        };
        let (h, w) = (out(&height, 0), out(&width, 1));
        inputs.at_least_one(&h)?;
        inputs.at_least_one(&w)?;
        Ok((channels, h, w))
    }

    pub(super) fn instr(&self, kind: PoolKind, count_padding: bool, indices: bool) -> Instr {
        Instr::Pool(Pool {
            kind,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            ceil: self.ceil,
            count_padding,
            indices,
        })
    }

    pub(super) fn describe(&self) -> String {
        let pair = |p: [usize; 2]| format!("{}x{}", p[0], p[1]);
        let mut text = format!("kernel: {}, stride: {}", pair(self.kernel), pair(self.stride));
        if self.padding != [0, 0] {
            text.push_str(&format!(", padding: {}", pair(self.padding)));
        }
        if self.ceil {
            text.push_str(", ceil");
        }
        text
    }
}
