//! From a token's text to leave to read, as a request has it: remembered tokens, each algorithm's signature, a million
//! revocations. `cargo bench -p gateway --bench tokens`.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "../src/limits.rs"]
mod limits;
#[path = "../src/memory.rs"]
mod memory;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use authorizer::{
    Action, Algorithm, AllowSettings, Allowed, BucketId, Carried, ClaimValue, Denied, IssuerSettings, Method,
    ObjectPath, Question, Read, RouteSettings, Rules, UnixTime, Verified, Who,
};
use divan::{Bencher, black_box};
use keys::{Issuer, Keyring, Native, SigningKey, Source, jwk_set};
use memory::TokenMemory;
use revocations::{IssuerLife, RevocationWish, Revocations, Settings};
use serde_json::{Map, Value, json};

const NOW: UnixTime = UnixTime(1_800_000_000);
const WORKSPACE: &str = "11111111-1111-4111-8111-111111111111";
const ALGORITHMS: [Algorithm; 6] =
    [Algorithm::Hs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256];

fn main() {
    divan::main();
}

/// One issuer for each algorithm, with its key.
struct Site {
    rules: Rules,
    keyring: Arc<Keyring>,
    signing: Vec<SigningKey>,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("edgepass-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let signing: Vec<SigningKey> =
        ALGORITHMS.into_iter().map(|algorithm| SigningKey::generate(algorithm).unwrap()).collect();
    let sources = signing.iter().map(|key| Issuer {
        name: key.algorithm().as_str().to_owned(),
        source: source(key, folder.join(key.algorithm().as_str())),
        algorithms: vec![key.algorithm()],
    });
    let keyring = Keyring::open(sources.collect(), None).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let rules = Rules::build(ALGORITHMS.into_iter().map(issuer).collect(), &routes()).unwrap();
    Site { rules, keyring, signing }
});

fn source(key: &SigningKey, path: PathBuf) -> Source {
    if key.algorithm().is_symmetric() {
        key.save(&path).unwrap();
        return Source::SecretFile(path);
    }
    std::fs::write(&path, jwk_set([key]).to_string()).unwrap();
    Source::JwksFile(path)
}

fn issuer(algorithm: Algorithm) -> IssuerSettings {
    IssuerSettings {
        name: algorithm.as_str().to_owned(),
        issuer: format!("https://{algorithm}.example.com/"),
        audiences: vec!["files".to_owned()],
        algorithms: vec![algorithm],
        may: vec![Action::Read],
        max_age: Some(86_400),
        leeway: 60,
        once: false,
        links: false,
    }
}

fn routes() -> Vec<RouteSettings> {
    let claims = |name: &str, text: &str| {
        AllowSettings::new(Action::Read, Who::Claims(vec![(name.to_owned(), vec![ClaimValue::Text(text.to_owned())])]))
    };
    let route = |name: &str, path: &str, allow| RouteSettings {
        name: name.to_owned(),
        hosts: Vec::new(),
        path: path.to_owned(),
        bucket: BucketId(0),
        key: None,
        allow,
        upload: None,
        any_origin: false,
    };
    let files = vec![claims("workspace", "{workspace}"), claims("members.{workspace}", "reader")];
    vec![
        route("files", "/{workspace:uuid}/{file:uuid}/{name...}", files),
        route("public", "/public/{name...}", vec![AllowSettings::new(Action::Read, Who::Anyone)]),
    ]
}

/// Of a usual size; `number` makes it one of its kind.
fn claims(algorithm: Algorithm, number: usize) -> Map<String, Value> {
    let claims = json!({
        "iss": format!("https://{algorithm}.example.com/"), "aud": "files", "iat": NOW.0 - 10, "exp": NOW.0 + 3600,
        "sub": format!("9f0c2d9e-1111-4222-8333-{number:012}"), "sid": format!("5d0c2d9e-1111-4222-8333-{number:012}"),
        "jti": format!("0b54f14e-7c1c-4fb8-9d10-{number:012}"), "name": "Ada Lovelace", "email": "ada@example.com",
        "workspace": WORKSPACE,
    });
    claims.as_object().unwrap().clone()
}

fn token(algorithm: Algorithm, number: usize) -> String {
    let key = SITE.signing.iter().find(|key| key.algorithm() == algorithm).unwrap();
    key.sign(&claims(algorithm, number)).unwrap()
}

fn path() -> ObjectPath {
    ObjectPath::from_target(&format!("/{WORKSPACE}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/photos/a.png")).unwrap()
}

