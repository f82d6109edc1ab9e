//! The front door, pure: from a request's head to what is asked or a refusal, and the heads of our own answers.
//!
//! The same code stands before the gateway, at Lambda@Edge (as wasm) and in the regional function. It reads no clock and no
//! body, keeps nothing and waits for nothing: whoever holds it brings the time, the bytes and the verified tokens.

mod admit;
mod answer;
mod limits;
mod link;
mod question;
mod refusal;
mod s3;
mod seen;
mod session;
mod site;
mod token;
mod upload;

use std::sync::Arc;

use authorizer::{Cors, Denied, Evidence, RevocableClaim, RuleFault, Rules, UnixTime, Verified};
use http::HeaderValue;
use http::header::ORIGIN;
use http::request::Parts;

pub use admit::{Admitted, Endpoint, Listener, admit, methods};
pub use answer::{Answer, EDGEPASS_ID, Refused, refusal_body};
pub use limits::JSON_BODY;
pub use link::{LINK, LinkRequest, Unsigned};
pub use question::question;
pub use refusal::{Code, Culprit, Refusal};
pub use s3::{
    COMPLETION_BODY, RefusalForm, S3, TICKET, direct, grant_body, parameter, part_number, part_numbers, refusal_form,
    signed, upload_id,
};
pub use seen::{Seen, shown_path};
pub use session::Bearer;
pub use site::{Behaviour, Carrier, Package, Refresh, SiteSettings, UploadBucket, resource_policy};
pub use token::{CookieToken, Presented, Token, presented, presented_in_header};
pub use upload::{check_json, grant, plan, plan_wish};

/// A site's front door.
#[derive(Debug)]
pub struct Front {
    /// `https://files.example.com`
    pub origin: String,
    pub cors: Cors,
    pub carriers: Vec<Carrier>,
    pub rules: Rules,
    /// `Cross-Origin-Resource-Policy` of what is not public.
    pub resource_policy: HeaderValue,
    /// The claims by which tokens can be revoked: a link carries them on.
    pub revocable: Vec<RevocableClaim>,
}

impl Front {
    pub fn new(origin: String, apps: Vec<String>, carriers: Vec<Carrier>, rules: Rules) -> Self {
        let resource_policy = HeaderValue::from_static(site::resource_policy(&origin, &apps));
        Self { origin, cors: Cors::new(apps), carriers, rules, resource_policy, revocable: Vec::new() }
    }

    /// With links, which are signed with the last of the key sets.
    #[must_use]
    pub fn with_links(mut self, revocable: Vec<RevocableClaim>) -> Self {
        self.rules = self.rules.with_links(&self.origin);
        let carrier = Carrier::Query(LINK.to_owned());
        if !self.carriers.contains(&carrier) {
            self.carriers.push(carrier);
        }
        Self { revocable, ..self }
    }

    /// From settings that travelled, judged anew. The message names every fault.
    pub fn open(settings: SiteSettings) -> Result<Self, String> {
        let messages =
            |faults: Vec<RuleFault>| faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join("; ");
        let rules = Rules::build(settings.issuers, &settings.routes).map_err(messages)?;
        Ok(Self::new(settings.origin, settings.apps, settings.carriers, rules))
    }

    /// A token's form, signature, audience and times, whatever the path.
    pub fn check(&self, token: &str, now: UnixTime, evidence: &mut impl Evidence) -> Result<Arc<Verified>, Refusal> {
        let verified = evidence.verify(token)?;
        if verified.is_link() {
            return Err(Denied::LinkIsNoToken.into());
        }
        let issuer = self.rules.issuer(verified.issuer()).ok_or(Denied::UnknownIssuer)?;
        verified.check(issuer, now)?;
        Ok(verified)
    }

    /// A page that says where it comes from must come from an allowed place.
    pub fn check_origin(&self, parts: &Parts) -> Result<(), Refusal> {
        let allowed = |origin: &HeaderValue| {
            origin.to_str().is_ok_and(|origin| self.cors.allows(origin) || origin == self.origin)
        };
        if parts.headers.get_all(ORIGIN).iter().all(allowed) {
            return Ok(());
        }
        Err(Refusal::new(Code::Forbidden, "origin_not_allowed"))
    }
}
