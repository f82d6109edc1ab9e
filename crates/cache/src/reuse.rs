//! Whether what is kept may answer this request (RFC 9111 sections 4, 5.2.1 and 5.4, RFC 5861).
//!
//! What a client asks of caches is advice (section 5.2.1). It is taken as far as it costs the origin one question a second
//! for an object at most, whoever asks and however often.

use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};

use crate::directives::{LONGEST, directives};
use crate::freshness::{Lifetime, Stale};

/// What a request says to caches. `no-store` is not in it: nothing of a request is ever kept, and the object is the bucket's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Seconds: no older than this. `no-cache` is none at all.
    max_age: Option<i64>,
    /// Seconds for which it has to stay fresh.
    min_fresh: i64,
    /// Seconds for which it may have been stale.
    max_stale: i64,
    only_if_cached: bool,
}

/// How an object that is kept may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// It answers at once.
    Now,
    /// It is stale and answers at once all the same.
    NowStale,
    /// It answers at once, and the origin is asked meanwhile.
    NowAndAsk,
    /// The origin is asked first. Where it is in trouble, what is kept answers.
    AskOrUse,
    /// The origin is asked first, and nothing else answers.
    Ask,
}

impl Wishes {
    pub const NONE: Self = Self { max_age: None, min_fresh: 0, max_stale: 0, only_if_cached: false };

    pub fn of(headers: &HeaderMap) -> Self {
        let mut wishes = Self::NONE;
        if !headers.contains_key(CACHE_CONTROL) {
            // Section 5.4: the older word counts where the newer is missing.
            if headers.contains_key(PRAGMA) && all(headers, &PRAGMA).any(|directive| directive.is("no-cache")) {
                wishes.max_age = Some(0);
            }
            return wishes;
        }
        for directive in all(headers, &CACHE_CONTROL) {
            match () {
                () if directive.is("no-cache") => wishes.max_age = Some(0),
                () if directive.is("max-age") => {
                    wishes.max_age = Some(wishes.max_age.unwrap_or(LONGEST).min(directive.seconds()));
                }
                () if directive.is("min-fresh") => wishes.min_fresh = wishes.min_fresh.max(directive.seconds()),
                // Without a number any age will do.
                () if directive.is("max-stale") => {
                    wishes.max_stale = if directive.value.is_some() { directive.seconds() } else { LONGEST };
                }
                () if directive.is("only-if-cached") => wishes.only_if_cached = true,
                () => {}
            }
        }
        wishes
    }

    /// Whether the origin is not to be asked for this request.
    pub fn only_if_cached(&self) -> bool {
        self.only_if_cached
    }
}

fn all<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> impl Iterator<Item = crate::directives::Directive<'a>> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(directives)
}

pub fn reuse(lifetime: &Lifetime, wishes: &Wishes, now: i64) -> Reuse {
    let fresh = lifetime.is_fresh(now);
    let too_old = wishes.max_age.is_some_and(|most| lifetime.age(now) > most || most == 0);
    let too_short = wishes.min_fresh > 0 && lifetime.fresh_until.saturating_sub(now) < wishes.min_fresh;
    // Confirmed within this second: asking again would tell nothing new, and a client could make the origin work.
    let just_confirmed = lifetime.confirmed >= now;
    if fresh && (just_confirmed || !(too_old || too_short)) {
        return Reuse::Now;
    }
    if fresh {
        return if wishes.only_if_cached { Reuse::Ask } else { Reuse::AskOrUse };
    }
    let accepted = lifetime.stale == Stale::Acceptable
        && now.saturating_sub(lifetime.fresh_until) < wishes.max_stale
        && !too_old
        && wishes.min_fresh == 0;
    match () {
        () if accepted => Reuse::NowStale,
        () if now < lifetime.asking_until && !too_old && !too_short => Reuse::NowAndAsk,
        () if now < lifetime.error_until && !wishes.only_if_cached => Reuse::AskOrUse,
        () => Reuse::Ask,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wishes(headers: &[(&'static str, &'static str)]) -> Wishes {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Wishes::of(&map)
    }

    /// Made at 0, confirmed then, fresh to 100, used while asking to 110, in trouble to 200.
    const KEPT: Lifetime = Lifetime {
        made: 0,
        confirmed: 0,
        fresh_until: 100,
        asking_until: 110,
        error_until: 200,
        stale: Stale::Acceptable,
    };

    #[test]
    fn without_wishes() {
        use Reuse::*;
        for (now, expected) in
            [(0, Now), (99, Now), (100, NowAndAsk), (109, NowAndAsk), (110, AskOrUse), (199, AskOrUse), (200, Ask)]
        {
            assert_eq!(reuse(&KEPT, &Wishes::NONE, now), expected, "{now}");
        }
    }

    #[test]
    fn with_wishes() {
        use Reuse::*;
        for (field, now, expected) in [
            ("no-cache", 0, Now),
            ("no-cache", 1, AskOrUse),
            ("No-Cache", 105, AskOrUse),
            ("no-cache, max-stale", 105, AskOrUse),
            ("max-age=0", 0, Now),
            ("max-age=0", 1, AskOrUse),
            ("max-age=10", 10, Now),
            ("max-age=10", 11, AskOrUse),
            ("max-age=10, max-age=5", 6, AskOrUse),
            ("max-age=soon", 1, AskOrUse),
            ("min-fresh=10", 90, Now),
            ("min-fresh=10", 91, AskOrUse),
            ("min-fresh=10", 105, AskOrUse),
            ("max-stale", 150, NowStale),
            ("max-stale=10", 109, NowStale),
            ("max-stale=10", 110, AskOrUse),
            ("max-stale=900", 300, NowStale),
            ("max-stale=0", 100, NowAndAsk),
            ("only-if-cached", 50, Now),
            ("only-if-cached", 150, Ask),
            ("only-if-cached, no-cache", 50, Ask),
            ("no-store", 50, Now),
            ("nothing-to-see-here", 50, Now),
            ("ext=\"no-cache\"", 50, Now),
        ] {
            assert_eq!(reuse(&KEPT, &wishes(&[("cache-control", field)]), now), expected, "{field} at {now}");
        }
    }

    #[test]
    fn pragma_counts_alone() {
        let no_cache = wishes(&[("cache-control", "no-cache")]);
        assert_eq!(wishes(&[("pragma", "no-cache")]), no_cache);
        assert_eq!(wishes(&[("pragma", "foo")]), Wishes::NONE);
        assert_eq!(wishes(&[("pragma", "no-cache"), ("cache-control", "x")]), Wishes::NONE);
        assert_eq!(wishes(&[("cache-control", "x"), ("cache-control", "no-cache")]), no_cache);
    }

    #[test]
    fn what_is_never_used_stale() {
        let strict = Lifetime { stale: Stale::Never, asking_until: 100, error_until: 100, ..KEPT };
        for field in ["", "max-stale", "max-stale=10", "only-if-cached"] {
            assert_eq!(reuse(&strict, &wishes(&[("cache-control", field)]), 100), Reuse::Ask, "{field}");
        }
    }
}
