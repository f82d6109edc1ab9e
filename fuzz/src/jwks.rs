//! Key sets: a set that is taken holds no more than it may, each key can be found, and it survives a journey in a package.

use authorizer::{Algorithm, Key, baked_key_set, parse_jwk_set};
use serde_json::json;

pub fn set(data: &[u8]) {
    let some = [Algorithm::Rs256, Algorithm::Es384, Algorithm::EdDsa];
    for algorithms in [&Algorithm::ALL[3..], &some] {
        let Ok(set) = parse_jwk_set(data, algorithms) else { continue };
        assert!((1..=64).contains(&set.keys().len()));
        for key in set.keys() {
            assert!(algorithms.contains(&key.algorithm()) && !key.algorithm().is_symmetric());
            if let Some(id) = key.id() {
                let found = set.find(Some(id), key.algorithm()).expect("a key is found by its name");
                assert!(std::ptr::eq(found, key), "no two keys have one name");
            }
        }
        let jwks: Vec<_> = set.keys().iter().map(Key::expose_jwk).collect();
        let again = parse_jwk_set(json!({ "keys": jwks }).to_string().as_bytes(), algorithms);
        let baked = baked_key_set(&jwks, algorithms);
        for again in [again, baked] {
            let again: Vec<_> =
                again.expect("a set that was taken is taken again").keys().iter().map(Key::expose_jwk).collect();
            assert_eq!(again, jwks);
        }
    }
}
