//! `kl`: the Kullback-Leibler divergence of two distributions of one kind.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::Diag;
use crate::ir::fact::Fact;
use crate::plan::instr::{Instr, KlMethod, KlReduce};
use crate::plan::lower::Lower;

/// `KL(q || p)`, the mean over the batch: closed form for gaussians, one of three approximations for mixtures.
#[derive(Clone, Debug, PartialEq)]
pub struct Kl {
    /// How mixtures are compared.
    pub by: KlMethod,
    /// Divide by the latent size?
    pub reduce: KlReduce,
}

impl OpRules for Kl {
    const DEF: OpDef = OpDef {
        name: "kl",
        callable: true,
        summary: "the Kullback-Leibler divergence of two distributions of one kind",
        inputs: &[
            InputDef::one("q", "a gaussian or mixture"),
            InputDef::one("p", "one of the same kind and size, or `standard_normal`"),
        ],
        params: &[
            ParamDef::with(
                "by",
                ParamType::Choice(&["matched", "variational", "monte_carlo"]),
                "matched",
                "the approximation for mixtures",
            ),
            ParamDef::with("samples", ParamType::Count, "8", "draws from every component, for `monte_carlo`"),
            ParamDef::with(
                "reduce",
                ParamType::Choice(&["mean", "sum"]),
                "mean",
                "divide by the latent size, or not",
            ),
        ],
        outputs: &["out"],
        example: "kl(q, standard_normal)",
    };

    fn from_args(args: &Args) -> Result<Self, Diag> {
        let by = match args.word("by") {
            "variational" => KlMethod::Variational,
            "monte_carlo" => KlMethod::MonteCarlo { samples: args.int("samples") },
            _ => KlMethod::Matched,
        };
        let reduce = if args.word("reduce") == "sum" { KlReduce::Sum } else { KlReduce::Mean };
        Ok(Self { by, reduce })
    }

    fn infer(&self, inputs: &mut Infer<'_>) -> Result<Vec<Fact>, Diag> {
        match (inputs.fact(0), inputs.fact(1)) {
            (Fact::Gaussian { .. } | Fact::Mixture { .. }, Fact::StandardNormal) => {}
            (Fact::Gaussian { dim: a }, Fact::Gaussian { dim: b }) if a != b => {
                return Err(inputs.mismatch("latent size", &a.to_string(), 0, &b.to_string(), 1));
            }
            (Fact::Mixture { dim: a, .. }, Fact::Mixture { dim: b, .. }) if a != b => {
                return Err(inputs.mismatch("latent size", &a.to_string(), 0, &b.to_string(), 1));
            }
            (Fact::Mixture { components: a, .. }, Fact::Mixture { components: b, .. })
                if a != b && self.by == KlMethod::Matched =>
            {
                return Err(inputs
                    .mismatch("number of components", &a.to_string(), 0, &b.to_string(), 1)
                    .help("`matched` pairs components; `variational` and `monte_carlo` compare mixtures of different sizes"));
            }
            (Fact::Gaussian { .. }, Fact::Gaussian { .. }) | (Fact::Mixture { .. }, Fact::Mixture { .. }) => {
            }
            (Fact::Gaussian { .. } | Fact::Mixture { .. }, _) => {
                let wanted = format!("a {} as `p`, since `q` is one", inputs.fact(0).kind());
                return Err(inputs.wrong_kind(1, &wanted));
            }
            _ => return Err(inputs.wrong_kind(0, "two distributions")),
        }
        Ok(vec![Fact::Loss])
    }

    fn weights(&self, _inputs: &[Fact]) -> Vec<WeightDecl> {
        Vec::new()
    }

    fn lower(&self, at: &mut Lower<'_>) {
        let standard = matches!(at.input_fact(1), Fact::StandardNormal);
        match at.input_fact(0).clone() {
            Fact::Mixture { components, .. } => {
                let mut reads = at.inputs(0).to_vec();
                if standard {
                    reads.extend(at.standard_mixture(components));
                } else {
                    reads.extend_from_slice(at.inputs(1));
                }
                at.give_emitted(Instr::KlMixture { by: self.by, reduce: self.reduce }, reads);
            }
            _ => {
                let mut reads = at.inputs(0).to_vec();
                reads.extend_from_slice(at.inputs(1));
                at.give_emitted(Instr::KlGaussian { standard, reduce: self.reduce }, reads);
            }
        }
    }

    fn describe(&self) -> String {
        let by = match self.by {
            KlMethod::Matched => "matched".to_string(),
            KlMethod::Variational => "variational".to_string(),
            KlMethod::MonteCarlo { samples } => format!("monte_carlo, samples: {samples}"),
        };
        if self.reduce == KlReduce::Sum { format!("{by}, sum") } else { by }
    }
}
