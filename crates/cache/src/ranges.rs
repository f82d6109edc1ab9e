//! Byte ranges (RFC 9110 section 14): what was asked for, and what is served of an object of a known size.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, IF_RANGE, RANGE};

use crate::conditions::parse_date;
use crate::object::Head;

/// Ranges in one request. Readers of documents ask for a handful at a time; who asks for more gets the whole
/// (section 14.2 warns of many small ones).
pub const MOST_RANGES: usize = 16;

/// Bytes that a part costs besides its own and its type's: boundary, names of headers, three numbers of 20 digits.
const PART_OVERHEAD: u64 = 128;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedBytes {
    Whole,
    One(Wanted),
    /// Two to [`MOST_RANGES`].
    Several(Box<[Wanted]>),
}

/// One range as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServedBytes {
    /// 200.
    Whole,
    /// 206: both ends are inside the object.
    Part(Part),
    /// 206 `multipart/byteranges`: at least two, in the object's order, apart from each other, together shorter than the whole.
    Parts(Vec<Part>),
    /// 416.
    Unsatisfiable,
}

/// The first byte and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub first: u64,
    pub last: u64,
}

impl WantedBytes {
    /// Reads `Range`. Too many ranges, other units and what cannot be read are ignored, as section 14.2 allows.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(RANGE).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Self::Whole;
        };
        value.to_str().ok().and_then(Self::parse).unwrap_or(Self::Whole)
    }

    fn parse(text: &str) -> Option<Self> {
        let (unit, set) = text.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        if !set.contains(',') {
            return Wanted::parse(set.trim_ascii()).map(Self::One);
        }
        let mut several = Vec::new();
        // Section 5.6.1: a list may hold empty elements.
        for range in set.split(',').map(str::trim_ascii).filter(|range| !range.is_empty()) {
            if several.len() == MOST_RANGES {
                return None;
            }
            several.push(Wanted::parse(range)?);
        }
        match several.as_slice() {
            [] => None,
            [one] => Some(Self::One(*one)),
            _ => Some(Self::Several(several.into())),
        }
    }

    /// The byte that is needed first, where the request says so without the size being known.
    pub fn first_byte(&self) -> Option<u64> {
        match self {
            Self::Whole => Some(0),
            Self::One(wanted) => wanted.first_byte(),
            Self::Several(several) => several.iter().map(Wanted::first_byte).min().flatten(),
        }
    }
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
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

    fn first_byte(&self) -> Option<u64> {
        match self {
            Self::From { first, .. } => Some(*first),
            Self::Last { .. } => None,
        }
    }

    /// The range in an object of this size; none where it is beyond.
    fn within(&self, size: u64) -> Option<Part> {
        let end = size.checked_sub(1)?;
        match *self {
            Self::From { first, last } if first <= end => {
                Some(Part { first, last: last.map_or(end, |last| last.min(end)) })
            }
            Self::Last { count } if count > 0 => Some(Part { first: size.saturating_sub(count), last: end }),
            _ => None,
        }
    }
}

impl Part {
    /// Bytes.
    pub fn length(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// What of this object answers the request. A range under an `If-Range` that does not hold is no range at all.
pub fn serve(wanted: &WantedBytes, headers: &HeaderMap, head: &Head) -> ServedBytes {
    match wanted {
        WantedBytes::Whole => ServedBytes::Whole,
        _ if !if_range_holds(headers, head) => ServedBytes::Whole,
        WantedBytes::One(one) => one.within(head.size).map_or(ServedBytes::Unsatisfiable, ServedBytes::Part),
        WantedBytes::Several(several) => together(several, head),
    }
}

/// Section 15.3.7.2: ranges that overlap, or have less between them than a part costs, become one; those beyond the object
/// are left out; and the answer is never longer than the whole.
fn together(several: &[Wanted], head: &Head) -> ServedBytes {
    let mut parts: Vec<Part> = several.iter().filter_map(|wanted| wanted.within(head.size)).collect();
    parts.sort_by_key(|part| part.first);
    let overhead = PART_OVERHEAD + head.header(&CONTENT_TYPE).map_or(0, |value| value.len() as u64);
    let mut joined: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match joined.last_mut() {
            Some(before) if part.first.saturating_sub(before.last) <= overhead => {
                before.last = before.last.max(part.last);
            }
            _ => joined.push(part),
        }
    }
    // One more for the closing boundary.
    let length = joined.iter().map(|part| part.length() + overhead).sum::<u64>() + overhead;
    match joined.as_slice() {
        [] => ServedBytes::Unsatisfiable,
        [one] if one.length() == head.size => ServedBytes::Whole,
        [one] => ServedBytes::Part(*one),
        _ if length > head.size => ServedBytes::Whole,
        _ => ServedBytes::Parts(joined),
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
                head.version().is_some_and(|version| version.as_bytes() == value)
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
            etag: Some(HeaderValue::from_static("\"v1\"")),
            size,
            last_modified: parse_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            ..Head::default()
        };
        serve(&WantedBytes::of(&map), &map, &head)
    }

