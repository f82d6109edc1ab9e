//! Whether an object may be kept and for how long (RFC 9111 sections 3 and 4.2), from its own `Cache-Control`.

/// What to do with an answer of the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storing {
    /// Fresh for this many seconds; 0 asks the origin on every use, and an unchanged object is not sent again.
    Keep { seconds: i64 },
    /// `no-store` or `private`: read through, nothing kept.
    Pass,
}

/// A year: the longest freshness that is believed.
const LONGEST: i64 = 365 * 24 * 3600;

/// Reads the directives; where the object says nothing, `default` seconds. Of several that limit each other the strictest
/// counts, except that `s-maxage` speaks for shared caches and wins over `max-age`.
pub fn storing(cache_control: Option<&str>, default: i64) -> Storing {
    let (mut max_age, mut shared, mut revalidate) = (None, None, false);
    for directive in cache_control.unwrap_or_default().split(',') {
        let (name, value) = directive.split_once('=').map_or((directive, ""), |(name, value)| (name, value));
        let seconds = || {
            let value = value.trim().trim_matches('"');
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            // RFC 9111 section 1.2.2: too large counts as the greatest; what is no number counts as stale.
            if digits { value.parse::<i64>().unwrap_or(LONGEST).min(LONGEST) } else { 0 }
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "private" => return Storing::Pass,
            "no-cache" => revalidate = true,
            "max-age" => max_age = Some(max_age.map_or_else(&seconds, |known: i64| known.min(seconds()))),
            "s-maxage" => shared = Some(shared.map_or_else(&seconds, |known: i64| known.min(seconds()))),
            _ => {}
        }
    }
    let seconds = if revalidate { 0 } else { shared.or(max_age).unwrap_or(default) };
    Storing::Keep { seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives() {
        let keep = |seconds| Storing::Keep { seconds };
        for (text, expected) in [
            (None, keep(300)),
            (Some(""), keep(300)),
            (Some("public"), keep(300)),
            (Some("max-age=60"), keep(60)),
            (Some("MAX-AGE=\"60\" , public"), keep(60)),
            (Some("max-age=60, s-maxage=10"), keep(10)),
            (Some("max-age=60, max-age=5"), keep(5)),
            (Some("max-age=-1"), keep(0)),
            (Some("max-age=soon"), keep(0)),
            (Some("max-age=99999999999999999999"), keep(LONGEST)),
            (Some("no-cache, max-age=60"), keep(0)),
            (Some("no-store, max-age=60"), Storing::Pass),
            (Some("private"), Storing::Pass),
            (Some("private=\"x\""), Storing::Pass),
        ] {
            assert_eq!(storing(text, 300), expected, "{text:?}");
        }
    }
}
