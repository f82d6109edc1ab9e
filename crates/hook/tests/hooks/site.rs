//! A site whose rules ask hooks, and the tokens of its users: real signatures, real rules.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authorizer::{
    Action, Algorithm, AllowSettings, Allowed, BucketId, Carried, Denied, Evidence, HookAnswer, HookId, HookQuestion,
    IssuerSettings, KeySets, Method, ObjectPath, Question, Read, RouteSettings, Rules, UnixTime, Verified, Who,
    parse_jwk_set,
};
use hook::{Asked, Hooks, Inquiry};
use keys::{Native, SigningKey};
use serde_json::{Value, json};

pub const NOW: i64 = 1_700_000_000;

pub struct Site {
    key: SigningKey,
    keys: KeySets,
    pub rules: Rules,
}

impl Site {
    /// One route, `/{rest...}`, whose rules ask these hooks, one a rule.
    pub fn new(hooks: &[usize]) -> Self {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let set = parse_jwk_set(key.jwks().to_string().as_bytes(), &[Algorithm::EdDsa]).unwrap();
        let issuer = IssuerSettings {
            name: "app".to_owned(),
            issuer: "https://app.example".to_owned(),
            audiences: vec!["files".to_owned()],
            algorithms: vec![Algorithm::EdDsa],
            may: vec![Action::Read],
            max_age: None,
            leeway: 0,
            once: false,
            links: false,
        };
        let row = |(number, hook): (usize, &usize)| {
            // Rows that differ, or the second would be refused as having no effect.
            let who = Who::Claims(vec![(format!("role{number}"), vec![authorizer::ClaimValue::Boolean(true)])]);
            AllowSettings { hook: Some(HookId(*hook)), ..AllowSettings::new(Action::Read, who) }
        };
        let route = RouteSettings {
            name: "files".to_owned(),
            hosts: Vec::new(),
            path: "/{rest...}".to_owned(),
            bucket: BucketId(0),
            key: None,
            allow: hooks.iter().enumerate().map(row).collect(),
            upload: None,
            any_origin: false,
        };
        let rules = Rules::build(vec![issuer], &[route]).unwrap();
        Self { key, keys: KeySets(vec![Arc::new(set)]), rules }
    }

    /// A token with these claims beside the registered ones; it may ask by each of the first nine rules.
    pub fn token(&self, claims: &Value) -> String {
        let mut all = json!({"iss": "https://app.example", "aud": "files", "exp": NOW + 60});
        for number in 0..9 {
            all[format!("role{number}")] = json!(true);
        }
        let all = all.as_object_mut().unwrap();
        all.extend(claims.as_object().unwrap().clone());
        self.key.sign(all).unwrap()
    }

    fn verify(&self, token: &str) -> Result<Arc<Verified>, Denied> {
        authorizer::verify(token, self.rules.issuers(), &self.keys, &Native).map(Arc::new)
    }

    /// The question to the first hook about this path.
    pub fn asked(&self, hooks: &Hooks, path: &str, claims: &Value) -> Asked {
        self.asked_at(0, hooks, path, claims).unwrap()
    }

    pub fn asked_at(&self, hook: usize, hooks: &Hooks, path: &str, claims: &Value) -> Option<Asked> {
        let token = self.verify(&self.token(claims)).unwrap();
        let path = ObjectPath::from_decoded(path.to_owned()).unwrap();
        let question =
            HookQuestion { hook: HookId(hook), action: Action::Read, route: "files", path: &path, token: &token };
        hooks.question(&question)
    }

    /// How long it takes to make the question.
    pub fn time_questions(&self, hooks: &Hooks, claims: &Value, times: u32) -> Duration {
        let token = self.verify(&self.token(claims)).unwrap();
        let path = ObjectPath::from_decoded("/w/a.png".to_owned()).unwrap();
        let question =
            HookQuestion { hook: HookId(0), action: Action::Read, route: "files", path: &path, token: &token };
        let begun = Instant::now();
        for _ in 0..times {
            assert!(std::hint::black_box(hooks.question(std::hint::black_box(&question))).is_some());
        }
        begun.elapsed() / times
    }

    /// As the pipeline decides. Also how often the rules were asked.
    pub async fn decide(
        &self,
        inquiry: Inquiry<'_>,
        path: &str,
        tokens: &[&str],
    ) -> (Result<Allowed<Read>, Denied>, usize) {
        let path = ObjectPath::from_decoded(path.to_owned()).unwrap();
        let now = UnixTime(NOW);
        let question = Question {
            host: "",
            path: &path,
            method: Method::Get,
            address: None,
            now,
            tokens,
            carried: Carried::AsTokens,
        };
        let placed = self.rules.place(question);
        let mut evidence = Asking { site: self, inquiry };
        let mut rounds = 1;
        loop {
            match placed.allow::<Read>(&mut evidence) {
                Err(Denied::HookUnknown) if evidence.inquiry.ask().await => rounds += 1,
                decision => return (decision, rounds),
            }
        }
    }
}

struct Asking<'a> {
    site: &'a Site,
    inquiry: Inquiry<'a>,
}

impl Evidence for Asking<'_> {
    fn verify(&mut self, token: &str) -> Result<Arc<Verified>, Denied> {
        self.site.verify(token)
    }

    fn hook(&mut self, question: &HookQuestion<'_>) -> HookAnswer {
        self.inquiry.answer(question)
    }
}
