//! JWK sets (RFC 7517, RFC 7518 section 6, RFC 8037) as lists of keys. A set with one bad signing key is refused whole:
//! the last good set stays.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::key::{Algorithm, Curve, Key, KeyFault, KeySet, Material};
use crate::strict_json;

/// The most keys one set may hold: a bound on the work an unknown `kid` causes.
const MAX_KEYS: usize = 64;

/// What only a private key has (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2): each gives the whole of it away.
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwkFault {
    NotJson,
    NoKeys,
    TooMany(usize),
    Member {
        key: usize,
        member: &'static str,
    },
    Key {
        key: usize,
        fault: KeyFault,
    },
    /// The key's `alg` is not one for its `kty` and `crv`.
    Algorithm {
        key: usize,
    },
    /// An RSA key without `alg` under an issuer with several RSA algorithms: a key has one.
    SeveralAlgorithms {
        key: usize,
    },
    Symmetric {
        key: usize,
    },
    /// It holds `d` or another private member: whoever can read the set can sign.
    Private {
        key: usize,
    },
    SameId(String),
    /// No key of the set is one of the issuer's algorithms; `ed448` where one would sign with Ed448, which is not verified.
    NoneUsable {
        ed448: bool,
    },
}

impl fmt::Display for JwkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => write!(f, "not one strict JSON object"),
            Self::NoKeys => write!(f, "no list `keys`"),
            Self::TooMany(count) => write!(f, "{count} keys; {MAX_KEYS} are taken"),
            Self::Member { key, member } => write!(f, "key {key}: `{member}` is missing or wrong"),
            Self::Key { key, fault } => write!(f, "key {key}: {fault}"),
            Self::Algorithm { key } => write!(f, "key {key}: its `alg` is not one for its type of key"),
            Self::SeveralAlgorithms { key } => {
                write!(f, "key {key}: it has no `alg`, and its issuer lists several algorithms for RSA keys")
            }
            Self::Symmetric { key } => write!(f, "key {key}: a secret does not belong in a published key set"),
            Self::Private { key } => write!(f, "key {key}: it holds the private half; publish the public one alone"),
            Self::SameId(id) => write!(f, "two keys share the `kid` `{id}`"),
            Self::NoneUsable { ed448: false } => write!(f, "no key of one of the issuer's algorithms"),
            Self::NoneUsable { ed448: true } => {
                write!(f, "no key of one of the issuer's algorithms; Ed448 is not supported, Ed25519 is")
            }
        }
    }
}

/// Keys that were read and judged before, and travelled as [`Key::expose_jwk`] writes them: shared secrets among them.
pub fn baked_key_set(jwks: &[Value], algorithms: &[Algorithm]) -> Result<KeySet, JwkFault> {
    let secret = |number, jwk: &Value| {
        let wrong = |member| JwkFault::Member { key: number, member };
        let text = |member: &'static str| jwk.get(member).and_then(Value::as_str).ok_or(wrong(member));
        let algorithm = Algorithm::parse(text("alg")?).filter(|algorithm| algorithms.contains(algorithm));
        let secret = URL_SAFE_NO_PAD.decode(text("k")?).map_err(|_| wrong("k"))?;
        Key::new(None, algorithm.ok_or(wrong("alg"))?, Material::Secret(secret.into()))
            .map_err(|fault| JwkFault::Key { key: number, fault })
    };
    if algorithms.iter().all(|algorithm| algorithm.is_symmetric()) {
        let keys = jwks.iter().enumerate().map(|(number, jwk)| secret(number, jwk)).collect::<Result<Vec<_>, _>>()?;
        return if keys.is_empty() { Err(JwkFault::NoneUsable { ed448: false }) } else { Ok(KeySet::new(keys)) };
    }
    let set = serde_json::json!({ "keys": jwks });
    parse_jwk_set(set.to_string().as_bytes(), algorithms)
}

