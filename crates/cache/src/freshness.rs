//! Whether an object may be kept and for how long (RFC 9111 sections 3 and 4.2, RFC 5861), from what its answer says.

use crate::conditions::parse_date;
use crate::directives::{LONGEST, directives};
use crate::object::Head;

/// What to do with an answer of the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storing {
    /// Fresh for this many seconds; 0 asks the origin on every use, and an unchanged object is not sent again.
    Keep { seconds: i64 },
    /// `no-store` or `private`: read through, nothing kept.
    Pass,
}

/// Seconds that count where the object does not speak for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// For which it is fresh.
    pub ttl: i64,
    /// For which it is still used afterwards, while the origin is asked.
    pub stale_while_revalidate: i64,
    /// For which it is still used afterwards where the origin cannot say whether it changed.
    pub stale_if_error: i64,
}

/// How long one stored answer may be used. All but `stale` are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When the answer was made, by our clock: `Age` counts from here.
    pub made: i64,
    /// When the origin last gave or confirmed it.
    pub confirmed: i64,
    /// The first second at which it is stale.
    pub fresh_until: i64,
    /// The first at which it no longer answers while the origin is asked.
    pub asking_until: i64,
    /// The first at which it no longer answers for an origin in trouble.
    pub error_until: i64,
    /// Whether a client may accept it stale.
    pub stale: Stale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    Acceptable,
    /// `must-revalidate`, `proxy-revalidate`, `s-maxage` or `no-cache` (RFC 9111 sections 5.2.2.2, 5.2.2.8, 5.2.2.10, 5.2.2.4).
    Never,
}

impl Lifetime {
    pub fn is_fresh(&self, now: i64) -> bool {
        now < self.fresh_until
    }

    /// Of an answer that serves those who wait for it and nobody else.
    pub fn over(head: &Head, now: i64) -> Self {
        let made = now.saturating_sub(head.age.unwrap_or(0));
        Self { made, confirmed: now, fresh_until: now, asking_until: now, error_until: now, stale: Stale::Never }
    }

    /// Seconds since the answer was made (RFC 9111 section 4.2.3).
    pub fn age(&self, now: i64) -> i64 {
        now.saturating_sub(self.made).max(0)
    }
}

/// Reads the directives; where the object says nothing, `default` seconds. Of several that limit each other the strictest
/// counts, except that `s-maxage` speaks for shared caches and wins over `max-age`.
pub fn storing(cache_control: Option<&str>, default: i64) -> Storing {
    match Terms::read(cache_control) {
        None => Storing::Pass,
        Some(terms) => Storing::Keep { seconds: terms.fresh().unwrap_or(default) },
    }
}

/// The lifetime of an answer that was asked for at `asked` and is here at `now`; none where it must not be kept.
pub fn lifetime(head: &Head, defaults: &Defaults, asked: i64, now: i64) -> Option<Lifetime> {
    let text = head.cache_control.as_ref().map(|value| value.to_str().unwrap_or("no-store"));
    let terms = Terms::read(text)?;
    if head.varies {
        return None;
    }
    // Section 4.2.3: what it had when it was sent, and the way here.
    let delay = now.saturating_sub(asked).max(0);
    let made = now.saturating_sub(head.age.unwrap_or(0).saturating_add(delay));
    let fresh = terms.fresh().or_else(|| expires(head, now)).unwrap_or(defaults.ttl);
    let fresh_until = made.saturating_add(fresh);
    let stale = if terms.revalidate || terms.shared.is_some() { Stale::Never } else { Stale::Acceptable };
    let further = |own: Option<i64>, default: i64| match stale {
        Stale::Never => fresh_until,
        Stale::Acceptable => fresh_until.saturating_add(own.unwrap_or(default)),
    };
    // Who says how long an object is fresh means it: the site's own patience is for those that say nothing.
    let asking = if terms.fresh().is_some() { 0 } else { defaults.stale_while_revalidate };
    Some(Lifetime {
        made,
        confirmed: now,
        fresh_until,
        asking_until: further(terms.while_revalidating, asking),
        error_until: further(terms.if_error, defaults.stale_if_error),
        stale,
    })
}

/// Section 4.2.1: from `Date`, or from now where there is none. A date that cannot be read is in the past (section 5.3).
fn expires(head: &Head, now: i64) -> Option<i64> {
    let expires = head.expires.as_ref()?;
    let until = expires.to_str().ok().and_then(parse_date);
    let seconds = until.map_or(0, |until| until.saturating_sub(head.date.unwrap_or(now)));
    Some(seconds.clamp(0, LONGEST))
}

/// What `Cache-Control` says to a cache that many share.
#[derive(Default)]
struct Terms {
    max_age: Option<i64>,
    shared: Option<i64>,
    while_revalidating: Option<i64>,
    if_error: Option<i64>,
    no_cache: bool,
    /// It is never used stale.
    revalidate: bool,
}

