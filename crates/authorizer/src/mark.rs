//! Marks: what stands for an issuer, a claim and a value where many are remembered. They are 128 bits of hashes that the host
//! has seeded, so that no text is held and nobody can look for two values that meet.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use hashbrown::{Equivalent, HashMap};
use serde_json::{Number, Value};

use crate::revocation::RevocableClaim;
use crate::token::Verified;

/// Two independent hashes of an issuer, a claim and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    place: u64,
    seal: u64,
}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.place);
    }
}

/// A mark that is looked up. Its seal is computed only where something has its place, which for a good token is nowhere.
pub struct Sought<'a> {
    place: u64,
    seal: &'a dyn Fn() -> u64,
}

impl<'a> Sought<'a> {
    pub(crate) const fn new(place: u64, seal: &'a dyn Fn() -> u64) -> Self {
        Self { place, seal }
    }

    /// Which of so many sets has it. The bits are not those by which a set finds it.
    pub fn share(&self, sets: usize) -> usize {
        usize::try_from((self.place >> 32) % (sets.max(1) as u64)).unwrap_or(0)
    }

    pub fn mark(&self) -> Mark {
        Mark { place: self.place, seal: (self.seal)() }
    }
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.place);
    }
}

impl Equivalent<Mark> for Sought<'_> {
    fn equivalent(&self, mark: &Mark) -> bool {
        self.place == mark.place && (self.seal)() == mark.seal
    }
}

/// A mark is a hash already.
#[derive(Default)]
pub struct MarkHasher(u64);

impl Hasher for MarkHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
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

/// Makes marks, with seeds that nobody outside knows.
#[derive(Debug)]
pub struct Marks<P, S> {
    place: P,
    seal: S,
}

impl<P: BuildHasher, S: BuildHasher> Marks<P, S> {
    /// `place` is quick. `seal` is one whose collisions cannot be looked for, such as SipHash: it alone keeps those who
    /// choose their own names from having others refused.
    pub fn new(place: P, seal: S) -> Self {
        Self { place, seal }
    }

    /// Of the tokens of an issuer that have a claim with this value, or of all its tokens.
    pub fn of<T>(&self, issuer: &str, claim: Option<(&str, &str)>, then: impl FnOnce(&Sought<'_>) -> T) -> T {
        let parts = (issuer, claim);
        then(&Sought::new(self.place.hash_one(parts), &|| self.seal.hash_one(parts)))
    }

    /// Whether a token is revoked by one of these claims or with its whole issuer. `revoked` looks a mark up, for a token
    /// issued then. A link is also revoked with the token that it was made with.
    pub fn any(
        &self,
        claims: &[RevocableClaim],
        token: &Verified,
        issuer: &str,
        revoked: impl Fn(&Sought<'_>, Option<i64>) -> bool,
    ) -> bool {
        let own = token.claims();
        if self.meets(claims, issuer, |claim| claim.value(own.all()), |mark| revoked(mark, own.issued)) {
            return true;
        }
        let identity = token.identity(issuer);
        let revoked = |mark: &Sought<'_>| revoked(mark, identity.issued);
        token.is_link() && self.meets(claims, identity.issuer, |claim| identity.value(claim), revoked)
    }

    fn meets<'c>(
        &self,
        claims: &[RevocableClaim],
        issuer: &str,
        value: impl Fn(&RevocableClaim) -> Option<&'c Value>,
        revoked: impl Fn(&Sought<'_>) -> bool,
    ) -> bool {
        let by = |claim: Option<(&str, &str)>| self.of(issuer, claim, &revoked);
        by(None)
            || claims.iter().any(|claim| {
                let one = |value| text_of(value, |text| by(Some((&claim.name, text))));
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
        Value::Number(number) => then(&decimal(number)),
        _ => false,
    }
}

/// A number as text. One that is whole has one text however it was written: 7 and 7.0 are the same (RFC 8259 section 6).
pub fn decimal(number: &Number) -> String {
    /// 2^53: below it every whole number is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64().filter(|_| number.is_f64()) {
        // Adding zero takes its sign away.
        Some(value) if value.fract() == 0.0 && value.abs() < EXACT => format!("{:.0}", value + 0.0),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_one_text() {
        for (written, text) in [
            ("7", "7"),
            ("7.0", "7"),
            ("70e-1", "7"),
            ("-7.0", "-7"),
            ("-0.0", "0"),
            ("7.5", "7.5"),
            ("18446744073709551615", "18446744073709551615"),
            ("9007199254740992.0", "9007199254740992.0"),
        ] {
            assert_eq!(decimal(&written.parse::<Number>().unwrap()), text, "{written}");
        }
    }

    #[test]
    fn the_same_place_with_another_seal_is_another_mark() {
        let (one, other) = (Sought::new(7, &|| 1), Sought::new(7, &|| 2));
        let mut by_mark = ByMark::default();
        by_mark.insert(one.mark(), "one");
        assert_eq!((by_mark.get(&one), by_mark.get(&other)), (Some(&"one"), None));
        by_mark.insert(other.mark(), "other");
        assert_eq!((by_mark.get(&one), by_mark.get(&other)), (Some(&"one"), Some(&"other")));
    }
}
