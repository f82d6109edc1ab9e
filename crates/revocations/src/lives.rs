//! How long a revocation has to be remembered: until the last token that it means has expired by itself.

use std::sync::Arc;

use authorizer::{IssuerSettings, MAX_TOKEN, RevocableClaim, Revocation, UnixTime};

use crate::error::Error;

/// Seconds beyond the computed end: for a link, which has a leeway of its own, and for a clock that is set back.
const LATER: i64 = 60;

/// As much of an issuer as says how long its tokens are honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerLife {
    pub name: String,
    /// Seconds after `iat` beyond which no token is honoured.
    pub max_age: Option<i64>,
    /// Seconds by which clocks may differ.
    pub leeway: i64,
}

impl From<&IssuerSettings> for IssuerLife {
    fn from(issuer: &IssuerSettings) -> Self {
        Self { name: issuer.name.clone(), max_age: issuer.max_age, leeway: issuer.leeway }
    }
}

/// What someone wants revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationWish {
    /// The issuer's name in the configuration.
    pub issuer: String,
    /// A claim and the value it has, or, in a list, one of its values; `None` for all tokens of the issuer.
    pub claim: Option<(String, String)>,
    /// Only tokens issued before this. `None`: whenever they are issued, until the revocation ends; a token that was issued
    /// meanwhile and lives longer is good from then on.
    pub before: Option<UnixTime>,
    /// The latest `exp` of the tokens that are meant. Asked only where the issuer has no `max_age`.
    pub expires: Option<UnixTime>,
}

/// The names that revocations can have.
pub(crate) struct Known {
    pub claims: Arc<[RevocableClaim]>,
    pub issuers: Vec<IssuerLife>,
}

impl Known {
    pub fn new(claims: &[String], issuers: Vec<IssuerLife>) -> Self {
        Self { claims: claims.iter().map(|name| RevocableClaim::new(name)).collect(), issuers }
    }

    /// A wish that can be granted, with its end.
    pub fn complete(&self, wish: RevocationWish, now: UnixTime) -> Result<Revocation, Error> {
        let RevocationWish { issuer, claim, before, expires } = wish;
        let Some(life) = self.issuers.iter().find(|life| life.name == issuer) else {
            let known = self.issuers.iter().map(|life| life.name.clone()).collect();
            return Err(Error::UnknownIssuer { issuer, known });
        };
        if let Some((claim, value)) = &claim {
            if !self.claims.iter().any(|known| known.name == *claim) {
                let known = self.claims.iter().map(|claim| claim.name.clone()).collect();
                return Err(Error::UnknownClaim { claim: claim.clone(), known });
            }
            if value.len() > MAX_TOKEN {
                return Err(Error::ValueTooLong { bytes: value.len() });
            }
        }
        let until = self.until(life, before, expires, now);
        Ok(Revocation { issuer, claim, before, until })
    }

    fn until(
        &self,
        life: &IssuerLife,
        before: Option<UnixTime>,
        expires: Option<UnixTime>,
        now: UnixTime,
    ) -> Option<UnixTime> {
        // A link made with a token is honoured by the leeway of another issuer.
        let leeway = self.issuers.iter().map(|issuer| issuer.leeway).max().unwrap_or(0);
        let end = match life.max_age {
            // Now there may be tokens that say they were issued up to the leeway later.
            Some(age) => before.map_or(now.0.saturating_add(life.leeway), |before| before.0).saturating_add(age),
            None => expires?.0,
        };
        Some(UnixTime(end.saturating_add(leeway).saturating_add(LATER)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let issuer = |name: &str, max_age, leeway| IssuerLife { name: name.to_owned(), max_age, leeway };
        Known::new(&["jti".to_owned()], vec![issuer("a", Some(600), 30), issuer("b", None, 0)])
    }

    fn wish(issuer: &str, before: Option<i64>, expires: Option<i64>) -> RevocationWish {
        let (before, expires) = (before.map(UnixTime), expires.map(UnixTime));
        RevocationWish { issuer: issuer.to_owned(), claim: None, before, expires }
    }

    #[test]
    fn ends() {
        for (issuer, before, expires, until) in [
            ("a", None, None, Some(1000 + 30 + 600 + 30 + LATER)),
            ("a", Some(900), Some(5), Some(900 + 600 + 30 + LATER)),
            ("b", Some(900), Some(5000), Some(5000 + 30 + LATER)),
            ("b", Some(900), None, None),
        ] {
            let revocation = known().complete(wish(issuer, before, expires), UnixTime(1000)).unwrap();
            assert_eq!(revocation.until, until.map(UnixTime), "{issuer} {before:?} {expires:?}");
        }
        let far = known().complete(wish("a", Some(i64::MAX), None), UnixTime(1000)).unwrap();
        assert_eq!(far.until, Some(UnixTime(i64::MAX)));
    }

    #[test]
    fn names_that_are_not_known_are_said() {
        let refused = |wish| known().complete(wish, UnixTime(0)).unwrap_err().to_string();
        assert_eq!(refused(wish("c", None, None)), "there is no issuer `c`; the configuration names `a`, `b`");
        let by = |claim: &str, value: String| RevocationWish {
            claim: Some((claim.to_owned(), value)),
            ..wish("a", None, None)
        };
        assert!(refused(by("sub", "x".into())).contains("only by `jti`"));
        assert!(refused(by("jti", "x".repeat(MAX_TOKEN + 1))).contains("8193 bytes"));
    }
}
