//! Private keys as files: a standard private JWK (RFC 7517, RFC 7518 section 6, RFC 8037), which other tools read too. A
//! shared secret is its plain bytes.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use authorizer::{Algorithm, Curve};
use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin};
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::der::rsa_numbers;
use crate::error::KeysError;
use crate::signing::{Pair, SigningError, SigningKey, ecdsa_signing, encode};
use crate::source::{read, read_secret};

/// The private members of an RSA key (RFC 7518 section 6.3.2), in the order of RFC 8017 appendix A.1.2.
const RSA_MEMBERS: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

pub fn load(path: &Path, wanted: Option<Algorithm>) -> Result<SigningKey, SigningError> {
    let bytes = read(path).map_err(SigningError::File)?;
    if let Ok(Value::Object(jwk)) = serde_json::from_slice(&bytes) {
        return parse(&jwk, wanted).map_err(|member| SigningError::Jwk { path: path.to_owned(), member });
    }
    let secret = read_secret(path).map_err(SigningError::File)?;
    let algorithm = wanted.filter(|algorithm| algorithm.is_symmetric()).unwrap_or(Algorithm::Hs256);
    let (bytes, least) = (secret.expose_secret().len(), algorithm.least_secret().unwrap_or_default());
    SigningKey::new(Pair::Secret(secret), algorithm).ok_or_else(|| {
        let fault = authorizer::KeyFault::ShortSecret { bytes, least };
        SigningError::File(KeysError::Secret { path: path.to_owned(), fault })
    })
}

/// The member that is missing or wrong.
fn parse(jwk: &Map<String, Value>, wanted: Option<Algorithm>) -> Result<SigningKey, &'static str> {
    let text = |member: &'static str| jwk.get(member).and_then(Value::as_str).ok_or(member);
    let bytes = |member: &'static str| URL_SAFE_NO_PAD.decode(text(member)?).map_err(|_| member);
    let named = match jwk.get("alg") {
        None => wanted,
        Some(alg) => Some(alg.as_str().and_then(Algorithm::parse).ok_or("alg")?),
    };
    let (pair, usual) = match (text("kty")?, jwk.get("crv").and_then(Value::as_str)) {
        ("EC", Some(curve)) => {
            let curve = Curve::parse(curve).ok_or("crv")?;
            let point = [vec![4], bytes("x")?, bytes("y")?].concat();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(ecdsa_signing(curve), &bytes("d")?, &point);
            (Pair::Ec(curve, pair.map_err(|_| "d")?), curve.algorithm())
        }
        ("OKP", Some("Ed25519")) => {
            let (seed, public) = (bytes("d")?, bytes("x")?);
            let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &public).map_err(|_| "d")?;
            (Pair::Ed25519(pair), Algorithm::EdDsa)
        }
        ("RSA", _) => {
            let strip = |number: Vec<u8>| number.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
            let public_key = PublicKeyComponents { n: strip(bytes("n")?), e: strip(bytes("e")?) };
            let components = KeyPairComponents {
                public_key,
                d: bytes("d")?,
                p: bytes("p")?,
                q: bytes("q")?,
                dP: bytes("dp")?,
                dQ: bytes("dq")?,
                qInv: bytes("qi")?,
            };
            (Pair::Rsa(RsaKeyPair::from_components(&components).map_err(|_| "d")?), Algorithm::Rs256)
        }
        ("oct", _) => {
            let secret = bytes("k")?;
            if secret.len() < 32 {
                return Err("k");
            }
            (Pair::Secret(secret.into()), Algorithm::Hs256)
        }
        _ => return Err("kty"),
    };
    let mut key = SigningKey::new(pair, named.unwrap_or(usual)).ok_or("alg")?;
    if jwk.contains_key("kid") && !matches!(key.pair, Pair::Secret(_)) {
        key.id = Some(text("kid")?.to_owned());
    }
    Ok(key)
}

pub fn save(key: &SigningKey, path: &Path) -> Result<(), SigningError> {
    let content = content(key).ok_or(SigningError::Refused)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => SigningError::Exists { path: path.to_owned() },
        _ => SigningError::Write { path: path.to_owned(), error },
    };
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(&content).and_then(|()| file.sync_all()).map_err(failed)
}

fn content(key: &SigningKey) -> Option<Vec<u8>> {
    let mut private: Vec<(&str, String)> = Vec::new();
    match &key.pair {
        Pair::Secret(secret) => return Some([secret.expose_secret(), b"\n"].concat()),
        Pair::Rsa(pair) => {
            let document = pair.as_der().ok()?;
            let numbers = rsa_numbers(document.as_ref())?;
            private.extend(RSA_MEMBERS.into_iter().zip(numbers.map(encode)).skip(2));
        }
        Pair::Ec(_, pair) => {
            let number: EcPrivateKeyBin = pair.private_key().as_be_bytes().ok()?;
            private.push(("d", encode(&*number)));
        }
        Pair::Ed25519(pair) => {
            let seed: Curve25519SeedBin = pair.seed().ok()?.as_be_bytes().ok()?;
            private.push(("d", encode(&*seed)));
        }
    }
    let Value::Object(mut jwk) = key.public_jwk()? else {
        return None;
    };
    jwk.extend(private.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))));
    let mut text = serde_json::to_vec_pretty(&jwk).ok()?;
    text.push(b'\n');
    Some(text)
}
