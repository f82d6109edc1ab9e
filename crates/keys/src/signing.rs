//! Keys that sign, for developers, scripts and the demo. The gateway itself signs no token.

use std::fmt;
use std::path::Path;

use authorizer::{Algorithm, Curve, Key, KeySet, Material};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::{Map, Value, json};

use crate::der::rsa_public_numbers;
use crate::error::KeysError;
use crate::native::hmac_of;
use crate::private_jwk;

/// A private key, or a shared secret.
pub struct SigningKey {
    pub(crate) pair: Pair,
    algorithm: Algorithm,
    /// The `kid` of its tokens; a shared secret has none.
    pub(crate) id: Option<String>,
}

pub(crate) enum Pair {
    Secret(SecretSlice<u8>),
    Rsa(RsaKeyPair),
    Ec(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

#[derive(Debug)]
pub enum SigningError {
    File(KeysError),
    /// There is a file already; a key that is gone cannot be had back.
    Exists {
        path: std::path::PathBuf,
    },
    Write {
        path: std::path::PathBuf,
        error: std::io::Error,
    },
    /// Neither a private JWK of a supported kind nor a secret; the member that is missing or wrong.
    Jwk {
        path: std::path::PathBuf,
        member: &'static str,
    },
    /// The cryptography refused, for want of randomness or memory.
    Refused,
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::Exists { path } => write!(f, "there is a file `{}` already", path.display()),
            Self::Write { path, error } => write!(f, "cannot write `{}`: {error}", path.display()),
            Self::Jwk { path, member } => {
                write!(f, "`{}` is not a private key that can be used: `{member}` is missing or wrong", path.display())
            }
            Self::Refused => write!(f, "the key could not be made or used"),
        }
    }
}

impl std::error::Error for SigningError {}

