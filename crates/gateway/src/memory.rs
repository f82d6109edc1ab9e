//! Remembers verified tokens, so that a token seen before costs no cryptography.
//!
//! What is remembered is that a key of the issuer's made the signature, and up to which revocation it was looked for among the
//! revoked. Times, audience and rules are judged on every request, and when an issuer's keys change, all that they verified is
//! forgotten.

use std::sync::Arc;

use authorizer::{Denied, Issuers, Verified};
use foldhash::fast::RandomState;
use keys::{Keyring, Native};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use revocations::Revocations;

use crate::limits;

pub struct TokenMemory {
    keyring: Arc<Keyring>,
    revocations: Arc<Revocations>,
    remembered: Cache<Box<str>, Remembered, BySize, RandomState>,
}

#[derive(Clone)]
struct Remembered {
    verified: Arc<Verified>,
    /// Of its issuer's keys, which verified it.
    generation: u64,
    /// The revocations' version at which it was not among them.
    clean: u64,
}

#[derive(Clone)]
struct BySize;

impl Weighter<Box<str>, Remembered> for BySize {
    /// The text, its decoded claims as a tree of values, and the fixed parts.
    fn weight(&self, token: &Box<str>, _: &Remembered) -> u64 {
        token.len() as u64 * 3 + 512
    }
}

impl TokenMemory {
    pub fn new(keyring: Arc<Keyring>, revocations: Arc<Revocations>) -> Self {
        let remembered = Cache::with(
            usize::try_from(limits::TOKEN_MEMORY / 2048).unwrap_or(32_768),
            limits::TOKEN_MEMORY,
            BySize,
            RandomState::default(),
            DefaultLifecycle::default(),
        );
        Self { keyring, revocations, remembered }
    }

    /// The verified form of a token, and whether it is revoked. What fails is not remembered: there is no end of bad tokens.
    pub fn verify(&self, token: &str, issuers: &Issuers) -> Result<(Arc<Verified>, bool), Denied> {
        let known = self
            .remembered
            .get(token)
            .filter(|known| known.generation == self.keyring.generation(known.verified.issuer().0));
        let (verified, generation) = match known {
            Some(known) if known.clean == self.revocations.version() => return Ok((known.verified, false)),
            Some(known) => (known.verified, known.generation),
            None => {
                let keys = self.keyring.snapshot();
                let verified = Arc::new(authorizer::verify(token, issuers, &keys.sets, &Native)?);
                let generation = keys.generation(verified.issuer().0);
                (verified, generation)
            }
        };
        let issuer = issuers.get(verified.issuer()).map_or("", |issuer| issuer.name.as_str());
        let Some(clean) = self.revocations.clean_at(&verified, issuer) else {
            return Ok((verified, true));
        };
        let remembered = Remembered { verified: Arc::clone(&verified), generation, clean };
        self.remembered.insert(token.into(), remembered);
        Ok((verified, false))
    }

    pub fn len(&self) -> usize {
        self.remembered.len()
    }
}
