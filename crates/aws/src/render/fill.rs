//! Text with places: `@name@` within a line, or alone on a line, where it stands for as many lines as it has, as deep as it stands.

/// Fills the places of a piece. A place alone on its line goes with the line when there is nothing to put there.
pub fn fill(piece: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(piece.len() * 2);
    for line in piece.lines() {
        let content = line.trim_start();
        let indent = line.get(..line.len() - content.len()).unwrap_or_default();
        if let Some((_, value)) = values.iter().find(|(name, _)| is_place(content, name)) {
            for inner in value.lines() {
                if !inner.is_empty() {
                    text.push_str(indent);
                    text.push_str(inner);
                }
                text.push('\n');
            }
        } else {
            text.push_str(&fill_line(line, values));
            text.push('\n');
        }
    }
    text
}

fn is_place(content: &str, name: &str) -> bool {
    content.strip_prefix('@').and_then(|rest| rest.strip_suffix('@')) == Some(name)
}

/// One pass, so that nothing that is filled in is taken for a place.
fn fill_line(line: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('@') {
        let place = after.split_once('@').and_then(|(name, after)| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value, after))
        });
        text.push_str(before);
        rest = if let Some((value, after)) = place {
            text.push_str(value);
            after
        } else {
            text.push('@');
            after
        };
    }
    text + rest
}

/// A text between double quotes, as YAML, JSON and TOML take it.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A YAML list, an item on each line.
pub fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    items.into_iter().map(|item| format!("- {}\n", item.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills() {
        let values = [("a", "1"), ("many", "x\n\n  y\n"), ("none", ""), ("odd", "@a@")];
        assert_eq!(fill("k: @a@ @a@\n", &values), "k: 1 1\n");
        assert_eq!(fill("l:\n  @many@\n  @none@\nm", &values), "l:\n  x\n\n    y\nm\n");
        assert_eq!(fill("@odd@ @unknown@ a@b", &values), "@a@ @unknown@ a@b\n");
    }

    #[test]
    fn quotes() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\n""#);
        assert_eq!(list(["a", "b"]), "- a\n- b\n");
    }
}
