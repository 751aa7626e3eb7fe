//! How text is read: precedence, newlines, limits, recovery; and that no text brings the parser down.

use proptest::prelude::*;

use super::random::{spanless, spec};
use super::*;

fn read(text: &str) -> (ast::File, Vec<Diag>) {
    let mut diags = Diags::default();
    let file = parse(FileId(0), text, &mut diags);
    (file, diags.sorted())
}

/// The outline of a text that parses.
#[track_caller]
fn outline(text: &str) -> String {
    let (file, diags) = read(text);
    assert!(diags.iter().all(|diag| !diag.is_error()), "{diags:?}");
    print_ast(&file)
}

/// The codes of a text's diagnostics, without their family.
fn codes_of(text: &str) -> Vec<&'static str> {
    read(text).1.iter().map(|diag| diag.code.id.trim_start_matches("phg::parse::")).collect()
}

#[track_caller]
fn value(text: &str, expected: &str) {
    assert_eq!(outline(&format!("let x = {text}")), format!("let x = {expected}\n"));
}

#[test]
fn operators_bind_as_documented() {
    value("a ++ b or c", "(a ++ (b or c))");
    value("a or b and c", "(a or (b and c))");
    value("a and not b == c", "(a and (not (b == c)))");
    value("a == b..c", "(a == (b .. c))");
    value("0..2 * K + 1", "(0 .. ((2 * K) + 1))");
    value("a - b - c", "((a - b) - c)");
    value("a + b * c", "(a + (b * c))");
    value("a / b div c % d", "(((a / b) div c) % d)");
    value("-a * b", "((-a) * b)");
    value("-a.b[0]", "(-a.b[0])");
    value("a * -b", "(a * (-b))");
    value("2 * q |> f |> g(1, k: 2) as h", "(((2 * q) |> f) |> g(1, k: 2) as h)");
    value("f(x |> g, y)", "f((x |> g), y)");
    value("(a ++ b) |> f", "((a ++ b) |> f)");
}

#[test]
fn numbers_leave_ranges_alone() {
    value("0..K", "(0 .. K)");
    value("1.5..2e3", "(1.5 .. 2000.0)");
    value("[1, 1.0, 1e-4, 2E+1]", "[1, 1.0, 0.0001, 20.0]");
}

