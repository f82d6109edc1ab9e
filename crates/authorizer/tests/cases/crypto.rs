//! Signing and verifying with aws-lc, for the rows alone.

use authorizer::{Algorithm, Curve, Key, Material, Signatures};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm,
    EcdsaVerificationAlgorithm, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    RsaKeyPair, RsaParameters, UnparsedPublicKey,
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
                let key = hmac::Key::new(hash(key.algorithm()), secret.expose_secret());
                hmac::verify(&key, message, signature).is_ok()
            }
            Material::Rsa { modulus, exponent } => PublicKeyComponents { n: modulus, e: exponent }
                .verify(rsa(key.algorithm()).0, message, signature)
                .is_ok(),
            Material::Ec { curve, point } => {
                UnparsedPublicKey::new(ecdsa(*curve).0, point).verify(message, signature).is_ok()
            }
            Material::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok(),
        }
    }
}

/// Signs by the private JWK's own algorithm.
pub fn sign(jwk: &Value, message: &[u8]) -> Vec<u8> {
    let bytes = |member: &str| URL_SAFE_NO_PAD.decode(jwk[member].as_str().unwrap()).unwrap();
    let random = SystemRandom::new();
    let algorithm = Algorithm::parse(jwk["alg"].as_str().unwrap()).expect("a key signs by an algorithm that is known");
    match jwk["kty"].as_str().unwrap() {
        "oct" => hmac::sign(&hmac::Key::new(hash(algorithm), &bytes("k")), message).as_ref().to_vec(),
        "EC" => {
            let curve = Curve::parse(jwk["crv"].as_str().unwrap()).unwrap();
            let key = EcdsaKeyPair::from_pkcs8(ecdsa(curve).1, &bytes("pkcs8")).unwrap();
            key.sign(&random, message).unwrap().as_ref().to_vec()
        }
        "OKP" => {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes("pkcs8")).unwrap();
            key.sign(message).as_ref().to_vec()
        }
        "RSA" => {
            let key = RsaKeyPair::from_pkcs8(&bytes("pkcs8")).unwrap();
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(rsa(algorithm).1, &random, message, &mut signature).unwrap();
            signature
        }
        other => panic!("no key of type {other} signs"),
    }
}

fn hash(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::Hs256 => hmac::HMAC_SHA256,
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        other => panic!("{other} is no HMAC"),
    }
}

fn ecdsa(curve: Curve) -> (&'static EcdsaVerificationAlgorithm, &'static EcdsaSigningAlgorithm) {
    match curve {
        Curve::P256 => (&ECDSA_P256_SHA256_FIXED, &ECDSA_P256_SHA256_FIXED_SIGNING),
        Curve::P384 => (&ECDSA_P384_SHA384_FIXED, &ECDSA_P384_SHA384_FIXED_SIGNING),
        Curve::P521 => (&ECDSA_P521_SHA512_FIXED, &ECDSA_P521_SHA512_FIXED_SIGNING),
    }
}

fn rsa(algorithm: Algorithm) -> (&'static RsaParameters, &'static dyn RsaEncoding) {
    match algorithm {
        Algorithm::Rs256 => (&RSA_PKCS1_2048_8192_SHA256, &RSA_PKCS1_SHA256),
        Algorithm::Rs384 => (&RSA_PKCS1_2048_8192_SHA384, &RSA_PKCS1_SHA384),
        Algorithm::Rs512 => (&RSA_PKCS1_2048_8192_SHA512, &RSA_PKCS1_SHA512),
        Algorithm::Ps256 => (&RSA_PSS_2048_8192_SHA256, &RSA_PSS_SHA256),
        Algorithm::Ps384 => (&RSA_PSS_2048_8192_SHA384, &RSA_PSS_SHA384),
        Algorithm::Ps512 => (&RSA_PSS_2048_8192_SHA512, &RSA_PSS_SHA512),
        other => panic!("{other} is not RSA"),
    }
}
