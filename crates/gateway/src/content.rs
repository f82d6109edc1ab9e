//! How users' files are served so that they cannot harm: what a browser may show in place, and under which policy. Here what a
//! store says of an object becomes the headers that every answer of it carries.
//!
//! Uploads are strangers' content. `nosniff` holds browsers to the stored type; what can run script is never shown in place
//! and is sandboxed besides, so that it has no origin to act as.

use cache::Head;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, DATE,
    LAST_MODIFIED, VARY,
};
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

/// The object's head as the cache keeps it.
pub fn ready(key: &str, head: ObjectHead) -> Head {
    let seconds = |value: &Option<HeaderValue>| value.as_ref()?.to_str().ok().and_then(cache::parse_date);
    let (last_modified, date) = (seconds(&head.last_modified), seconds(&head.date));
    let varies = cache::varies(&head.vary);
    let mut headers = headers(key, &head);
    headers.extend(head.last_modified.filter(|_| last_modified.is_some()).map(|value| (LAST_MODIFIED, value)));
    headers.extend(head.date.filter(|_| date.is_some()).map(|value| (DATE, value)));
    headers.extend(head.vary.filter(|_| varies).map(|value| (VARY, value)));
    headers.extend(head.passed);
    Head {
        etag: head.etag,
        size: head.size,
        last_modified,
        date,
        age: head.age.as_ref().map(age),
        cache_control: head.cache_control,
        expires: head.expires,
        varies,
        headers,
    }
}

/// Seconds (RFC 9111 section 5.1). An age that cannot be read is old: whoever wrote it meant that there is one.
fn age(value: &HeaderValue) -> i64 {
    let digits = value.as_bytes();
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let seconds = value.to_str().ok().filter(|_| plain).and_then(|digits| digits.parse().ok());
    seconds.unwrap_or(cache::LONGEST).min(cache::LONGEST)
}

/// What is known of an object that the store says has not changed: what it said now, else what it said before (RFC 9111
/// section 3.2). Tag, size, coding and digests are those of the bytes that are kept.
pub fn renewed(known: &Head, told: ObjectHead) -> ObjectHead {
    let before = |name: HeaderName| known.header(&name).cloned();
    let mut passed = told.passed;
    passed.retain(|(name, _)| !DIGESTS.contains(&name.as_str()));
    let own = known.headers.iter().filter(|(name, _)| !WRITTEN_HERE.contains(name));
    let missing: Vec<_> = own.filter(|(name, _)| passed.iter().all(|(told, _)| told != name)).cloned().collect();
    passed.extend(missing);
    ObjectHead {
        etag: known.etag.clone(),
        size: known.size,
        last_modified: told.last_modified.or_else(|| before(LAST_MODIFIED)),
        date: told.date.or_else(|| before(DATE)),
        age: told.age,
        cache_control: told.cache_control.or_else(|| known.cache_control.clone()),
        expires: told.expires.or_else(|| known.expires.clone()),
        vary: told.vary.or_else(|| before(VARY)),
        content_type: told.content_type.filter(|told| !is_xml(told)).or_else(|| before(CONTENT_TYPE)),
        content_disposition: told.content_disposition.or_else(|| before(CONTENT_DISPOSITION)),
        content_encoding: before(CONTENT_ENCODING),
        content_language: told.content_language.or_else(|| before(CONTENT_LANGUAGE)),
        passed,
    }
}

/// Of the bytes themselves (RFC 9530, and two that are older).
const DIGESTS: [&str; 4] = ["content-digest", "content-md5", "digest", "repr-digest"];

/// The headers of a [`Head`] that are made here; all others were passed on.
static WRITTEN_HERE: [HeaderName; 8] = [
    CONTENT_TYPE,
    CONTENT_DISPOSITION,
    CONTENT_SECURITY_POLICY,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    LAST_MODIFIED,
    DATE,
    VARY,
];

/// Some stores give a 304 the type of the errors that they word in XML. It says nothing of the object.
fn is_xml(content_type: &HeaderValue) -> bool {
    [&b"application/xml"[..], b"text/xml"].iter().any(|xml| content_type.as_bytes().starts_with(xml))
}

/// The headers that go with an object's bytes.
fn headers(key: &str, head: &ObjectHead) -> Vec<(HeaderName, HeaderValue)> {
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
        let head = ObjectHead { content_type: content_type.map(HeaderValue::from_static), ..ObjectHead::default() };
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
    fn ages() {
        for (text, expected) in [
            ("0", 0),
            ("60", 60),
            ("99999999999999999999", cache::LONGEST),
            ("-1", cache::LONGEST),
            ("1.5", cache::LONGEST),
            ("0, 0", cache::LONGEST),
            ("", cache::LONGEST),
        ] {
            assert_eq!(age(&HeaderValue::from_static(text)), expected, "{text}");
        }
    }

    #[test]
    fn what_a_304_changes() {
        let value = |text: &'static str| Some(HeaderValue::from_static(text));
        let passed = |name, text| (HeaderName::from_static(name), HeaderValue::from_static(text));
        let stored = ObjectHead {
            etag: value("\"a\""),
            size: 7,
            last_modified: value("Sun, 06 Nov 1994 08:49:37 GMT"),
            cache_control: value("max-age=1"),
            content_type: value("image/png"),
            content_disposition: value("attachment; filename=x"),
            content_encoding: value("gzip"),
            passed: vec![passed("x-a", "1"), passed("x-b", "1"), passed("digest", "1")],
            ..ObjectHead::default()
        };
        let known = ready("k/p.png", stored);
        let told = ObjectHead {
            etag: value("\"b\""),
            age: value("5"),
            cache_control: value("max-age=2"),
            content_type: value("application/xml"),
            content_encoding: value("br"),
            passed: vec![passed("x-b", "2"), passed("digest", "2")],
            ..ObjectHead::default()
        };
        let now = ready("k/p.png", renewed(&known, told));
        assert_eq!((now.etag, now.size, now.age, now.last_modified), (known.etag, 7, Some(5), known.last_modified));
        assert_eq!(now.cache_control, value("max-age=2"));
        let get =
            |name: HeaderName| now.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        assert_eq!(get(CONTENT_TYPE), value("image/png"));
        assert_eq!(get(CONTENT_ENCODING), value("gzip"));
        assert_eq!(get(CONTENT_DISPOSITION), value("attachment; filename=\"p.png\""));
        assert_eq!(get(HeaderName::from_static("digest")), value("1"));
        assert_eq!(
            (get(HeaderName::from_static("x-a")), get(HeaderName::from_static("x-b"))),
            (value("1"), value("2"))
        );
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