#[test]
fn expressions_of_every_kind() {
    value("if a { 1 } else if b { 2 } else { 3 }", "if a { 1 } else { if b { 2 } else { 3 } }");
    value("for (i, x) in xs { let y = x; y }", "for (i, x) in xs { let y = x; y }");
    value(
        "fold xs = [x] for i in 0..4 { xs ++ [unit(concat(xs), growth: 16)] }",
        "fold xs = [x] for i in (0 .. 4) { (xs ++ [unit(concat(xs), growth: 16)]) }",
    );
    value("z.map.in", "z.map.in");
    value(r#""a \"b\" \\""#, r#""a \"b\" \\""#);
}

#[test]
fn a_line_goes_on_at_an_operator_or_a_word_that_joins() {
    for (text, lines) in [
        ("let a = x\n    |> f\n\n    // why\n    |> g", 1),
        ("let a = x ++\n    y", 1),
        ("let a = x\n    + y\n    * z", 1),
        ("let a = f(x)\n    when deep", 1),
        ("let a =\n    x", 1),
        ("let a = f(\n  x,\n  y,\n)", 1),
        ("let a = if c { 1 }\n    else { 2 }", 1),
        ("let a = 1; let b = 2;; let c = 3;", 3),
        ("let a = 1 // one\nlet b = 2", 2),
    ] {
        assert_eq!(outline(text).lines().count(), lines, "{text}");
    }
}

#[test]
fn a_body_may_end_with_what_would_go_on_elsewhere() {
    value("for x in xs {\n  let y = x\n  [y]\n}", "for x in xs { let y = x; [y] }");
    value("for x in xs {\n  let y = x\n  (y)\n}", "for x in xs { let y = x; y }");
    value("for x in xs {\n  let y = x\n  -y\n}", "for x in xs { let y = x; (-y) }");
}

#[test]
fn section_words_are_names_elsewhere() {
    let text = "param loss: int = 1\nencoder { let output = loss; let layer = block; let train = input(use, merge) }\n\
                loss { layer = latent; loss = param }\ntrain { train = 1; loss { block = 2 } }";
    assert_eq!(
        outline(text),
        "param loss: int = 1\nsection encoder\n  let output = loss\n  let layer = block\n  \
         let train = input(use, merge)\nloss\n  layer = latent\n  loss = param\ntrain\n  train = 1\n  loss\n    block = 2\n"
    );
}

#[test]
fn types_of_every_kind() {
    let text = "param a: x | y = x\nparam b: [[int]] = []\ninput c: class(K + 1)[N, H, W]\nassert d: map[N, 8, H/4, W/4], \"no\"";
    assert_eq!(
        outline(text),
        "param a: x | y = x\nparam b: [[int]] = []\ninput c: class((K + 1))[N, H, W]\n\
         assert d: map[N, 8, (H / 4), (W / 4)], \"no\"\n"
    );
}

#[test]
fn doc_comments_belong_to_what_is_below() {
    let text = "//! About.\n//! More.\n\n/// Width.\n///\n/// In channels.\nparam w: int = 1\nencoder {\n/// Stem.\nlet x = y\n}";
    assert_eq!(
        outline(text),
        "//! About.\n//! More.\n/// Width.\n///\n/// In channels.\nparam w: int = 1\nsection encoder\n  /// Stem.\n  let x = y\n"
    );
}

#[test]
fn spans_cover_what_they_name() {
    let text = "\u{FEFF}// é\nencoder {\n    let x = a + b  // c\n}\n";
    let (file, _) = read(text);
    let at = |span: Span| &text[span.start as usize..span.end as usize];
    let item = &file.items[0];
    assert_eq!(at(item.span), "encoder {\n    let x = a + b  // c\n}");
    let ast::ItemKind::Section(section) = &item.kind else { panic!("{item:?}") };
    assert_eq!(at(section.body[0].span), "let x = a + b");
    let ast::StatementKind::Let { value, .. } = &section.body[0].kind else { panic!("{section:?}") };
    assert_eq!(at(value.span), "a + b");
}

#[test]
fn several_mistakes_in_one_section_are_all_reported_and_the_rest_is_kept() {
    let text = "encoder {\n    let a = x |> |> f\n    let b = x\n    c = b\n    let d = f(b c)\n    let e = b\n}\nparam = 3\nparam K: int = 4\n";
    let (file, _) = read(text);
    assert_eq!(codes_of(text), ["pipe_stage", "missing_let", "comma", "missing_let"]);
    assert_eq!(print_ast(&file), "section encoder\n  let b = x\n  let e = b\nparam K: int = 4\n");
}

#[test]
fn an_unclosed_bracket_hides_no_other_item() {
    let text = "encoder {\n    let a = f(x, [1, 2)\n    let b = a\n\ndecoder {\n    let c = b\n}\n";
    let (file, diags) = read(text);
    assert!(diags.iter().all(|diag| diag.code.id == "phg::parse::bracket"), "{diags:?}");
    assert!(print_ast(&file).contains("section decoder\n  let c = b\n"));
}

#[test]
fn a_file_too_large_is_refused_before_it_is_read() {
    let text = "// a comment\n".repeat(SIZE / 13 + 1);
    assert!(text.len() > SIZE);
    assert_eq!(codes_of(&text), ["size"]);
    assert_eq!(codes_of(&text[..SIZE - SIZE % 13]), Vec::<&str>::new());
}

#[test]
fn nesting_is_refused_at_its_limit() {
    for (open, close) in [
        ("-(", ")"),
        ("f(x: ", ")"),
        ("[", "]"),
        ("a[", "]"),
        ("if true { ", "} else { 2 }"),
        ("for x in [", "] { x }"),
    ] {
        let nested = |depth: usize| format!("let a = {}1{}", open.repeat(depth), close.repeat(depth));
        let cost = if open.starts_with("for") { 2 } else { 1 };
        assert_eq!(codes_of(&nested(NESTING / cost)), Vec::<&str>::new(), "{open}");
        assert_eq!(codes_of(&nested(NESTING / cost + 1)), ["nesting"], "{open}");
        assert_eq!(codes_of(&nested(20_000)), ["nesting"], "{open}");
    }
    for open in ["if ", "for x in ", "fold a = ", "{", "((("] {
        assert_eq!(codes_of(&format!("let a = {}", open.repeat(20_000))), ["nesting"], "{open}");
    }
}

#[test]
fn long_chains_are_refused_once() {
    for link in ["+ 1", ".a", "[1]", "|> f", "++ a"] {
        let chain = |count: usize| format!("let a = b{}", link.repeat(count));
        assert_eq!(codes_of(&chain(500)), Vec::<&str>::new(), "{link}");
        assert_eq!(codes_of(&chain(50_000)), ["nesting"], "{link}");
    }
    let many = format!("let a = if c {{ 0 }}{} else {{ 1 }}", " else if c { 0 }".repeat(20_000));
    assert_eq!(codes_of(&many), ["nesting"]);
}

#[test]
fn mistakes_without_number_are_cut_off() {
    let text = "param = 3\n".repeat(5_000);
    assert!((100..300).contains(&codes_of(&text).len()));
    let chain = format!("let a = b{}", "== 1".repeat(5_000));
    assert!(codes_of(&chain).len() < 600);
}

/// Any diagnostic's places must lie in the text, between characters.
fn sound(text: &str) -> Result<(), TestCaseError> {
    let (file, diags) = read(text);
    for label in diags.iter().flat_map(|diag| &diag.labels) {
        let (start, end) = (label.span.start as usize, label.span.end as usize);
        prop_assert!(text.get(start..end).is_some(), "{:?} in {:?}", label, text);
    }
    let errors = diags.iter().filter(|diag| diag.is_error()).count();
    let parses = Grammar::parse(Rule::file, text).is_ok();
    prop_assert!(parses || errors > 0, "nothing reported in {:?}", text);
    prop_assert!(print_ast(&file).len() < 100 * (text.len() + 10));
    Ok(())
}

/// Words and marks in no order.
fn soup() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![
        "let ",
        "if ",
        "else ",
        "for ",
        "in ",
        "fold ",
        "when ",
        "block ",
        "param ",
        "x",
        "K",
        " as y",
        "encoder ",
        "loss ",
        "train ",
        "extend ",
        "use std.a ",
        "output ",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "|>",
        "=",
        ":",
        ",",
        ";",
        "\n",
        "\n\n",
        " ",
        "1",
        "0.5",
        "..",
        ".",
        "+",
        "-",
        "->",
        "\"",
        "\"a\"",
        "//",
        "///",
        "//! ",
        "é",
        "\t",
        "\\",
        "==",
        "&&",
        "#",
        "'",
        "\r\n",
        "\r",
        "assert ",
        "layer ",
        "not ",
        "div ",
        "class",
        "\u{202E}",
    ]);
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_characters_bring_it_down(text in any::<String>()) {
        sound(&text)?;
    }

    #[test]
    fn no_words_bring_it_down(text in soup()) {
        sound(&text)?;
    }

    #[test]
    fn no_damage_to_a_spec_brings_it_down(
        text in spec(),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..12, soup()), 1..4),
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, length, new) in cuts {
            if characters.is_empty() {
                break;
            }
            let start = at.index(characters.len());
            let end = (start + length).min(characters.len());
            let new: String = new.chars().take(8).collect();
            characters.splice(start..end, new.chars());
        }
        sound(&characters.into_iter().collect::<String>())?;
    }

    #[test]
    fn a_broken_item_costs_none_of_the_others(text in spec()) {
        let (whole, diags) = read(&text);
        prop_assert!(diags.iter().all(|diag| !diag.is_error()), "{}\n{:?}", text, diags);
        let (with, diags) = read(&format!("{text}\nparam = 3\n"));
        prop_assert_eq!(diags.iter().filter(|diag| diag.is_error()).count(), 1, "{}\n{:?}", text, diags);
        let without_span = |file: &ast::File| spanless(&ast::File { doc: Vec::new(), ..file.clone() });
        prop_assert_eq!(without_span(&with), without_span(&whole), "{}", text);
    }
}
