//! `conv`: a 2-d convolution.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::{Diag, codes};
use crate::ir::dim::Dim;
use crate::ir::fact::Fact;
use crate::plan::Init;
use crate::plan::instr::{Convolve, Instr, Unary};
use crate::plan::lower::Lower;

/// A 2-d convolution (cross-correlation), `[N, i, h, w]` to `[N, channels, h', w']` with
/// `h' = floor((h + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Channels of the result.
    pub channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Step.
    pub stride: [usize; 2],
    /// Zeros on either side.
    pub padding: [usize; 2],
    /// Distance of kernel taps.
    pub dilation: [usize; 2],
    /// Independent groups.
    pub groups: usize,
    /// Adds a learned offset to each channel.
    pub bias: bool,
    /// First values.
    pub init: ConvInit,
    /// A batch norm that `fold-conv-norm` merged into this convolution.
    pub norm: Option<FoldedNorm>,
    /// The last operand is added to the result (`fuse-addition`); all before it are the map, joined along channels
    /// (`absorb-concat`).
    pub adds: bool,
    /// An activation that `fuse-activation` merged into this convolution; applied last.
    pub activation: Option<Unary>,
}

/// A batch norm merged into a convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldedNorm {
    /// The prefix of its parameters' names.
    pub params: String,
    /// Its epsilon.
    pub epsilon: f32,
}

/// First values of a convolution's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvInit {
    /// PyTorch's: uniform, `bound = 1 / sqrt(fan_in)`, weight and bias.
    Default,
    /// He et al. 2015, fan out: normal, `sqrt(2 / fan_out)`; bias 0.
    He,
    /// Glorot and Bengio 2010: uniform, `sqrt(6 / (fan_in + fan_out))`; bias 0.
    Xavier,
    /// All 0.
    Zeros,
}

impl ConvInit {
    /// The words of the language.
    pub const WORDS: &'static [&'static str] = &["default", "he", "xavier", "zeros"];

    /// From a word of [`Self::WORDS`].
    pub fn from_word(word: &str) -> Self {
        match word {
            "he" => Self::He,
            "xavier" => Self::Xavier,
            "zeros" => Self::Zeros,
            _ => Self::Default,
        }
    }

    /// First values of weight and bias.
    pub fn values(self, fan_in: usize, fan_out: usize) -> (Init, Init) {
        let (fan_in, fan_out) = (fan_in.max(1) as f32, fan_out.max(1) as f32);
        match self {
            Self::Default => {
                let bound = 1.0 / fan_in.sqrt();
                (Init::Uniform { bound }, Init::Uniform { bound })
            }
            Self::He => (Init::Normal { deviation: (2.0 / fan_out).sqrt() }, Init::Constant(0.0)),
            Self::Xavier => (Init::Uniform { bound: (6.0 / (fan_in + fan_out)).sqrt() }, Init::Constant(0.0)),
            Self::Zeros => (Init::Constant(0.0), Init::Constant(0.0)),
        }
    }
}

/// Padding that keeps the size at stride 1: half of the kernel's reach.
pub(super) fn same_padding(
    args: &Args,
    kernel: [usize; 2],
    dilation: [usize; 2],
) -> Result<[usize; 2], Diag> {
    if let Some(padding) = args.maybe_pair("padding") {
        return Ok(padding);
    }
    let reach = [0, 1].map(|axis| dilation[axis].saturating_mul(kernel[axis] - 1));
    if reach.iter().any(|r| r % 2 == 1) {
        return Err(Diag::new(
            &codes::PARAM_VALUE,
            format!("`padding: same` cannot be split evenly for a kernel of {}x{}", kernel[0], kernel[1]),
            args.span("kernel"),
            "an even reach",
        )
        .help("use an odd kernel, or give the padding in numbers: `padding: 1`"));
    }
    Ok([reach[0] / 2, reach[1] / 2])
}

/// The size that a window of `kernel` gives.
pub(super) fn window(
    size: &Dim,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    ceil: bool,
) -> Dim {
    let reach = i64::try_from(dilation.saturating_mul(kernel - 1).saturating_add(1)).unwrap_or(i64::MAX);
    let shrinks = 2 * padding as i64 - reach; // a padding has 32 bits
    if stride == 1 {
        return size.offset(shrinks + 1); // most often the size itself, which is then shared
    }
    let (step, left) = (stride as i64, padding as i64);
    if ceil {
        // Rounded up, but no window starts in the padding on the right: `reach - padding` is what a window that
        // starts there would still see.
        let seen = (left - reach + step).min(0);
        return size.offset(left - 1 + seen).floor_div(step).offset(1);
    }
    size.offset(shrinks).floor_div(step).offset(1)
}

