//! Keys that verify tokens: each has one algorithm for life (RFC 8725 section 3.1), and weak ones are refused when made.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// JWS algorithms (RFC 7518 section 3.1, RFC 8037) that are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "HS384")]
    Hs384,
    #[serde(rename = "HS512")]
    Hs512,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "RS384")]
    Rs384,
    #[serde(rename = "RS512")]
    Rs512,
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "PS384")]
    Ps384,
    #[serde(rename = "PS512")]
    Ps512,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "ES384")]
    Es384,
    #[serde(rename = "ES512")]
    Es512,
    /// Over Ed25519 alone; RFC 9864 calls that `Ed25519`.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// The curves of RFC 7518 section 6.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    P256,
    P384,
    P521,
}

impl Algorithm {
    pub const ALL: [Self; 13] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// By its registered name, case and all. `Ed25519` is the name of RFC 9864 for the EdDSA that is verified.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    pub fn is_symmetric(self) -> bool {
        self.least_secret().is_some()
    }

    /// Bytes of the shortest secret: as many as the hash has (RFC 7518 section 3.2).
    pub fn least_secret(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }

    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The name in a JWK's `crv`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.as_str() == name)
    }

    /// Bytes of one coordinate, and of each half of a signature.
    pub fn coordinate(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The one algorithm of JWS on this curve (RFC 7518 section 3.4).
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
        }
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
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
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
    /// RFC 7518 section 3.2: a secret has at least as many bytes as its hash.
    ShortSecret { bytes: usize, least: usize },
    /// RFC 7518 section 3.3: at least 2,048 bits; above 8,192 verification is a burden. Whole bytes, the first bit set: for
    /// other lengths libraries differ over PSS (RFC 8017 section 8.1.2, step 2c), and nobody has such keys.
    RsaSize { bits: usize },
    /// The modulus is even or the exponent is even, below 3 or above 33 bits.
    RsaExponent,
    /// Not an uncompressed point of its curve's length.
    PointLength,
    /// An Ed25519 point of order 1, 2, 4 or 8: signatures that nobody made verify under it.
    SmallOrder,
    /// The key's type is not the algorithm's.
    WrongType,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortSecret { bytes, least } => {
                write!(f, "the secret has {bytes} bytes; HS{} needs at least {least}", least * 8)
            }
            Self::RsaSize { bits } => {
                write!(f, "the RSA key has {bits} bits; multiples of 8 from 2,048 to 8,192 are taken")
            }
            Self::RsaExponent => {
                write!(f, "the RSA key's modulus is even, or its exponent is not an odd number from 3 to 33 bits")
            }
            Self::PointLength => write!(f, "the key is not a point of its curve"),
            Self::SmallOrder => write!(f, "the Ed25519 key is a point of small order"),
            Self::WrongType => write!(f, "the key's type is not its algorithm's"),
        }
    }
}

