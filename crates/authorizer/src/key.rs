//! Keys that verify tokens: each has one algorithm for life (RFC 8725 section 3.1), and weak ones are refused when made.

use std::fmt;

use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};

/// JWS algorithms (RFC 7518 section 3.1, RFC 8037) that are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    pub fn is_symmetric(self) -> bool {
        self == Self::Hs256
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the host needs to verify. Big-endian, as in a JWK.
#[derive(Debug)]
pub enum Material {
    Secret(SecretSlice<u8>),
    /// Modulus and exponent, without leading zeros.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The uncompressed point: 0x04, x, y.
    P256([u8; 65]),
    Ed25519([u8; 32]),
}

#[derive(Debug)]
pub struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    material: Material,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// RFC 7518 section 3.2: an HS256 secret has at least 32 bytes.
    ShortSecret { bytes: usize },
    /// RFC 7518 section 3.3: at least 2,048 bits; above 8,192 verification is a burden.
    RsaSize { bits: usize },
    /// The exponent is even, below 3 or above 33 bits.
    RsaExponent,
    /// The key's type is not the algorithm's.
    WrongType,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortSecret { bytes } => write!(f, "the secret has {bytes} bytes; HS256 needs at least 32"),
            Self::RsaSize { bits } => write!(f, "the RSA key has {bits} bits; 2,048 to 8,192 are taken"),
            Self::RsaExponent => write!(f, "the RSA key's exponent is not an odd number from 3 to 33 bits"),
            Self::WrongType => write!(f, "the key's type is not its algorithm's"),
        }
    }
}

impl Key {
    pub fn new(id: Option<String>, algorithm: Algorithm, material: Material) -> Result<Self, KeyFault> {
        match (algorithm, &material) {
            (Algorithm::Hs256, Material::Secret(secret)) => {
                let bytes = secret.expose_secret().len();
                if bytes < 32 {
                    return Err(KeyFault::ShortSecret { bytes });
                }
            }
            (Algorithm::Rs256, Material::Rsa { modulus, exponent }) => {
                let bits = bit_length(modulus);
                if !(2048..=8192).contains(&bits) {
                    return Err(KeyFault::RsaSize { bits });
                }
                let odd = exponent.last().is_some_and(|byte| byte & 1 == 1);
                if !odd || !(2..=33).contains(&bit_length(exponent)) {
                    return Err(KeyFault::RsaExponent);
                }
            }
            (Algorithm::Es256, Material::P256(_)) | (Algorithm::EdDsa, Material::Ed25519(_)) => {}
            _ => return Err(KeyFault::WrongType),
        }
        Ok(Self { id, algorithm, material })
    }

    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn material(&self) -> &Material {
        &self.material
    }
}

fn bit_length(number: &[u8]) -> usize {
    match number.first() {
        Some(first) => number.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

/// The keys of one issuer.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// The key sets of all issuers, in the order of the issuers.
#[derive(Debug, Default)]
pub struct KeySets(pub Vec<std::sync::Arc<KeySet>>);

impl KeySet {
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }

    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key that a token's header names. A `kid` picks the key of that name; without one, or where the issuer's keys
    /// carry no names, the issuer must have exactly one key of the algorithm.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        if let Some(id) = id
            && let Some(key) = self.keys.iter().find(|key| key.id() == Some(id))
        {
            return Some(key);
        }
        let mut fitting =
            self.keys.iter().filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.is_none()));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }
}
