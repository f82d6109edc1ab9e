//! `edgepass check --live`: do the stores, the issuers and the site answer as the configuration has it? Nothing is written
//! anywhere.

use std::fmt;

use authorizer::UnixTime;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use origin::{Origin, Said, encode_key};
use serde_json::{Value, json};

use crate::config::{self, Bucket, Config, Issuer};
use crate::gateway_parts;
use crate::trouble::Trouble;

/// No object has this key, and none will be made of it.
const NOBODYS_KEY: &str = ".edgepass-check/00000000-0000-0000-0000-000000000000";

/// One answer of the world outside.
pub struct Finding {
    /// Whom it is about, such as "bucket `main`".
    of: String,
    fault: Option<Fault>,
    message: String,
}

struct Fault {
    code: &'static str,
    hint: &'static str,
}

impl Finding {
    pub fn is_fault(&self) -> bool {
        self.fault.is_some()
    }

    pub fn to_json(&self) -> Value {
        let (code, hint) = self.fault.as_ref().map(|fault| (fault.code, fault.hint)).unzip();
        json!({ "of": self.of, "ok": !self.is_fault(), "message": self.message, "code": code, "hint": hint })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            None => write!(f, "  good   {}: {}", self.of, self.message),
            Some(Fault { code, hint }) => {
                write!(f, "  FAULT  {}: {} [{code}]\n         hint: {hint}", self.of, self.message)
            }
        }
    }
}

/// Collects what is found of one.
struct Found {
    of: String,
    findings: Vec<Finding>,
}

impl Found {
    fn good(&mut self, message: impl fmt::Display) {
        self.findings.push(Finding { of: self.of.clone(), fault: None, message: message.to_string() });
    }

    fn fault(&mut self, code: &'static str, message: impl fmt::Display, hint: &'static str) {
        let fault = Some(Fault { code, hint });
        self.findings.push(Finding { of: self.of.clone(), fault, message: message.to_string() });
    }
}

/// Asks all of them, one after the other.
pub fn look(config: Config) -> Result<Vec<Finding>, Trouble> {
    super::runtime()?.block_on(async {
        let mut findings = Vec::new();
        let takes_uploads: Vec<_> = (0..config.buckets.len())
            .map(|bucket| config.rules.routes().any(|(_, route)| route.upload.is_some() && route.bucket.0 == bucket))
            .collect();
        for (bucket, takes_uploads) in config.buckets.into_iter().zip(takes_uploads) {
            let mut found = Found { of: format!("bucket `{}`", bucket.name), findings: Vec::new() };
            look_at_bucket(bucket, takes_uploads.then_some(&config.site.apps), &mut found).await;
            findings.append(&mut found.findings);
        }
        for issuer in &config.issuers {
            findings.push(look_at_issuer(issuer).await);
        }
        if config.listen.https.is_some() || config.listen.http.is_some() {
            findings.push(look_at_site(&config.site.origin).await);
        }
        Ok(findings)
    })
}

/// `apps` are the origins whose pages upload to it; none where nothing is uploaded.
async fn look_at_bucket(bucket: Bucket, apps: Option<&Vec<String>>, found: &mut Found) {
    let upload_endpoint = bucket.upload_endpoint.clone();
    let parts = match gateway_parts::bucket(bucket).await {
        Ok(parts) => parts,
        Err(trouble) => return found.fault("credentials_missing", trouble.message(), "`edgepass serve` needs them"),
    };
    let open = |endpoint: &str| {
        Origin::open(origin::Bucket { endpoint: endpoint.to_owned(), ..parts.origin.clone() })
            .map_err(|error| error.to_string())
    };
    let store = match open(&parts.origin.endpoint) {
        Ok(store) => store,
        Err(error) => return found.fault("store_away", error, "see that the endpoint is right"),
    };
    match store.look_at(NOBODYS_KEY).await {
        Err(error) => {
            return found.fault("store_away", error, "see that the endpoint is right and can be reached from here");
        }
        Ok(said) => reading(&said, found),
    }
    if let Ok(said) = store.unsigned().look_at(NOBODYS_KEY).await
        && said.status != StatusCode::FORBIDDEN
        && said.status != StatusCode::UNAUTHORIZED
    {
        let hint = "take the bucket's policy for everyone away, or block public access: whoever guesses a key reads it past every rule";
        found.fault("store_public", format_args!("answers strangers: {}", words(&said)), hint);
    }
    let Some(apps) = apps else { return };
    match open(&upload_endpoint) {
        Ok(store) => uploading(&store, &parts, apps, found).await,
        Err(error) => found.fault("store_away", error, "see that `upload_endpoint` is right"),
    }
}

fn reading(said: &Said, found: &mut Found) {
    match (said.status, said.code.as_deref()) {
        (StatusCode::NOT_FOUND, Some("NoSuchBucket")) => {
            found.fault("store_has_no_bucket", words(said), "make the bucket, or mend `name`");
        }
        (StatusCode::NOT_FOUND, _) => found.good("can be read, and says what is missing"),
        (StatusCode::FORBIDDEN, Some("InvalidAccessKeyId" | "SignatureDoesNotMatch")) => {
            found.fault("store_denies", words(said), "the store does not know these keys: see `credentials`");
        }
        (StatusCode::FORBIDDEN, _) => found.fault(
            "store_denies",
            words(said),
            "allow `s3:GetObject` on the objects and `s3:ListBucket` on the bucket: without the second a missing object is 502 here, not 404",
        ),
        _ => found.fault(
            "store_says_otherwise",
            format_args!("answered {} for a key that nobody has", words(said)),
            "see `endpoint` and `region`: a store says 301, 307 or 400 where the bucket is in another region",
        ),
    }
}

