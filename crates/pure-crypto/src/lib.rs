//! Verifies signatures in Rust alone, for hosts that bring no cryptography of their own.
//!
//! It accepts and refuses what `keys::Native` (aws-lc) does, byte for byte: `tests/` hold both to the published vectors and to
//! each other. Nothing secret is computed with but in HMAC, which compares in constant time; all else works on public numbers,
//! so that its time may depend on them.

mod rsa;

use authorizer::{Algorithm, Curve, Key, Material, Signatures};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::{Sha256, Sha384, Sha512};

/// The cryptography of a host that has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pure;

impl Signatures for Pure {
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match key.material() {
            Material::Secret(secret) => hmac(key.algorithm(), secret.expose_secret(), message, signature),
            Material::Rsa { modulus, exponent } => {
                rsa::verify(key.algorithm(), rsa::Public { modulus, exponent }, message, signature)
            }
            Material::Ec { curve, point } => match curve {
                Curve::P256 => ecdsa::<p256::ecdsa::VerifyingKey, p256::ecdsa::Signature>(point, message, signature),
                Curve::P384 => ecdsa::<p384::ecdsa::VerifyingKey, p384::ecdsa::Signature>(point, message, signature),
                Curve::P521 => ecdsa::<p521::ecdsa::VerifyingKey, p521::ecdsa::Signature>(point, message, signature),
            },
            Material::Ed25519(point) => ed25519(point, message, signature),
        }
    }
}

fn hmac(algorithm: Algorithm, secret: &[u8], message: &[u8], tag: &[u8]) -> bool {
    fn made<M: Mac + KeyInit>(secret: &[u8], message: &[u8], tag: &[u8]) -> bool {
        // The whole tag, in constant time.
        M::new_from_slice(secret).is_ok_and(|mac| mac.chain_update(message).verify_slice(tag).is_ok())
    }
    match algorithm {
        Algorithm::Hs256 => made::<Hmac<Sha256>>(secret, message, tag),
        Algorithm::Hs384 => made::<Hmac<Sha384>>(secret, message, tag),
        Algorithm::Hs512 => made::<Hmac<Sha512>>(secret, message, tag),
        _ => false,
    }
}

/// The point is on its curve, and the signature exactly two numbers of the curve's length, from 1 to n - 1; DER is refused.
/// The curve's own hash: SHA-256, SHA-384, SHA-512 (RFC 7518 section 3.4).
fn ecdsa<K, S>(point: &[u8], message: &[u8], signature: &[u8]) -> bool
where
    K: for<'a> TryFrom<&'a [u8]> + Verifier<S>,
    S: for<'a> TryFrom<&'a [u8]>,
{
    let (Ok(key), Ok(signature)) = (K::try_from(point), S::try_from(signature)) else {
        return false;
    };
    key.verify(message, &signature).is_ok()
}

/// RFC 8032 section 5.1.7 without the cofactor: s is below the order, and R, compared as bytes, is what comes out. R of small
/// order is no fault: only the key's owner can make such a signature. Keys of small order are refused when they are made.
fn ed25519(point: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(point), Signature::from_slice(signature)) else {
        return false;
    };
    key.verify(message, &signature).is_ok()
}
