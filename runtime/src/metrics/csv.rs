//! Lines of CSV, as RFC 4180 has them but for the line feed alone at their ends.

/// One line; cells with commas, quotation marks or line feeds are quoted.
pub fn line<T: AsRef<str>>(cells: &[T]) -> String {
    let quoted = |cell: &T| {
        let cell = cell.as_ref();
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    };
    format!("{}\n", cells.iter().map(quoted).collect::<Vec<_>>().join(","))
}

/// A figure in full; empty where there is none.
pub fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(line(&["a", "b c", "d,e", "say \"f\"", ""]), "a,b c,\"d,e\",\"say \"\"f\"\"\",\n");
        assert_eq!((number(Some(0.25)), number(None)), ("0.25".into(), String::new()));
    }
}