/// What pages and whoever is granted an upload can do there.
async fn uploading(store: &Origin, parts: &gateway::Bucket, apps: &[String], found: &mut Found) {
    for app in apps {
        for method in if parts.uploads.takes_post() { ["POST", "PUT"].as_slice() } else { &["PUT"] } {
            let preflight = Request::builder()
                .method(Method::OPTIONS)
                .uri(parts.uploads.object_url(NOBODYS_KEY))
                .header(ORIGIN, app)
                .header(ACCESS_CONTROL_REQUEST_METHOD, *method)
                .header(ACCESS_CONTROL_REQUEST_HEADERS, "content-type");
            match send(store, preflight).await {
                Ok(said) if allows(&said, app) => {}
                Ok(said) => {
                    found.fault(
                        "store_cors",
                        format_args!("pages of {app} may not {method} to it: {}", words(&said)),
                        "add a CORS rule to the bucket: this origin, POST and PUT, all headers, expose ETag",
                    );
                }
                Err(error) => return found.fault("store_away", error, "see that `upload_endpoint` is right"),
            }
        }
    }
    match copying(store, parts).await {
        Ok(said) if said.status == StatusCode::FORBIDDEN => found.good("uploads carry what was signed and no more"),
        Ok(said) => found.fault(
            "store_takes_unsigned_headers",
            format_args!("whoever is granted an upload can have it copy another object to their own place ({})", words(&said)),
            "give it `upload_credentials` that may write and not read (docs/guides/ceph.md); while the bucket is empty this cannot be told for sure",
        ),
        Err(error) => found.fault("store_away", error, "see that `upload_endpoint` is right"),
    }
}

/// What the store says to a part that copies an object by a header which is not signed. It belongs to no upload, so nothing
/// comes of it anyway. Some stores look for the object before they ask who may read it.
async fn copying(store: &Origin, parts: &gateway::Bucket) -> Result<Said, String> {
    let now = UnixTime(config::now());
    let url = uploads::trial(NOBODYS_KEY, &parts.uploads, &parts.upload_credentials.now(), now)
        .ok_or("an upload cannot be signed with these credentials")?;
    let copy = |key: &str| {
        Request::put(&url).header("x-amz-copy-source", format!("/{}/{}", parts.origin.name, encode_key(key)))
    };
    let said = send(store, copy(NOBODYS_KEY)).await?;
    if said.status != StatusCode::NOT_FOUND {
        return Ok(said);
    }
    match store.any_key().await {
        Some(key) => send(store, copy(&key)).await,
        None => Ok(said),
    }
}

async fn send(store: &Origin, request: http::request::Builder) -> Result<Said, String> {
    store.send(request.body(Full::default()).map_err(|error| error.to_string())?).await
}

fn allows(said: &Said, app: &str) -> bool {
    let origin = said.headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
    said.status.is_success() && origin.is_some_and(|origin| origin == app || origin == "*")
}

async fn look_at_issuer(issuer: &Issuer) -> Finding {
    let name = &issuer.settings.name;
    let mut found = Found { of: format!("issuer `{name}`"), findings: Vec::new() };
    match keys::load_once(&issuer.source, &issuer.settings.algorithms).await {
        Ok(loaded) if loaded.set.is_empty() => {
            found.fault(
                "keys_missing",
                "has no key of its algorithms",
                "see `algorithms`, and what the key set publishes",
            );
        }
        Ok(_) => found.good(format_args!("has keys, from {}", issuer.source)),
        Err(error) => found.fault("keys_missing", error, "until they can be had, its tokens are refused"),
    }
    found.findings.remove(0)
}

/// By the name that visitors use: whether it leads to an Edgepass, and over https with a certificate that this machine trusts.
async fn look_at_site(site: &str) -> Finding {
    let mut found = Found { of: "site".to_owned(), findings: Vec::new() };
    let health = format!("{site}/_edgepass/health");
    let bucket = origin::Bucket {
        endpoint: site.to_owned(),
        region: String::new(),
        name: String::new(),
        credentials: aws_credential_types::Credentials::from_keys("", "", None).into(),
        passed: Vec::new(),
    };
    let said = match Origin::open(bucket) {
        Ok(origin) => send(&origin, Request::get(&health)).await,
        Err(error) => Err(error.to_string()),
    };
    match said {
        Ok(said) if said.status == StatusCode::OK => found.good(format_args!("{health} answers")),
        Ok(said) => found.fault(
            "site_not_ready",
            format_args!("{health}: {}", words(&said)),
            "see `/health/ready` of its admin listener",
        ),
        Err(error) => found.fault(
            "site_away",
            format_args!("{health}: {error}"),
            "start it; see its name in DNS and its certificate",
        ),
    }
    found.findings.remove(0)
}

fn words(said: &Said) -> String {
    match &said.code {
        Some(code) => format!("{} {code}", said.status.as_u16()),
        None => said.status.as_u16().to_string(),
    }
}
