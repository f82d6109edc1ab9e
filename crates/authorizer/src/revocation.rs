//! Which tokens are no longer honoured although nothing else is wrong with them: by their id, subject, session or another
//! claim, or by when they were issued.
//!
//! No text is held: a claim's value is kept as 128 bits of a hash that the host has seeded, so that nobody can look for
//! two values that meet. [`Marks`] makes such a hash, a [`RevocationSet`] remembers what is revoked under it. They are two
//! so that a host can divide many revocations between several sets.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use serde_json::{Map, Value};

use crate::UnixTime;
use crate::rule::split_name;
use crate::token::Verified;

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

/// Two independent hashes of an issuer, a claim and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64, u64);

impl Mark {
    /// Which of so many sets has it.
    pub fn share(self, sets: usize) -> usize {
        usize::try_from(self.1 % (sets.max(1) as u64)).unwrap_or(0)
    }
}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// A mark is a hash already.
#[derive(Default)]
pub struct MarkHasher(u64);

impl Hasher for MarkHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, part: u64) {
        self.0 = self.0.rotate_left(8) ^ part;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What is remembered under marks.
pub type ByMark<T> = HashMap<Mark, T, BuildHasherDefault<MarkHasher>>;

/// Makes marks.
#[derive(Debug)]
pub struct Marks<S>([S; 2]);

impl<S: BuildHasher> Marks<S> {
    /// The hashers have seeds of their own that nobody outside knows.
    pub fn new(hashers: [S; 2]) -> Self {
        Self(hashers)
    }

    /// Of the tokens of an issuer that have a claim with this value, or of all its tokens.
    pub fn of(&self, issuer: &str, claim: Option<(&str, &str)>) -> Mark {
        let Self([first, second]) = self;
        let parts = (issuer, claim);
        Mark(first.hash_one(parts), second.hash_one(parts))
    }

    /// Whether a token is revoked by one of these claims or with its whole issuer. `revoked` looks a mark up, for a token
    /// issued then. A link is also revoked with the token that it was made with.
    pub fn any(
        &self,
        claims: &[RevocableClaim],
        token: &Verified,
        issuer: &str,
        mut revoked: impl FnMut(Mark, Option<i64>) -> bool,
    ) -> bool {
        let own = token.claims();
        if self.meets(claims, issuer, |claim| claim.value(own.all()), |mark| revoked(mark, own.issued)) {
            return true;
        }
        let identity = token.identity(issuer);
        token.is_link()
            && self.meets(claims, identity.issuer, |claim| identity.value(claim), |mark| revoked(mark, identity.issued))
    }

    fn meets<'c>(
        &self,
        claims: &[RevocableClaim],
        issuer: &str,
        value: impl Fn(&RevocableClaim) -> Option<&'c Value>,
        mut revoked: impl FnMut(Mark) -> bool,
    ) -> bool {
        if revoked(self.of(issuer, None)) {
            return true;
        }
        claims.iter().any(|claim| {
            let mut one = |value| text_of(value, |text| revoked(self.of(issuer, Some((&claim.name, text)))));
            match value(claim) {
                None => false,
                Some(Value::Array(values)) => values.iter().any(one),
                Some(value) => one(value),
            }
        })
    }
}

/// A text as it is, a number in decimal; nothing else is a name for anything.
fn text_of(value: &Value, then: impl FnOnce(&str) -> bool) -> bool {
    match value {
        Value::String(text) => then(text),
        Value::Number(number) => then(&number.to_string()),
        _ => false,
    }
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

    pub fn holds(&self, mark: Mark) -> bool {
        self.entries.contains_key(&mark)
    }

    /// Of two revocations of the same tokens what either means stays revoked. `mark` is that of its issuer and claim.
    pub fn add(&mut self, mark: Mark, revocation: &Revocation) {
        let Entry { ever, before, until } = Entry::new(revocation);
        let entry = self.entries.entry(mark).or_default();
        *entry = Entry { ever: entry.ever.max(ever), before: entry.before.max(before), until: entry.until.max(until) };
    }

    /// Whether a token issued then and with this mark is revoked.
    pub fn means(&self, mark: Mark, issued: Option<i64>) -> bool {
        self.entries.get(&mark).is_some_and(|entry| entry.means(issued))
    }

    /// `before` and `until` of what is revoked under a mark, for those that write it down.
    pub fn terms(&self, mark: Mark) -> impl Iterator<Item = (Option<UnixTime>, Option<UnixTime>)> + use<> {
        let entry = self.entries.get(&mark).copied().unwrap_or_default();
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
        of.iter().for_each(|&(before, until)| set.add(MARK, &revocation(before, until)));
        set
    }

    const MARK: Mark = Mark(1, 2);

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
