//! Remembers verified tokens, so that a token seen before costs no cryptography.
//!
//! What is remembered is that a key of the issuer's made the signature. Times, audience and rules are judged on every request,
//! and when an issuer's keys change, all that they verified is forgotten.

use std::sync::Arc;

use authorizer::{Denied, IssuerSettings, Verified};
use foldhash::fast::RandomState;
use keys::{Keyring, Native};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::limits;

pub struct TokenMemory {
    keyring: Arc<Keyring>,
    remembered: Cache<Box<str>, Remembered, BySize, RandomState>,
}

#[derive(Clone)]
struct Remembered {
    verified: Arc<Verified>,
    /// Of its issuer's keys, which verified it.
    generation: u64,
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
    pub fn new(keyring: Arc<Keyring>) -> Self {
        let remembered = Cache::with(
            usize::try_from(limits::TOKEN_MEMORY / 2048).unwrap_or(32_768),
            limits::TOKEN_MEMORY,
            BySize,
            RandomState::default(),
            DefaultLifecycle::default(),
        );
        Self { keyring, remembered }
    }

    /// The verified form of a token. What fails is not remembered: there is no end of bad tokens.
    pub fn verify(&self, token: &str, issuers: &[IssuerSettings]) -> Result<Arc<Verified>, Denied> {
        if let Some(known) = self.remembered.get(token)
            && known.generation == self.keyring.generation(known.verified.issuer().0)
        {
            return Ok(known.verified);
        }
        let keys = self.keyring.snapshot();
        let verified = Arc::new(authorizer::verify(token, issuers, &keys.sets, &Native)?);
        let generation = keys.generation(verified.issuer().0);
        let remembered = Remembered { verified: Arc::clone(&verified), generation };
        self.remembered.insert(token.into(), remembered);
        Ok(verified)
    }

    pub fn len(&self) -> usize {
        self.remembered.len()
    }
}
