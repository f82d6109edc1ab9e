//! Links open their one path, by the rule that made them, no longer than the token they were made with.

use authorizer::{
    AllowSettings, Carried, Circumstances, ClaimValue, Denied, IssuerId, LinkWish, Method, ObjectPath, Question, Read,
    RevocableClaim, Rules, UnixTime,
};
use serde_json::{Value, json};

use crate::site::{Host, NOW, ORIGIN, issuer, path, question, read, route, token, unsigned};

const PATH: &str = "/a/b.png";

fn member() -> AllowSettings {
    read(&[("member", ClaimValue::Boolean(true))])
}

fn other() -> AllowSettings {
    read(&[("other", ClaimValue::Boolean(true))])
}

fn rules_of(rows: Vec<AllowSettings>) -> Rules {
    let routes = [route("all", "/a/{name}", rows.clone()), route("beside", "/b/{name}", rows)];
    Rules::build(vec![issuer("app")], &routes).unwrap().with_links(ORIGIN)
}

fn wish(life: i64) -> LinkWish {
    LinkWish { life, download: None, once: None }
}

/// The claims of a link that a token with these claims makes.
fn made(rules: &Rules, claims: &Value, wish: &LinkWish) -> Value {
    let (token, path) = (token("app", claims), path(PATH));
    let mut host = Host::new(rules);
    let allowed = rules.allow::<Read>(question(&path, &[&token]), &mut host).unwrap();
    let revocable = [RevocableClaim::new("sub"), RevocableClaim::new("session.id")];
    let (claims, expires) = rules.link(&allowed, &path, wish, &revocable, NOW).unwrap();
    assert_eq!(claims["exp"], json!(expires.0));
    Value::Object(claims)
}

fn follow(rules: &Rules, link: &Value, target: &str, method: Method, now: i64) -> Result<usize, Denied> {
    let (link, path) = (unsigned(link), path(target));
    let tokens = [link.as_str()];
    let question = Question { method, now: UnixTime(NOW.0 + now), ..linked(&path, &tokens) };
    rules.allow::<Read>(question, &mut Host::new(rules)).map(|allowed| allowed.rule())
}

/// The tokens came by the parameter of links.
fn linked<'a>(path: &'a ObjectPath, tokens: &'a [&'a str]) -> Question<'a> {
    Question { carried: Carried::AsLinks, ..question(path, tokens) }
}

#[test]
fn one_path_alone() {
    let rules = rules_of(vec![other(), member()]);
    let link = made(&rules, &json!({"member": true}), &wish(60));
    assert_eq!(follow(&rules, &link, PATH, Method::Get, 0), Ok(1));
    for target in ["/a/c.png", "/a/b.pn", "/b/b.png", "/a/B.png"] {
        assert_eq!(follow(&rules, &link, target, Method::Get, 0), Err(Denied::LinkNotCovered), "{target}");
    }
    assert_eq!(follow(&rules, &link, "/c", Method::Get, 0), Err(Denied::NoRoute));
}

/// A site that was changed between the making and the following.
#[test]
fn a_rule_that_is_gone() {
    let link = made(&rules_of(vec![other(), member()]), &json!({"member": true}), &wish(60));
    let fewer = rules_of(vec![other()]);
    assert_eq!(follow(&fewer, &link, PATH, Method::Get, 0), Err(Denied::LinkNotCovered));
    let renamed = Rules::build(vec![issuer("app")], &[route("new", "/a/{name}", vec![other(), member()])]);
    let renamed = renamed.unwrap().with_links(ORIGIN);
    assert_eq!(follow(&renamed, &link, PATH, Method::Get, 0), Err(Denied::LinkNotCovered));
    let elsewhere = rules_of(vec![other(), member()]).with_links("https://other.example.com");
    let mut stranger = link;
    stranger["iss"] = json!("https://third.example.com/_edgepass/links");
    assert_eq!(follow(&elsewhere, &stranger, PATH, Method::Get, 0), Err(Denied::UnknownIssuer));
}

#[test]
fn another_rule_in_the_place_of_the_one_that_made_it() {
    let link = made(&rules_of(vec![other(), member()]), &json!({"member": true}), &wish(60));
    for rows in [
        vec![member(), other()],
        vec![other(), read(&[("third", ClaimValue::Boolean(true))])],
        vec![other(), AllowSettings { issuer: Some(IssuerId(0)), ..member() }],
    ] {
        assert_eq!(follow(&rules_of(rows), &link, PATH, Method::Get, 0), Err(Denied::LinkNotCovered));
    }
    assert_eq!(follow(&rules_of(vec![other(), member()]), &link, PATH, Method::Get, 0), Ok(1), "the same rule");
}

