//! A key as it stands in a URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986 section 2.3 and the slash: the very bytes that are signed are sent.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Encodes a key for the path of a URL, once.
pub fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string()
}

/// Encodes a value for the query of a URL, once.
pub fn encode_value(value: &str) -> String {
    const ALL: &AsciiSet = &ENCODED.add(b'/');
    utf8_percent_encode(value, ALL).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact() {
        for (key, encoded) in [
            ("a/b-c_d.e~f", "a/b-c_d.e~f"),
            ("a b+c", "a%20b%2Bc"),
            ("a%2Fb", "a%252Fb"),
            ("é(1)*'!", "%C3%A9%281%29%2A%27%21"),
            ("q?x#y&z=1", "q%3Fx%23y%26z%3D1"),
            ("line\nbreak", "line%0Abreak"),
        ] {
            assert_eq!(encode_key(key), encoded);
        }
    }
}
