//! Keys that sign, for developers, scripts and the demo. The gateway itself signs no token.

use std::fmt;
use std::path::Path;

use authorizer::Algorithm;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::{Map, Value, json};

use crate::der::rsa_public_numbers;
use crate::error::KeysError;
use crate::private_jwk;

/// A private key, or a shared secret.
pub struct SigningKey {
    pub(crate) pair: Pair,
    /// The `kid` of its tokens; a shared secret has none.
    pub(crate) id: Option<String>,
}

pub(crate) enum Pair {
    Secret(SecretSlice<u8>),
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
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
        Ok(Self::new(match algorithm {
            Algorithm::Hs256 => {
                let mut bytes = [0; 32];
                rand::fill(&mut bytes).map_err(refused)?;
                Pair::Secret(encode(bytes).into_bytes().into())
            }
            Algorithm::Rs256 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(refused)?),
            Algorithm::Es256 => Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(refused)?),
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().map_err(refused)?),
        }))
    }

    /// Reads a private JWK (RFC 7517), or else a shared secret of at least 32 bytes.
    pub fn load(path: &Path) -> Result<Self, SigningError> {
        private_jwk::load(path)
    }

    /// Writes a private JWK, or a shared secret as it is, to a new file that only its owner can read.
    pub fn save(&self, path: &Path) -> Result<(), SigningError> {
        private_jwk::save(self, path)
    }

    /// With the thumbprint as its `kid`.
    pub(crate) fn new(pair: Pair) -> Self {
        let mut key = Self { pair, id: None };
        key.id = key.public_members().map(|members| thumbprint(&members));
        key
    }

    pub fn algorithm(&self) -> Algorithm {
        match &self.pair {
            Pair::Secret(_) => Algorithm::Hs256,
            Pair::Rsa(_) => Algorithm::Rs256,
            Pair::P256(_) => Algorithm::Es256,
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
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
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(refused)?;
                signature
            }
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), message).map_err(refused)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.try_sign(message).map_err(refused)?.as_ref().to_vec(),
        })
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
            Pair::P256(pair) => {
                let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
                Some(vec![("crv", text("P-256")), ("kty", text("EC")), ("x", encode(x)), ("y", encode(y))])
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
    use authorizer::{Denied, IssuerSettings, KeySets, UnixTime, parse_jwk_set, verify};
    use std::sync::Arc;

    fn issuer(algorithm: Algorithm) -> IssuerSettings {
        IssuerSettings {
            name: "app".to_owned(),
            issuer: "https://app.example.com".to_owned(),
            audience: "files".to_owned(),
            algorithms: vec![algorithm],
            may: Vec::new(),
            max_age: None,
            leeway: 0,
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
            let loaded = SigningKey::load(&path).unwrap();
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
                let verified = verify(&key.sign(&claims()).unwrap(), &[issuer(algorithm)], &sets, &Native).unwrap();
                verified.check(&issuer(algorithm), UnixTime(1_999_999_999)).unwrap();
            }
            let stranger = SigningKey::generate(algorithm).unwrap().sign(&claims()).unwrap();
            let denied = verify(&stranger, &[issuer(algorithm)], &sets, &Native).unwrap_err();
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
        let key = SigningKey::load(&folder.write("ed", jwk.as_bytes())).unwrap();
        assert_eq!(key.id(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
        let named =
            SigningKey::load(&folder.write("named", jwk.replace("{\"kty", "{\"kid\":\"mine\",\"kty").as_bytes()));
        assert_eq!(named.unwrap().id(), Some("mine"));
    }

    #[test]
    fn keys_that_cannot_sign_are_refused() {
        let folder = Folder::new("refused");
        for (jwk, member) in [
            ("{}", "kty"),
            (r#"{"kty":"EC","crv":"P-384"}"#, "kty"),
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
            match SigningKey::load(&folder.write("key", jwk.as_bytes())) {
                Err(SigningError::Jwk { member: found, .. }) => assert_eq!(found, member, "{jwk}"),
                other => panic!("{jwk}: {other:?}"),
            }
        }
        assert!(SigningKey::load(&folder.write("short", b"short")).is_err());
        assert!(
            SigningKey::load(&folder.write("pem", b"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n")).is_err()
        );
    }
}
