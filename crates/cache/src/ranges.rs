//! Byte ranges (RFC 9110 section 14): what was asked for, and what is served of an object of a known size.

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

use crate::conditions::parse_date;
use crate::object::Head;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedBytes {
    Whole,
    /// From this byte, to that one at most.
    From {
        first: u64,
        last: Option<u64>,
    },
    Last {
        count: u64,
    },
}

/// What the answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedBytes {
    /// 200.
    Whole,
    /// 206: both ends are inside the object.
    Part { first: u64, last: u64 },
    /// 416.
    Unsatisfiable,
}

impl WantedBytes {
    /// Reads `Range`. Several ranges, other units and what cannot be read are ignored, as section 14.2 allows.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(RANGE).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Self::Whole;
        };
        value.to_str().ok().and_then(Self::parse).unwrap_or(Self::Whole)
    }

    fn parse(text: &str) -> Option<Self> {
        let (unit, spec) = text.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = spec.trim().split_once('-')?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<u64>().unwrap_or(u64::MAX))
        };
        match (first, last) {
            ("", count) => Some(Self::Last { count: number(count)? }),
            (first, "") => Some(Self::From { first: number(first)?, last: None }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From { first, last: Some(last) })
            }
        }
    }

    /// The byte that is needed first, where the request says so without the size being known.
    pub fn first_byte(self) -> Option<u64> {
        match self {
            Self::Whole => Some(0),
            Self::From { first, .. } => Some(first),
            Self::Last { .. } => None,
        }
    }
}

/// What of this object answers the request. A range under an `If-Range` that does not hold is no range at all.
pub fn serve(wanted: WantedBytes, headers: &HeaderMap, head: &Head) -> ServedBytes {
    if wanted == WantedBytes::Whole || !if_range_holds(headers, head) {
        return ServedBytes::Whole;
    }
    let end = head.size.checked_sub(1);
    match (wanted, end) {
        (WantedBytes::From { first, last }, Some(end)) if first <= end => {
            ServedBytes::Part { first, last: last.map_or(end, |last| last.min(end)) }
        }
        (WantedBytes::Last { count }, Some(end)) if count > 0 => {
            ServedBytes::Part { first: head.size.saturating_sub(count), last: end }
        }
        _ => ServedBytes::Unsatisfiable,
    }
}

/// Section 13.1.5: a strong entity tag, or the exact date of the version.
fn if_range_holds(headers: &HeaderMap, head: &Head) -> bool {
    let mut values = headers.get_all(IF_RANGE).iter();
    match (values.next(), values.next()) {
        (None, _) => true,
        (Some(value), None) => {
            let value = value.as_bytes().trim_ascii();
            if value.starts_with(b"\"") {
                value == head.etag.as_bytes()
            } else {
                let date = std::str::from_utf8(value).ok().and_then(parse_date);
                date.is_some() && date == head.last_modified
            }
        }
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn served(headers: &[(&'static str, &'static str)], size: u64) -> ServedBytes {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let head = Head {
            etag: HeaderValue::from_static("\"v1\""),
            size,
            last_modified: parse_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            cache_control: None,
            headers: Vec::new(),
        };
        serve(WantedBytes::of(&map), &map, &head)
    }

    #[test]
    fn ranges() {
        use ServedBytes::*;
        for (range, expected) in [
            ("bytes=0-0", Part { first: 0, last: 0 }),
            ("bytes=2-", Part { first: 2, last: 9 }),
            ("Bytes=2-5", Part { first: 2, last: 5 }),
            ("bytes=5-99999999999999999999999", Part { first: 5, last: 9 }),
            ("bytes=-3", Part { first: 7, last: 9 }),
            ("bytes=-30", Part { first: 0, last: 9 }),
            ("bytes=-0", Unsatisfiable),
            ("bytes=10-", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=5-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes 0-1", Whole),
            ("octets=0-1", Whole),
            ("bytes=a-b", Whole),
        ] {
            let mut map = HeaderMap::new();
            map.insert(RANGE, HeaderValue::from_static(range));
            assert_eq!(served(&[("range", range)], 10), expected, "{range}");
        }
        assert_eq!(served(&[("range", "bytes=0-0"), ("range", "bytes=1-1")], 10), Whole);
        assert_eq!(served(&[("range", "bytes=0-")], 0), Unsatisfiable);
        assert_eq!(served(&[("range", "bytes=-5")], 0), Unsatisfiable);
    }

    #[test]
    fn if_range() {
        let part = ServedBytes::Part { first: 1, last: 2 };
        for (value, expected) in [
            ("\"v1\"", part),
            ("\"v2\"", ServedBytes::Whole),
            ("W/\"v1\"", ServedBytes::Whole),
            ("Sun, 06 Nov 1994 08:49:37 GMT", part),
            ("Sun, 06 Nov 1994 08:49:38 GMT", ServedBytes::Whole),
            ("nonsense", ServedBytes::Whole),
        ] {
            assert_eq!(served(&[("range", "bytes=1-2"), ("if-range", value)], 10), expected, "{value}");
        }
        // A condition that fails hides the range even where it could not be satisfied.
        assert_eq!(served(&[("range", "bytes=50-"), ("if-range", "\"v2\"")], 10), ServedBytes::Whole);
    }
}