impl SigningKey {
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningError> {
        let refused = |_| SigningError::Refused;
        let pair = match (algorithm, algorithm.least_secret()) {
            (_, Some(least)) => {
                let mut bytes = vec![0; least];
                rand::fill(&mut bytes).map_err(refused)?;
                Pair::Secret(encode(bytes).into_bytes().into())
            }
            (Algorithm::Es256, _) => ec_pair(Curve::P256)?,
            (Algorithm::Es384, _) => ec_pair(Curve::P384)?,
            (Algorithm::Es512, _) => ec_pair(Curve::P521)?,
            (Algorithm::EdDsa, _) => Pair::Ed25519(Ed25519KeyPair::generate().map_err(refused)?),
            _ => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(refused)?),
        };
        Self::new(pair, algorithm).ok_or(SigningError::Refused)
    }

    /// Reads a private JWK (RFC 7517), or else a shared secret. What the file leaves open (an RSA key without `alg`, a plain
    /// secret), `wanted` says; without it RS256 and HS256 are meant.
    pub fn load(path: &Path, wanted: Option<Algorithm>) -> Result<Self, SigningError> {
        private_jwk::load(path, wanted)
    }

    /// Writes a private JWK, or a shared secret as it is, to a new file that only its owner can read.
    pub fn save(&self, path: &Path) -> Result<(), SigningError> {
        private_jwk::save(self, path)
    }

    /// With the thumbprint as its `kid`; none where the algorithm is not one for this kind of key, or the secret is too short.
    pub(crate) fn new(pair: Pair, algorithm: Algorithm) -> Option<Self> {
        let fits = match &pair {
            Pair::Secret(secret) => algorithm.least_secret().is_some_and(|least| secret.expose_secret().len() >= least),
            Pair::Rsa(_) => algorithm.is_rsa(),
            Pair::Ec(curve, _) => curve.algorithm() == algorithm,
            Pair::Ed25519(_) => algorithm == Algorithm::EdDsa,
        };
        let mut key = Self { pair, algorithm, id: None };
        key.id = key.public_members().map(|members| thumbprint(&members));
        fits.then_some(key)
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// A compact JWS (RFC 7515 section 3.1) of these claims.
    pub fn sign(&self, claims: &Map<String, Value>) -> Result<String, SigningError> {
        let mut header = json!({ "alg": self.algorithm().as_str(), "typ": "JWT" });
        if let (Some(id), Value::Object(members)) = (&self.id, &mut header) {
            members.insert("kid".to_owned(), Value::from(id.as_str()));
        }
        let payload = serde_json::to_vec(claims).map_err(|_| SigningError::Refused)?;
        let message = format!("{}.{}", encode(header.to_string()), encode(payload));
        let signature = self.signature(message.as_bytes())?;
        Ok(format!("{message}.{}", encode(signature)))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let refused = |_| SigningError::Refused;
        Ok(match &self.pair {
            Pair::Secret(secret) => {
                let algorithm = hmac_of(self.algorithm).ok_or(SigningError::Refused)?;
                hmac::sign(&hmac::Key::new(algorithm, secret.expose_secret()), message).as_ref().to_vec()
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding = rsa_encoding(self.algorithm).ok_or(SigningError::Refused)?;
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(refused)?;
                signature
            }
            Pair::Ec(_, pair) => pair.sign(&SystemRandom::new(), message).map_err(refused)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.try_sign(message).map_err(refused)?.as_ref().to_vec(),
        })
    }

    /// A secret for another purpose, from which this one cannot be had back; none from a key that is no shared secret.
    pub fn derived(&self, purpose: &str) -> Option<[u8; 32]> {
        let Pair::Secret(secret) = &self.pair else { return None };
        // No JWS is signed with this text: it holds no dot (RFC 7515 section 5.1).
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
        hmac::sign(&key, purpose.as_bytes()).as_ref().try_into().ok()
    }

    /// What verifies the tokens of a shared secret.
    pub(crate) fn secret_set(&self) -> Option<KeySet> {
        let Pair::Secret(secret) = &self.pair else { return None };
        Key::new(None, self.algorithm, Material::Secret(secret.clone())).ok().map(|key| KeySet::new(vec![key]))
    }

    /// The half to publish; a shared secret has none.
    pub fn public_jwk(&self) -> Option<Value> {
        let members = self.public_members()?;
        let mut jwk: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        jwk.insert("alg".to_owned(), Value::from(self.algorithm().as_str()));
        jwk.insert("use".to_owned(), Value::from("sig"));
        if let Some(id) = &self.id {
            jwk.insert("kid".to_owned(), Value::from(id.as_str()));
        }
        Some(Value::Object(jwk))
    }

    /// A JWK set of this one key.
    pub fn jwks(&self) -> Value {
        jwk_set([self])
    }

    /// The members that RFC 7638 section 3.2 hashes, in its order.
    pub(crate) fn public_members(&self) -> Option<Vec<(&'static str, String)>> {
        let text = |text: &str| text.to_owned();
        match &self.pair {
            Pair::Secret(_) => None,
            Pair::Rsa(pair) => {
                let [modulus, exponent] = rsa_public_numbers(pair.public_key().as_ref())?;
                Some(vec![("e", encode(exponent)), ("kty", text("RSA")), ("n", encode(modulus))])
            }
            Pair::Ec(curve, pair) => {
                let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(curve.coordinate())?;
                Some(vec![("crv", text(curve.as_str())), ("kty", text("EC")), ("x", encode(x)), ("y", encode(y))])
            }
            Pair::Ed25519(pair) => {
                Some(vec![("crv", text("Ed25519")), ("kty", text("OKP")), ("x", encode(pair.public_key()))])
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm()).field("id", &self.id).finish_non_exhaustive()
    }
}

fn ec_pair(curve: Curve) -> Result<Pair, SigningError> {
    let pair = EcdsaKeyPair::generate(ecdsa_signing(curve)).map_err(|_| SigningError::Refused)?;
    Ok(Pair::Ec(curve, pair))
}

pub(crate) fn ecdsa_signing(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_SHA512),
        _ => None,
    }
}

/// The JWK set to publish for these keys. Shared secrets are left out.
pub fn jwk_set<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> Value {
    json!({ "keys": keys.into_iter().filter_map(SigningKey::public_jwk).collect::<Vec<_>>() })
}

