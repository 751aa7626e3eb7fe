//! Scopes, guards and words that are fine: the check of names must not refuse what the elaborator takes, whatever
//! the switches say. (What it must refuse is in `tests/ui/name`.)

use std::fmt::Write as _;

use phg_compiler::source::Provider;
use phg_compiler::{Request, compile};

/// Everything that scopes and guards allow, in one network.
const ALLOWED: &str = "
use std.latent (gaussian_head, mixture_head)
use std.layers (conv_relu as unit)
param use_g: bool = true
param deep: bool = false
param K: int = 4
param by: matched | variational | monte_carlo = if K > 9 { monte_carlo } else { matched }
input image: float[N, 3, H, W]
input labels: class(12)[N, H, W]
block twice(x: map, channels: int, also: int = channels, how: plain | strong = plain) -> (out: map) {
    let y = if how == plain { x |> conv(channels) } else { x |> conv(channels, kernel: 3) }
    let extra = y |> relu when how == strong
    let out = if how == strong { extra |> conv(also) } else { y |> conv(also) }
}
block act_as(x: map, how: relu | tanh) -> (out: map) {
    let out = if how == relu { x |> relu } else { x |> tanh }
}
layer look = conv(8, kernel: 3, padding: same)
layer shrink = twice(8, how: strong)
layer act = relu
encoder {
    let first = conv(8, kernel: 3, x: image)
    let x = first |> look |> shrink |> act
    let d = x |> unit(8) when deep and not use_g
    let e = x |> unit(8) when K > 1
    let scales = for (i, s) in enumerate([x, first]) { (s |> resize(scale: i + 1, mode: nearest)) |> conv(4) }
    let small = fold x = x for _i in 0..2 { x |> max_pool(padding: none) }
    let list = if not (K <= 1) { [e] } else { [x] }
    let other = if deep { if use_g { x } else { d } } else { x }
    let both = if deep and not use_g and channels(d) == 8 { d } else { x }
    let either = if not deep or use_g { x } else { d }
}
latent g when use_g {
    let q = x |> global_pool |> gaussian_head(8)
    let map = q.mean |> linear(8) |> expand(like: x)
    let wide = map |> conv(16) when deep
}
latent z {
    let q = small |> global_pool |> mixture_head(K, 8)
}
postnet {
    let p = concat(image, one_hot(labels)) |> global_pool |> mixture_head(K, 8)
    let r = p
}
merge when use_g {
    let joined = g.map + x
    let more = if deep { [g.wide] } else { [] }
}
decoder {
    let parts = if use_g { [joined, merge.joined] ++ more } else { [x] }
    let mean = encoder.x |> avg_pool(kernel: 3, stride: 1, padding: if deep { same } else { (1) })
    let bent = mean |> act_as(if use_g { relu } else { tanh }) |> resize(like: x, mode: if deep { nearest } else { bilinear })
    let logits = concat(parts ++ list ++ scales[0..1] ++ [other, both, either, bent]) |> conv(12)
}
output segmentation = softmax(logits)
output again = softmax(g.map |> conv(12)) when use_g
loss {
    let weight = 0.5
    l_g = 1.1 * kl(g.q, standard_normal) when use_g
    l_z = weight * kl(z.q, postnet.p, matched, reduce: sum)
    l_y = 0 * (z.q |> kl(postnet.r, by)) + 0.1 * l_z
    l_s = cross_entropy(logits, labels, weights: median_frequency)
}
train { steps = 10 * K; optimizer = sgd(rate: 0.1 / K); schedule = cosine }
";

