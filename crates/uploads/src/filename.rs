//! Any name a browser gives becomes one path segment that means itself everywhere.

/// The longest segment made of a file's name, in bytes: a key has 1,024, and file systems take 255 for a name.
pub const MAX_FILENAME: usize = 200;

/// The longest ending that counts as a file extension and survives the cut, in bytes with its dot.
const MAX_EXTENSION: usize = 20;

/// The name with every slash, backslash and control character (NUL among them) replaced by `_`, the dots of `.` and `..`
/// too; `file` for an empty name; cut at a character boundary to [`MAX_FILENAME`] bytes with its extension kept. A name
/// that needs none of this comes back as it is.
pub fn safe_segment(name: &str) -> String {
    let safe: String = match name {
        "" => "file".to_owned(),
        "." | ".." => "_".repeat(name.len()),
        _ => name.chars().map(|c| if c.is_control() || matches!(c, '/' | '\\') { '_' } else { c }).collect(),
    };
    if safe.len() <= MAX_FILENAME {
        return safe;
    }
    let extension = safe.rfind('.').filter(|dot| *dot > 0).and_then(|dot| safe.get(dot..)).unwrap_or_default();
    let extension = if extension.len() <= MAX_EXTENSION { extension } else { "" };
    let stem = safe.get(..safe.floor_char_boundary(MAX_FILENAME - extension.len())).unwrap_or_default();
    format!("{stem}{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_where_safe() {
        for name in ["a.png", "é 日本 (1).tar.gz", "...", ".profile", "a+b%2Fc?#&.txt", " x ", "🙂.webp", "${filename}"]
        {
            assert_eq!(safe_segment(name), name);
        }
    }

    #[test]
    fn made_safe() {
        for (name, safe) in [
            ("", "file"),
            (".", "_"),
            ("..", "__"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            (r"C:\fakepath\a.png", "C:_fakepath_a.png"),
            ("a\0b\r\nc\u{7f}\u{85}", "a_b__c__"),
        ] {
            assert_eq!(safe_segment(name), safe);
        }
    }

    #[test]
    fn cut_with_the_extension_kept() {
        let long = safe_segment(&format!("{}.tar.gz", "é".repeat(300)));
        assert!(long.len() <= MAX_FILENAME && long.len() > MAX_FILENAME - 4 && long.ends_with("é.gz"), "{long}");
        assert_eq!(safe_segment(&"x".repeat(900)), "x".repeat(200));
        let no_extension = safe_segment(&format!("a.{}", "y".repeat(300)));
        assert_eq!(no_extension.len(), 200);
        let dotted = safe_segment(&format!(".{}", "🙂".repeat(60)));
        assert_eq!(dotted.len(), 197);
    }

    /// Whatever the name, the segment is one that a path takes.
    #[test]
    fn every_character_is_taken() {
        for character in (0..=0x2fff).chain(0x1f300..0x1f400).filter_map(char::from_u32) {
            for name in [format!("{character}"), format!(".{character}"), format!("{}{character}.png", "a".repeat(198))]
            {
                let safe = safe_segment(&name);
                assert!(
                    !safe.contains('/') && authorizer::ObjectPath::from_decoded(format!("/{safe}")).is_ok(),
                    "{name:?}"
                );
            }
        }
    }
}
