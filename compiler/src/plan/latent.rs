//! The distributions of a network: which values hold them, and which they are compared with.
//!
//! Comes in: a graph that is being lowered. Goes out: a [`Latent`] for each gaussian and mixture that an op makes.
//! Guaranteed: names are unique; what `stop_gradient` gives is the distribution that it was given.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ValueId;
use crate::ir::graph::{Graph, NodeId};
use crate::ops::Op;

/// A distribution that a network makes of each image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latent {
    /// Section and name in the spec, such as `z.q`; its whole path where that names several.
    pub name: String,
    /// Its node's path, which is the same in every mode.
    pub path: String,
    /// Means: `[n, d]` of a gaussian, `[n, k, d]` of a mixture.
    pub mean: ValueId,
    /// Log-variances, of the same shape.
    pub log_variance: ValueId,
    /// Log-weights `[n, k]` of a mixture's components.
    pub log_weights: Option<ValueId>,
    /// What the first `kl` of it compares it with, where the plan has one.
    pub against: Option<Against>,
}

/// The second operand of a `kl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The standard normal; of a mixture, as many of them with equal weights.
    StandardNormal,
    /// The latent of this name.
    Latent(String),
}

/// The latents of `graph`, whose nodes were lowered to the tensors in `made`, by node and port.
pub(super) fn find(graph: &Graph, made: &[Vec<Vec<ValueId>>]) -> Vec<Latent> {
    let mut latents: Vec<Latent> = Vec::new();
    let mut places: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut compared = Vec::new();
    for id in graph.nodes() {
        let Some(node) = graph.get(id) else { continue };
        let operands = graph.operands(id);
        let place = |at: usize| operands.get(at).and_then(|wire| places.get(&wire.node)).copied();
        #[allow(clippy::wildcard_enum_match_arm, reason = "every other op has no distribution")]
        match &node.op {
            Op::Gaussian(_) | Op::Mixture(_) => {
                let tensors = made.get(id.index()).and_then(|ports| ports.first());
                let (log_weights, mean, log_variance) = match tensors.map(Vec::as_slice) {
                    Some([mean, log_variance]) => (None, *mean, *log_variance),
                    Some([weights, mean, log_variance]) => (Some(*weights), *mean, *log_variance),
                    Some(_) | None => continue,
                };
                places.insert(id, latents.len());
                let name = short(&node.path, &node.section);
                let path = node.path.to_string();
                latents.push(Latent { name, path, mean, log_variance, log_weights, against: None });
            }
            Op::StopGradient(_) => {
                if let Some(place) = place(0) {
                    places.insert(id, place);
                }
            }
            Op::Kl(_) => compared.extend(place(0).map(|q| (q, place(1)))),
            _ => {}
        }
    }
    let names: Vec<String> = latents.iter().map(|latent| latent.name.clone()).collect();
    for latent in &mut latents {
        if names.iter().filter(|name| **name == latent.name).count() > 1 {
            latent.name.clone_from(&latent.path);
        }
    }
    for (q, p) in compared {
        let against = match p.and_then(|p| latents.get(p)) {
            Some(latent) => Against::Latent(latent.name.clone()),
            None => Against::StandardNormal,
        };
        if let Some(latent) = latents.get_mut(q) {
            latent.against.get_or_insert(against);
        }
    }
    latents
}

/// The `let` that a path begins with, with its section.
fn short(path: &str, section: &str) -> String {
    let parts = if section.is_empty() { 1 } else { 2 };
    path.split('.').take(parts).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Mode;
    use crate::{Request, compile};

    fn latents(text: &str, mode: Mode) -> Vec<Latent> {
        let compilation = compile(&Request::new("test.phg", text));
        let errors: Vec<_> = compilation.diags.iter().filter(|diag| diag.is_error()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        compilation.network.unwrap().plan(mode).latents
    }

    const HEAD: &str = "use std.latent (gaussian_head, mixture_head)\ninput image: float[N, 3, H, W]\n\
                        input labels: class(4)[N, H, W]\nlet x = image |> conv(4) |> global_pool\n";
    const TAIL: &str = "\nlet y = (image |> conv(4)) * (g.q.mean |> linear(4) |> expand(like: image))\n\
                        output segmentation = softmax(y)\n";

    #[test]
    fn latents_are_named_and_paired() {
        let text = format!(
            "{HEAD}latent g {{ let q = x |> gaussian_head(8) }}\nlatent z {{ let q = x |> mixture_head(3, 5) }}\n\
             postnet {{ let p = concat(image, one_hot(labels)) |> global_pool |> mixture_head(3, 5) }}\n\
             {TAIL}loss {{\n l_g = kl(g.q, standard_normal)\n l_z = kl(z.q, stop_gradient(postnet.p))\n\
             l_s = cross_entropy(y, labels)\n}}\n"
        );
        let found = latents(&text, Mode::Train);
        let named: Vec<(&str, bool, Option<Against>)> = found
            .iter()
            .map(|latent| (latent.name.as_str(), latent.log_weights.is_some(), latent.against.clone()))
            .collect();
        let prior = Against::Latent("postnet.p".into());
        assert_eq!(
            named,
            [
                ("g.q", false, Some(Against::StandardNormal)),
                ("z.q", true, Some(prior)),
                ("postnet.p", true, None)
            ]
        );
        // What predictions do not need is gone, and with it what it was compared with.
        let infer = latents(&text, Mode::Infer);
        assert_eq!(infer.iter().map(|latent| latent.name.as_str()).collect::<Vec<_>>(), ["g.q"]);
        assert_eq!(infer[0].against, None);
    }

    #[test]
    fn several_of_one_let_have_their_whole_paths() {
        let text = format!(
            "{HEAD}latent g {{ let qs = for i in 0..2 {{ x |> gaussian_head(8) }} }}\n\
             let y = (image |> conv(4)) * ((g.qs[0].mean + g.qs[1].mean) |> linear(4) |> expand(like: image))\n\
             output segmentation = softmax(y)\nloss {{ l = kl(g.qs[0], g.qs[1]) + cross_entropy(y, labels) }}\n"
        );
        let found = latents(&text, Mode::Eval);
        let names: Vec<&str> = found.iter().map(|latent| latent.name.as_str()).collect();
        assert_eq!(names, ["g.qs.0.gaussian_head.gaussian", "g.qs.1.gaussian_head.gaussian"]);
        assert_eq!(found[0].against, Some(Against::Latent(names[1].into())));
    }
}
