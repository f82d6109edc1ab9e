//! The reading of tokens, with keys of every kind behind it: what a header says never chooses how a key is used.

use std::sync::Arc;

use authorizer::{Algorithm, Denied, Key, KeySet, Malformed, Material, Signatures, parse_jwk_set};
use aws_lc_rs::hmac;
use keys::SigningKey;
use serde_json::{Value, json};

use crate::both::{Both, ask, decode, encode, rsa_key, split};

const ISSUER: &str = "https://app.example.com";

struct Signer {
    algorithm: Algorithm,
    signing: SigningKey,
}

impl Signer {
    fn all() -> Vec<Self> {
        let asymmetric = Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric());
        asymmetric.map(|algorithm| Self { algorithm, signing: SigningKey::generate(algorithm).unwrap() }).collect()
    }

    fn keys(&self) -> KeySet {
        parse_jwk_set(self.signing.jwks().to_string().as_bytes(), &[self.algorithm]).unwrap()
    }

    fn token(&self) -> String {
        let Value::Object(claims) = claims() else { unreachable!() };
        self.signing.sign(&claims).unwrap()
    }
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "files", "exp": 2_000_000_000 })
}

fn part(value: &Value) -> String {
    encode(value.to_string())
}

#[test]
fn none_in_any_spelling() {
    for signer in Signer::all() {
        let token = signer.token();
        assert!(ask(&token, ISSUER, &Algorithm::ALL, signer.keys()).is_ok());
        let (message, _) = split(&token);
        let body = message.split_once('.').unwrap().1;
        let signature = token.rsplit_once('.').unwrap().1;
        for name in
            ["none", "None", "NONE", "nOnE", "none ", " none", "none\u{0}", "\u{ff4e}one", "", "null", "HS0", "HS1"]
        {
            for signature in ["", signature, "AA"] {
                let forged = format!("{}.{body}.{signature}", part(&json!({ "alg": name, "typ": "JWT" })));
                let denied = ask(&forged, ISSUER, &Algorithm::ALL, signer.keys()).unwrap_err();
                assert_eq!(denied, Denied::Malformed(Malformed::Algorithm), "{name}");
            }
        }
        for alg in [Value::Null, json!(false), json!([]), json!(["none"]), json!({}), json!(0)] {
            let forged = format!("{}.{body}.", part(&json!({ "alg": alg })));
            let denied = ask(&forged, ISSUER, &Algorithm::ALL, signer.keys()).unwrap_err();
            assert_eq!(denied, Denied::Malformed(Malformed::Algorithm), "{alg}");
        }
        let forged = format!("{}.{body}.", part(&json!({ "typ": "JWT" })));
        assert!(ask(&forged, ISSUER, &Algorithm::ALL, signer.keys()).is_err());
    }
}

/// Whatever of a public key can be had as bytes, as the secret of an HMAC.
#[test]
fn a_public_key_is_no_secret() {
    for signer in Signer::all() {
        let keys = signer.keys();
        let mut secrets = vec![Vec::new(), vec![0; 64], signer.signing.jwks().to_string().into_bytes()];
        secrets.push(signer.signing.public_jwk().unwrap().to_string().into_bytes());
        match keys.keys()[0].material() {
            Material::Rsa { modulus, exponent } => secrets.extend([modulus.clone(), exponent.clone()]),
            Material::Ec { point, .. } => secrets.extend([point.clone(), point[1..].to_vec()]),
            Material::Ed25519(point) => secrets.push(point.to_vec()),
            Material::Secret(_) => unreachable!(),
        }
        let kid = signer.signing.id();
        for (name, algorithm) in
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
        {
            for secret in &secrets {
                for header in [json!({ "alg": name }), json!({ "alg": name, "kid": kid })] {
                    let message = format!("{}.{}", part(&header), part(&claims()));
                    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
                    let forged = format!("{message}.{}", encode(tag));
                    // Even under an issuer that lists every algorithm, which no configuration can.
                    let denied = ask(&forged, ISSUER, &Algorithm::ALL, signer.keys()).unwrap_err();
                    assert!(matches!(denied, Denied::AlgorithmNotAllowed | Denied::UnknownKey(_)), "{denied:?}");
                }
            }
        }
    }
}