/// RFC 7638: SHA-256 over the members, which need no escapes, in lexicographic order.
fn thumbprint(members: &[(&str, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    encode(digest::digest(&digest::SHA256, format!("{{{}}}", members.join(",")).as_bytes()))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::Native;
    use crate::source::Source;
    use crate::testing::Folder;
    use authorizer::{Denied, IssuerSettings, Issuers, KeySets, UnixTime, parse_jwk_set, verify};
    use std::sync::Arc;

    fn issuer(algorithm: Algorithm) -> IssuerSettings {
        IssuerSettings {
            name: "app".to_owned(),
            issuer: "https://app.example.com".to_owned(),
            audiences: vec!["files".to_owned()],
            algorithms: vec![algorithm],
            may: Vec::new(),
            max_age: None,
            leeway: 0,
            once: false,
            links: false,
        }
    }

    fn claims() -> Map<String, Value> {
        let Value::Object(claims) = json!({ "iss": "https://app.example.com", "aud": "files", "exp": 2_000_000_000 })
        else {
            panic!()
        };
        claims
    }

    #[test]
    fn what_is_saved_signs_what_is_published_verifies() {
        let folder = Folder::new("signing");
        for algorithm in Algorithm::ALL {
            let path = folder.path(algorithm.as_str());
            let made = SigningKey::generate(algorithm).unwrap();
            made.save(&path).unwrap();
            assert!(matches!(made.save(&path), Err(SigningError::Exists { .. })));
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            }
            let loaded = SigningKey::load(&path, Some(algorithm)).unwrap();
            assert_eq!((loaded.algorithm(), loaded.id()), (algorithm, made.id()));
            let set = if algorithm.is_symmetric() {
                assert_eq!(made.public_jwk(), None);
                Source::SecretFile(path).load(&[algorithm]).unwrap().unwrap()
            } else {
                let published = loaded.jwks().to_string();
                assert!(!published.contains("\"d\""));
                parse_jwk_set(published.as_bytes(), &[algorithm]).unwrap()
            };
            let sets = KeySets(vec![Arc::new(set)]);
            for key in [&made, &loaded] {
                let verified =
                    verify(&key.sign(&claims()).unwrap(), &Issuers::new(vec![issuer(algorithm)]), &sets, &Native)
                        .unwrap();
                verified.check(&issuer(algorithm), UnixTime(1_999_999_999)).unwrap();
            }
            let stranger = SigningKey::generate(algorithm).unwrap().sign(&claims()).unwrap();
            let denied = verify(&stranger, &Issuers::new(vec![issuer(algorithm)]), &sets, &Native).unwrap_err();
            assert!(matches!(denied, Denied::UnknownKey(_) | Denied::BadSignature), "{denied:?}");
        }
    }

    /// RFC 7638 section 3.1 and RFC 8037 appendices A.1 and A.3.
    #[test]
    fn thumbprints() {
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let members = [("e", "AQAB".to_owned()), ("kty", "RSA".to_owned()), ("n", modulus.to_owned())];
        assert_eq!(thumbprint(&members), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");

        let folder = Folder::new("thumbprints");
        let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let key = SigningKey::load(&folder.write("ed", jwk.as_bytes()), None).unwrap();
        assert_eq!(key.id(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
        let named =
            SigningKey::load(&folder.write("named", jwk.replace("{\"kty", "{\"kid\":\"mine\",\"kty").as_bytes()), None);
        assert_eq!(named.unwrap().id(), Some("mine"));
    }

    #[test]
    fn keys_that_cannot_sign_are_refused() {
        let folder = Folder::new("refused");
        for (jwk, member) in [
            ("{}", "kty"),
            (r#"{"kty":"EC","crv":"P-384"}"#, "x"),
            (r#"{"kty":"EC","crv":"secp256k1"}"#, "crv"),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#, "d"),
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#,
                "d",
            ),
            (
                r#"{"kty":"OKP","alg":"ES256","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
                "alg",
            ),
            (r#"{"kty":"oct","k":"c2hvcnQ"}"#, "k"),
            (r#"{"kty":"RSA","n":"AQ","e":"AQAB","d":"AQ","p":"AQ","q":"AQ","dp":"AQ","dq":"AQ","qi":"AQ"}"#, "d"),
        ] {
            match SigningKey::load(&folder.write("key", jwk.as_bytes()), None) {
                Err(SigningError::Jwk { member: found, .. }) => assert_eq!(found, member, "{jwk}"),
                other => panic!("{jwk}: {other:?}"),
            }
        }
        assert!(SigningKey::load(&folder.write("short", b"short"), None).is_err());
        assert!(
            SigningKey::load(&folder.write("pem", b"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n"), None)
                .is_err()
        );
    }
}
