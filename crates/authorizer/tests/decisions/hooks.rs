//! Decision hooks: asked last, believed only when they say yes, and never about what is no good anyway.

use authorizer::{AllowSettings, ClaimValue, Denied, HookAnswer, HookId, Read, Rules};
use serde_json::{Value, json};

use crate::site::{Host, NOW, issuer, path, question, read, route, token};

fn rules() -> Rules {
    let hooked = AllowSettings { hook: Some(HookId(0)), ..read(&[("a", ClaimValue::Boolean(true))]) };
    Rules::build(vec![issuer("app")], &[route("all", "/a/{name}", vec![hooked])]).unwrap()
}

/// The answer, and how often the hook was asked.
fn ask(hook: HookAnswer, claims: &[Value]) -> (Result<(), Denied>, usize) {
    let rules = rules();
    let mut host = Host { hook, ..Host::new(&rules) };
    let tokens: Vec<String> = claims.iter().map(|claims| token("app", claims)).collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let path = path("/a/b");
    let answer = rules.allow::<Read>(question(&path, &tokens), &mut host).map(|_| ());
    (answer, host.hooks_asked)
}

#[test]
fn only_a_yes_is_a_yes() {
    let good = [json!({"a": true})];
    assert_eq!(ask(HookAnswer::Yes, &good), (Ok(()), 1));
    assert_eq!(ask(HookAnswer::No, &good), (Err(Denied::HookRefused), 1));
    assert_eq!(ask(HookAnswer::Away, &good), (Err(Denied::HookAway), 1));
    assert_eq!(ask(HookAnswer::Unknown, &good), (Err(Denied::HookUnknown), 1));
}

#[test]
fn nobody_is_asked_about_what_is_no_good_anyway() {
    assert_eq!(ask(HookAnswer::Yes, &[json!({"a": false})]), (Err(Denied::PathNotCovered), 0));
    let expired = json!({"a": true, "exp": NOW.0 - 5});
    assert_eq!(ask(HookAnswer::Yes, &[expired]), (Err(Denied::Expired), 0));
}

/// A hook that may still say yes comes before a token that has only expired.
#[test]
fn of_several_tokens_the_hook_that_waits() {
    let tokens = [json!({"a": true, "exp": NOW.0 - 5}), json!({"a": true}), json!({"a": false})];
    assert_eq!(ask(HookAnswer::Unknown, &tokens).0, Err(Denied::HookUnknown));
    assert_eq!(ask(HookAnswer::Away, &tokens).0, Err(Denied::HookAway));
    assert_eq!(ask(HookAnswer::No, &tokens).0, Err(Denied::Expired));
    assert_eq!(ask(HookAnswer::Yes, &tokens).0, Ok(()));
}