#[test]
fn what_scopes_allow_is_taken_whatever_the_switches_say() {
    for (use_g, deep, k) in
        [("true", "false", "4"), ("true", "true", "2"), ("false", "true", "3"), ("false", "false", "1")]
    {
        let sets = [("use_g", use_g), ("deep", deep), ("K", k)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request { sets: &sets, ..Request::new("allowed.phg", ALLOWED) };
        let compilation = compile(&request);
        let found: Vec<String> =
            compilation.diags.iter().map(|diag| format!("{} {}", diag.code.id, diag.message)).collect();
        assert!(found.is_empty(), "use_g = {use_g}, deep = {deep}, K = {k}: {found:#?}");
        assert!(compilation.network.is_some());
    }
}

/// A word of an enumeration may stand on either side of `==`.
#[test]
fn a_word_is_compared_from_either_side() {
    let widths = |condition: &str, by: &str| {
        let text = format!(
            "param by: matched | variational = matched
input image: float[N, 3, H, W]
output y = image |> conv(if {condition} {{ 4 }} else {{ 8 }})
"
        );
        let sets = [("by".to_owned(), by.to_owned())];
        let compilation = compile(&Request { sets: &sets, ..Request::new("word.phg", &text) });
        let found: Vec<&str> = compilation.diags.iter().map(|diag| diag.code.id).collect();
        let network = compilation.network.unwrap_or_else(|| panic!("{condition}: {found:?}"));
        network.plan(phg_compiler::plan::Mode::Infer).weights[0].shape.clone()
    };
    for by in ["matched", "variational"] {
        assert_eq!(widths("by == matched", by), widths("matched == by", by));
        assert_eq!(widths("by != matched", by), widths("matched != by", by));
        assert_ne!(widths("matched == by", by), widths("variational == by", by));
    }
}

#[test]
fn names_do_not_depend_on_switches() {
    let text = "
param on: bool = true
input image: float[N, 3, H, W]
let a = image |> conv(12) when on
let b = if on { a } else { c }
let d = if not on { a } else { b }
output segmentation = softmax(d)
";
    let mut seen = Vec::new();
    for value in ["true", "false"] {
        let sets = [("on".to_owned(), value.to_owned())];
        let compilation = compile(&Request { sets: &sets, ..Request::new("switch.phg", text) });
        let found: Vec<(&str, usize)> = compilation
            .diags
            .iter()
            .map(|diag| (diag.code.id, compilation.sources.line_column(diag.span().unwrap()).0))
            .collect();
        seen.push(found);
    }
    assert_eq!(seen[0], [("phg::name::unknown", 5), ("phg::name::guarded", 6)]);
    assert_eq!(seen[0], seen[1]);
}

/// What is wrong in a branch that is not taken is said in the same words, once, when it is taken.
#[test]
fn arguments_do_not_depend_on_the_branch_that_is_taken() {
    for (name, text) in [
        ("param", include_str!("../../tests/ui/param/untaken_branch.phg")),
        ("type", include_str!("../../tests/ui/type/untaken_branch.phg")),
    ] {
        let mut seen = Vec::new();
        for k in ["1", "2", "3"] {
            let sets = [("K".to_owned(), k.to_owned())];
            let compilation = compile(&Request { sets: &sets, ..Request::new(name, text) });
            let found: Vec<(&str, usize, String)> = compilation
                .diags
                .iter()
                .map(|diag| {
                    let line = compilation.sources.line_column(diag.span().unwrap()).0;
                    (diag.code.id, line, diag.message.clone())
                })
                .collect();
            seen.push(found);
        }
        assert!(seen[0].len() > 10, "{name}: {:#?}", seen[0]);
        assert_eq!(seen[0], seen[1], "{name}");
        assert_eq!(seen[0], seen[2], "{name}");
    }
}

/// Two files: a network with a block that it does not call, and a spec that extends it or takes the block.
struct Other;

impl Provider for Other {
    fn load(&self, _from: &str, path: &str) -> Result<(String, String), String> {
        let text = "
input image: float[N, 3, H, W]
input labels: class(12)[N, H, W]
block spare(x: map) -> (out: map) { let out = x |> conv(12) }
block more(x: map) -> (out: map) { let out = x |> conv(12) }
output segmentation = softmax(image |> conv(12))
";
        Ok((path.to_owned(), text.to_owned()))
    }
}

/// Only the file at hand is looked at: what it imports or extends is somebody else's to tidy.
#[test]
fn other_files_are_not_looked_at() {
    let import = "
use \"other.phg\" (spare)
input image: float[N, 3, H, W]
output segmentation = softmax(image |> spare)
";
    for text in [import, "extend \"other.phg\" { train { batch = 2 } }"] {
        let compilation = compile(&Request { provider: &Other, ..Request::new("root.phg", text) });
        assert!(compilation.diags.is_empty(), "{text}: {:#?}", compilation.diags);
    }
    let (_, other) = Other.load("", "other.phg").unwrap();
    let found = compile(&Request::new("other.phg", &other)).diags;
    let codes: Vec<&str> = found.iter().map(|diag| diag.code.id).collect();
    let block = "phg::lint::unused_block";
    assert_eq!(codes, ["phg::lint::unused_input", block, block]);
}

/// A file of blocks has nobody who would call them.
#[test]
fn a_file_of_blocks_has_no_unused_ones() {
    let text = "block unit(x: map) -> (out: map) { let out = x |> conv(8) |> relu }";
    let found = compile(&Request::new("blocks.phg", text)).diags;
    let codes: Vec<&str> = found.iter().map(|diag| diag.code.id).collect();
    assert_eq!(codes, ["phg::output::missing"]);
}

#[test]
fn thousands_of_mistakes_are_all_reported() {
    let mut text = String::from("input image: float[N, 3, H, W]\n");
    for at in 0..3000 {
        let _ = writeln!(text, "let x{at} = y{at} |> relu");
    }
    let found = compile(&Request::new("many.phg", &text)).diags;
    assert_eq!(found.iter().filter(|diag| diag.code.id == "phg::name::unknown").count(), 3000);
}