impl Terms {
    /// None where nothing may be kept.
    fn read(cache_control: Option<&str>) -> Option<Self> {
        let mut terms = Self::default();
        for directive in directives(cache_control.unwrap_or_default()) {
            let strictest = |known: Option<i64>| Some(known.unwrap_or(LONGEST).min(directive.seconds()));
            match () {
                () if directive.is("no-store") || directive.is("private") => return None,
                () if directive.is("no-cache") => (terms.no_cache, terms.revalidate) = (true, true),
                () if directive.is("must-revalidate") || directive.is("proxy-revalidate") => terms.revalidate = true,
                () if directive.is("max-age") => terms.max_age = strictest(terms.max_age),
                () if directive.is("s-maxage") => terms.shared = strictest(terms.shared),
                () if directive.is("stale-while-revalidate") => {
                    terms.while_revalidating = strictest(terms.while_revalidating);
                }
                () if directive.is("stale-if-error") => terms.if_error = strictest(terms.if_error),
                () => {}
            }
        }
        Some(terms)
    }

    fn fresh(&self) -> Option<i64> {
        if self.no_cache { Some(0) } else { self.shared.or(self.max_age) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn table() {
        let keep = |seconds| Storing::Keep { seconds };
        for (text, expected) in [
            (None, keep(300)),
            (Some(""), keep(300)),
            (Some("public"), keep(300)),
            (Some("max-age=60"), keep(60)),
            (Some("MAX-AGE=\"60\" , public"), keep(60)),
            (Some("max-age=60, s-maxage=10"), keep(10)),
            (Some("max-age=60, max-age=5"), keep(5)),
            (Some("ext=\"max-age=5\", max-age=60"), keep(60)),
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

    const NOW: i64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT
    const DEFAULTS: Defaults = Defaults { ttl: 300, stale_while_revalidate: 30, stale_if_error: 3600 };

    fn told(cache_control: &'static str) -> Head {
        let cache_control = (!cache_control.is_empty()).then(|| HeaderValue::from_static(cache_control));
        Head { cache_control, ..Head::default() }
    }

    /// Seconds from now: fresh, while asking, for an origin in trouble.
    fn until(head: &Head) -> Option<(i64, i64, i64)> {
        let lifetime = lifetime(head, &DEFAULTS, NOW, NOW)?;
        Some((lifetime.fresh_until - NOW, lifetime.asking_until - NOW, lifetime.error_until - NOW))
    }

    #[test]
    fn lifetimes() {
        for (text, expected) in [
            ("", Some((300, 330, 3900))),
            ("max-age=60", Some((60, 60, 3660))),
            ("max-age=60, stale-while-revalidate=5", Some((60, 65, 3660))),
            ("max-age=60, stale-if-error=7", Some((60, 60, 67))),
            ("max-age=60, stale-if-error=0", Some((60, 60, 60))),
            ("stale-while-revalidate=5", Some((300, 305, 3900))),
            ("max-age=60, must-revalidate, stale-if-error=7", Some((60, 60, 60))),
            ("max-age=60, proxy-revalidate, stale-while-revalidate=7", Some((60, 60, 60))),
            ("must-revalidate", Some((300, 300, 300))),
            ("s-maxage=60, stale-if-error=7", Some((60, 60, 60))),
            ("no-cache, max-age=60, stale-if-error=7", Some((0, 0, 0))),
            ("no-store", None),
            ("private, max-age=60", None),
        ] {
            assert_eq!(until(&told(text)), expected, "{text}");
        }
        assert_eq!(until(&Head { varies: true, ..told("max-age=60") }), None);
    }

    #[test]
    fn ages_and_dates() {
        let date = |text| Some(HeaderValue::from_static(text));
        let fresh = |head: Head| until(&head).unwrap().0;
        assert_eq!(fresh(Head { age: Some(20), ..told("max-age=60") }), 40);
        assert_eq!(fresh(Head { age: Some(LONGEST), ..told("max-age=60") }), 60 - LONGEST);
        assert_eq!(fresh(Head { expires: date("Sun, 06 Nov 1994 08:50:37 GMT"), ..told("") }), 60);
        assert_eq!(fresh(Head { expires: date("Sunday, 06-Nov-94 08:50:37 GMT"), ..told("") }), 60);
        assert_eq!(fresh(Head { expires: date("Sun, 06 Nov 1994 08:50:37 GMT"), ..told("max-age=5") }), 5);
        assert_eq!(fresh(Head { expires: date("Sun, 06 Nov 1994 08:48:37 GMT"), ..told("") }), 0);
        assert_eq!(fresh(Head { expires: date("0"), ..told("") }), 0);
        // The origin's clock is ten minutes behind, and it means a minute.
        let behind = Head { expires: date("Sun, 06 Nov 1994 08:40:37 GMT"), date: Some(NOW - 600), ..told("") };
        assert_eq!(fresh(behind), 60);
        let slow = lifetime(&told("max-age=60"), &DEFAULTS, NOW - 4, NOW).unwrap();
        assert_eq!((slow.age(NOW), slow.fresh_until, slow.confirmed), (4, NOW + 56, NOW));
    }
}
