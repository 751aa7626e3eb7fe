//! Words in messages: the name that was probably meant, and names too long to be printed.
//!
//! Comes in: a word that nothing is called, and the names that exist. Goes out: the nearest of them, if one is near.

/// Words of other systems, in lower case and without underscores, and what they are called here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("adaptiveavgpool2d", "global_pool"),
    ("averagepooling2d", "avg_pool"),
    ("avgpool2d", "avg_pool"),
    ("backbone", "encoder"),
    ("batchnorm", "norm"),
    ("batchnorm2d", "norm"),
    ("batchnormalization", "norm"),
    ("batchsize", "batch"),
    ("bmm", "matmul"),
    ("bn", "norm"),
    ("body", "encoder"),
    ("boolean", "bool"),
    ("cat", "concat"),
    ("centercrop", "crop"),
    ("concatenate", "concat"),
    ("conv2d", "conv"),
    ("conv2dtranspose", "conv_transposed"),
    ("convolution", "conv"),
    ("convtranspose", "conv_transposed"),
    ("convtranspose2d", "conv_transposed"),
    ("crossentropyloss", "cross_entropy"),
    ("deconv", "conv_transposed"),
    ("dense", "linear"),
    ("detach", "stop_gradient"),
    ("dice", "soft_iou"),
    ("diceloss", "soft_iou"),
    ("double", "float"),
    ("dropout2d", "dropout"),
    ("droprate", "rate"),
    ("eps", "epsilon"),
    ("fc", "linear"),
    ("filters", "channels"),
    ("gap", "global_pool"),
    ("globalaveragepooling2d", "global_pool"),
    ("globalavgpool", "global_pool"),
    ("horizontalflip", "flip"),
    ("integer", "int"),
    ("interpolate", "resize"),
    ("iou", "soft_iou"),
    ("iouloss", "soft_iou"),
    ("iterations", "steps"),
    ("jaccard", "soft_iou"),
    ("kernelsize", "kernel"),
    ("kldiv", "kl"),
    ("kldivergence", "kl"),
    ("kldivloss", "kl"),
    ("kldloss", "kl"),
    ("learningrate", "rate"),
    ("logsoftmax", "softmax"),
    ("logvar", "log_variance"),
    ("lr", "rate"),
    ("lrscheduler", "schedule"),
    ("maxiter", "steps"),
    ("maxpool2d", "max_pool"),
    ("maxpooling2d", "max_pool"),
    ("maxunpool2d", "unpool"),
    ("mean", "global_pool"),
    ("model", "encoder"),
    ("mu", "mean"),
    ("net", "encoder"),
    ("network", "encoder"),
    ("normal", "standard_normal"),
    ("numclasses", "classes"),
    ("numepochs", "epochs"),
    ("numsteps", "steps"),
    ("outchannels", "channels"),
    ("outfeatures", "channels"),
    ("outplanes", "channels"),
    ("p", "rate"),
    ("pad", "padding"),
    ("pixelshuffle", "depth_to_space"),
    ("polynomial", "poly"),
    ("prob", "rate"),
    ("probability", "rate"),
    ("reducemean", "global_pool"),
    ("scalefactor", "scale"),
    ("scheduler", "schedule"),
    ("std", "variance"),
    ("strides", "stride"),
    ("targets", "labels"),
    ("training", "train"),
    ("upsample", "resize"),
    ("upsampling2d", "resize"),
    ("var", "variance"),
    ("wd", "decay"),
    ("weightdecay", "decay"),
];

/// What is not here under any name, or otherwise: a word as in [`ELSEWHERE`], a name that stands where this help is
/// meant, and the help.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("activation", "channels", "activations are ops of their own: `|> conv(64) |> relu`"),
    ("aligncorners", "mode", "maps are resized with half-pixel centres, as without `align_corners`"),
    (
        "argmax",
        "softmax",
        "an output is a map of scores, `softmax(logits)`, of which `phgc predict` takes the largest itself; within a \
         network it is `largest_channel(x)`",
    ),
    ("array", "int", "a list is written by what it holds: `[int]`"),
    ("axis", "log", "it runs along channels"),
    ("dim", "log", "it runs along channels"),
    ("ignoreindex", "weights", "void is left out already; the dataset says which class it is"),
    ("list", "int", "a list is written by what it holds: `[int]`"),
    ("name", "channels", "`as` names a layer: `conv(64) as stem`"),
    ("returnindices", "ceil", "`let (value, indices) = max_pool_indices(x, kernel: 2)` gives them"),
    (
        "shape",
        "channels",
        "there are `channels(x)`, `height(x)` and `width(x)`; `assert x: map[N, 8, H, W]` checks all",
    ),
    ("str", "int", "words take the place of strings: `param mode: fast | slow = fast`"),
    ("string", "int", "words take the place of strings: `param mode: fast | slow = fast`"),
];

/// Names of more bytes are compared with none: the comparison takes their product in time.
const COMPARED: usize = 64;

/// The name among `known` that `unknown` was probably meant to be: what another system's word is called here, or the
/// one that is spelt most like it.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if unknown.len() > COMPARED {
        return None;
    }
    let known: Vec<&str> = known.into_iter().filter(|name| name.len() <= COMPARED).collect();
    let plain = plain(unknown);
    let same = known.iter().find(|name| self::plain(name) == plain);
    let here = || {
        let (_, ours) = ELSEWHERE.iter().find(|(theirs, ours)| *theirs == plain && known.contains(ours))?;
        known.iter().find(|name| *name == ours)
    };
    let alike = || {
        let likeness = known.iter().map(|name| (strsim::jaro_winkler(unknown, name), name));
        let near = |name: &str| {
            let longer = unknown.chars().count().max(name.chars().count());
            strsim::damerau_levenshtein(unknown, name) * 2 <= longer
        };
        likeness
            .filter(|(likeness, name)| *likeness > 0.78 && near(name))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name)
    };
    same.or_else(here).or_else(alike).copied()
}

