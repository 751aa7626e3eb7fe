//! The canonical form: what it looks like, and that it means what the text meant.

use proptest::prelude::*;

use super::{WIDTH, format};
use crate::diag::Diags;
use crate::parse::random::{spanless, spec};
use crate::parse::{parse, scan};
use crate::source::FileId;

fn tree(text: &str) -> String {
    let mut diags = Diags::default();
    let file = parse(FileId(0), text, &mut diags);
    assert!(!diags.has_errors(), "{text}\n{diags:?}");
    spanless(&file)
}

fn formatted(text: &str) -> String {
    format(text).unwrap_or_else(|diags| panic!("{diags:?}"))
}

/// Comments in the order of their texts.
fn comments(text: &str) -> Vec<String> {
    let tokens = scan::scan(text);
    let mut all: Vec<_> = tokens
        .iter()
        .filter(|token| token.is_comment())
        .map(|token| token.of(text).trim_end().to_owned())
        .collect();
    all.sort();
    all
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(formatted(text), expected);
    assert_eq!(formatted(expected), expected);
    assert_eq!(tree(text), tree(expected));
}

#[test]
fn spaces_become_canonical() {
    check(
        "param   K:int=4;param deep :bool= true\n\n\n\nencoder{let x=image|>conv( 8,kernel :3 ,)}",
        "param K: int = 4\nparam deep: bool = true\n\nencoder { let x = image |> conv(8, kernel: 3) }\n",
    );
}

#[test]
fn tabs_become_spaces_and_carriage_returns_go() {
    check_text("encoder {\r\n\tlet x = a\r\n}\r\n", "encoder {\n    let x = a\n}\n");
}

/// Spaces that stood for tabs are not the user's: mistakes are said where they are in the file.
#[test]
fn mistakes_behind_tabs_keep_their_places() {
    let text = "input image: float[N,3,H,W]\n\tlet x = image |> conv(4, kernel 3)\n\t\toutput y = x)\n";
    let places = |diags: &[crate::diag::Diag]| -> Vec<String> {
        let spans = diags.iter().flat_map(|diag| diag.labels.iter().map(|label| label.span));
        spans
            .map(|span| format!("{}: {}", span.start, &text[span.start as usize..span.end as usize]))
            .collect()
    };
    let found = places(&format(text).expect_err("it does not parse"));
    let kernel = text.find("kernel 3").unwrap();
    let bracket = text.find("x)").unwrap() + 1;
    assert!(found.iter().any(|place| place.starts_with(&format!("{}: ", kernel + 7))), "{found:?}");
    assert!(found.contains(&format!("{bracket}: )")), "{found:?}");
}

fn check_text(text: &str, expected: &str) {
    assert_eq!(formatted(text), expected);
}

#[test]
fn long_pipes_break_before_each_stage() {
    check(
        "let logits = concat(levels ++ global) |> conv(width, kernel: 3) |> relu |> conv(classes, kernel: 3) |> resize(like: image)",
        "let logits = concat(levels ++ global)
    |> conv(width, kernel: 3)
    |> relu
    |> conv(classes, kernel: 3)
    |> resize(like: image)
",
    );
}

#[test]
fn long_lists_and_calls_take_a_line_an_entry() {
    let name = "a_rather_long_name_for_a_value";
    check(
        &format!(
            "let x = f([{name}, {name}], {name}, kernel: {name})\nlet y = [{name}, {name}, {name}, {name}]"
        ),
        &format!(
            "let x = f(
    [{name}, {name}],
    {name},
    kernel: {name},
)
let y = [
    {name},
    {name},
    {name},
    {name},
]
"
        ),
    );
}

#[test]
fn a_loop_alone_in_a_call_keeps_its_brackets_close() {
    check(
        "let map = concat(for k in 0..K { q.mean[k] * q.weight[k] |> linear(D) |> relu |> expand(like: x4, how: nearest) }) |> conv(z_map, kernel: 3) |> relu",
        "let map = concat(for k in 0..K {
    q.mean[k] * q.weight[k] |> linear(D) |> relu |> expand(like: x4, how: nearest)
}) |> conv(z_map, kernel: 3) |> relu
",
    );
}

#[test]
fn bodies_stay_on_one_line_if_they_were_and_fit() {
    let short = "extend \"../phgmm.phg\" { K = 4; use_g = false }\n";
    check(short, short);
    check("train { epochs = 1; batch = 2\n}", "train {\n    epochs = 1\n    batch = 2\n}\n");
    check(
        "let x = for k in xs {\n    let y = k\n    y }",
        "let x = for k in xs {\n    let y = k\n    y\n}\n",
    );
    check("let x = for k in xs {\n    k }", "let x = for k in xs { k }\n");
}

#[test]
fn conditions_in_a_row_break_together() {
    let long = "a_rather_long_name_for_a_value_indeed";
    check(
        &format!("let x = if a {{ {long} }} else if b {{ {long} }} else {{ {long} }}"),
        &format!("let x = if a {{\n    {long}\n}} else if b {{\n    {long}\n}} else {{\n    {long}\n}}\n"),
    );
}

#[test]
fn comments_keep_their_places() {
    let text = "//! About.

// Above.
param K: int = 4 // behind

// Alone.

/// Doc.
encoder { // in the brace
    // Above x.
    let x = image // image
        // before conv
        |> conv(8) // conv
        |> relu // all
    let y = f(
        a, // first
        // above b
        b
        // last
    )
    // At the end.
} // behind the section
// The end.
";
    let expected = text
        .replace("encoder { // in the brace\n", "encoder {\n    // in the brace\n")
        .replace("        b\n", "        b,\n");
    check(text, &expected);
}

#[test]
fn a_comment_inside_of_an_expression_moves_above_its_statement() {
    check("let x = a + // why\n    b", "// why\nlet x = a + b\n");
    check("let x = f( // why\n    a + // how\n    b)", "let x = f(\n    // why\n    // how\n    a + b,\n)\n");
}

#[test]
fn what_does_not_parse_is_not_formatted() {
    let diags = format("param K: int = = 4").unwrap_err();
    assert_eq!(diags.iter().map(|diag| diag.code.id).collect::<Vec<_>>(), ["phg::parse::syntax"]);
}

#[test]
fn lines_fit_where_they_can() {
    let stages = " |> conv(64, kernel: 3, dilation: 2) |> norm |> relu".repeat(5);
    let text = formatted(&std::format!(
        "encoder {{\nlet x = image{stages} |> f(a: [1, 2, 3], b: 4) as last when deep and wide\n}}"
    ));
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn formatting_keeps_the_tree_and_the_comments_and_is_stable(text in spec()) {
        let once = formatted(&text);
        prop_assert_eq!(tree(&text), tree(&once), "{}\n----\n{}", text, once);
        prop_assert_eq!(comments(&text), comments(&once), "{}\n----\n{}", text, once);
        prop_assert_eq!(&formatted(&once), &once, "{}", text);
        prop_assert!(!once.contains("\n\n\n") && !once.contains(" \n"), "{}", once);
    }
}

/// Comments between a block's results and its body move into the body; the parameters stay on their line.
#[test]
fn comments_before_a_body_break_no_parameters() {
    let text = "//! A spec.\n\nblock x(x :[int ]\n\n\n,n: int =(x ).x )->(out :[int ])\r\n// one\n\n// two  \n{\r\n// one\n\n// two  \n}";
    let once = super::format(text).expect("a spec that parses");
    assert_eq!(super::format(&once).as_ref(), Ok(&once));
    assert_eq!(once.matches("// one").count(), 2, "{once}");
}
