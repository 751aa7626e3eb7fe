//! `kl`: the Kullback-Leibler divergence of two distributions of one kind.

use super::{Args, Infer, InputDef, OpDef, OpRules, ParamDef, ParamType, WeightDecl};
use crate::diag::{Diag, codes};
use crate::ir::fact::Fact;
use crate::plan::instr::{Instr, KlMethod, KlReduce};
use crate::plan::lower::Lower;

/// `KL(q || p)`, the mean over the batch: closed form for gaussians, one of three approximations for mixtures. With
/// free bits (Kingma et al. 2016) each dimension's mean over the batch counts at least so much: below that it has no
/// gradient. Of mixtures, a dimension's divergence is the weighted sum over components; that of the weights has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Kl {
    /// How mixtures are compared.
    pub by: KlMethod,
    /// Divide by the latent size?
    pub reduce: KlReduce,
    /// Least that each latent dimension counts, in nats; 0 for none.
    pub free_bits: f32,
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
            ParamDef::with(
                "free_bits",
                ParamType::Float,
                "0",
                "nats that each latent dimension, as a mean over the batch, may diverge by without being pressed down",
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
        let free_bits = args.float("free_bits") as f32;
        if !(free_bits.is_finite() && free_bits >= 0.0) {
            return Err(Diag::new(
                &codes::PARAM_VALUE,
                format!("free bits are at least 0 nats, not {free_bits}"),
                args.span("free_bits"),
                "out of range",
            )
            .help("leave it out, or give each dimension a little: `free_bits: 0.05`"));
        }
        if free_bits > 0.0 && by != KlMethod::Matched {
            return Err(Diag::new(
                &codes::PARAM_VALUE,
                format!("`{}` does not come apart by dimension, which `free_bits` needs", args.word("by")),
                args.span("free_bits"),
                "a floor for each dimension",
            )
            .because(args.span("by"), "compares whole mixtures")
            .help("write `by: matched`, or leave `free_bits` out"));
        }
        Ok(Self { by, reduce, free_bits })
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
                let (by, reduce, free_bits) = (self.by, self.reduce, self.free_bits);
                at.give_emitted(Instr::KlMixture { by, reduce, free_bits }, reads);
            }
            _ => {
                let mut reads = at.inputs(0).to_vec();
                reads.extend_from_slice(at.inputs(1));
                let (reduce, free_bits) = (self.reduce, self.free_bits);
                at.give_emitted(Instr::KlGaussian { standard, reduce, free_bits }, reads);
            }
        }
    }

    fn describe(&self) -> String {
        let by = match self.by {
            KlMethod::Matched => "matched".to_string(),
            KlMethod::Variational => "variational".to_string(),
            KlMethod::MonteCarlo { samples } => format!("monte_carlo, samples: {samples}"),
        };
        let mut parts = vec![by];
        if self.reduce == KlReduce::Sum {
            parts.push("sum".to_string());
        }
        if self.free_bits > 0.0 {
            parts.push(format!("free bits: {}", self.free_bits));
        }
        parts.join(", ")
    }
}
