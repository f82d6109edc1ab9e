use authorizer::{Action, Algorithm, AllowSettings, BucketId, ClaimValue, IssuerSettings, RouteSettings, Who};
use front::{Carrier, SiteSettings};
use secrecy::ExposeSecret;

use super::*;
use crate::settings::{Bucket, Choices, Form, Owner, PriceClass};

fn issuer(name: &str, algorithms: &[Algorithm]) -> IssuerSettings {
    IssuerSettings {
        name: name.into(),
        issuer: format!("https://{name}.example.com"),
        audiences: vec!["files".into()],
        algorithms: algorithms.to_vec(),
        may: vec![Action::Read],
        max_age: Some(3600),
        leeway: 30,
        once: false,
        links: false,
    }
}

fn route(name: &str, path: &str, key: Option<&str>, claims: &[(&str, ClaimValue)]) -> RouteSettings {
    let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), vec![value.clone()])).collect();
    RouteSettings {
        hosts: Vec::new(),
        name: name.into(),
        path: path.into(),
        bucket: BucketId(0),
        key: key.map(str::to_owned),
        allow: vec![AllowSettings::new(Action::Read, Who::Claims(claims))],
        upload: None,
        any_origin: false,
    }
}

fn deployment(issuers: Vec<IssuerSettings>, routes: Vec<RouteSettings>) -> Deployment {
    let bucket = |name: &str| Bucket {
        name: name.into(),
        region: "us-east-1".into(),
        bucket: format!("files-{name}"),
        owner: Owner::Stack,
    };
    Deployment {
        site: SiteSettings {
            origin: "https://files.example.com".into(),
            apps: vec!["https://app.example.com".into()],
            carriers: vec![Carrier::Header, Carrier::Cookie("edgepass".into())],
            issuers,
            routes,
        },
        buckets: vec![bucket("main"), bucket("second")],
        choices: Choices { form: Form::CloudFrontFunction, price_class: PriceClass::Class100, ..Choices::of("files") },
    }
}

fn text(text: &str) -> ClaimValue {
    ClaimValue::Text(text.into())
}

fn codes(deployment: &Deployment) -> Vec<&'static str> {
    cloudfront_function(deployment).unwrap_err().iter().map(Fault::code).collect()
}

fn literal(deployment: &Deployment) -> String {
    rules::literal(&deployment.site, &behaviours(deployment).unwrap())
}