/// Reads a JWK set for an issuer that signs with these algorithms. Keys for encryption, and of kinds that are not verified
/// here, are passed over; a key that claims to be usable and is not, is a fault.
pub fn parse_jwk_set(bytes: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, JwkFault> {
    let set = strict_json::object(bytes).ok_or(JwkFault::NotJson)?;
    let Some(Value::Array(list)) = set.get("keys") else {
        return Err(JwkFault::NoKeys);
    };
    if list.len() > MAX_KEYS {
        return Err(JwkFault::TooMany(list.len()));
    }
    let mut keys: Vec<Key> = Vec::new();
    for (number, jwk) in list.iter().enumerate() {
        let Value::Object(jwk) = jwk else {
            return Err(JwkFault::Member { key: number, member: "kty" });
        };
        let Some(key) = parse_jwk(number, jwk, algorithms)? else {
            continue;
        };
        if let Some(id) = key.id()
            && keys.iter().any(|other| other.id() == Some(id))
        {
            return Err(JwkFault::SameId(id.to_owned()));
        }
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(JwkFault::NoneUsable { ed448: list.iter().any(|jwk| jwk.get("crv") == Some(&"Ed448".into())) });
    }
    Ok(KeySet::new(keys))
}

fn parse_jwk(number: usize, jwk: &Map<String, Value>, algorithms: &[Algorithm]) -> Result<Option<Key>, JwkFault> {
    let wrong = |member| JwkFault::Member { key: number, member };
    let text = |member: &'static str| match jwk.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(wrong(member)),
    };
    // Whatever the key is for: a set that gives secrets away is nobody's to trust.
    if PRIVATE_MEMBERS.iter().any(|member| jwk.contains_key(*member)) {
        return Err(JwkFault::Private { key: number });
    }
    if text("kty")? == Some("oct") {
        return Err(JwkFault::Symmetric { key: number });
    }
    let for_signatures = text("use")?.is_none_or(|usage| usage == "sig")
        && match jwk.get("key_ops") {
            None => true,
            Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
            Some(_) => return Err(wrong("key_ops")),
        };
    if !for_signatures {
        return Ok(None);
    }
    let id = text("kid")?.map(str::to_owned);
    let alg = text("alg")?;
    let bytes = |member: &'static str| {
        let encoded = text(member)?.ok_or(wrong(member))?;
        URL_SAFE_NO_PAD.decode(encoded).map_err(|_| wrong(member))
    };
    let named = alg.map(Algorithm::parse);
    let (algorithm, material) = match (text("kty")?, text("crv")?) {
        (Some("EC"), Some(name)) => {
            // A curve that is not verified here (secp256k1, say) is for somebody else.
            let Some(curve) = Curve::parse(name) else { return Ok(None) };
            let mut point = vec![4];
            for (member, coordinate) in [("x", bytes("x")?), ("y", bytes("y")?)] {
                if coordinate.len() != curve.coordinate() {
                    return Err(wrong(member));
                }
                point.extend(coordinate);
            }
            (curve.algorithm(), Material::Ec { curve, point })
        }
        (Some("OKP"), Some("Ed25519")) => {
            (Algorithm::EdDsa, Material::Ed25519(bytes("x")?.try_into().map_err(|_| wrong("x"))?))
        }
        (Some("RSA"), _) => {
            let strip = |number: Vec<u8>| number.into_iter().skip_while(|byte| *byte == 0).collect();
            let material = Material::Rsa { modulus: strip(bytes("n")?), exponent: strip(bytes("e")?) };
            let mut listed = algorithms.iter().copied().filter(|algorithm| algorithm.is_rsa());
            match (named, listed.next(), listed.next()) {
                (Some(Some(named)), _, _) if !named.is_rsa() => return Err(JwkFault::Algorithm { key: number }),
                (Some(Some(named)), _, _) => (named, material),
                (None, Some(only), None) => (only, material),
                (None, Some(_), Some(_)) => return Err(JwkFault::SeveralAlgorithms { key: number }),
                (None, None, _) | (Some(None), _, _) => return Ok(None),
            }
        }
        (Some(_), _) => return Ok(None),
        (None, _) => return Err(wrong("kty")),
    };
    match named {
        // For another purpose (`ECDH-ES`, say): no fault, just not used.
        Some(None) => return Ok(None),
        Some(Some(named)) if named != algorithm => return Err(JwkFault::Algorithm { key: number }),
        _ if !algorithms.contains(&algorithm) => return Ok(None),
        _ => {}
    }
    Key::new(id, algorithm, material).map(Some).map_err(|fault| JwkFault::Key { key: number, fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7517 appendix A.1 and RFC 8037 appendix A.2.
    const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"1"}"#;
    const ED: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"2","alg":"EdDSA"}"#;

    fn parse(keys: &[&str], algorithms: &[Algorithm]) -> Result<KeySet, JwkFault> {
        parse_jwk_set(format!("{{\"keys\":[{}]}}", keys.join(",")).as_bytes(), algorithms)
    }

    #[test]
    fn published_keys() {
        let set = parse(&[EC, ED], &Algorithm::ALL).unwrap();
        assert_eq!(set.find(Some("1"), Algorithm::Es256).unwrap().algorithm(), Algorithm::Es256);
        assert_eq!(set.find(None, Algorithm::EdDsa).unwrap().id(), Some("2"));
        assert!(set.find(Some("3"), Algorithm::EdDsa).is_none());
        assert_eq!(parse(&[EC, ED], &[Algorithm::EdDsa]).unwrap().keys().len(), 1);
    }

    #[test]
    fn hostile_sets_are_refused_whole() {
        assert_eq!(parse_jwk_set(b"{}", &Algorithm::ALL).unwrap_err(), JwkFault::NoKeys);
        assert_eq!(parse_jwk_set(b"{\"keys\":[],\"keys\":[]}", &Algorithm::ALL).unwrap_err(), JwkFault::NotJson);
        assert_eq!(parse(&[EC, EC], &Algorithm::ALL).unwrap_err(), JwkFault::SameId("1".to_owned()));
        let nameless = format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, "q".repeat(168));
        assert_eq!(parse(&[EC, &nameless], &Algorithm::ALL).unwrap_err(), JwkFault::SeveralAlgorithms { key: 1 });
        let small = nameless.replace("\"e\"", "\"alg\":\"PS384\",\"e\"");
        assert!(matches!(parse(&[EC, &small], &Algorithm::ALL), Err(JwkFault::Key { key: 1, .. })));
        let private = ED.replace("\"kid\"", "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"kid\"");
        assert_eq!(parse(&[EC, &private], &Algorithm::ALL).unwrap_err(), JwkFault::Private { key: 1 });
        let oct = r#"{"kty":"oct","k":"AAAA"}"#;
        assert_eq!(parse(&[oct], &Algorithm::ALL).unwrap_err(), JwkFault::Symmetric { key: 0 });
        assert!(parse(&[&EC.replace("\"x\":\"M", "\"x\":\"")], &Algorithm::ALL).is_err());
        assert!(parse(&[&EC.replace("\"kid\":\"1\"", "\"kid\":1")], &Algorithm::ALL).is_err());
        assert_eq!(parse(&[EC], &[Algorithm::EdDsa]).unwrap_err(), JwkFault::NoneUsable { ed448: false });
        let many = vec![EC; 65];
        assert_eq!(parse(&many, &Algorithm::ALL).unwrap_err(), JwkFault::TooMany(65));
    }

    /// RSA keys by the base64url characters of their modulus, of which "q" is 101010.
    fn rsa(modulus: &str, exponent: &str) -> String {
        format!(r#"{{"kty":"RSA","alg":"RS256","kid":"r","n":"{modulus}","e":"{exponent}"}}"#)
    }

    #[test]
    fn rsa_numbers() {
        let modulus = |bytes: usize, last: u8| {
            let mut number = vec![0xaa; bytes];
            number[bytes - 1] = last;
            URL_SAFE_NO_PAD.encode(number)
        };
        let fault = |modulus: &str, exponent| match parse(&[&rsa(modulus, exponent)], &[Algorithm::Rs256]) {
            Ok(_) => None,
            Err(JwkFault::Key { key: 0, fault }) => Some(fault),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(fault(&modulus(256, 0xab), "AQAB"), None);
        assert_eq!(fault(&modulus(1024, 0xab), "AQAB"), None);
        assert_eq!(fault(&modulus(128, 0xab), "AQAB"), Some(KeyFault::RsaSize { bits: 1024 }));
        assert_eq!(fault(&modulus(1025, 0xab), "AQAB"), Some(KeyFault::RsaSize { bits: 8200 }));
        // Lengths that are no multiple of eight.
        for (first, bits) in [(0x01, 2049), (0x02, 2050), (0x40, 2055), (0x7f, 2055)] {
            let number = URL_SAFE_NO_PAD.encode([vec![first], vec![0xab; 256]].concat());
            assert_eq!(fault(&number, "AQAB"), Some(KeyFault::RsaSize { bits }));
        }
        // 1,024 bits made longer by zeros in front.
        let padded = URL_SAFE_NO_PAD.encode([vec![0; 128], vec![0xab; 128]].concat());
        assert_eq!(fault(&padded, "AQAB"), Some(KeyFault::RsaSize { bits: 1024 }));
        assert_eq!(fault(&modulus(256, 0xaa), "AQAB"), Some(KeyFault::RsaExponent), "even");
        for exponent in ["AQ", "AA", "", "AQAA", "BAAAAAE"] {
            assert_eq!(fault(&modulus(256, 0xab), exponent), Some(KeyFault::RsaExponent), "{exponent}");
        }
    }

    #[test]
    fn a_set_that_gives_secrets_away_is_refused_whatever_they_are_for() {
        let public = rsa(&URL_SAFE_NO_PAD.encode([0xab; 256]), "AQAB");
        assert!(parse(&[&public], &Algorithm::ALL).is_ok());
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
            for usage in ["sig", "enc"] {
                let private = public.replace("\"kid\"", &format!("\"use\":\"{usage}\",\"{member}\":\"AQ\",\"kid\""));
                assert_eq!(
                    parse(&[EC, &private], &Algorithm::ALL).unwrap_err(),
                    JwkFault::Private { key: 1 },
                    "{member}"
                );
            }
        }
        let oct = r#"{"kty":"oct","use":"enc","k":"AAAA"}"#;
        assert_eq!(parse(&[EC, oct], &Algorithm::ALL).unwrap_err(), JwkFault::Symmetric { key: 1 });
    }

    #[test]
    fn an_alg_that_is_not_one_for_its_type_of_key() {
        for alg in ["ES384", "RS256", "PS512", "EdDSA", "HS256"] {
            let other = EC.replace("\"kid\"", &format!("\"alg\":\"{alg}\",\"kid\""));
            assert_eq!(parse(&[ED, &other], &Algorithm::ALL).unwrap_err(), JwkFault::Algorithm { key: 1 }, "{alg}");
        }
        let other = rsa(&URL_SAFE_NO_PAD.encode([0xab; 256]), "AQAB").replace("RS256", "ES256");
        assert_eq!(parse(&[ED, &other], &Algorithm::ALL).unwrap_err(), JwkFault::Algorithm { key: 1 });
        let named = ED.replace("EdDSA", "Ed25519");
        assert_eq!(parse(&[&named], &[Algorithm::EdDsa]).unwrap().keys().len(), 1, "RFC 9864");
    }

    #[test]
    fn keys_for_something_else_are_passed_over() {
        for (old, new) in [
            ("\"kid\"", "\"use\":\"enc\",\"kid\""),
            ("\"kid\"", "\"use\":\"SIG\",\"kid\""),
            ("\"kid\"", "\"key_ops\":[\"sign\"],\"kid\""),
            ("\"kid\"", "\"key_ops\":[],\"kid\""),
            ("\"kid\"", "\"alg\":\"ECDH-ES\",\"kid\""),
            ("P-256", "secp256k1"),
        ] {
            let other = EC.replace(old, new);
            assert_eq!(parse(&[&other, ED], &Algorithm::ALL).unwrap().keys().len(), 1, "{new}");
            let alone = parse(&[&other], &Algorithm::ALL).unwrap_err();
            assert_eq!(alone, JwkFault::NoneUsable { ed448: false }, "{new}");
        }
        for (old, new, member) in [
            ("\"kid\"", "\"use\":1,\"kid\"", "use"),
            ("\"kid\"", "\"key_ops\":\"verify\",\"kid\"", "key_ops"),
            ("\"EC\"", "7", "kty"),
            ("\"kty\":\"EC\",", "", "kty"),
        ] {
            let wrong = parse(&[ED, &EC.replace(old, new)], &Algorithm::ALL).unwrap_err();
            assert_eq!(wrong, JwkFault::Member { key: 1, member }, "{new}");
        }
    }

    #[test]
    fn json_that_is_not_strict() {
        let deep = format!("{{\"keys\":[{EC}],\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        let twice = format!("{{\"keys\":[{}]}}", EC.replace("\"kid\":\"1\"", "\"kid\":\"1\",\"k\\u0069d\":\"2\""));
        for text in [deep, twice, format!("[{EC}]"), format!("{{\"keys\":[{EC}]}}{{}}"), "\u{feff}{}".to_owned()] {
            assert_eq!(parse_jwk_set(text.as_bytes(), &Algorithm::ALL).unwrap_err(), JwkFault::NotJson, "{text}");
        }
    }
}
