//! The decision, read from top to bottom like the gateway's pipeline: admit, authorise, locate.

use std::net::IpAddr;
use std::sync::Arc;

use authorizer::{JwkFault, KeySet, KeySets, ObjectPath, Read, Signatures, UnixTime, verify};
use front::{
    Admitted, Answer, Behaviour, Code, Front, Listener, Package, Refusal, Refused, Seen, admit, methods, presented,
};
use http::header::ORIGIN;
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::Value;

use crate::event::{Decision, Question, Response};

/// The authorizer of one site.
pub struct Edge {
    front: Front,
    pub keys: KeySets,
    behaviours: Vec<Behaviour>,
}

impl Edge {
    /// From the package's `site.json`. The message says what is wrong with it.
    pub fn open(site: &[u8]) -> Result<Self, String> {
        let package: Package = serde_json::from_slice(site).map_err(|error| error.to_string())?;
        let keys = package.key_sets().map_err(|fault| fault.to_string())?;
        Ok(Self { front: Front::open(package.site)?, keys, behaviours: package.behaviours })
    }

    /// A key set that the issuer published since, judged.
    pub fn read_keys(&self, issuer: usize, jwks: &[u8]) -> Result<KeySet, JwkFault> {
        let settings = self.front.rules.issuers().get(authorizer::IssuerId(issuer)).ok_or(JwkFault::NoKeys)?;
        authorizer::parse_jwk_set(jwks, &settings.algorithms)
    }

    pub fn replace_keys(&mut self, issuer: usize, set: KeySet) {
        if let Some(known) = self.keys.0.get_mut(issuer) {
            *known = Arc::new(set);
        }
    }

    /// For each issuer its keys as JWKs: the host verifies with them.
    pub fn jwks(&self) -> Value {
        Value::Array(self.keys.0.iter().map(|set| jwks(set)).collect())
    }

    /// Decides about a request. It never fails: whatever goes wrong is an answer too.
    pub fn decide(&self, question: &[u8], now: UnixTime, signatures: &impl Signatures) -> Decision {
        let question: Option<Question> = serde_json::from_slice(question).ok();
        let id = question.as_ref().map_or("", |question| &question.id);
        let Some(parts) = question.as_ref().and_then(Question::parts) else {
            let refusal = Refusal::new(Code::BadRequest, "head_unreadable");
            return self.answer(&Answer::Refused(refusal.into()), &no_head(), id, &Seen::default());
        };
        let mut seen = Seen::default();
        let address = question.as_ref().and_then(|question| question.client_ip);
        match self.ask(&parts, address, now, signatures, &mut seen) {
            Ok(Asked::Pass { key, bucket }) => {
                Decision::Pass { uri: format!("/{}", uploads::encode_path(&key)), bucket }
            }
            Ok(Asked::Answer(answer)) => self.answer(&answer, &parts, id, &seen),
            Err(refusal) => {
                let refused = Refused { methods: methods(&parts), ..refusal.into() };
                self.answer(&Answer::Refused(refused), &parts, id, &seen)
            }
        }
    }

    fn ask(
        &self,
        parts: &Parts,
        address: Option<IpAddr>,
        now: UnixTime,
        signatures: &impl Signatures,
        seen: &mut Seen,
    ) -> Result<Asked, Refusal> {
        let front = &self.front;
        match admit(parts, Listener::Serves, &front.origin, &front.carriers)? {
            Admitted::Object(path) => self.object(parts, &path, address, now, signatures, seen),
            Admitted::Preflight(path) => {
                seen.route = path.and_then(|path| front.rules.route_of(&front.host(parts), &path));
                Ok(Asked::Answer(Answer::Preflight { methods: methods(parts) }))
            }
            // They are the regional function's, behind a behaviour of its own.
            Admitted::Own(_) | Admitted::Redirect(_) => Err(Refusal::new(Code::NotFound, "no_such_endpoint")),
        }
    }

    /// The object's key and bucket, if this request may read it and CloudFront asks the object's own bucket.
    fn object(
        &self,
        parts: &Parts,
        path: &ObjectPath,
        address: Option<IpAddr>,
        now: UnixTime,
        signatures: &impl Signatures,
        seen: &mut Seen,
    ) -> Result<Asked, Refusal> {
        let front = &self.front;
        let presented = presented(parts, &front.carriers)?;
        let (host, tokens) = (front.host(parts), presented.texts());
        let placed = front.rules.place(front::question(parts, &host, path, address, &tokens, presented.carried(), now));
        seen.route = placed.route();
        let allowed = placed.allow::<Read>(&mut |token: &str| {
            let verified = verify(token, front.rules.issuers(), &self.keys, signatures).map(Arc::new);
            seen.bearer = verified.as_ref().ok().cloned();
            verified
        })?;
        // CloudFront may have chosen by the path as it came, or by the one it stands for: both must be this bucket's.
        let bucket = allowed.bucket().0;
        if [parts.uri.path(), path.as_str()].into_iter().any(|path| self.bucket_of(path) != bucket) {
            return Err(Refusal::new(Code::Forbidden, "other_behaviour"));
        }
        Ok(Asked::Pass { key: allowed.into_key(), bucket })
    }

    /// The bucket of the behaviour that takes this path.
    fn bucket_of(&self, path: &str) -> usize {
        let matches = |behaviour: &&Behaviour| {
            behaviour.pattern.strip_suffix('*').map_or(behaviour.pattern == path, |start| path.starts_with(start))
        };
        self.behaviours.iter().find(matches).map_or(0, |behaviour| behaviour.bucket)
    }

    fn answer(&self, answer: &Answer, parts: &Parts, id: &str, seen: &Seen) -> Decision {
        let mut headers = HeaderMap::with_capacity(16);
        let (status, body) = answer.write(&self.front, id, &mut headers);
        self.front.finish(&mut headers, parts.headers.get(ORIGIN), seen.route, id);
        let body = if parts.method == Method::HEAD { String::new() } else { body };
        // A line for each hit would cost more than the hit.
        let log = if let Answer::Refused(refused) = answer {
            Some(self.front.log_line(parts, id, status.as_u16(), Some(&refused.refusal), seen).to_string())
        } else {
            None
        };
        Decision::Answer { response: Response::new(status, &headers, body), log }
    }
}

enum Asked {
    Pass { key: String, bucket: usize },
    Answer(Answer),
}

pub fn jwks(set: &KeySet) -> Value {
    Value::Array(set.keys().iter().map(authorizer::Key::expose_jwk).collect())
}

fn no_head() -> Parts {
    http::Request::new(()).into_parts().0
}