    fn part(first: u64, last: u64) -> ServedBytes {
        ServedBytes::Part(Part { first, last })
    }

    #[test]
    fn ranges() {
        use ServedBytes::*;
        for (range, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-", part(2, 9)),
            ("Bytes=2-5", part(2, 5)),
            ("bytes=2-5,", part(2, 5)),
            ("bytes=5-99999999999999999999999", part(5, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("bytes=0-", part(0, 9)),
            ("bytes=-0", Unsatisfiable),
            ("bytes=10-", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=5-2", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=", Whole),
            ("bytes=,", Whole),
            ("bytes=-", Whole),
            ("bytes 0-1", Whole),
            ("octets=0-1", Whole),
            ("bytes=a-b", Whole),
        ] {
            assert_eq!(served(&[("range", range)], 10), expected, "{range}");
        }
        assert_eq!(served(&[("range", "bytes=0-0"), ("range", "bytes=1-1")], 10), Whole);
        assert_eq!(served(&[("range", "bytes=0-")], 0), Unsatisfiable);
        assert_eq!(served(&[("range", "bytes=-5")], 0), Unsatisfiable);
    }

    #[test]
    fn several() {
        use ServedBytes::*;
        let parts = |ends: &[(u64, u64)]| {
            Parts(ends.iter().map(|(first, last)| super::Part { first: *first, last: *last }).collect())
        };
        for (range, expected) in [
            ("bytes=0-99,5000-5099", parts(&[(0, 99), (5000, 5099)])),
            ("bytes=0-99 , ,-100", parts(&[(0, 99), (9900, 9999)])),
            ("bytes=5000-5099,0-99", parts(&[(0, 99), (5000, 5099)])),
            ("bytes=0-99,100-199", part(0, 199)),
            ("bytes=0-99,50-60", part(0, 99)),
            ("bytes=0-99,200-299", part(0, 299)),
            ("bytes=0-99,227-299", part(0, 299)),
            ("bytes=0-99,228-299", parts(&[(0, 99), (228, 299)])),
            ("bytes=0-99,10000-", part(0, 99)),
            ("bytes=10000-,20000-", Unsatisfiable),
            ("bytes=0-,0-,0-", Whole),
            ("bytes=0-4000,4200-9999", Whole),
            ("bytes=0-4000,5000-9999", parts(&[(0, 4000), (5000, 9999)])),
            ("bytes=0-5000,5001-", Whole),
            ("bytes=0-99,x", Whole),
            ("bytes=0-99,5-2", Whole),
        ] {
            assert_eq!(served(&[("range", range)], 10_000), expected, "{range}");
        }
        let many = |count: u64| (0..count).map(|number| format!("{0}-{0}", number * 500)).collect::<Vec<_>>().join(",");
        let most = WantedBytes::parse(&format!("bytes={}", many(MOST_RANGES as u64)));
        assert!(matches!(most, Some(WantedBytes::Several(several)) if several.len() == MOST_RANGES));
        assert_eq!(WantedBytes::parse(&format!("bytes={}", many(MOST_RANGES as u64 + 1))), None);
    }

    #[test]
    fn the_first_byte() {
        for (range, expected) in [
            ("bytes=7-", Some(7)),
            ("bytes=-7", None),
            ("bytes=900-901,7-8", Some(7)),
            ("bytes=900-901,-8", None),
            ("x", Some(0)),
        ] {
            let wanted = WantedBytes::parse(range).unwrap_or(WantedBytes::Whole);
            assert_eq!(wanted.first_byte(), expected, "{range}");
        }
    }

    #[test]
    fn if_range() {
        let part = part(1, 2);
        for (value, expected) in [
            ("\"v1\"", part.clone()),
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
        assert_eq!(served(&[("range", "bytes=0-0,900-901"), ("if-range", "\"v2\"")], 1000), ServedBytes::Whole);
    }
}