/// A word in lower case, without underscores.
fn plain(word: &str) -> String {
    word.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// `did you mean X?` for a misspelt name, or what takes the place of one that exists elsewhere.
pub fn did_you_mean<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let explained = || {
        let word = plain(unknown);
        let mut fitting =
            EXPLAINED.iter().filter(|(theirs, beside, _)| *theirs == word && known.contains(beside));
        fitting.next().map(|(_, _, help)| (*help).to_owned())
    };
    let near = nearest(unknown, known.iter().copied());
    // A word that differs in case or underscores only is the user's own.
    if let Some(name) = near.filter(|name| plain(name) == plain(unknown)) {
        return Some(format!("did you mean `{name}`?"));
    }
    explained().or_else(|| near.map(|name| format!("did you mean `{name}`?")))
}

/// Help for a code that does not exist, such as `shape::mismach`, `mismatch` or `shape`; `known` are those that do.
pub fn suggest_code<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let plain = unknown.trim().to_lowercase().replace(['/', '.', '-', ' '], ":");
    let parts: Vec<&str> = plain.split(':').filter(|part| !part.is_empty() && *part != "phg").collect();
    let tail = |code: &str| code.trim_start_matches("phg::").to_owned();
    let wanted = parts.join("::");
    if known.iter().any(|code| tail(code) == wanted) {
        return format!("did you mean `phg::{wanted}`?");
    }
    // One word names a family of codes, or ends some of them.
    let ends = |code: &&&str| parts.last().is_some_and(|last| code.rsplit("::").next() == Some(*last));
    let ending: Vec<&str> = known.iter().filter(ends).copied().collect();
    if let [family] = parts.as_slice() {
        let prefix = format!("phg::{family}::");
        let mut codes: Vec<&str> = known.iter().copied().filter(|code| code.starts_with(&prefix)).collect();
        if !codes.is_empty() {
            codes.extend(ending);
            return format!("codes of that name are {}", codes.join(", "));
        }
    }
    if let Some(first) = ending.first() {
        return format!("did you mean `{first}`?");
    }
    let tails: Vec<String> = known.iter().map(|code| tail(code)).collect();
    let whole = nearest(&wanted, tails.iter().map(String::as_str)).map(|tail| format!("phg::{tail}"));
    let words = || {
        let words = known.iter().filter_map(|code| code.rsplit("::").next());
        let near = nearest(parts.last()?, words)?;
        known.iter().find(|code| code.rsplit("::").next() == Some(near)).map(|code| (*code).to_owned())
    };
    match whole.or_else(words) {
        Some(code) => format!("did you mean `{code}`?"),
        None => "`phgc explain` lists every code".to_owned(),
    }
}

/// A word of more bytes is cut in a message.
const WORD: usize = 200;

/// Cuts words that would fill the screen: their beginning is enough to find them.
pub(super) fn clip(text: &mut String) {
    if text.len() <= WORD || !text.split(' ').any(|word| word.len() > WORD) {
        return;
    }
    let cut = |word: &str| {
        if word.len() <= WORD {
            return word.to_owned();
        }
        let start: String = word.chars().take(WORD / 4).collect();
        let end = if word.ends_with('`') { "`" } else { "" };
        format!("{start}…{end}")
    };
    *text = text.split(' ').map(cut).collect::<Vec<_>>().join(" ");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    #[test]
    fn words_of_other_systems_are_translated_where_the_name_is_known() {
        assert_eq!(nearest("Conv2d", ["concat", "conv"]), Some("conv"));
        assert_eq!(nearest("weight_decay", ["rate", "decay"]), Some("decay"));
        assert_eq!(nearest("upsample", ["sample", "resize"]), Some("resize"));
        assert_eq!(nearest("upsample", ["sample"]), Some("sample"), "`resize` is no name there");
        assert_eq!(nearest("MaxPool", ["max_pool", "max"]), Some("max_pool"));
        assert_eq!(nearest("lr", ["epochs"]), None);
        assert_eq!(nearest(&"a".repeat(100_000), [&*"a".repeat(100_000)]), None, "not even compared");
    }

    #[test]
    fn codes_are_found_however_they_are_written() {
        let help = |unknown: &str| suggest_code(unknown, codes::ALL.iter().map(|code| code.id));
        for unknown in
            ["shape::mismach", "shape:mismatch", "shape/mismatch", "mismatch", "phg::shape::mismatches"]
        {
            assert_eq!(help(unknown), "did you mean `phg::shape::mismatch`?", "{unknown}");
        }
        assert_eq!(help("PHG::Lint::Flip"), "did you mean `phg::lint::flip`?");
        assert_eq!(
            help("output"),
            "codes of that name are phg::output::missing, phg::output::kind, phg::block::output"
        );
        assert!(help("shape").starts_with("codes of that name are phg::shape::mismatch, "));
        assert_eq!(help("xyzzy"), "`phgc explain` lists every code");
        assert_eq!(help(""), "`phgc explain` lists every code");
    }

    #[test]
    fn words_that_fill_the_screen_are_cut() {
        let mut text = format!("there is no `{}` here", "x".repeat(100_000));
        clip(&mut text);
        assert_eq!(text, format!("there is no `{}…` here", "x".repeat(49)));
        let mut long = "short words ".repeat(100);
        let before = long.clone();
        clip(&mut long);
        assert_eq!(long, before);
    }
}
