//! When to fetch next. Pure: the dice are rolled by the caller.

use std::time::Duration;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

use crate::limits::{REFRESH_DEFAULT, REFRESH_LEAST, REFRESH_MOST, RETRY_LEAST, RETRY_MOST};

/// The wait after a good answer: its `max-age` within bounds, less up to a tenth, so that nodes started together drift
/// apart. `roll` is anything.
pub fn after_success(max_age: Option<Duration>, roll: u16) -> Duration {
    let whole = max_age.unwrap_or(REFRESH_DEFAULT).clamp(REFRESH_LEAST, REFRESH_MOST);
    whole.saturating_sub(whole / 10 * u32::from(roll) / u32::from(u16::MAX)).max(REFRESH_LEAST)
}

/// The wait after failures in a row, of which there is at least one: doubled each time, and a random part of the upper half.
pub fn after_failure(failures: u32, roll: u16) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = RETRY_LEAST.saturating_mul(1 << doublings).min(RETRY_MOST);
    (whole / 2 + whole / 2 * u32::from(roll) / u32::from(u16::MAX)).max(RETRY_LEAST)
}

/// `max-age` of an answer (RFC 9111 section 5.2.2.1); `no-store` and `no-cache` count as none at all: zero.
pub fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let directives = values.flat_map(|value| value.split(',')).map(str::trim);
    let mut found = None;
    for directive in directives {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case("max-age") && found.is_none() {
            found = value.trim_matches('"').parse().ok().map(Duration::from_secs);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_within_bounds() {
        let seconds = |wait: Duration| wait.as_secs();
        assert_eq!(seconds(after_success(None, 0)), 600);
        assert_eq!(seconds(after_success(None, u16::MAX)), 540);
        assert_eq!(seconds(after_success(Some(Duration::ZERO), u16::MAX)), 60);
        assert_eq!(seconds(after_success(Some(Duration::from_secs(u64::MAX)), 0)), 3600);
        assert_eq!(seconds(after_failure(1, 0)), 1);
        assert_eq!(seconds(after_failure(4, u16::MAX)), 8);
        assert_eq!(seconds(after_failure(4, 0)), 4);
        assert_eq!(seconds(after_failure(u32::MAX, u16::MAX)), 60);
    }

    #[test]
    fn cache_control() {
        for (value, seconds) in [
            ("public, max-age=3600", Some(3600)),
            ("Max-Age=\"5\"", Some(5)),
            ("max-age=5, max-age=9", Some(5)),
            ("s-maxage=5", None),
            ("max-age=x", None),
            ("max-age=600, no-store", Some(0)),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())]);
            assert_eq!(max_age(&headers).map(|age| age.as_secs()), seconds, "{value}");
        }
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
