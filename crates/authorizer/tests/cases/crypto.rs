//! Signing and verifying with aws-lc, for the rows alone.

use authorizer::{Key, Material, Signatures};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde_json::Value;

pub struct AwsLc;

impl Signatures for AwsLc {
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match key.material() {
            Material::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
                hmac::verify(&key, message, signature).is_ok()
            }
            Material::Rsa { modulus, exponent } => PublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Material::Ec { point, .. } => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Material::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok(),
        }
    }
}

/// Signs by the private JWK's own algorithm.
pub fn sign(jwk: &Value, message: &[u8]) -> Vec<u8> {
    let bytes = |member: &str| URL_SAFE_NO_PAD.decode(jwk[member].as_str().unwrap()).unwrap();
    let random = SystemRandom::new();
    match jwk["alg"].as_str().unwrap() {
        "HS256" => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes("k")), message).as_ref().to_vec(),
        "ES256" => {
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes("pkcs8")).unwrap();
            key.sign(&random, message).unwrap().as_ref().to_vec()
        }
        "EdDSA" => {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes("pkcs8")).unwrap();
            key.sign(message).as_ref().to_vec()
        }
        "RS256" => {
            let key = RsaKeyPair::from_pkcs8(&bytes("pkcs8")).unwrap();
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
            signature
        }
        other => panic!("no key signs by {other}"),
    }
}