impl Key {
    pub fn new(id: Option<String>, algorithm: Algorithm, material: Material) -> Result<Self, KeyFault> {
        match (&material, algorithm.least_secret()) {
            (Material::Secret(secret), Some(least)) => {
                let bytes = secret.expose_secret().len();
                if bytes < least {
                    return Err(KeyFault::ShortSecret { bytes, least });
                }
            }
            (Material::Rsa { modulus, exponent }, None) if algorithm.is_rsa() => check_rsa(modulus, exponent)?,
            (Material::Ec { curve, point }, None) if curve.algorithm() == algorithm => {
                if point.len() != 1 + 2 * curve.coordinate() || point.first() != Some(&4) {
                    return Err(KeyFault::PointLength);
                }
            }
            (Material::Ed25519(point), None) if algorithm == Algorithm::EdDsa => {
                if has_small_order(point) {
                    return Err(KeyFault::SmallOrder);
                }
            }
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

    /// As a JWK (RFC 7517 section 4). Of a shared secret it is the secret itself.
    pub fn expose_jwk(&self) -> Value {
        let encode = |bytes: &[u8]| Value::from(URL_SAFE_NO_PAD.encode(bytes));
        let mut members = Map::new();
        let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
        match &self.material {
            Material::Secret(secret) => {
                set("kty", "oct".into());
                set("k", encode(secret.expose_secret()));
            }
            Material::Rsa { modulus, exponent } => {
                set("kty", "RSA".into());
                set("n", encode(modulus));
                set("e", encode(exponent));
            }
            Material::Ec { curve, point } => {
                let (x, y) = point.get(1..).unwrap_or_default().split_at(curve.coordinate());
                set("kty", "EC".into());
                set("crv", curve.as_str().into());
                set("x", encode(x));
                set("y", encode(y));
            }
            Material::Ed25519(point) => {
                set("kty", "OKP".into());
                set("crv", "Ed25519".into());
                set("x", encode(point));
            }
        }
        set("alg", self.algorithm.as_str().into());
        if let Some(id) = &self.id {
            set("kid", id.as_str().into());
        }
        Value::Object(members)
    }
}

fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyFault> {
    let bits = bit_length(modulus);
    if !(2048..=8192).contains(&bits) || bits != modulus.len() * 8 {
        return Err(KeyFault::RsaSize { bits });
    }
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    if !odd(modulus) || !odd(exponent) || !(2..=33).contains(&bit_length(exponent)) {
        return Err(KeyFault::RsaExponent);
    }
    Ok(())
}

fn bit_length(number: &[u8]) -> usize {
    match number.first() {
        Some(first) => number.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

/// The y coordinates of the eight points of order 1, 2, 4 and 8, little-endian, and their encodings that are not reduced
/// modulo 2^255 - 19 (the list of libsodium's `ge25519_has_small_order`). The sign of x does not matter.
fn has_small_order(point: &[u8; 32]) -> bool {
    const ORDER_8_A: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    const ORDER_8_B: [u8; 32] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ];
    let [first, middle @ .., last] = point;
    let last = last & 0x7f;
    let zeros = middle.iter().all(|byte| *byte == 0) && last == 0;
    let ones = middle.iter().all(|byte| *byte == 0xff) && last == 0x7f;
    let is = |known: &[u8; 32]| {
        let [known_first, known_middle @ .., known_last] = known;
        first == known_first && middle == known_middle && last == *known_last
    };
    // 0 and 1; p - 1, p (that is 0) and p + 1 (that is 1).
    (zeros && matches!(first, 0 | 1)) || (ones && matches!(first, 0xec..=0xee)) || is(&ORDER_8_A) || is(&ORDER_8_B)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_as_long_as_their_hash() {
        for (algorithm, least) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            let key = |bytes| Key::new(None, algorithm, Material::Secret(vec![7; bytes].into())).map(|_| ());
            assert_eq!(key(least), Ok(()));
            assert_eq!(key(least - 1), Err(KeyFault::ShortSecret { bytes: least - 1, least }));
        }
        let wrong = Key::new(None, Algorithm::Es256, Material::Secret(vec![7; 99].into()));
        assert_eq!(wrong.map(|_| ()), Err(KeyFault::WrongType));
    }

    #[test]
    fn points_of_small_order_are_no_keys() {
        let point = |first, rest, last| {
            let mut point = [rest; 32];
            (point[0], point[31]) = (first, last);
            point
        };
        let key = |point| Key::new(None, Algorithm::EdDsa, Material::Ed25519(point)).map(|_| ());
        for point in [
            point(0, 0, 0),
            point(1, 0, 0),
            point(0, 0, 0x80),
            point(0xec, 0xff, 0x7f),
            point(0xed, 0xff, 0xff),
            point(0xee, 0xff, 0x7f),
        ] {
            assert_eq!(key(point), Err(KeyFault::SmallOrder), "{point:?}");
        }
        assert_eq!(key(point(0xd7, 0x11, 0x1a)), Ok(()));
    }
}
