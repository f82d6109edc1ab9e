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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use authorizer::{
        Action, Algorithm, AllowSettings, BucketId, Carried, Denied, Evidence, IssuerSettings, Key, KeySet, KeySets,
        Material, Method, Question, RouteSettings, Rules, Signatures, Verified, Who, link_issuer, verify,
    };
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use http::Request;

    use super::*;

    const ORIGIN: &str = "https://files.example.com";
    const NOW: UnixTime = UnixTime(1_800_000_000);

    struct Yes;
    impl Signatures for Yes {
        fn verify(&self, _: &Key, _: &[u8], _: &[u8]) -> bool {
            true
        }
    }

    struct Host<'f>(&'f Front);
    impl Evidence for Host<'_> {
        fn verify(&mut self, token: &str) -> Result<Arc<Verified>, Denied> {
            let key = || Key::new(None, Algorithm::Hs256, Material::Secret(vec![7; 32].into())).unwrap();
            let issuers = self.0.rules.issuers();
            let sets = issuers.all().iter().map(|_| Arc::new(KeySet::new(vec![key()]))).collect();
            verify(token, issuers, &KeySets(sets), &Yes).map(Arc::new)
        }
    }

    fn issuer(name: &str, once: bool) -> IssuerSettings {
        let issuer = link_issuer(name);
        IssuerSettings { name: name.to_owned(), issuer: name.to_owned(), once, links: false, ..issuer }
    }

    fn front() -> Front {
        let route = |name: &str, who| RouteSettings {
            name: name.to_owned(),
            hosts: Vec::new(),
            path: format!("/{name}/{{name}}"),
            bucket: BucketId(0),
            key: None,
            allow: vec![AllowSettings::new(Action::Read, who)],
            upload: None,
            any_origin: false,
        };
        let routes = [route("private", Who::Claims(Vec::new())), route("public", Who::Anyone)];
        let rules = Rules::build(vec![issuer("app", false), issuer("once", true)], &routes).unwrap();
        Front::new(ORIGIN.to_owned(), vec!["https://app.example.com".to_owned()], vec![], rules).with_links(vec![])
    }

    fn token(issuer: &str) -> String {
        let audience = &link_issuer(issuer).audiences[0];
        let claims = json!({"iss": issuer, "aud": audience, "iat": NOW.0, "exp": NOW.0 + 3600, "jti": "1"});
        unsigned(&claims)
    }

    fn unsigned(claims: &Value) -> String {
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        format!("{}.{}.AA", encode(r#"{"alg":"HS256"}"#), encode(&claims.to_string()))
    }

    fn bearer_of(front: &Front, token: &str, origin: Option<&str>) -> Result<(), &'static str> {
        let mut request = Request::post("/_edgepass/links").header("authorization", format!("Bearer {token}"));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let bearer = front.bearer(&parts, NOW, &mut Host(front)).map_err(|refusal| refusal.reason)?;
        front.check_linker(&bearer).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn who_may_ask() {
        let front = front();
        assert_eq!(bearer_of(&front, &token("app"), None), Ok(()));
        assert_eq!(bearer_of(&front, &token("app"), Some("https://app.example.com")), Ok(()));
        assert_eq!(bearer_of(&front, &token("app"), Some(ORIGIN)), Ok(()));
        for other in ["https://evil.example", "null", "https://app.example.com.evil.example"] {
            assert_eq!(bearer_of(&front, &token("app"), Some(other)), Err("origin_not_allowed"), "{other}");
        }
        assert_eq!(bearer_of(&front, &token("once"), None), Err("token_for_one_request"));
    }

    #[test]
    fn what_is_asked() {
        let front = front();
        let reason =
            |body: &str| front.link_request(body.as_bytes(), || "r".to_owned()).map(|_| ()).map_err(|r| r.reason);
        for good in [
            r#"{"path":"/private/a"}"#,
            r#"{"path":"/private/a","ttl":1}"#,
            r#"{"path":"/private/a","ttl":900,"download":true,"once":true}"#,
            r#"{"path":"/private/a","download":"a.png"}"#,
        ] {
            assert_eq!(reason(good), Ok(()), "{good}");
        }
        for more in [
            r#""ttl":0"#,
            r#""ttl":901"#,
            r#""ttl":-1"#,
            r#""ttl":1.5"#,
            r#""ttl":"60""#,
            r#""download":"""#,
            r#""download":"a/b""#,
            r#""download":"a\\b""#,
            r#""download":"a\nb""#,
            r#""once":1"#,
            r#""other":1"#,
            r#""path":"/private/b""#,
        ] {
            assert_eq!(reason(&format!(r#"{{"path":"/private/a",{more}}}"#)), Err("link_bad_request"), "{more}");
        }
        for body in ["", "[]", "{}", r#"{"path":1}"#, r#"{"path":"/a?b"}"#, r#"{"path":"/a#b"}"#] {
            assert_eq!(reason(body), Err("link_bad_request"), "{body}");
        }
        assert_eq!(reason(r#"{"path":"/a/../b"}"#), Err("path_dot_segment"));
    }

    #[test]
    fn what_anyone_may_read_needs_none_and_a_link_makes_none() {
        let front = front();
        let made = |target: &str, more: &str| {
            let body = format!(r#"{{"path":"{target}"{more}}}"#);
            let request = front.link_request(body.as_bytes(), || "r".to_owned()).unwrap();
            let token = token("app");
            let question = Question {
                host: "",
                path: &request.path,
                method: Method::Get,
                address: None,
                now: NOW,
                tokens: &[token.as_str()],
                carried: Carried::AsTokens,
            };
            let allowed = front.rules.allow::<Read>(question, &mut Host(&front)).unwrap();
            front.link(&allowed, &request, NOW).map(|link| link.map(|link| link.claims)).map_err(|r| r.reason)
        };
        assert_eq!(made("/public/a", ""), Ok(None));
        assert_eq!(made("/public/a", r#","once":true"#), Err("link_to_public"));
        assert_eq!(made("/public/a", r#","download":true"#), Err("link_to_public"));
        let claims = made("/private/a", r#","once":true"#).unwrap().unwrap();
        assert_eq!(claims["jti"], "r");
        assert_eq!(bearer_of(&front, &unsigned(&Value::Object(claims)), None), Err("link_is_no_token"));
    }
}