fn allow(
    path: &ObjectPath,
    token: &str,
    mut verify: impl FnMut(&str) -> Result<Arc<Verified>, Denied>,
) -> Allowed<Read> {
    let (host, address, tokens) = ("files.example.com", Some([10, 1, 2, 3].into()), [token]);
    let question =
        Question { host, path, method: Method::Get, address, now: NOW, tokens: &tokens, carried: Carried::AsTokens };
    SITE.rules.place(question).allow::<Read>(&mut verify).unwrap()
}

fn remember(revocations: &Arc<Revocations>) -> TokenMemory {
    TokenMemory::new(Arc::clone(&SITE.keyring), Arc::clone(revocations))
}

fn by_memory(memory: &TokenMemory, path: &ObjectPath, token: &str) -> Allowed<Read> {
    allow(path, token, |token| memory.verify(token, SITE.rules.issuers()).map(|(verified, _)| verified))
}

fn revocations() -> Arc<Revocations> {
    let issuers = SITE.rules.issuers().all().iter().map(IssuerLife::from).collect();
    Revocations::open(Settings { issuers, ..Settings::default() }, NOW).unwrap()
}

static NONE: LazyLock<Arc<Revocations>> = LazyLock::new(revocations);

static MILLION: LazyLock<Arc<Revocations>> = LazyLock::new(|| {
    let all = revocations();
    for number in 0..1_000_000 {
        let claim = Some(("jti".to_owned(), format!("1c54f14e-7c1c-4fb8-9d10-{number:012}")));
        let wish = RevocationWish { issuer: "ES256".to_owned(), claim, before: None, expires: None };
        all.revoke(wish, NOW).unwrap();
    }
    all
});

fn revoked(count: usize) -> &'static Arc<Revocations> {
    if count == 0 { &NONE } else { &MILLION }
}

/// The signature is looked at every time.
#[divan::bench(args = ALGORITHMS, sample_count = 300, sample_size = 5)]
fn verified(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let (token, path, keys) = (token(algorithm, 0), path(), SITE.keyring.snapshot());
    let verify = |token: &str| authorizer::verify(token, SITE.rules.issuers(), &keys.sets, &Native).map(Arc::new);
    bencher.bench_local(|| allow(black_box(&path), black_box(&token), verify));
}

/// One token again and again.
#[divan::bench(args = [0, 1_000_000], sample_count = 500, sample_size = 100)]
fn remembered(bencher: Bencher<'_, '_>, revocations: usize) {
    let (token, path, memory) = (token(Algorithm::Es256, 0), path(), remember(revoked(revocations)));
    bencher.bench_local(|| by_memory(&memory, black_box(&path), black_box(&token)));
}

/// A thousand tokens in turn, which do not lie in the processor's nearest cache.
#[divan::bench(args = [0, 1_000_000], sample_count = 500, sample_size = 100)]
fn remembered_of_a_thousand(bencher: Bencher<'_, '_>, revocations: usize) {
    let tokens: Vec<String> = (0..1000).map(|number| token(Algorithm::EdDsa, number)).collect();
    let (path, memory) = (path(), remember(revoked(revocations)));
    let mut turn = tokens.iter().cycle();
    bencher.bench_local(move || by_memory(&memory, black_box(&path), turn.next().unwrap()));
}

/// The first request of a remembered token after somebody was revoked: it is looked for anew, and remembered anew.
#[divan::bench(args = [0, 1_000_000], sample_count = 2000, sample_size = 1)]
fn remembered_after_a_revocation(bencher: Bencher<'_, '_>, count: usize) {
    let (token, path, revocations) = (token(Algorithm::Es256, 0), path(), revoked(count));
    let memory = remember(revocations);
    let change = || {
        let issuers = SITE.rules.issuers().all().iter().map(IssuerLife::from).collect();
        revocations.change(&Settings::default().claims, issuers);
    };
    bencher.with_inputs(change).bench_local_values(|()| by_memory(&memory, black_box(&path), black_box(&token)));
}

/// Whether a clean token is among the revoked: its issuer, `jti`, `sub` and `sid` are looked for.
#[divan::bench(args = [0, 1_000_000], sample_count = 500, sample_size = 100)]
fn looked_for_among_the_revoked(bencher: Bencher<'_, '_>, count: usize) {
    let keys = SITE.keyring.snapshot();
    let verify =
        |number| authorizer::verify(&token(Algorithm::EdDsa, number), SITE.rules.issuers(), &keys.sets, &Native);
    let tokens: Vec<Verified> = (0..1000).map(|number| verify(number).unwrap()).collect();
    let revocations = revoked(count);
    let mut turn = tokens.iter().cycle();
    bencher.bench_local(move || revocations.holds(black_box(turn.next().unwrap()), "EdDSA"));
}
