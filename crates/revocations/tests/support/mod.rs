//! For tests and measurements: verified tokens, and a directory that goes away.
#![allow(dead_code, clippy::unwrap_used)] // each of those that share this file uses a part of it

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use authorizer::{
    Algorithm, IssuerSettings, Issuers, Key, KeySet, KeySets, Material, Signatures, Verified, link_issuer, verify,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

struct Trusting;

impl Signatures for Trusting {
    fn verify(&self, _: &Key, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

pub struct Tokens {
    issuers: Issuers,
    keys: KeySets,
}

impl Tokens {
    /// Of the issuer `main` and of the site's links.
    pub fn new() -> Self {
        let links = link_issuer("https://site");
        let main = IssuerSettings { name: "main".into(), issuer: "main".into(), links: false, ..links.clone() };
        let key = Key::new(None, Algorithm::Hs256, Material::Secret(vec![7; 32].into())).unwrap();
        let set = Arc::new(KeySet::new(vec![key]));
        Self { issuers: Issuers::new(vec![main, links]), keys: KeySets(vec![set.clone(), set]) }
    }

    pub fn token(&self, claims: &str) -> Verified {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let token = format!("{}.{}.AA", part(r#"{"alg":"HS256"}"#), part(claims));
        verify(&token, &self.issuers, &self.keys, &Trusting).unwrap()
    }

    pub fn of(&self, jti: &str, sub: &str, sid: &str, issued: i64) -> Verified {
        self.token(&format!(r#"{{"iss":"main","jti":"{jti}","sub":"{sub}","sid":"{sid}","iat":{issued}}}"#))
    }
}

pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("edgepass-revocations-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
