//! Verifies signatures with aws-lc. A key has one algorithm for life; nothing of a token chooses it.

use authorizer::{Algorithm, Curve, Key, Material, Signatures};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, EcdsaVerificationAlgorithm,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, UnparsedPublicKey,
};
use secrecy::ExposeSecret;

/// The cryptography of a native host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Signatures for Native {
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match key.material() {
            // Compares in constant time.
            Material::Secret(secret) => hmac_of(key.algorithm()).is_some_and(|algorithm| {
                hmac::verify(&hmac::Key::new(algorithm, secret.expose_secret()), message, signature).is_ok()
            }),
            Material::Rsa { modulus, exponent } => rsa_of(key.algorithm()).is_some_and(|parameters| {
                PublicKeyComponents { n: modulus, e: exponent }.verify(parameters, message, signature).is_ok()
            }),
            // Exactly two numbers of the curve's length, from 1 to n - 1; DER is refused.
            Material::Ec { curve, point } => {
                UnparsedPublicKey::new(ecdsa_of(*curve), point).verify(message, signature).is_ok()
            }
            Material::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok(),
        }
    }
}

/// Whether anything can be signed with the private half at all: a point lies on its curve.
pub fn is_usable(key: &Key) -> bool {
    match key.material() {
        Material::Ec { curve, point } => ParsedPublicKey::new(ecdsa_of(*curve), point).is_ok(),
        Material::Secret(_) | Material::Rsa { .. } | Material::Ed25519(_) => true,
    }
}

pub fn hmac_of(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::Hs256 => Some(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Some(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

/// PSS salts have the hash's length, as RFC 7518 section 3.5 demands.
fn rsa_of(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

fn ecdsa_of(curve: Curve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::SigningKey;
    use authorizer::parse_jwk_set;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    fn decode(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn public(jwk: &str) -> Key {
        let set = parse_jwk_set(format!("{{\"keys\":[{jwk}]}}").as_bytes(), &Algorithm::ALL).unwrap();
        let key = &set.keys()[0];
        let material = match key.material() {
            Material::Ec { curve, point } => Material::Ec { curve: *curve, point: point.clone() },
            Material::Ed25519(point) => Material::Ed25519(*point),
            other => panic!("{other:?}"),
        };
        Key::new(None, key.algorithm(), material).unwrap()
    }

    /// RFC 7515 appendix A.3.
    fn p256() -> (Key, String, Vec<u8>) {
        let key = public(
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        );
        let signature =
            decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
        (key, format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}"), signature)
    }

    /// RFC 8037 appendix A.4.
    fn ed25519() -> (Key, String, Vec<u8>) {
        let key = public(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
        let signature =
            decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
        (key, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(), signature)
    }

    /// RFC 7515 appendix A.1.
    fn hs256() -> (Key, String, Vec<u8>) {
        let secret = decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
        let key = Key::new(None, Algorithm::Hs256, Material::Secret(secret.into())).unwrap();
        let message = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}");
        (key, message, decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
    }

    #[test]
    fn published_signatures_and_nothing_near_them() {
        for (key, message, signature) in [p256(), ed25519(), hs256()] {
            let verifies = |message: &str, signature: &[u8]| Native.verify(&key, message.as_bytes(), signature);
            assert!(verifies(&message, &signature));
            assert!(!verifies(&format!("{message}."), &signature));
            assert!(!verifies(&message, &[]));
            assert!(!verifies(&message, &signature[1..]));
            assert!(!verifies(&message, &[signature.as_slice(), &[0]].concat()));
            assert!(!verifies(&message, &vec![0; signature.len()]));
            for bit in 0..signature.len() * 8 {
                let mut other = signature.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                assert!(!verifies(&message, &other), "{bit}");
            }
        }
    }

    #[test]
    fn ecdsa_takes_neither_der_nor_zeros_nor_the_order() {
        let (key, message, signature) = p256();
        let order = decode("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
        let (r, s) = signature.split_at(32);
        let der = [&[0x30, 68, 2, 32], r, &[2, 33, 0], s].concat();
        for bad in [
            der,
            [&[0; 32], s].concat(),
            [r, &[0; 32]].concat(),
            [order.as_slice(), s].concat(),
            [r, &order].concat(),
            [order.as_slice(), &order].concat(),
        ] {
            assert!(!Native.verify(&key, message.as_bytes(), &bad));
        }
    }

    #[test]
    fn points_off_the_curve_are_found() {
        assert!(is_usable(&p256().0) && is_usable(&ed25519().0));
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let usable = |point| is_usable(&Key::new(None, curve.algorithm(), Material::Ec { curve, point }).unwrap());
            let made = SigningKey::generate(curve.algorithm()).unwrap().jwks().to_string();
            let set = parse_jwk_set(made.as_bytes(), &Algorithm::ALL).unwrap();
            let Material::Ec { point: good, .. } = set.keys()[0].material() else { panic!() };
            assert!(usable(good.clone()));
            let swapped = [&[4], &good[1 + curve.coordinate()..], &good[1..=curve.coordinate()]].concat();
            let (mut off, mut beyond, mut zero) = (good.clone(), good.clone(), vec![0; good.len()]);
            *off.last_mut().unwrap() ^= 1;
            beyond[1..=curve.coordinate()].fill(0xff);
            zero[0] = 4;
            for bad in [off, beyond, zero, swapped] {
                assert!(!usable(bad), "{curve:?}");
            }
        }
    }
}