impl OpRules for Conv {
    const DEF: OpDef = OpDef {
        name: "conv",
        callable: true,
        summary: "a 2-d convolution",
        inputs: &[InputDef::one("x", "the map")],
        params: &[
            ParamDef::required("channels", ParamType::Count, "channels of the result"),
            ParamDef::with("kernel", ParamType::Pair, "1", "rows and columns of the kernel"),
            ParamDef::with("stride", ParamType::Pair, "1", "step between windows"),
            ParamDef::with(
                "padding",
                ParamType::PairOr(&["same"]),
                "same",
                "zeros on either side; `same` keeps the size at stride 1",
            ),
            ParamDef::with("dilation", ParamType::Pair, "1", "distance of kernel taps"),
            ParamDef::with("groups", ParamType::Count, "1", "independent groups of channels"),
            ParamDef::with("bias", ParamType::Bool, "true", "add a learned offset to each channel"),
            ParamDef::with(
                "init",
                ParamType::Choice(ConvInit::WORDS),
                "default",
                "first values: PyTorch's, He's (fan out), Glorot's, or 0",
            ),
        ],
        outputs: &["out"],
        example: "x |> conv(64, kernel: 3, stride: 2)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let (kernel, dilation) = (args.pair("kernel"), args.pair("dilation"));
        let groups = args.int("groups");
        let channels = args.int("channels");
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
            kernel,
            stride: args.pair("stride"),
            padding: same_padding(args, kernel, dilation)?,
            dilation,
            groups,
            bias: args.bool("bias"),
            init: ConvInit::from_word(args.word("init")),
            norm: None,
            adds: false,
            activation: None,
        })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        let (channels, height, width) = inputs.map(0)?;
        if !channels.is_multiple_of(self.groups) {
            let mut diag = inputs.bad_parameter(
                format!("{channels} channels cannot be split into {} groups", self.groups),
                format!("{} groups", self.groups),
            );
            if let Some(operand) = inputs.operands.first() {
                diag = diag.because(operand.made, format!("this is {}", operand.fact));
            }
            return Err(diag);
        }
        let out = |size: &Dim, axis: usize| {
            window(size, self.kernel[axis], self.stride[axis], self.padding[axis], self.dilation[axis], false)
        };
        let (h, w) = (out(&height, 0), out(&width, 1));
        for (new, old) in [(&h, &height), (&w, &width)] {
            if new != old {
                inputs.at_least_one(new)?;
            }
        }
        Ok(vec![Fact::Map { channels: self.channels, height: h, width: w }])
    }

    fn weights(&self, inputs: &[Fact]) -> Vec<WeightDecl> {
        let maps = &inputs[..inputs.len().saturating_sub(usize::from(self.adds))];
        let channels = |fact: &Fact| if let Fact::Map { channels, .. } = fact { *channels } else { 0 };
        let per_group = maps.iter().map(channels).sum::<usize>() / self.groups;
        let taps = self.kernel[0] * self.kernel[1];
        let (weight, bias) = self.init.values(per_group * taps, self.channels / self.groups * taps);
        let mut list = vec![WeightDecl {
            suffix: "weight",
            shape: vec![self.channels, per_group, self.kernel[0], self.kernel[1]],
            init: weight,
            trainable: true,
        }];
        if self.bias {
            list.push(WeightDecl { suffix: "bias", shape: vec![self.channels], init: bias, trainable: true });
        }
        list
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let (weight, bias) = match &self.norm {
            Some(norm) => at.folded(norm, self.bias, self.channels),
            None => (at.weight("weight"), self.bias.then(|| at.weight("bias"))),
        };
        at.emit_like(Instr::Convolve(Convolve {
            weight,
            bias,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
            adds: self.adds,
            activation: self.activation,
        }));
    }

    fn describe(&self) -> String {
        let mut text = format!("{}", self.channels);
        let mut pair = |name: &str, value: [usize; 2], neutral: [usize; 2]| {
            if value != neutral {
                text.push_str(&format!(", {name}: {}x{}", value[0], value[1]));
            }
        };
        pair("kernel", self.kernel, [1, 1]);
        pair("stride", self.stride, [1, 1]);
        pair("dilation", self.dilation, [1, 1]);
        let same = [0, 1].map(|a| self.dilation[a] * (self.kernel[a] - 1) / 2);
        pair("padding", self.padding, same);
        if self.groups > 1 {
            text.push_str(&format!(", groups: {}", self.groups));
        }
        if !self.bias && self.norm.is_none() {
            text.push_str(", no bias");
        }
        if let Some(norm) = &self.norm {
            text.push_str(&format!(", norm: {}", norm.params));
        }
        if self.adds {
            text.push_str(", plus the last");
        }
        if let Some(activation) = self.activation {
            text.push_str(&format!(", then {}", crate::plan::print::unary(activation)));
        }
        text
    }
}
