//! Bodies of requests to the site's own endpoints, with a bearer who may do much: what is granted is what was asked and
//! allowed, and nothing else.

use std::sync::LazyLock;

use authorizer::{Carried, HookAnswer, Method, ObjectPath, Question, Read, Upload};
use aws_credential_types::Credentials;
use front::{Answer, Presented, presented};
use http::Request;
use http::request::Parts;
use serde_json::{Value, json};
use uploads::{Bucket, encode_path, safe_segment};

use crate::site::{Host, NOW, SITE_READY, sealed};

pub const WORKSPACE: &str = "11111111-1111-4111-8111-111111111111";

pub static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let claims = json!({
        "iss": "main", "aud": "files", "iat": NOW.0 - 10, "exp": NOW.0 + 3600, "sub": "ada", "jti": "1",
        "workspace": WORKSPACE, "members": { WORKSPACE: "owner" }, "year": 2026, "n": "7", "team": "a",
        "shared": true, "active": true, "paths": ["/teams/shared/*"], "scope": ["read:a"],
        "https://example.com/teams": { "a": { "roles": ["admin"] } },
    });
    sealed(r#"{"alg":"HS256"}"#, &claims.to_string())
});

/// A body as a browser of an app sends it.
pub fn request() -> Parts {
    let request = Request::post("/_edgepass/links").header("authorization", format!("Bearer {}", *TOKEN));
    request.header("origin", "https://app.example").body(()).expect("a request").into_parts().0
}

pub fn host() -> Host {
    Host { hooks: HookAnswer::Yes }
}

pub fn question<'a>(path: &'a ObjectPath, tokens: &'a [&'a str]) -> Question<'a> {
    Question {
        host: "",
        path,
        method: Method::Get,
        address: Some([10, 0, 0, 1].into()),
        now: NOW,
        tokens,
        carried: Carried::AsTokens,
    }
}

/// The tokens came by the parameter of links.
fn linked<'a>(path: &'a ObjectPath, tokens: &'a [&'a str]) -> Question<'a> {
    Question { carried: Carried::AsLinks, ..question(path, tokens) }
}

pub fn link(body: &[u8]) {
    let front = &SITE_READY.front;
    let Ok(wanted) = front.link_request(body, || "one".to_owned()) else { return };
    let tokens = [TOKEN.as_str()];
    let Ok(allowed) = front.rules.allow::<Read>(question(&wanted.path, &tokens), &mut host()) else { return };
    let Ok(Some(unsigned)) = front.link(&allowed, &wanted, NOW) else { return };
    let token = sealed(r#"{"alg":"HS256"}"#, &Value::Object(unsigned.claims.clone()).to_string());
    let Answer::Json { body, .. } = front.link_answer(&wanted, Some((&unsigned, &token))) else {
        panic!("a link is JSON");
    };
    let answer: Value = serde_json::from_str(&body).expect("a link is JSON");
    let url = answer["url"].as_str().expect("with a URL").parse().expect("that leads somewhere");
    assert!((NOW.0 + 1..=NOW.0 + 900).contains(&answer["expires"].as_i64().expect("with an end")));
    followed(url, &wanted.path, allowed.key());
}

/// The link opens the object that it was made for, and no other.
fn followed(url: http::Uri, path: &ObjectPath, key: &str) {
    let front = &SITE_READY.front;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.uri = url;
    assert_eq!(ObjectPath::from_target(parts.uri.path()).as_ref(), Ok(path));
    let carried = presented(&parts, &front.carriers).expect("one token");
    let tokens = carried.texts();
    let read = front.rules.allow::<Read>(linked(path, &tokens), &mut host());
    assert_eq!(read.expect("the link is good").key(), key);
    let other = ObjectPath::from_decoded(format!("{}x", path.as_str()));
    if let Ok(other) = other {
        assert!(front.rules.allow::<Read>(linked(&other, &tokens), &mut host()).is_err());
    }
    assert!(front.rules.allow::<Upload>(linked(path, &tokens), &mut host()).is_err());
    assert!(front.rules.allow::<Read>(question(path, &tokens), &mut host()).is_err(), "a link is no token");
}

pub fn upload(body: &[u8]) {
    let front = &SITE_READY.front;
    let Ok(wanted) = uploads::Request::parse(body) else { return };
    named(&wanted.filename);
    let Ok(plan) = uploads::plan(&front.rules, wanted, || [0xa5; 16]) else { return };
    let path = plan.path().clone();
    assert_eq!(ObjectPath::from_target(&encode_path(path.as_str())).as_ref(), Ok(&path));
    let tokens = [TOKEN.as_str()];
    let Ok(allowed) = front.rules.allow::<Upload>(question(&path, &tokens), &mut host()) else { return };
    let key = allowed.key().to_owned();
    let bucket = Bucket::new("files", "us-east-1", "https://s3.example", true).expect("a bucket");
    let credentials = Credentials::from_keys("AK", "SK", None);
    let Ok(grant) = uploads::grant(allowed, &plan, &front.rules, &bucket, &credentials, NOW) else { return };
    assert_eq!((&grant.key, ObjectPath::from_target(&grant.path)), (&key, Ok(path)));
    assert!(grant.url.starts_with("https://s3.example/files"), "{}", grant.url);
    for (name, value) in grant.headers.iter().chain(&grant.fields) {
        assert!(!name.contains(['\r', '\n']) && !value.contains(['\r', '\n']), "{name}: {value}");
    }
    if let Some((_, field)) = grant.fields.iter().find(|(name, _)| name == "key") {
        assert_eq!(*field, key);
    }
}

fn named(filename: &str) {
    let safe = safe_segment(filename);
    assert_eq!(safe_segment(&safe), safe, "what is safe stays as it is");
    assert!(safe.len() <= uploads::MAX_FILENAME);
    assert!(ObjectPath::from_decoded(format!("/{safe}")).is_ok_and(|path| path.inner() == safe && !safe.contains('/')));
}

pub fn session(body: &[u8]) {
    let front = &SITE_READY.front;
    let parts = request();
    let bearer = front.bearer(&parts, NOW, &mut host()).unwrap_or_else(|_| panic!("the bearer is good"));
    let Ok(Answer::Json { cookies, .. }) = front.sign_in(&bearer, body, NOW) else { return };
    let [cookie] = cookies.as_slice() else { panic!("one cookie") };
    let (pair, attributes) = cookie.split_once("; ").expect("a cookie has attributes");
    assert_eq!(attributes, "Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax");
    let back = Request::get("/a").header("cookie", pair).body(()).expect("a cookie fits a header").into_parts().0;
    match presented(&back, &front.carriers) {
        Ok(Presented::Cookies(cookies)) => {
            let [cookie] = cookies.as_slice() else { panic!("one cookie comes back") };
            assert_eq!(cookie.token.expose(), *TOKEN);
            let scope = authorizer::strict_object(body).and_then(|members| members.get("scope").cloned());
            assert_eq!(cookie.scope, scope.as_ref().and_then(Value::as_str));
        }
        _ => panic!("the cookie comes back"),
    }
}