/// A link in a header is refused, and is as good as before.
#[test]
fn how_it_came_is_judged_before_it_is_used_up() {
    let rules = rules_of(vec![member()]);
    let once = LinkWish { once: Some("random".to_owned()), ..wish(60) };
    let link = unsigned(&made(&rules, &json!({"member": true}), &once));
    let (mut host, path) = (Host::new(&rules), path(PATH));
    let token = token("app", &json!({"member": true}));
    let mut ask = |carried, tokens: &[&str]| {
        rules.allow::<Read>(Question { carried, ..question(&path, tokens) }, &mut host).map(|_| ())
    };
    assert_eq!(ask(Carried::AsTokens, &[&link]), Err(Denied::LinkIsNoToken));
    assert_eq!(ask(Carried::AsLinks, &[&token]), Err(Denied::TokenIsNoLink));
    assert_eq!(ask(Carried::AsTokens, &[&link, &token]), Ok(()), "of several cookies one is enough");
    assert_eq!(ask(Carried::AsLinks, &[&link]), Ok(()));
    assert_eq!(ask(Carried::AsLinks, &[&link]), Err(Denied::Used));
}

#[test]
fn circumstances_are_judged_on_every_use() {
    let gets = Circumstances {
        methods: Some(vec![Method::Get]),
        until: Some(UnixTime(NOW.0 + 30)),
        ..Circumstances::default()
    };
    let rules = rules_of(vec![AllowSettings { circumstances: gets, ..member() }]);
    let link = made(&rules, &json!({"member": true}), &wish(600));
    assert_eq!(follow(&rules, &link, PATH, Method::Get, 29), Ok(0));
    assert_eq!(follow(&rules, &link, PATH, Method::Head, 0), Err(Denied::MethodNotCovered));
    assert_eq!(follow(&rules, &link, PATH, Method::Get, 30), Err(Denied::OutsideTimes));
}

#[test]
fn never_longer_than_asked_nor_than_the_token() {
    let rules = rules_of(vec![member()]);
    let ends = |claims: &Value, life| made(&rules, claims, &wish(life))["exp"].as_i64().unwrap() - NOW.0;
    let long = json!({"member": true});
    assert_eq!((ends(&long, 60), ends(&long, 1_000_000), ends(&long, -5)), (60, 900, 1));
    let short = json!({"member": true, "exp": NOW.0 + 7});
    assert_eq!(ends(&short, 60), 7);
    let link = made(&rules, &long, &wish(60));
    assert_eq!(follow(&rules, &link, PATH, Method::Get, 64), Ok(0), "clocks of nodes differ by 5 s");
    assert_eq!(follow(&rules, &link, PATH, Method::Get, 65), Err(Denied::Expired));
}

#[test]
fn a_link_for_one_request() {
    let rules = rules_of(vec![member()]);
    let once = LinkWish { once: Some("random".to_owned()), ..wish(60) };
    let link = unsigned(&made(&rules, &json!({"member": true, "jti": "of the token"}), &once));
    let (mut host, path) = (Host::new(&rules), path(PATH));
    let mut ask = || rules.allow::<Read>(linked(&path, &[&link]), &mut host).map(|_| ());
    assert_eq!((ask(), ask()), (Ok(()), Err(Denied::Used)));
    let many = unsigned(&made(&rules, &json!({"member": true, "jti": "of the token"}), &wish(60)));
    let mut ask = || rules.allow::<Read>(linked(&path, &[&many]), &mut host).map(|_| ());
    assert_eq!((ask(), ask()), (Ok(()), Ok(())));
}

#[test]
fn the_name_to_save_under_is_a_links_alone() {
    let rules = rules_of(vec![member()]);
    let named = LinkWish { download: Some("x.png".to_owned()), ..wish(60) };
    let host = Host::new(&rules);
    let link = unsigned(&made(&rules, &json!({"member": true}), &named));
    assert_eq!(host.verified(&link).unwrap().download(), Some("x.png"));
    let token = token("app", &json!({"download": "x.png"}));
    assert_eq!(host.verified(&token).unwrap().download(), None);
}

#[test]
fn a_link_makes_no_use_of_its_tokens_claims() {
    let rules = rules_of(vec![member()]);
    let claims = json!({"member": true, "sub": "ada", "session": {"id": 7}, "secret": "x"});
    let link = made(&rules, &claims, &wish(60));
    assert_eq!(link["of"]["claims"], json!({"sub": "ada", "session.id": 7}));
    assert!(!link.to_string().contains("secret"));
}
