//! `Cache-Control` taken apart (RFC 9111 section 5.2), for answers and for requests.

/// A year: the longest time that is believed.
pub const LONGEST: i64 = 365 * 24 * 3600;

/// One directive. Names are compared without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    pub name: &'a str,
    /// What stands after `=`, quotes taken off.
    pub value: Option<&'a str>,
}

impl Directive<'_> {
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Section 1.2.2: too large counts as the greatest; what is no number of seconds counts as none at all.
    pub fn seconds(&self) -> i64 {
        let digits = self.value.unwrap_or_default();
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain { digits.parse::<i64>().unwrap_or(LONGEST).min(LONGEST) } else { 0 }
    }
}

/// The directives of a field. Commas within quotes do not part them.
pub fn directives(field: &str) -> impl Iterator<Item = Directive<'_>> {
    let mut rest = Some(field);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = end_of_directive(text);
        let (directive, after) = text.split_at_checked(end)?;
        rest = after.get(1..);
        Some(directive.trim_ascii())
    })
    .filter(|directive| !directive.is_empty())
    .map(|directive| match directive.split_once('=') {
        Some((name, value)) => Directive { name: name.trim_ascii(), value: Some(unquoted(value.trim_ascii())) },
        None => Directive { name: directive, value: None },
    })
}

/// Where the first comma outside quotes stands, else the text's end.
fn end_of_directive(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_apart() {
        for (field, expected) in [
            ("", vec![]),
            (" , ,", vec![]),
            ("no-cache", vec![("no-cache", None)]),
            ("a=1, b = \"2\" ,c", vec![("a", Some("1")), ("b", Some("2")), ("c", None)]),
            ("ext=\"x, max-age=1\", max-age=2", vec![("ext", Some("x, max-age=1")), ("max-age", Some("2"))]),
            ("ext=\"x\\\", max-age=1\", a", vec![("ext", Some("x\\\", max-age=1")), ("a", None)]),
            ("ext=\"never closed, max-age=1", vec![("ext", Some("\"never closed, max-age=1"))]),
            ("max-age='1'", vec![("max-age", Some("'1'"))]),
        ] {
            let read: Vec<_> = directives(field).map(|directive| (directive.name, directive.value)).collect();
            assert_eq!(read, expected, "{field}");
        }
    }

    #[test]
    fn seconds() {
        for (value, expected) in [
            (Some("60"), 60),
            (Some("0060"), 60),
            (Some("99999999999999999999"), LONGEST),
            (Some("-1"), 0),
            (Some("60.5"), 0),
            (Some("soon"), 0),
            (Some(""), 0),
            (None, 0),
        ] {
            assert_eq!(Directive { name: "max-age", value }.seconds(), expected, "{value:?}");
        }
    }
}
