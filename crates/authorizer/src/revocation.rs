//! Which tokens are no longer honoured although nothing else is wrong with them: by their id, subject, session or another
//! claim, or by when they were issued.
//!
//! No text is held: [`Marks`](crate::Marks) stand for it. Several sets can divide many revocations between them.

use serde_json::{Map, Value};

use crate::UnixTime;
use crate::mark::{ByMark, Sought};
use crate::rule::split_name;

/// A claim by which tokens can be revoked: its name, and the names to walk through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocableClaim {
    /// As it is written: `sub`, `session.id`.
    pub name: String,
    path: Vec<String>,
}

impl RevocableClaim {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), path: split_name(name) }
    }

    pub fn value<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let mut parts = self.path.iter();
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.as_object()?.get(part))
    }
}

/// Tokens of one issuer that are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The issuer's name in the configuration.
    pub issuer: String,
    /// A claim and the value it has, or, in a list, one of its values; `None` for all tokens of the issuer.
    pub claim: Option<(String, String)>,
    /// Only tokens issued before this; `None`: whenever they were issued, those of the time to come among them.
    pub before: Option<UnixTime>,
    /// When it is forgotten, because the last token that it means has expired by itself; `None`: it is kept for ever.
    pub until: Option<UnixTime>,
}

/// What is revoked under one mark. Seconds since 1970 in 32 bits, so that an entry takes 32 bytes with its mark; what does
/// not fit is rounded towards refusing, and the last second (in 2106) stands for ever. Two kinds have ends of their own:
/// what the one bars of the time to come the other would bar for longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// Until when tokens are refused whenever they were issued; 0: they are not.
    ever: u32,
    /// Tokens issued before this are refused until then; 0: they are not.
    before: u32,
    until: u32,
}

fn short(time: UnixTime) -> u32 {
    u32::try_from(time.0.max(0)).unwrap_or(u32::MAX)
}

fn long(time: u32) -> Option<UnixTime> {
    (time != u32::MAX).then_some(UnixTime(time.into()))
}

impl Entry {
    fn new(revocation: &Revocation) -> Self {
        let until = revocation.until.map_or(u32::MAX, short);
        match revocation.before.map(short) {
            None | Some(u32::MAX) => Self { ever: until, ..Self::default() },
            Some(before) => Self { before, until, ..Self::default() },
        }
    }

    fn means(self, issued: Option<i64>) -> bool {
        self.ever > 0 || self.until > 0 && issued.is_none_or(|issued| issued < self.before.into())
    }

    fn expire(&mut self, now: u32) -> bool {
        let over = |until: u32| until <= now && until != u32::MAX;
        if over(self.ever) {
            self.ever = 0;
        }
        if over(self.until) {
            (self.before, self.until) = (0, 0);
        }
        *self == Self::default()
    }
}

/// What is revoked now.
#[derive(Debug, Default)]
pub struct RevocationSet {
    entries: ByMark<Entry>,
}

impl RevocationSet {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn holds(&self, mark: &Sought<'_>) -> bool {
        self.entries.contains_key(mark)
    }

    /// Of two revocations of the same tokens what either means stays revoked. `mark` is that of its issuer and claim.
    pub fn add(&mut self, mark: &Sought<'_>, revocation: &Revocation) {
        let Entry { ever, before, until } = Entry::new(revocation);
        let entry = self.entries.entry(mark.mark()).or_default();
        *entry = Entry { ever: entry.ever.max(ever), before: entry.before.max(before), until: entry.until.max(until) };
    }

    /// Whether a token issued then and with this mark is revoked.
    pub fn means(&self, mark: &Sought<'_>, issued: Option<i64>) -> bool {
        self.entries.get(mark).is_some_and(|entry| entry.means(issued))
    }

    /// `before` and `until` of what is revoked under a mark, for those that write it down.
    pub fn terms(&self, mark: &Sought<'_>) -> impl Iterator<Item = (Option<UnixTime>, Option<UnixTime>)> + use<> {
        let entry = self.entries.get(mark).copied().unwrap_or_default();
        let ever = (entry.ever > 0).then(|| (None, long(entry.ever)));
        let bounded = (entry.until > 0).then(|| (Some(UnixTime(entry.before.into())), long(entry.until)));
        ever.into_iter().chain(bounded)
    }

    /// Forgets what means no token any more.
    pub fn expire(&mut self, now: UnixTime) {
        let now = short(now);
        self.entries.retain(|_, entry| !entry.expire(now));
        // A wave of revocations that is over gives its memory back.
        if self.entries.capacity() / 4 > self.entries.len() {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revocation(before: Option<i64>, until: Option<i64>) -> Revocation {
        Revocation { issuer: "i".into(), claim: None, before: before.map(UnixTime), until: until.map(UnixTime) }
    }

    fn set(of: &[(Option<i64>, Option<i64>)]) -> RevocationSet {
        let mut set = RevocationSet::default();
        for &(before, until) in of {
            set.add(MARK, &revocation(before, until));
        }
        set
    }

    const MARK: &Sought<'_> = &Sought::new(1, &|| 2);

    #[test]
    fn what_either_means_stays_revoked_and_no_longer() {
        let mut both = set(&[(None, Some(50)), (Some(100), Some(1000))]);
        assert!(both.means(MARK, Some(500)) && both.means(MARK, Some(99)));
        both.expire(UnixTime(50));
        assert!(both.means(MARK, Some(99)) && both.means(MARK, None), "no iat is before everything");
        assert!(!both.means(MARK, Some(100)), "the bar on all tokens is over");
        both.expire(UnixTime(1000));
        assert!(both.is_empty());
    }

    #[test]
    fn times_that_do_not_fit_refuse() {
        let ages = i64::from(u32::MAX);
        for (before, until) in [(None, None), (Some(i64::MAX), Some(i64::MAX)), (Some(ages), Some(ages + 9))] {
            let mut set = set(&[(before, until)]);
            set.expire(UnixTime(i64::MAX));
            assert!(set.means(MARK, Some(1 << 53)), "{before:?} {until:?}");
        }
        assert!(set(&[(Some(-5), None)]).means(MARK, Some(-6)));
        let mut over = set(&[(None, Some(-1))]);
        assert!(!over.means(MARK, None));
        over.expire(UnixTime(0));
        assert!(over.is_empty());
    }

    #[test]
    fn terms_say_the_same_again() {
        for of in [
            vec![(None, None)],
            vec![(None, Some(7))],
            vec![(Some(3), None)],
            vec![(None, Some(7)), (Some(3), Some(9))],
        ] {
            let terms: Vec<_> =
                set(&of).terms(MARK).map(|(before, until)| (before.map(|t| t.0), until.map(|t| t.0))).collect();
            assert_eq!(terms, of);
        }
    }
}
