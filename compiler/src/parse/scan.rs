//! A rough look at a text: words, brackets, strings and comments, for recovery and for messages.
//!
//! Comes in: any text at all. Goes out: tokens that cover everything but spaces, in order. It decides nothing
//! about syntax, which is the grammar's; it says how deep brackets nest before the grammar is tried, where
//! an item or statement probably ends in a file that does not parse, and what stands at the place of an error.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lexeme {
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// The end of a line.
    Newline,
    /// `;`.
    Semicolon,
    /// Letters, digits and underscores, not beginning with a digit.
    Word,
    /// Begins with a digit.
    Number,
    /// A string with both its quotes.
    Text,
    /// A string that its line does not close.
    OpenText,
    /// `///`.
    Doc,
    /// `//!`.
    FileDoc,
    /// `//`.
    Comment,
    /// `/* ... */`, which the language does not have; without its end, `/*` alone.
    Block,
    /// `|>`, `,`, `=` and so on, known to the language or not.
    Mark,
    /// A character that is nowhere in the language: a tab, a letter beyond ASCII, a control character.
    Odd,
}

/// A token: what it is and where, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) lexeme: Lexeme,
    /// First byte.
    pub(crate) start: usize,
    /// One past the last.
    pub(crate) end: usize,
}

impl Token {
    /// Its text.
    pub(crate) fn of<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start..self.end).unwrap_or("")
    }

    /// Does it stand for nothing but a comment?
    pub(crate) fn is_comment(&self) -> bool {
        matches!(self.lexeme, Lexeme::Comment | Lexeme::Doc | Lexeme::FileDoc)
    }
}

/// Marks of two characters, the language's and its neighbours'.
const PAIRS: [&str; 20] = [
    "|>", "++", "..", "->", "==", "!=", "<=", ">=", "&&", "||", "**", "=>", "+=", "-=", "*=", "/=", "::",
    ":=", "--", "<-",
];

/// The tokens of `text`; a byte order mark at its start is skipped.
pub(crate) fn scan(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
    // Once a `/*` has no partner, none after it has.
    let mut unclosed = false;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let rest = text.get(at..).unwrap_or("");
        let lexeme = match byte {
            b' ' => {
                at += 1;
                continue;
            }
            b'\n' => {
                at += 1;
                Lexeme::Newline
            }
            b'\r' => {
                at += if bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
                Lexeme::Newline
            }
            b'/' if rest.starts_with("//") => {
                at = line_end(bytes, at);
                if rest.starts_with("//!") {
                    Lexeme::FileDoc
                } else if rest.starts_with("///") && !rest.starts_with("////") {
                    Lexeme::Doc
                } else {
                    Lexeme::Comment
                }
            }
            b'/' if rest.starts_with("/*") => {
                let close = if unclosed { None } else { rest.get(2..).and_then(|body| body.find("*/")) };
                unclosed |= close.is_none();
                at += close.map_or(2, |end| end + 4);
                Lexeme::Block
            }
            b'"' => string(bytes, &mut at),
            b'(' | b'[' | b'{' => {
                at += 1;
                Lexeme::Open
            }
            b')' | b']' | b'}' => {
                at += 1;
                Lexeme::Close
            }
            b';' => {
                at += 1;
                Lexeme::Semicolon
            }
            b'0'..=b'9' => {
                at = number_end(bytes, at);
                Lexeme::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                at = word_end(bytes, at);
                Lexeme::Word
            }
            b'!'..=b'~' => {
                let pair = PAIRS.iter().any(|pair| rest.starts_with(pair));
                at += if pair { 2 } else { 1 };
                Lexeme::Mark
            }
            _ => {
                at += rest.chars().next().map_or(1, char::len_utf8);
                Lexeme::Odd
            }
        };
        tokens.push(Token { lexeme, start, end: at });
    }
    tokens
}

/// Moves `at` over a string, at most to the end of its line.
fn string(bytes: &[u8], at: &mut usize) -> Lexeme {
    *at += 1;
    while let Some(&byte) = bytes.get(*at) {
        match byte {
            b'"' => {
                *at += 1;
                return Lexeme::Text;
            }
            b'\n' | b'\r' => return Lexeme::OpenText,
            b'\\' if !matches!(bytes.get(*at + 1), None | Some(b'\n' | b'\r')) => *at += 2,
            _ => *at += 1,
        }
    }
    *at = bytes.len();
    Lexeme::OpenText
}

/// Where the line that holds `at` ends, before its newline.
fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(bytes.len(), |length| at + length)
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    let length = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    length.map_or(bytes.len(), |length| at + length)
}

/// Digits, letters and underscores, a point before a digit, and a sign after an exponent's `e`.
fn number_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        let next_is_digit = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let after_e = at > start && matches!(bytes.get(at - 1), Some(b'e' | b'E'));
        let part = byte.is_ascii_alphanumeric()
            || *byte == b'_'
            || (*byte == b'.' && next_is_digit)
            || (matches!(byte, b'+' | b'-') && after_e && next_is_digit);
        if !part {
            break;
        }
        at += 1;
    }
    at
}

/// The closing bracket that `open` asks for.
pub(crate) fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

/// The first token at which brackets, and `if`, `for` and `fold` before their braces, nest deeper than `limit`.
pub(crate) fn too_deep(text: &str, tokens: &[Token], limit: usize) -> Option<Token> {
    // Loops and conditions that wait for their brace nest without a bracket: `if if if x`.
    let mut depth = 0_usize;
    let mut waiting = vec![0_usize];
    let mut last: Option<&str> = None;
    for token in tokens {
        let word = token.of(text);
        match token.lexeme {
            Lexeme::Open => {
                if word == "{"
                    && let Some(count) = waiting.last_mut()
                    && *count > 0
                {
                    *count -= 1;
                    depth -= 1;
                }
                depth += 1;
                waiting.push(0);
            }
            Lexeme::Close => {
                if waiting.len() > 1 {
                    depth -= 1 + waiting.pop().unwrap_or(0);
                }
            }
            Lexeme::Word if last != Some(".") && matches!(word, "if" | "for" | "fold") => {
                if let Some(count) = waiting.last_mut() {
                    *count += 1;
                    depth += 1;
                }
            }
            Lexeme::Semicolon => depth -= waiting.last_mut().map_or(0, std::mem::take),
            Lexeme::Newline
            | Lexeme::Word
            | Lexeme::Number
            | Lexeme::Text
            | Lexeme::OpenText
            | Lexeme::Doc
            | Lexeme::FileDoc
            | Lexeme::Comment
            | Lexeme::Block
            | Lexeme::Mark
            | Lexeme::Odd => {}
        }
        if depth > limit {
            return Some(*token);
        }
        if token.lexeme != Lexeme::Newline && !token.is_comment() {
            last = Some(word);
        }
    }
    None
}
