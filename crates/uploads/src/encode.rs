//! Percent-encoding by RFC 3986 section 2.3: everything but the unreserved characters, so that what is signed, what is
//! sent and what the store decodes are the same bytes. `+` is `%2B`, a space `%20`, a `%` of the key `%25`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One path segment; slashes are encoded.
pub fn encode_segment(segment: &str) -> String {
    utf8_percent_encode(segment, &RESERVED).to_string()
}

/// A path or key: each segment encoded, the slashes between them kept.
pub fn encode_path(path: &str) -> String {
    const BUT_SLASHES: AsciiSet = RESERVED.remove(b'/');
    utf8_percent_encode(path, &BUT_SLASHES).to_string()
}

/// A text as it stands between two tags of XML (XML 1.0 section 2.4). What XML cannot hold at all becomes `?`.
pub fn escape_xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    text.replace(|c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}'), "?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use authorizer::ObjectPath;

    #[test]
    fn known_answers() {
        for (text, encoded) in [
            ("/a b/c+d", "/a%20b/c%2Bd"),
            ("/a%2Fb", "/a%252Fb"),
            ("/é/日本", "/%C3%A9/%E6%97%A5%E6%9C%AC"),
            ("/-._~!$&'()*,;=:@?#[]", "/-._~%21%24%26%27%28%29%2A%2C%3B%3D%3A%40%3F%23%5B%5D"),
            ("/\u{7f}\n", "/%7F%0A"),
        ] {
            assert_eq!(encode_path(text), encoded);
        }
        assert_eq!(encode_segment("a/b"), "a%2Fb");
    }

    /// Whatever a path may hold, its encoded form is plain ASCII and decodes to the same path.
    #[test]
    fn every_character_comes_back() {
        for code in (1..=0x2fff).chain(0x1f300..0x1f400).filter_map(char::from_u32) {
            let Ok(path) = ObjectPath::from_decoded(format!("/a/x{code}%y/z")) else {
                assert_eq!(code, '\\');
                continue;
            };
            let encoded = encode_path(path.as_str());
            assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)), "{encoded}");
            assert_eq!(ObjectPath::from_target(&encoded).unwrap(), path);
        }
    }
}
