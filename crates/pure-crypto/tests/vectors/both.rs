//! One question to both verifiers. They never differ: neither accepts what the other refuses.

use std::sync::Arc;

use authorizer::{
    Algorithm, Denied, IssuerSettings, Issuers, Key, KeySet, KeySets, Material, Signatures, Verified, parse_jwk_set,
    verify,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keys::Native;
use pure_crypto::Pure;
use serde_json::{Value, json};

pub struct Both;

impl Signatures for Both {
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let (native, pure) = (Native.verify(key, message, signature), Pure.verify(key, message, signature));
        assert_eq!(
            native,
            pure,
            "aws-lc and Rust differ: {} over {:?} by {signature:02x?}",
            key.expose_jwk(),
            String::from_utf8_lossy(message)
        );
        native
    }
}

pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The one key of a public JWK, read as an issuer's key set is read.
pub fn public_key(jwk: &Value, algorithm: Algorithm) -> KeySet {
    try_public_key(jwk, algorithm).unwrap_or_else(|fault| panic!("{jwk}: {fault}"))
}

pub fn try_public_key(jwk: &Value, algorithm: Algorithm) -> Result<KeySet, authorizer::JwkFault> {
    parse_jwk_set(json!({ "keys": [jwk] }).to_string().as_bytes(), &[algorithm])
}

pub fn secret_key(secret: &[u8], algorithm: Algorithm) -> KeySet {
    KeySet::new(vec![Key::new(None, algorithm, Material::Secret(secret.to_vec().into())).unwrap()])
}

/// The key as another algorithm's, where it can be.
pub fn rsa_key(modulus: &[u8], exponent: &[u8], algorithm: Algorithm) -> KeySet {
    try_rsa_key(modulus, exponent, algorithm).unwrap()
}

pub fn try_rsa_key(modulus: &[u8], exponent: &[u8], algorithm: Algorithm) -> Result<KeySet, authorizer::JwkFault> {
    let jwk = json!({ "kty": "RSA", "n": encode(modulus), "e": encode(exponent), "alg": algorithm.as_str() });
    try_public_key(&jwk, algorithm)
}

/// A token asked of an issuer that has these keys and takes these algorithms.
pub fn ask(token: &str, issuer: &str, algorithms: &[Algorithm], keys: KeySet) -> Result<Verified, Denied> {
    let settings = IssuerSettings {
        name: "issuer".to_owned(),
        issuer: issuer.to_owned(),
        audiences: vec!["files".to_owned()],
        algorithms: algorithms.to_vec(),
        may: Vec::new(),
        max_age: None,
        leeway: 0,
        once: false,
        links: false,
    };
    verify(token, &Issuers::new(vec![settings]), &KeySets(vec![Arc::new(keys)]), &Both)
}

/// A compact JWS taken apart: the signed text, the signature.
pub fn split(token: &str) -> (&str, Vec<u8>) {
    let (message, signature) = token.rsplit_once('.').unwrap();
    (message, decode(signature))
}
