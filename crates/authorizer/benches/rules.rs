//! What a decision costs where the token is verified already, and what building the rules costs:
//! `cargo bench -p authorizer --bench rules`. Signatures are measured with the gateway, whose they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use authorizer::{
    Action, Algorithm, AllowSettings, Allowed, BucketId, Carried, Circumstances, ClaimValue, Hours, IssuerSettings,
    Key, KeySet, KeySets, Material, Method, Network, ObjectPath, Question, Read, RouteSettings, Rules, Signatures,
    UnixTime, Verified, Who, verify,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use divan::{Bencher, black_box};

const NOW: UnixTime = UnixTime(1_800_000_000);
const WORKSPACE: &str = "11111111-1111-4111-8111-111111111111";
const COUNTS: [usize; 3] = [10, 1_000, 10_000];

fn main() {
    divan::main();
}

struct Yes;

impl Signatures for Yes {
    fn verify(&self, _: &Key, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

fn issuers(count: usize) -> Vec<IssuerSettings> {
    let issuer = |number| IssuerSettings {
        name: format!("issuer-{number}"),
        issuer: format!("https://tenant-{number}.example.com/"),
        audiences: vec!["files".to_owned()],
        algorithms: vec![Algorithm::Hs256],
        may: vec![Action::Read],
        max_age: Some(86_400),
        leeway: 60,
        once: false,
        links: false,
    };
    (0..count).map(issuer).collect()
}

fn row(circumstances: Circumstances) -> AllowSettings {
    let claims = vec![("workspace".to_owned(), vec![ClaimValue::Text("{workspace}".to_owned())])];
    AllowSettings { circumstances, ..AllowSettings::new(Action::Read, Who::Claims(claims)) }
}

/// A folder of workspaces for each of so many routes.
fn routes(start: &str, count: usize, circumstances: &Circumstances) -> Vec<RouteSettings> {
    let route = |number| RouteSettings {
        name: format!("folder-{number}"),
        hosts: Vec::new(),
        path: format!("{start}{number}/{{workspace:uuid}}/{{file:uuid}}/{{name...}}"),
        bucket: BucketId(0),
        key: None,
        allow: vec![row(circumstances.clone())],
        upload: None,
        any_origin: false,
    };
    (0..count).map(route).collect()
}

fn text(issuer: usize) -> String {
    let claims = format!(
        r#"{{"iss":"https://tenant-{issuer}.example.com/","aud":"files","iat":1799999990,"exp":1800003600,
        "sub":"9f0c2d9e-1111-4222-8333-abcdefabcdef","name":"Ada Lovelace","email":"ada@example.com","workspace":"{WORKSPACE}"}}"#
    );
    format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(claims))
}

fn path(route: usize) -> ObjectPath {
    let target = format!("/folder-{route}/{WORKSPACE}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/photos/2026/a.png");
    ObjectPath::from_target(&target).unwrap()
}

fn key_sets(count: usize) -> KeySets {
    let key = Key::new(None, Algorithm::Hs256, Material::Secret(vec![7; 32].into())).unwrap();
    let set = Arc::new(KeySet::new(vec![key]));
    KeySets(vec![set; count])
}

fn allow(rules: &Rules, path: &ObjectPath, tokens: &[&str], verified: &Arc<Verified>) -> Allowed<Read> {
    let address = Some([10, 1, 2, 3].into());
    let question = Question {
        host: "files.example.com",
        path,
        method: Method::Get,
        address,
        now: NOW,
        tokens,
        carried: Carried::AsTokens,
    };
    let placed = rules.place(question);
    placed.allow::<Read>(&mut |_: &str| Ok(Arc::clone(verified))).unwrap()
}

/// Places in a table of so many routes and decides.
#[divan::bench(args = COUNTS, sample_count = 500, sample_size = 100)]
fn routes_of(bencher: Bencher<'_, '_>, count: usize) {
    static TABLES: LazyLock<BTreeMap<usize, Rules>> = LazyLock::new(|| tables("/folder-"));
    decide(bencher, &TABLES[&count], &path(count / 2));
}

/// The same where all routes begin with a placeholder between texts, which are looked at one after the other.
#[divan::bench(args = COUNTS, sample_count = 100, sample_size = 20)]
fn routes_of_affixed(bencher: Bencher<'_, '_>, count: usize) {
    static TABLES: LazyLock<BTreeMap<usize, Rules>> = LazyLock::new(|| tables("/{area:slug}.folder-"));
    let text = path(count / 2).into_string().replace("/folder", "/a.folder");
    decide(bencher, &TABLES[&count], &ObjectPath::from_target(&text).unwrap());
}

fn tables(start: &str) -> BTreeMap<usize, Rules> {
    let rules = |count| Rules::build(issuers(1), &routes(start, count, &Circumstances::default())).unwrap();
    COUNTS.into_iter().map(|count| (count, rules(count))).collect()
}

fn decide(bencher: Bencher<'_, '_>, rules: &Rules, path: &ObjectPath) {
    let text = text(0);
    let verified = Arc::new(verify(&text, rules.issuers(), &key_sets(1), &Yes).unwrap());
    let tokens = [text.as_str()];
    bencher.bench_local(|| allow(black_box(rules), black_box(path), &tokens, &verified));
}

/// With a method, hours, days and networks to look at, and no hook.
#[divan::bench(sample_count = 500, sample_size = 100)]
fn circumstances(bencher: Bencher<'_, '_>) {
    let circumstances = Circumstances {
        methods: Some(vec![Method::Get]),
        from: Some(UnixTime(1_700_000_000)),
        until: Some(UnixTime(1_900_000_000)),
        hours: Some(Hours { from: 0, until: 1439 }),
        days: Some((0..7).collect()),
        addresses: Some(
            ["192.0.2.0/24", "2001:db8::/32", "10.0.0.0/8"].map(|text| Network::parse(text).unwrap()).into(),
        ),
    };
    let rules = Rules::build(issuers(1), &routes("/folder-", 10, &circumstances)).unwrap();
    decide(bencher, &rules, &path(5));
}

/// A token's form and issuer among so many, whatever its signature: what every token that is not remembered costs.
#[divan::bench(args = [1, 10_000], sample_count = 500, sample_size = 20)]
fn issuers_of(bencher: Bencher<'_, '_>, count: usize) {
    let rules = Rules::build(issuers(count), &routes("/folder-", 10, &Circumstances::default())).unwrap();
    let keys = key_sets(count);
    let text = text(count / 2);
    bencher.bench_local(|| verify(black_box(&text), rules.issuers(), &keys, &Yes).unwrap());
}

#[divan::bench(args = [10, 10_000], sample_count = 20, sample_size = 1)]
fn build(bencher: Bencher<'_, '_>, count: usize) {
    let (issuers, routes) = (issuers(1), routes("/folder-", count, &Circumstances::default()));
    bencher.with_inputs(|| issuers.clone()).bench_local_values(|issuers| Rules::build(issuers, &routes).unwrap());
}