/// The header names one algorithm, the key has another: refused before any signature is looked at.
#[test]
fn the_header_chooses_no_algorithm() {
    for signer in Signer::all() {
        let body = part(&claims());
        for other in Algorithm::ALL.into_iter().filter(|other| *other != signer.algorithm) {
            let header = part(&json!({ "alg": other.as_str(), "kid": signer.signing.id() }));
            let signature = encode(split(&signer.token()).1);
            let denied =
                ask(&format!("{header}.{body}.{signature}"), ISSUER, &Algorithm::ALL, signer.keys()).unwrap_err();
            assert!(matches!(denied, Denied::AlgorithmNotAllowed | Denied::UnknownKey(_)), "{denied:?}");
            // And an issuer that lists the header's alone does not take the key's.
            assert!(ask(&signer.token(), ISSUER, &[other], signer.keys()).is_err());
        }
    }
}

/// One RSA key in six hands: a signature is good under the algorithm that made it alone.
#[test]
fn rsa_signatures_do_not_change_algorithm() {
    let rsa = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_rsa());
    for made in rsa.clone() {
        let signer = Signer { algorithm: made, signing: SigningKey::generate(made).unwrap() };
        let keys = signer.keys();
        let Material::Rsa { modulus, exponent } = keys.keys()[0].material() else { unreachable!() };
        let token = signer.token();
        let (message, signature) = split(&token);
        for asked in rsa.clone() {
            let keys = rsa_key(modulus, exponent, asked);
            assert_eq!(
                Both.verify(&keys.keys()[0], message.as_bytes(), &signature),
                made == asked,
                "{made} as {asked}"
            );
        }
    }
}

/// HMAC tags of one length for another, and cut to it.
#[test]
fn tags_do_not_change_algorithm() {
    let secret = [9; 64];
    let all = [
        (Algorithm::Hs256, hmac::HMAC_SHA256),
        (Algorithm::Hs384, hmac::HMAC_SHA384),
        (Algorithm::Hs512, hmac::HMAC_SHA512),
    ];
    for (made, algorithm) in all {
        let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), b"message");
        for (asked, _) in all {
            let key = Arc::new(Key::new(None, asked, Material::Secret(secret.to_vec().into())).unwrap());
            for length in 0..=tag.as_ref().len() {
                let whole = length == tag.as_ref().len();
                assert_eq!(
                    Both.verify(&key, b"message", &tag.as_ref()[..length]),
                    whole && made == asked,
                    "{made} as {asked}"
                );
            }
        }
    }
}

/// DER, zeros, bytes too many or too few, in the token itself.
#[test]
fn signatures_have_one_form() {
    for signer in Signer::all() {
        let token = signer.token();
        let (message, signature) = split(&token);
        let half = signature.len() / 2;
        let integer = |number: &[u8]| {
            let digits: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
            let zero = if digits.first().is_some_and(|byte| *byte > 0x7f) { &[0][..] } else { &[] };
            [&[2, u8::try_from(zero.len() + digits.len()).unwrap_or(0xff)], zero, &digits].concat()
        };
        let numbers = [integer(&signature[..half]), integer(&signature[half..])].concat();
        let length = u8::try_from(numbers.len()).unwrap_or(0x7f);
        let der = if length < 0x80 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
        for other in [
            [der, numbers].concat(),
            Vec::new(),
            vec![0; signature.len()],
            vec![0xff; signature.len()],
            signature[1..].to_vec(),
            signature[..signature.len() - 1].to_vec(),
            [&signature[..], &[0]].concat(),
            [&[0], &signature[..]].concat(),
            [&signature[..], &signature].concat(),
        ] {
            let forged = format!("{message}.{}", encode(&other));
            let denied = ask(&forged, ISSUER, &[signer.algorithm], signer.keys()).unwrap_err();
            assert_eq!(denied, Denied::BadSignature, "{}: {other:02x?}", signer.algorithm);
        }
        // The same bytes, written otherwise.
        let written = token.rsplit_once('.').unwrap().1;
        for other in [format!("{written}="), format!("{written}\n"), format!(" {written}"), format!("{written}A\u{0}")]
        {
            let denied = ask(&format!("{message}.{other}"), ISSUER, &[signer.algorithm], signer.keys()).unwrap_err();
            assert_eq!(denied, Denied::Malformed(Malformed::Base64), "{other:?}");
        }
        assert_eq!(decode(written), signature);
    }
}
