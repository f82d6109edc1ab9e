//! The edges in time to the second, which rows keep away from.

use std::sync::Arc;

use authorizer::{
    Algorithm, Denied, IssuerSettings, Issuers, Key, KeySet, KeySets, Material, Signatures, UnixTime, verify,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;

struct Yes;
impl Signatures for Yes {
    fn verify(&self, _: &Key, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

fn check(claims: &Value, leeway: i64, max_age: Option<i64>) -> Result<(), Denied> {
    let issuer = IssuerSettings {
        name: "i".to_owned(),
        issuer: "i".to_owned(),
        audiences: vec!["a".to_owned()],
        algorithms: vec![Algorithm::Hs256],
        may: Vec::new(),
        max_age,
        leeway,
        once: false,
        links: false,
    };
    let key = Key::new(None, Algorithm::Hs256, Material::Secret(vec![7; 32].into())).unwrap();
    let keys = KeySets(vec![Arc::new(KeySet::new(vec![key]))]);
    let mut all = json!({"iss": "i", "aud": "a"});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let token =
        format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(all.to_string()));
    verify(&token, &Issuers::new(vec![issuer.clone()]), &keys, &Yes)?.check(&issuer, UnixTime(NOW))
}

/// RFC 7519 section 4.1.4: not accepted *on or after* `exp`; section 4.1.5: not *before* `nbf`.
#[test]
fn expiry_and_start() {
    for leeway in [0, 60] {
        let at = |name: &str, seconds: i64| {
            let mut claims = json!({"exp": NOW + 999});
            claims[name] = json!(seconds);
            check(&claims, leeway, None)
        };
        assert_eq!(at("exp", NOW - leeway + 1), Ok(()));
        assert_eq!(at("exp", NOW - leeway), Err(Denied::Expired));
        assert_eq!(at("nbf", NOW + leeway), Ok(()));
        assert_eq!(at("nbf", NOW + leeway + 1), Err(Denied::NotYetValid));
        assert_eq!(at("iat", NOW + leeway), Ok(()));
        assert_eq!(at("iat", NOW + leeway + 1), Err(Denied::IssuedInFuture));
    }
    assert_eq!(check(&json!({"exp": 1_800_000_000.5}), 0, None), Err(Denied::Expired));
}

#[test]
fn the_issuers_ceiling() {
    let aged = |issued: i64| check(&json!({"exp": NOW + 999_999, "iat": issued}), 60, Some(3600));
    assert_eq!(aged(NOW - 3600 - 59), Ok(()));
    assert_eq!(aged(NOW - 3600 - 60), Err(Denied::TooOld));
    assert_eq!(check(&json!({"exp": NOW + 9}), 60, Some(3600)), Err(Denied::NoIssuedAt));
    assert_eq!(check(&json!({"exp": NOW + 9}), 60, None), Ok(()));
    let far = -(1_i64 << 53);
    assert_eq!(aged(far), Err(Denied::TooOld));
}