#[test]
fn holds_the_rules_and_no_secret() {
    let routes = vec![route("files", "/{w:uuid}/{name...}", Some("{w}/{name}"), &[("members.{w}", text("owner"))])];
    let function = cloudfront_function(&deployment(vec![issuer("app", &[Algorithm::Hs256])], routes)).unwrap();
    assert_eq!(function.store, [("app".to_owned(), IssuerId(0))]);
    assert!(function.code.starts_with("import crypto from 'crypto';\nimport cf from 'cloudfront';\nconst "));
    assert!(function.code.contains(r#"[["members","{0}"],["owner"]]"#), "{}", function.code);
    assert!(!function.code.contains(NO_RULES) && function.code.lines().count() == 3);
}

#[test]
fn rules_as_a_literal() {
    let mut routes = vec![
        route("any", "/any/{x}/{n:int}", Some("any/{n}/{x}"), &[("year", text("{n}")), (r"a\.b.{x}", text("ws-{x}"))]),
        route(
            "years",
            "/years/{d:date}",
            None,
            &[("level", ClaimValue::Integer(-3)), ("open", ClaimValue::Boolean(true))],
        ),
        route("slugs", "/slugs/{x:slug}/{y:uuid}/z", Some("slugs/{x}/{y}/z"), &[("t", text("\u{2028}\"'"))]),
        route("public", "/public/{n...}", None, &[]),
    ];
    routes[1].bucket = BucketId(1);
    routes[1].allow[0].issuer = Some(IssuerId(0));
    routes[3].allow[0].who = Who::Anyone;
    routes[3].any_origin = true;
    let mut app = issuer("app", &[Algorithm::Hs256]);
    app.max_age = None;
    let literal = literal(&deployment(vec![app], routes));
    let expected = concat!(
        r#"{ apps: ["https://app.example.com"], policy: "same-site", header: 1, query: [], cookie: "edgepass", "#,
        r#"issuers: [{ name: "app", iss: "https://app.example.com", aud: "files", reads: 1, leeway: 30 }], "#,
        r#"buckets: [["/public/", 1, 0], ["/years/", 1, 1]], routes: ["#,
        r#"{ segments: ["years", 2], rows: [{ issuer: 0, tests: [[["level"], [{ n: "-3" }]], [["open"], [true]]] }], bucket: 1 }, "#,
        r#"{ segments: ["slugs", 3, 0, "z"], rows: [{ tests: [[["t"], ["\u2028\"'"]]] }] }, "#,
        r#"{ segments: ["any", 4, 1], rows: [{ tests: [[["year"], [{ t: "{1}" }]], [["a.b", "{0}"], ["ws-{0}"]]] }], key: "any/{1}/{0}" }, "#,
        r#"{ segments: ["public", 5], any: 1 }] }"#,
    );
    assert_eq!(literal, expected);
}

#[test]
fn says_all_that_keeps_it_from_being_one() {
    let routes = || vec![route("files", "/{w:uuid}/{name...}", None, &[("w", text("{w}"))])];
    let hs = [Algorithm::Hs256];
    assert_eq!(codes(&deployment(vec![issuer("a", &[Algorithm::Es256])], routes())), ["aws_function_algorithm"]);
    assert_eq!(
        codes(&deployment(vec![issuer("a", &[Algorithm::Hs256, Algorithm::Rs256]), issuer("b", &[])], routes())),
        ["aws_function_algorithm", "aws_function_algorithm"]
    );
    assert_eq!(codes(&deployment(vec![issuer(&"n".repeat(513), &hs)], routes())), ["aws_function_store_key"]);
    let mut elsewhere = routes();
    elsewhere[0].bucket = BucketId(1);
    assert_eq!(codes(&deployment(vec![issuer("a", &hs)], elsewhere)), ["aws_bucket_not_told_apart"]);
    assert_eq!(
        codes(&deployment(vec![issuer("a", &hs)], vec![route("files", "/{w}", None, &[("w", text("{x}"))])])),
        ["aws_function_rules"]
    );
}

#[test]
fn the_size_is_told() {
    let many = |count: usize| {
        (0..count).map(|n| route(&format!("r{n}"), &format!("/r{n}/{{x}}"), None, &[("r", text("{x}"))]))
    };
    let made = |count| cloudfront_function(&deployment(vec![issuer("a", &[Algorithm::Hs256])], many(count).collect()));
    let bytes = made(10).unwrap().code.len();
    let each = made(20).unwrap().code.len() - bytes;
    assert!((300..800).contains(&each), "{each} bytes for ten routes");
    let faults = made(200).unwrap_err();
    let [Fault::Function(FunctionFault::Size { bytes, rules })] = faults.as_slice() else { panic!("{faults:?}") };
    assert!(*bytes > MAX_CODE && rules < bytes, "{bytes} {rules}");
    assert!(faults[0].to_string().contains(&format!("{bytes} bytes")), "{}", faults[0]);
}

#[test]
fn secrets_for_the_store() {
    assert_eq!(store_value("a", &[0xff; 32]).unwrap().expose_secret(), "//////////////////////////////////////////8=");
    assert_eq!(store_value("a", &[1; 768]).unwrap().expose_secret().len(), 1024);
    for bytes in [0, 31, 769] {
        let fault = store_value("app", &vec![1; bytes]).unwrap_err();
        assert_eq!(fault.code(), "aws_function_secret");
        assert!(fault.to_string().contains(&format!("has {bytes} bytes, and the function takes 32 to 768")), "{fault}");
    }
}
