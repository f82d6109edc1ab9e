//! A site with tokens that need no key, and a host that counts what it is asked.

use std::sync::Arc;

use authorizer::{
    Action, Algorithm, AllowSettings, BucketId, Carried, ClaimValue, Denied, Evidence, HookAnswer, HookQuestion,
    IssuerSettings, Key, KeySet, KeySets, Material, Method, ObjectPath, Question, RouteSettings, Rules, Signatures,
    UnixTime, Verified, Who, verify,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub const NOW: UnixTime = UnixTime(1_800_000_000);
pub const ORIGIN: &str = "https://files.example.com";

struct Yes;
impl Signatures for Yes {
    fn verify(&self, _: &Key, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

pub fn issuer(name: &str) -> IssuerSettings {
    IssuerSettings {
        name: name.to_owned(),
        issuer: format!("https://{name}.example.com"),
        audiences: vec!["files".to_owned()],
        algorithms: vec![Algorithm::Hs256],
        may: vec![Action::Read],
        max_age: None,
        leeway: 0,
        once: false,
        links: false,
    }
}

/// A route of this path whose rows read.
pub fn route(name: &str, path: &str, allow: Vec<AllowSettings>) -> RouteSettings {
    RouteSettings {
        name: name.to_owned(),
        hosts: Vec::new(),
        path: path.to_owned(),
        bucket: BucketId(0),
        key: None,
        allow,
        upload: None,
        any_origin: false,
    }
}

/// Whoever has these claims reads.
pub fn read(claims: &[(&str, ClaimValue)]) -> AllowSettings {
    let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), vec![value.clone()])).collect();
    AllowSettings::new(Action::Read, Who::Claims(claims))
}

/// A token of an issuer of this name, an hour long, with these claims beside or in place of the ordinary ones.
pub fn token(name: &str, claims: &Value) -> String {
    let issued = NOW.0 - 10;
    let mut all = json!({
        "iss": format!("https://{name}.example.com"), "aud": "files", "iat": issued, "exp": NOW.0 + 3600,
    });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    unsigned(&all)
}

pub fn unsigned(claims: &Value) -> String {
    let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
    format!("{}.{}.AA", encode(r#"{"alg":"HS256"}"#), encode(&claims.to_string()))
}

/// A host that answers as it is told, and counts.
pub struct Host<'r> {
    pub rules: &'r Rules,
    pub hook: HookAnswer,
    pub hooks_asked: usize,
    pub taken: Vec<Option<String>>,
    pub remembers: bool,
}

impl<'r> Host<'r> {
    pub fn new(rules: &'r Rules) -> Self {
        Self { rules, hook: HookAnswer::Away, hooks_asked: 0, taken: Vec::new(), remembers: true }
    }

    pub fn verified(&self, token: &str) -> Result<Arc<Verified>, Denied> {
        let key = || Key::new(None, Algorithm::Hs256, Material::Secret(vec![7; 32].into())).unwrap();
        let sets = self.rules.issuers().all().iter().map(|_| Arc::new(KeySet::new(vec![key()]))).collect();
        verify(token, self.rules.issuers(), &KeySets(sets), &Yes).map(Arc::new)
    }
}

impl Evidence for Host<'_> {
    fn verify(&mut self, token: &str) -> Result<Arc<Verified>, Denied> {
        self.verified(token)
    }

    fn take(&mut self, token: &Verified) -> Result<(), Denied> {
        let id = token.claims().token_id.clone();
        if self.taken.contains(&id) {
            return Err(Denied::Used);
        }
        self.taken.push(id);
        if self.remembers { Ok(()) } else { Err(Denied::NotRememberedHere) }
    }

    fn hook(&mut self, _: &HookQuestion<'_>) -> HookAnswer {
        self.hooks_asked += 1;
        self.hook
    }
}

pub fn path(text: &str) -> ObjectPath {
    ObjectPath::from_target(text).unwrap()
}

pub fn question<'a>(path: &'a ObjectPath, tokens: &'a [&'a str]) -> Question<'a> {
    Question { host: "", path, method: Method::Get, address: None, now: NOW, tokens, carried: Carried::AsTokens }
}
