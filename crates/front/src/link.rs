//! `POST /_edgepass/links`: a short-lived link to one object, for what carries no token of its own: a download that another
//! program fetches, a new window, a player.

use authorizer::{Allowed, LINK_LIFE, LINK_LIFE_MOST, LinkWish, ObjectPath, Read, UnixTime, strict_object};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::refusal::{Code, Refusal};
use crate::{Bearer, Front};

/// The parameter of the query that carries a link.
pub const LINK: &str = "link";

/// The longest name to save a file under, in bytes: file systems take 255.
const MOST_NAME: usize = 255;

/// What is asked for. Nothing of it is allowed yet.
#[derive(Debug)]
pub struct LinkRequest {
    pub path: ObjectPath,
    wish: LinkWish,
}

/// A link's claims, to be signed with the site's own secret.
#[derive(Debug)]
pub struct Unsigned {
    pub claims: Map<String, Value>,
    expires: UnixTime,
}

impl Front {
    /// Who may ask: a bearer whose token is neither a link itself nor good for one request.
    pub fn check_linker(&self, bearer: &Bearer<'_>) -> Result<(), Refusal> {
        if self.rules.issuers().all().iter().all(|issuer| !issuer.links) {
            return Err(Refusal::explained(Code::NotFound, "no_links", "this site makes no links"));
        }
        if bearer.verified.is_once() {
            let detail = "a token that is good for one request makes no links";
            return Err(Refusal::explained(Code::Forbidden, "token_for_one_request", detail));
        }
        Ok(())
    }

    /// Reads the body. `random` is the text that makes a link for one request one of a kind.
    pub fn link_request(&self, body: &[u8], random: impl FnOnce() -> String) -> Result<LinkRequest, Refusal> {
        let refused = |detail: &'static str| Refusal::explained(Code::BadRequest, "link_bad_request", detail);
        let members = strict_object(body).ok_or_else(|| refused("the body is not one JSON object"))?;
        if members.keys().any(|name| !["path", "ttl", "download", "once"].contains(&name.as_str())) {
            return Err(refused("the body has no members but `path`, `ttl`, `download` and `once`"));
        }
        let Some(Value::String(path)) = members.get("path") else {
            return Err(refused("`path` is the path of a file's URL, `/a/b.png`"));
        };
        if path.contains(['?', '#']) {
            return Err(refused("`path` has neither query nor fragment; `?` and `#` of a name are `%3F` and `%23`"));
        }
        let life = match members.get("ttl") {
            None | Some(Value::Null) => LINK_LIFE,
            Some(ttl) => ttl
                .as_i64()
                .filter(|ttl| (1..=LINK_LIFE_MOST).contains(ttl))
                .ok_or_else(|| refused("`ttl` is a whole number of seconds from 1 to 900"))?,
        };
        let download = match members.get("download") {
            None | Some(Value::Null | Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(String::new()),
            Some(Value::String(name)) if is_name(name) => Some(name.clone()),
            Some(_) => return Err(refused("`download` is true, or a name of at most 255 bytes without slashes")),
        };
        let once = match members.get("once") {
            None | Some(Value::Null | Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(random()),
            Some(_) => return Err(refused("`once` is true or false")),
        };
        Ok(LinkRequest { path: ObjectPath::from_target(path)?, wish: LinkWish { life, download, once } })
    }

    /// The link's claims; none for what anyone may read, which needs no link.
    pub fn link(
        &self,
        allowed: &Allowed<Read>,
        request: &LinkRequest,
        now: UnixTime,
    ) -> Result<Option<Unsigned>, Refusal> {
        let linked = self.rules.link(allowed, &request.path, &request.wish, &self.revocable, now);
        if linked.is_none() && (request.wish.download.is_some() || request.wish.once.is_some()) {
            let detail = "anyone may read this file: its URL is its link, without `download` and `once`";
            return Err(Refusal::explained(Code::BadRequest, "link_to_public", detail));
        }
        Ok(linked.map(|(claims, expires)| Unsigned { claims, expires }))
    }

    pub fn link_answer(&self, request: &LinkRequest, signed: Option<(&Unsigned, &str)>) -> Answer {
        let path = uploads::encode_path(request.path.inner());
        let plain = format!("{}/{path}", self.origin);
        let body = match signed {
            Some((unsigned, token)) => json!({"url": format!("{plain}?{LINK}={token}"), "expires": unsigned.expires.0}),
            None => json!({"url": plain, "expires": null}),
        };
        Answer::Json { status: StatusCode::CREATED, body: format!("{body}\n"), cookies: Vec::new() }
    }
}

/// A name that one header field holds and one file can have.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MOST_NAME && !name.contains(['/', '\\']) && !name.chars().any(char::is_control)
}
