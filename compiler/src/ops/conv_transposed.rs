//! `conv_transposed`: a 2-d transposed convolution.

use super::conv::ConvInit;
use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::{Diag, codes};
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::plan::Init;
use crate::plan::instr::{ConvolveTransposed, Instr};
use crate::plan::lower::Lower;

/// A 2-d transposed convolution, `[N, i, h, w]` to `[N, channels, h', w']` with
/// `h' = (h - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvTransposed {
    /// Channels of the result.
    pub channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Step.
    pub stride: [usize; 2],
    /// Rows and columns cut from either side.
    pub padding: [usize; 2],
    /// Rows and columns added at the end.
    pub output_padding: [usize; 2],
    /// Distance of kernel taps.
    pub dilation: [usize; 2],
    /// Independent groups.
    pub groups: usize,
    /// Adds a learned offset to each channel.
    pub bias: bool,
    /// Starts as bilinear upsampling.
    pub bilinear: bool,
}

impl OpRules for ConvTransposed {
    const DEF: OpDef = OpDef {
        name: "conv_transposed",
        callable: true,
        summary: "a 2-d transposed convolution",
        inputs: &[InputDef::one("x", "the map")],
        params: &[
            ParamDef::required("channels", ParamType::Count, "channels of the result"),
            ParamDef::with("kernel", ParamType::Pair, "2", "rows and columns of the kernel"),
            ParamDef::with("stride", ParamType::Pair, "2", "step between windows"),
            ParamDef::with(
                "padding",
                ParamType::PairOr(&["none"]),
                "none",
                "rows and columns cut from either side",
            ),
            ParamDef::with(
                "output_padding",
                ParamType::PairOr(&["none"]),
                "none",
                "rows and columns added at the end",
            ),
            ParamDef::with("dilation", ParamType::Pair, "1", "distance of kernel taps"),
            ParamDef::with("groups", ParamType::Count, "1", "independent groups of channels"),
            ParamDef::with("bias", ParamType::Bool, "true", "add a learned offset to each channel"),
            ParamDef::with(
                "init",
                ParamType::Choice(&["default", "bilinear"]),
                "default",
                "first values: PyTorch's, or bilinear upsampling",
            ),
        ],
        outputs: &["out"],
        example: "x |> conv_transposed(64, kernel: 2, stride: 2)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let (channels, groups) = (args.int("channels"), args.int("groups"));
        if !channels.is_multiple_of(groups.max(1)) {
            return Err(Diag::new(
                &codes::PARAM_VALUE,
                format!("{channels} channels cannot be split into {groups} groups"),
                args.span("groups"),
                format!("does not divide {channels}"),
            ));
        }
        Ok(Self {
            channels,
            kernel: args.pair("kernel"),
            stride: args.pair("stride"),
            padding: args.maybe_pair("padding").unwrap_or([0, 0]),
            output_padding: args.maybe_pair("output_padding").unwrap_or([0, 0]),
            dilation: args.pair("dilation"),
            groups,
            bias: args.bool("bias"),
            bilinear: args.word("init") == "bilinear",
        })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = inputs.map(0)?;
        if !channels.is_multiple_of(self.groups) {
            return Err(inputs.bad_parameter(
                format!("{channels} channels cannot be split into {} groups", self.groups),
                format!("{} groups", self.groups),
            ));
        }
        let out = |size: &Dim, axis: usize| {
            let reach =
                (self.dilation[axis] * (self.kernel[axis] - 1) + self.output_padding[axis] + 1) as i64;
            size.offset(-1).scale(self.stride[axis] as i64).offset(reach - 2 * self.padding[axis] as i64)
        };
        let (h, w) = (out(&height, 0), out(&width, 1));
        inputs.at_least_one(&h)?;
        inputs.at_least_one(&w)?;
        Ok(vec![Fact::Map { channels: self.channels, height: h, width: w }])
    }

    fn weights(&self, inputs: &[Fact]) -> Vec<WeightDecl> {
        let Some(Fact::Map { channels, .. }) = inputs.first() else { return Vec::new() };
        let (per_group, taps) = (self.channels / self.groups, self.kernel[0] * self.kernel[1]);
        // PyTorch counts the fan-in of a transposed convolution on its second axis.
        let (weight, bias) = ConvInit::Default.values(per_group * taps, per_group * taps);
        let weight = if self.bilinear { Init::Bilinear } else { weight };
        let bias = if self.bilinear { Init::Constant(0.0) } else { bias };
        let mut list = vec![WeightDecl {
            suffix: "weight",
            shape: vec![*channels, per_group, self.kernel[0], self.kernel[1]],
            init: weight,
            trainable: true,
        }];
        if self.bias {
            list.push(WeightDecl { suffix: "bias", shape: vec![self.channels], init: bias, trainable: true });
        }
        list
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let weight = at.weight("weight");
        let bias = self.bias.then(|| at.weight("bias"));
        at.emit_like(Instr::ConvolveTransposed(ConvolveTransposed {
            weight,
            bias,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            output_padding: self.output_padding,
            dilation: self.dilation,
            groups: self.groups,
        }));
    }

    fn describe(&self) -> String {
        let pair = |p: [usize; 2]| format!("{}x{}", p[0], p[1]);
        let mut text =
            format!("{}, kernel: {}, stride: {}", self.channels, pair(self.kernel), pair(self.stride));
        for (name, value, neutral) in [
            ("padding", self.padding, [0, 0]),
            ("output_padding", self.output_padding, [0, 0]),
            ("dilation", self.dilation, [1, 1]),
        ] {
            if value != neutral {
                text.push_str(&format!(", {name}: {}", pair(value)));
            }
        }
        if self.groups > 1 {
            text.push_str(&format!(", groups: {}", self.groups));
        }
        if !self.bias {
            text.push_str(", no bias");
        }
        text
    }
}
