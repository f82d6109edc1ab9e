//! Request targets: decoded as a decoder written from RFC 3986 alone decodes them, and the same after encoding again.

use authorizer::{MAX_PATH, ObjectPath};
use uploads::encode_path;

pub fn target(data: &[u8]) {
    let Ok(target) = std::str::from_utf8(data) else { return };
    let read = ObjectPath::from_target(target).ok();
    assert_eq!(read.as_ref().map(ObjectPath::as_str), plainly(target).as_deref());
    let Some(path) = read else { return };
    let encoded = encode_path(path.as_str());
    assert!(encoded.is_ascii() && !encoded.contains(['?', '#', ' ', '\\']));
    assert_eq!(ObjectPath::from_target(&encoded).as_ref(), Ok(&path));
    assert_eq!(ObjectPath::from_decoded(path.as_str().to_owned()).as_ref(), Ok(&path));
}

/// The path of a target, in more steps than the real one takes.
fn plainly(target: &str) -> Option<String> {
    let mut segments = Vec::new();
    for segment in target.strip_prefix('/')?.split('/') {
        let mut bytes = Vec::new();
        let mut parts = segment.split('%');
        bytes.extend_from_slice(parts.next()?.as_bytes());
        for part in parts {
            let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            bytes.extend_from_slice(part.get(2..)?.as_bytes());
        }
        let segment = String::from_utf8(bytes).ok()?;
        if matches!(segment.as_str(), "" | "." | "..") || segment.contains(['/', '\\', '\0']) {
            return None;
        }
        segments.push(segment);
    }
    let path = format!("/{}", segments.join("/"));
    (path.len() <= MAX_PATH).then_some(path)
}
