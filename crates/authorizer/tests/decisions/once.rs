//! Tokens that are good for one request, and several issuers of one name.

use authorizer::{Denied, IssuerSettings, Read, Rules};
use serde_json::json;

use crate::site::{Host, issuer, path, question, read, route, token};

fn rules() -> Rules {
    let once = IssuerSettings { once: true, ..issuer("once") };
    Rules::build(vec![issuer("many"), once], &[route("all", "/a/{name}", vec![read(&[])])]).unwrap()
}

#[test]
fn a_token_for_one_request_is_used_up_and_no_other_is() {
    let rules = rules();
    let (mut host, path) = (Host::new(&rules), path("/a/b"));
    let (once, many) = (token("once", &json!({"jti": "1"})), token("many", &json!({"jti": "1"})));
    let mut ask = |token: &str| rules.allow::<Read>(question(&path, &[token]), &mut host).map(|_| ());
    assert_eq!(ask(&once), Ok(()));
    assert_eq!(ask(&once), Err(Denied::Used));
    assert_eq!(ask(&many), Ok(()));
    assert_eq!(ask(&many), Ok(()));
    assert_eq!(ask(&token("once", &json!({}))), Err(Denied::NoTokenId));
    assert_eq!(host.taken.len(), 1);
}

#[test]
fn what_is_not_allowed_uses_nothing_up() {
    let rules = Rules::build(
        vec![IssuerSettings { once: true, ..issuer("once") }],
        &[route("all", "/a/{name}", vec![read(&[("x", authorizer::ClaimValue::Boolean(true))])])],
    )
    .unwrap();
    let (mut host, path) = (Host::new(&rules), path("/a/b"));
    let once = token("once", &json!({"jti": "1"}));
    let answer = rules.allow::<Read>(question(&path, &[&once]), &mut host).map(|_| ());
    assert_eq!((answer, host.taken.len()), (Err(Denied::PathNotCovered), 0));
}

#[test]
fn who_cannot_remember_honours_none() {
    let rules = rules();
    let (mut host, path) = (Host { remembers: false, ..Host::new(&rules) }, path("/a/b"));
    let once = token("once", &json!({"jti": "1"}));
    let answer = rules.allow::<Read>(question(&path, &[&once]), &mut host).map(|_| ());
    assert_eq!(answer, Err(Denied::NotRememberedHere));
}

/// A site's links are the last issuer: a configured one of their name is found before them.
#[test]
fn of_two_issuers_of_one_name_the_first_is_found() {
    let issuers = authorizer::Issuers::new(vec![issuer("a"), IssuerSettings { once: true, ..issuer("a") }]);
    let (id, found) = issuers.find("https://a.example.com").unwrap();
    assert_eq!((id.0, found.once), (0, false));
}

/// What ends a token is the earlier of `exp` and `iat` with the issuer's `max_age`.
#[test]
fn a_token_ends_with_the_earlier_of_two() {
    let rules = rules();
    let host = Host::new(&rules);
    let verified = host.verified(&token("many", &json!({"iat": 100, "exp": 1000}))).unwrap();
    let ends = |max_age| verified.expires(&IssuerSettings { max_age, ..issuer("many") }).unwrap().0;
    assert_eq!((ends(None), ends(Some(50)), ends(Some(5000))), (1000, 150, 1000));
}
