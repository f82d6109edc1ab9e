//! What a revocation means: tokens by each of the site's claims, and the links that they made.

use std::hash::BuildHasherDefault;

use authorizer::{
    ClaimValue, Denied, LinkWish, Marks, PublicCode, Read, RevocableClaim, Revocation, RevocationSet, Rules, UnixTime,
};
use serde_json::{Value, json};

use crate::site::{Host, NOW, ORIGIN, issuer, path, question, read, route, token, unsigned};

type Plain = BuildHasherDefault<std::hash::DefaultHasher>;

fn rules() -> Rules {
    let rows = vec![read(&[("a", ClaimValue::Boolean(true))])];
    Rules::build(vec![issuer("app"), issuer("other")], &[route("all", "/a/{name}", rows)]).unwrap().with_links(ORIGIN)
}

fn revocable() -> Vec<RevocableClaim> {
    ["jti", "sub", "session.id", "groups"].map(RevocableClaim::new).to_vec()
}

/// Whether a token is revoked by one revocation of the issuer `app`.
fn means(claim: Option<(&str, &str)>, before: Option<i64>, token: &str) -> bool {
    let (rules, marks) = (rules(), Marks::new(Plain::default(), Plain::default()));
    let claim = claim.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let before = before.map(UnixTime);
    let revocation = Revocation { issuer: "app".to_owned(), claim, before, until: None };
    let mut set = RevocationSet::default();
    let of = revocation.claim.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
    marks.of("app", of, |mark| set.add(mark, &revocation));
    let verified = Host::new(&rules).verified(token).unwrap();
    let name = rules.issuer(verified.issuer()).unwrap().name.clone();
    marks.any(&revocable(), &verified, &name, |mark, issued| set.means(mark, issued))
}

#[test]
fn by_each_claim_and_no_other() {
    let claims = json!({"jti": "1", "sub": "ada", "session": {"id": 7}, "groups": ["x", "y"], "name": "n"});
    let app = token("app", &claims);
    for (name, value, expected) in [
        ("jti", "1", true),
        ("jti", "2", false),
        ("sub", "ada", true),
        ("sub", "Ada", false),
        ("session.id", "7", true),
        ("session.id", "8", false),
        ("groups", "x", true),
        ("groups", "y", true),
        ("groups", "z", false),
        ("name", "n", false),
        ("sub", "1", false),
    ] {
        assert_eq!(means(Some((name, value)), None, &app), expected, "{name} {value}");
        assert!(!means(Some((name, value)), None, &token("other", &claims)), "another issuer: {name} {value}");
    }
}

#[test]
fn a_whole_issuer() {
    let (app, other) = (token("app", &json!({})), token("other", &json!({})));
    assert!(means(None, None, &app) && !means(None, None, &other));
    let issued = NOW.0 - 10;
    assert!(means(None, Some(issued + 1), &app) && !means(None, Some(issued), &app));
}

#[test]
fn a_link_is_revoked_with_its_token() {
    let rules = rules();
    let path = path("/a/b");
    let link = |claims: &Value| {
        let token = token("app", claims);
        let allowed = rules.allow::<Read>(question(&path, &[&token]), &mut Host::new(&rules)).unwrap();
        let wish = LinkWish { life: 60, download: None, once: None };
        unsigned(&Value::Object(rules.link(&allowed, &path, &wish, &revocable(), NOW).unwrap().0))
    };
    let link = link(&json!({"a": true, "jti": "1", "sub": "ada", "session": {"id": "s"}, "groups": ["x", "y"]}));
    for claim in [("jti", "1"), ("sub", "ada"), ("session.id", "s"), ("groups", "y")] {
        assert!(means(Some(claim), None, &link), "{claim:?}");
        assert!(!means(Some((claim.0, "else")), None, &link), "{claim:?}");
    }
    assert!(means(None, None, &link), "all tokens of its token's issuer");
    let issued = NOW.0 - 10;
    assert!(means(None, Some(issued + 1), &link) && !means(None, Some(issued), &link), "by when its token was issued");
}

/// What clients are told, and with which status.
#[test]
fn what_is_told() {
    for (denied, public, status) in [
        (Denied::Revoked, PublicCode::TokenRevoked, 401),
        (Denied::Used, PublicCode::TokenUsed, 401),
        (Denied::HookRefused, PublicCode::Forbidden, 403),
        (Denied::LinkNotCovered, PublicCode::Forbidden, 403),
        (Denied::LinkIsNoToken, PublicCode::Forbidden, 403),
        (Denied::TokenIsNoLink, PublicCode::TokenInvalid, 401),
        (Denied::HookAway, PublicCode::DecisionAway, 503),
        (Denied::HookUnknown, PublicCode::DecisionAway, 503),
    ] {
        assert_eq!((denied.public(), denied.public().status()), (public, status), "{denied}");
    }
}
