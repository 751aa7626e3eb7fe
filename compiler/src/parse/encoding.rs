//! Bytes become text, or a diagnostic at the first byte that is none.
//!
//! Comes in: the bytes of a file. Goes out: its text, or why it is none, with as much of it as can be shown.

use crate::diag::{Diag, codes};
use crate::source::{SourceMap, Span};

/// A file that is not UTF-8 text: what can be shown of it, and the diagnostic.
#[derive(Debug)]
pub struct NotText {
    /// The file, with a replacement character for each byte that is no text.
    pub sources: SourceMap,
    /// Where the first such byte stands and what it is.
    pub diag: Diag,
}

/// The text of the file called `name`.
///
/// # Errors
/// `phg::parse::encoding` for bytes that are not UTF-8.
pub fn decode(name: &str, bytes: Vec<u8>) -> Result<String, Box<NotText>> {
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let byte = bytes.get(start).copied().unwrap_or(0);
        let mut sources = SourceMap::default();
        // The text before the byte is valid, so that its place is the same in what is shown.
        let file = sources.add(name, String::from_utf8_lossy(&bytes).into_owned());
        let span = Span::new(file, start, start + char::REPLACEMENT_CHARACTER.len_utf8());
        let (line, column) = sources.line_column(span);
        let message = format!(
            "the file is not UTF-8 text: byte {start} (counted from 0, line {line}, column {column}) is 0x{byte:02X}"
        );
        let help = if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            "it begins as UTF-16 does: save it as UTF-8".to_owned()
        } else if byte >= 0xA0 {
            let character = char::from(byte);
            format!("save it as UTF-8; in Latin-1 this byte is `{character}`")
        } else {
            "save it as UTF-8; is it a spec at all?".to_owned()
        };
        let diag = Diag::new(&codes::PARSE_ENCODING, message, span, "not text").help(help);
        Box::new(NotText { sources, diag })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> (String, String) {
        let NotText { diag, sources } = *decode("x.phg", bytes.to_vec()).unwrap_err();
        assert_eq!(sources.slice(diag.labels[0].span), "\u{FFFD}");
        assert_eq!(diag.code.id, "phg::parse::encoding");
        (diag.message, diag.help.unwrap_or_default())
    }

    #[test]
    fn text_stays_what_it_is() {
        assert_eq!(decode("x.phg", "// é\n".as_bytes().to_vec()).unwrap(), "// é\n");
    }

    #[test]
    fn the_first_byte_that_is_no_text_is_named() {
        let (message, help) = refused(b"// line\n// caf\xE9\n\xFF");
        assert!(message.contains("byte 14 (counted from 0, line 2, column 7) is 0xE9"), "{message}");
        assert!(help.contains("in Latin-1 this byte is `é`"), "{help}");
        let (message, help) = refused(b"\xFF\xFEo\0u\0t\0");
        assert!(message.contains("byte 0 (counted from 0, line 1, column 1) is 0xFF"), "{message}");
        assert!(help.contains("UTF-16"), "{help}");
        // A character that the file cuts off.
        assert!(refused(b"// \xC3").0.contains("byte 3"));
    }
}
