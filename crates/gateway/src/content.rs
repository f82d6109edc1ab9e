//! How users' files are served so that they cannot harm: what a browser may show in place, and under which policy.
//!
//! Uploads are strangers' content. `nosniff` holds browsers to the stored type; what can run script is never shown in place
//! and is sandboxed besides, so that it has no origin to act as.

use http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use origin::ObjectHead;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Types that a browser shows or plays in place and that run no script. All others are saved.
const INLINE: [&str; 24] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "image/heic",
    "image/x-icon",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "audio/mpeg",
    "audio/mp4",
    "audio/aac",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/flac",
    "text/plain",
    "text/css",
    "text/vtt",
    "font/woff2",
    "application/pdf",
];

/// Browsers' own PDF viewers do not start under `sandbox`; they run a document's script in a sandbox of their own.
const UNSANDBOXED: &str = "application/pdf";

const POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'",
);
const PDF_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; object-src 'self'");

/// The unreserved characters that RFC 8187 section 3.2.1 leaves as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The headers that go with an object's bytes.
pub fn headers(key: &str, head: &ObjectHead) -> Vec<(HeaderName, HeaderValue)> {
    let stored = head.content_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = stored.split(';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let mut headers = Vec::with_capacity(6);
    let content_type = head.content_type.clone().filter(|_| essence.contains('/'));
    headers.push((CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"))));
    let wants_saving = head
        .content_disposition
        .as_ref()
        .is_some_and(|value| value.as_bytes().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"attachment")));
    let inline = INLINE.contains(&essence.as_str()) && !wants_saving;
    if let Some(disposition) = disposition(inline, last_segment(key)) {
        headers.push((CONTENT_DISPOSITION, disposition));
    }
    headers.push((CONTENT_SECURITY_POLICY, if essence == UNSANDBOXED { PDF_POLICY } else { POLICY }));
    headers.extend(head.content_encoding.clone().map(|value| (CONTENT_ENCODING, value)));
    headers.extend(head.content_language.clone().map(|value| (CONTENT_LANGUAGE, value)));
    headers
}

/// For a link that says so: the object is saved, under this name or, if that is empty, its own.
pub fn saved_as(name: &str, key: &str) -> Option<HeaderValue> {
    disposition(false, if name.is_empty() { last_segment(key) } else { name })
}

fn last_segment(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

/// RFC 6266: the name in UTF-8 for all who read it, and an ASCII stand-in without quotes, backslashes or control characters.
fn disposition(inline: bool, name: &str) -> Option<HeaderValue> {
    let kind = if inline { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|character| match character {
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => character,
            _ => '_',
        })
        .collect();
    let value = if plain == name {
        format!("{kind}; filename=\"{plain}\"")
    } else {
        format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ENCODED))
    };
    HeaderValue::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content_type: Option<&'static str>, key: &str) -> (String, String, bool) {
        let head = ObjectHead {
            etag: HeaderValue::from_static("\"a\""),
            size: 0,
            last_modified: None,
            cache_control: None,
            content_type: content_type.map(HeaderValue::from_static),
            content_disposition: None,
            content_encoding: None,
            content_language: None,
        };
        let headers = headers(key, &head);
        let get = |name: HeaderName| {
            let (_, value) = headers.iter().find(|(known, _)| *known == name).unwrap();
            value.to_str().unwrap().to_owned()
        };
        (get(CONTENT_TYPE), get(CONTENT_DISPOSITION), get(CONTENT_SECURITY_POLICY).starts_with("sandbox"))
    }

    #[test]
    fn what_can_run_script_is_saved_and_sandboxed() {
        for active in
            ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "TEXT/HTML; charset=utf-8", "x/y"]
        {
            let (content_type, disposition, sandbox) = shown(Some(active), "w/f/a.bin");
            assert_eq!(
                (content_type.as_str(), disposition.as_str(), sandbox),
                (active, "attachment; filename=\"a.bin\"", true)
            );
        }
        assert_eq!(shown(None, "a").0, "application/octet-stream");
        assert_eq!(shown(Some("nonsense"), "a").0, "application/octet-stream");
        assert_eq!(shown(Some("image/png"), "a").1, "inline; filename=\"a\"");
        assert!(!shown(Some("application/pdf"), "a").2);
    }

    #[test]
    fn names() {
        for (name, expected) in [
            ("a b.png", "inline; filename=\"a b.png\""),
            ("é\"\\.png", "inline; filename=\"___.png\"; filename*=UTF-8''%C3%A9%22%5C.png"),
            ("a\r\nb", "inline; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"),
            ("50%.png", "inline; filename=\"50_.png\"; filename*=UTF-8''50%25.png"),
            ("it's (1)*", "inline; filename=\"it's (1)*\""),
        ] {
            assert_eq!(shown(Some("image/png"), name).1, expected);
        }
    }
}
