//! `gaussian_blur`: a gaussian filter over each channel.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::{Diag, codes};
use crate::ir::fact::Fact;
use crate::plan::instr::Instr;
use crate::plan::lower::Lower;

/// Each channel filtered with a gaussian that is cut to a window and adds up to 1 there; zeros around the map.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianBlur {
    /// Rows and columns of the window, odd.
    pub kernel: usize,
    /// Standard deviation in pixels.
    pub sigma: f32,
}

impl OpRules for GaussianBlur {
    const DEF: OpDef = OpDef {
        name: "gaussian_blur",
        callable: true,
        summary: "a gaussian filter over each channel, with zeros around the map",
        inputs: &[InputDef::one("x", "the map")],
        params: &[
            ParamDef::required("kernel", ParamType::Count, "rows and columns of the window, odd"),
            ParamDef::required("sigma", ParamType::Float, "standard deviation in pixels"),
        ],
        outputs: &["out"],
        example: "mask |> gaussian_blur(kernel: 25, sigma: 5)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let (kernel, sigma) = (args.int("kernel"), args.float("sigma") as f32);
        let (name, message) = if kernel % 2 == 0 {
            ("kernel", "the window of a gaussian filter has a middle: its size is odd")
        } else if sigma <= 0.0 {
            ("sigma", "a standard deviation is above 0")
        } else {
            return Ok(Self { kernel, sigma });
        };
        Err(Diag::new(&codes::PARAM_VALUE, message, args.span(name), "out of range"))
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        inputs.map(0)?;
        Ok(vec![inputs.fact(0).clone()])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        at.emit_like(Instr::GaussianBlur { kernel: self.kernel, sigma: self.sigma });
    }

    fn describe(&self) -> String {
        format!("{}x{}, sigma: {}", self.kernel, self.kernel, self.sigma)
    }
}
