//! What the site's own endpoints answer. The steps are the gateway's.

use std::sync::Arc;

use authorizer::{Carried, Denied, UnixTime, Upload, Verified, verify};
use aws_credential_types::Credentials;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use front::{Admitted, Answer, Bearer, Code, Endpoint, Front, JSON_BODY, Listener, Package, Refusal, Refused, Seen};
use front::{admit, check_json, methods};
use http::header::{COOKIE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use keys::Native;

use crate::baked::Keys;
use crate::event::{Event, Response};

/// CloudFront adds it to every request; strangers who find the API's own address do not know its value.
const ORIGIN_SECRET: &str = "edgepass-origin-secret";

/// API Gateway takes 10,240 bytes of request line and header values together (API Gateway Developer Guide, "Quotas for HTTP
/// APIs"); other headers take about a thousand.
const MOST_COOKIES: usize = 8 << 10;

pub struct Endpoints {
    front: Front,
    keys: Keys,
    buckets: Vec<uploads::Bucket>,
    credentials: Credentials,
    secret: String,
}

impl Endpoints {
    pub fn open(site: &[u8], environment: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let needed = |name: &str| {
            environment(name).filter(|value| !value.is_empty()).ok_or(format!("the variable `{name}` is not set"))
        };
        let package: Package = serde_json::from_slice(site).map_err(|error| format!("`site.json`: {error}"))?;
        let keys = Keys::open(&package)?;
        let buckets = package
            .buckets
            .iter()
            .map(|bucket| uploads::Bucket::new(&bucket.name, &bucket.region, &bucket.endpoint, bucket.post))
            .collect::<Result<_, _>>()
            .map_err(|fault| format!("`site.json`: {fault}"))?;
        let front = Front::open(package.site)?;
        // The role's own, which Lambda renews by starting new processes.
        let credentials = Credentials::new(
            needed("AWS_ACCESS_KEY_ID")?,
            needed("AWS_SECRET_ACCESS_KEY")?,
            environment("AWS_SESSION_TOKEN"),
            None,
            "lambda",
        );
        Ok(Self { front, keys, buckets, credentials, secret: needed("EDGEPASS_ORIGIN_SECRET")? })
    }

    /// Never fails: whatever goes wrong is an answer too.
    pub async fn answer(&self, event: Option<Event>, now: UnixTime) -> Response {
        let Some(event) = event else {
            let refusal = Refusal::new(Code::BadRequest, "head_unreadable");
            let (parts, ()) = http::Request::new(()).into_parts();
            return self.write(&Answer::Refused(refusal.into()), &parts, "", &Seen::default());
        };
        let mut seen = Seen::default();
        let answer = match self.ask(&event, now, &mut seen).await {
            Ok(answer) => answer,
            Err(refusal) => Answer::Refused(Refused { methods: methods(&event.parts), ..refusal.into() }),
        };
        self.write(&answer, &event.parts, &event.id, &seen)
    }

    async fn ask(&self, event: &Event, now: UnixTime, seen: &mut Seen) -> Result<Answer, Refusal> {
        let (front, parts) = (&self.front, &event.parts);
        let secret = parts.headers.get(ORIGIN_SECRET).map_or(&b""[..], |value| value.as_bytes());
        if verify_slices_are_equal(secret, self.secret.as_bytes()).is_err() {
            return Err(Refusal::new(Code::Forbidden, "not_through_cloudfront"));
        }
        self.keys.refresh(front.rules.issuers(), now).await;
        match admit(parts, Listener::Serves, &front.origin, &front.carriers)? {
            Admitted::Own(Endpoint::SignIn) => {
                let bearer = self.bearer(parts, now, seen).await?;
                check_cookies(parts, bearer.token.expose())?;
                front.sign_in(&bearer, json_body(event)?, now)
            }
            Admitted::Own(Endpoint::WhoAmI) => {
                self.with_new_keys(now, || front.who_am_i(parts, now, &mut self.verifier(seen))).await
            }
            Admitted::Own(Endpoint::SignOut) => front.sign_out(parts),
            Admitted::Own(Endpoint::Upload) => self.upload(event, now, seen).await,
            Admitted::Own(Endpoint::Link) => {
                Err(Refusal::explained(Code::NotFound, "no_links", "this site makes no links"))
            }
            Admitted::Own(Endpoint::S3(_)) => Err(uploads::Refused::NoMultipart.into()),
            Admitted::Own(Endpoint::Health) => {
                let body = "{\"status\":\"ready\"}\n".into();
                Ok(Answer::Json { status: StatusCode::OK, body, cookies: Vec::new() })
            }
            Admitted::Preflight(_) => Ok(Answer::Preflight { methods: methods(parts) }),
            // Objects are CloudFront's.
            Admitted::Object(_) | Admitted::Redirect(_) => Err(Refusal::new(Code::NotFound, "no_such_endpoint")),
        }
    }

    async fn upload(&self, event: &Event, now: UnixTime, seen: &mut Seen) -> Result<Answer, Refusal> {
        let bearer = self.bearer(&event.parts, now, seen).await?;
        let plan = front::plan(&self.front, json_body(event)?, || uuid::Uuid::new_v4().into_bytes())?;
        let (host, tokens) = (self.front.host(&event.parts), [bearer.token.expose()]);
        // The API sees CloudFront's address, not the client's; rules that look at it are refused before they get here.
        let question = front::question(&event.parts, &host, plan.path(), None, &tokens, Carried::AsTokens, now);
        let placed = self.front.rules.place(question);
        seen.route = placed.route();
        let allow = || Ok(placed.allow::<Upload>(&mut self.verifier(seen))?);
        let allowed = self.with_new_keys(now, allow).await?;
        let bucket =
            self.buckets.get(allowed.bucket().0).ok_or_else(|| Refusal::new(Code::OriginFailed, "no_such_bucket"))?;
        front::grant(&self.front, allowed, &plan, bucket, &self.credentials, now)
    }

    async fn bearer<'e>(&self, parts: &'e Parts, now: UnixTime, seen: &mut Seen) -> Result<Bearer<'e>, Refusal> {
        self.with_new_keys(now, || self.front.bearer(parts, now, &mut self.verifier(seen))).await
    }

    async fn with_new_keys<T>(&self, now: UnixTime, ask: impl FnMut() -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.keys.with_new_keys(self.front.rules.issuers(), now, ask).await
    }

    /// Verifies, and notes for the log who asks.
    fn verifier<'a>(&'a self, seen: &'a mut Seen) -> impl FnMut(&str) -> Result<Arc<Verified>, Denied> + 'a {
        |token| {
            let verified = verify(token, self.front.rules.issuers(), &self.keys.sets(), &Native).map(Arc::new);
            seen.bearer = verified.as_ref().ok().cloned();
            verified
        }
    }

    fn write(&self, answer: &Answer, parts: &Parts, id: &str, seen: &Seen) -> Response {
        let mut headers = HeaderMap::with_capacity(16);
        let (status, body) = answer.write(&self.front, id, &mut headers);
        self.front.finish(&mut headers, parts.headers.get(ORIGIN), seen.route, id);
        let refusal = if let Answer::Refused(refused) = answer { Some(&refused.refusal) } else { None };
        println!("{}", self.front.log_line(parts, id, status.as_u16(), refusal, seen));
        let body = if parts.method == Method::HEAD { String::new() } else { body };
        Response { status, headers, body }
    }
}

/// A user whose cookies fill the API's limit could not even sign out any more.
fn check_cookies(parts: &Parts, token: &str) -> Result<(), Refusal> {
    let sent: usize = parts.headers.get_all(COOKIE).iter().map(HeaderValue::len).sum();
    if sent + token.len() > MOST_COOKIES {
        let detail = "the site's cookies would be too long together; send the token in the header, or sign out first";
        return Err(Refusal::explained(Code::BadRequest, "token_too_long_for_cookie", detail));
    }
    Ok(())
}

fn json_body(event: &Event) -> Result<&[u8], Refusal> {
    if event.body.len() > JSON_BODY {
        return Err(Refusal::new(Code::TooLarge, "body_too_large"));
    }
    check_json(&event.parts, &event.body)?;
    Ok(&event.body)
}
