//! The permission itself: what a browser sends to the bucket, and until when.

use std::time::SystemTime;

use authorizer::{Allowed, Rules, UnixTime, Upload, UploadRules};
use aws_credential_types::Credentials;
use serde::{Serialize, Serializer};

use crate::bucket::Bucket;
use crate::encode::encode_path;
use crate::plan::Plan;
use crate::post::form;
use crate::presign::{presigned_url, window};
use crate::refused::{BadRequest, Refused};
use crate::request::{Mode, Request};

/// The largest object of one request, in bytes: S3's 5 GiB for PUT and POST alike.
pub const MAX_SINGLE: u64 = 5 << 30;

/// The longest life in seconds: a signature is good for seven days, and ours are dated back.
const MOST_LIFE: i64 = 7 * 24 * 3600 - crate::presign::BACKDATE;

/// The least life worth granting, in seconds, where the bucket's credentials end sooner than the route's `expires`.
const LEAST_LIFE: i64 = 30;

/// The 201 answer of `POST /_edgepass/uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    pub mode: &'static str,
    pub method: &'static str,
    pub url: String,
    /// To be sent exactly so, beside the `Content-Length` that the browser itself sets. PUT only.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_object")]
    pub headers: Vec<(String, String)>,
    /// To be sent as a form, in this order, with `file` after them. POST only.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_object")]
    pub fields: Vec<(String, String)>,
    /// The stable URL's path, percent-encoded.
    pub path: String,
    /// The object's key, as it is.
    pub key: String,
    /// Unix seconds: the upload starts before.
    pub expires: i64,
}

fn as_object<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Signs what was planned and then allowed. `bucket` is the one that [`Allowed::bucket`] names.
#[allow(clippy::needless_pass_by_value)] // leave is used up: one `Allowed`, one grant
pub fn grant(
    allowed: Allowed<Upload>,
    plan: &Plan,
    rules: &Rules,
    bucket: &Bucket,
    credentials: &Credentials,
    now: UnixTime,
) -> Result<Grant, Refused> {
    if allowed.route() != plan.route || rules.key_in(plan.route, &plan.path).as_deref() != Some(allowed.key()) {
        return Err(Refused::OtherPath);
    }
    let upload = rules.route(plan.route).and_then(|route| route.upload).ok_or(Refused::NoUploads)?;
    let request = &plan.request;
    let limit = upload.max_size.min(MAX_SINGLE);
    check(request, upload, limit)?;
    let key = allowed.key();
    let mode = choose_mode(request, bucket, key)?;
    let expires = expiry(now, upload.life, credentials)?;
    let window = window(now, expires).ok_or(Refused::Signing)?;

    let mut bound = vec![("Content-Type", request.media_type.as_str())];
    if let Some(checksum) = &request.checksum {
        bound.push((checksum.algorithm.header(), &checksum.value));
    }
    let path = encode_path(plan.path.as_str());
    let (key, expires) = (key.to_owned(), expires.0);
    match mode {
        Single::Post => {
            let size = request.size.map_or((0, limit), |size| (size, size));
            let fields = form(bucket, &key, size, &bound, credentials, window).ok_or(Refused::Signing)?;
            let url = bucket.url();
            Ok(Grant { mode: "post", method: "POST", url, headers: Vec::new(), fields, path, key, expires })
        }
        Single::Put { size } => {
            let headers = bound.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let size = size.to_string();
            bound.push(("Content-Length", &size));
            let url = presigned_url("PUT", &bucket.object_url(&key), &bound, bucket.region(), credentials, window)
                .ok_or(Refused::Signing)?;
            Ok(Grant { mode: "put", method: "PUT", url, headers, fields: Vec::new(), path, key, expires })
        }
    }
}

pub fn check(request: &Request, upload: &UploadRules, limit: u64) -> Result<(), Refused> {
    if let Some(size) = request.size.filter(|size| *size > limit) {
        return Err(Refused::TooLarge { size, limit });
    }
    if !upload.types.iter().any(|pattern| pattern.takes(&request.media_type)) {
        return Err(Refused::TypeNotAllowed);
    }
    Ok(())
}

enum Single {
    Post,
    /// The size is signed.
    Put {
        size: u64,
    },
}

fn choose_mode(request: &Request, bucket: &Bucket, key: &str) -> Result<Single, Refused> {
    // Stores put the uploaded file's own name in place of this part of a form's key, and the key would not be the allowed one.
    let plain = !key.contains("${filename}");
    match (request.mode, request.size) {
        (Some(Mode::Multipart), _) => Err(Refused::NoMultipart),
        (Some(Mode::Post), _) if !bucket.takes_post() => {
            Err(BadRequest::new("mode", "is `post`, and the bucket takes no forms").into())
        }
        (Some(Mode::Post), _) if !plain => {
            Err(BadRequest::new("mode", "is `post`, and the key holds `${filename}`").into())
        }
        (Some(Mode::Post), _) => Ok(Single::Post),
        (None, _) if bucket.takes_post() && plain => Ok(Single::Post),
        (_, Some(size)) => Ok(Single::Put { size }),
        (_, None) => Err(BadRequest::new("size", "is missing").into()),
    }
}

/// The route's life from now, and never beyond the credentials: the store would refuse it then.
pub fn expiry(now: UnixTime, life: i64, credentials: &Credentials) -> Result<UnixTime, Refused> {
    let expires = now.0.saturating_add(life.min(MOST_LIFE));
    let end = credentials.expiry().map(|end| match end.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(_) => i64::MIN,
    });
    let expires = end.map_or(expires, |end| expires.min(end));
    if expires < now.0.saturating_add(life.min(LEAST_LIFE)) {
        return Err(Refused::CredentialsEnd);
    }
    Ok(UnixTime(expires))
}

#[cfg(test)]
pub mod tests {
    const LIFE: i64 = 900;

    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    use authorizer::{
        Action, Algorithm, AllowSettings, BucketId, Carried, ClaimValue, IssuerId, IssuerSettings, Key, KeySet,
        KeySets, Material, Method, ObjectPath, Question, RouteSettings, Signatures, UploadSettings, Who, verify,
    };
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use crate::plan::plan;

    const NOW: UnixTime = UnixTime(1_800_000_000);
    const WORKSPACE: &str = "9f0c2d9e-1111-4222-8333-abcdefabcdef";

    fn route(name: &str, path: &str, fill: &[(&str, &str)], types: &[&str]) -> RouteSettings {
        let claim = if name == "files" { "{workspace}" } else { "{id}" };
        RouteSettings {
            name: name.to_owned(),
            hosts: Vec::new(),
            path: path.to_owned(),
            bucket: BucketId(0),
            key: None,
            allow: vec![AllowSettings {
                issuer: Some(IssuerId(0)),
                ..AllowSettings::new(
                    Action::Upload,
                    Who::Claims(vec![("w".to_owned(), vec![ClaimValue::Text(claim.to_owned())])]),
                )
            }],
            upload: Some(UploadSettings {
                fill: fill.iter().map(|(name, fill)| ((*name).to_owned(), (*fill).to_owned())).collect(),
                max_size: 1000,
                types: types.iter().map(|text| (*text).to_owned()).collect(),
                life: LIFE,
            }),
            any_origin: false,
        }
    }

    pub fn rules() -> Rules {
        let issuer = IssuerSettings {
            name: "app".to_owned(),
            issuer: "i".to_owned(),
            audiences: vec!["files".to_owned()],
            algorithms: vec![Algorithm::Hs256],
            may: vec![Action::Upload],
            max_age: None,
            leeway: 0,
            once: false,
            links: false,
        };
        let files = "/{workspace:uuid}/{file:uuid}/{name...}";
        let routes = [
            route("files", files, &[("file", "{uuid}"), ("name", "{filename}")], &["image/*", "application/pdf"]),
            route("media", "/media/{id:int}/in/{rest...}", &[], &["*/*"]),
            route("more", "/more/{id:int}/{rest...}", &[], &["*/*"]),
            route("inner", "/media/{id:int}/in/inner/{what}", &[("what", "x")], &["*/*"]),
        ];
        Rules::build(vec![issuer], &routes).unwrap()
    }

    struct Yes;
    impl Signatures for Yes {
        fn verify(&self, _: &Key, _: &[u8], _: &[u8]) -> bool {
            true
        }
    }

    fn allow(rules: &Rules, path: &ObjectPath, claim: &str) -> Allowed<Upload> {
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let claims = json!({"iss": "i", "aud": "files", "exp": NOW.0 + 9, "w": claim}).to_string();
        let token = format!("{}.{}.AAAA", encode(r#"{"alg":"HS256"}"#.to_owned()), encode(claims));
        let key = Key::new(None, Algorithm::Hs256, Material::Secret(vec![7; 32].into())).unwrap();
        let keys = KeySets(vec![Arc::new(KeySet::new(vec![key]))]);
        let question = Question {
            host: "",
            path,
            method: Method::Get,
            address: None,
            now: NOW,
            tokens: &[token.as_str()],
            carried: Carried::AsTokens,
        };
        rules.allow(question, &mut |token: &str| verify(token, rules.issuers(), &keys, &Yes).map(Arc::new)).unwrap()
    }

    fn bucket(post: bool) -> Bucket {
        Bucket::new("acme-user-files", "us-west-2", "https://s3.us-west-2.amazonaws.com", post).unwrap()
    }

    fn credentials() -> Credentials {
        Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None)
    }

    fn granted(members: &str, post: bool) -> Result<Grant, Refused> {
        let rules = rules();
        let body = format!(r#"{{"params":{{"workspace":"{WORKSPACE}"}},{members}}}"#);
        let plan = plan(&rules, Request::parse(body.as_bytes())?, || [1; 16])?;
        grant(allow(&rules, plan.path(), WORKSPACE), &plan, &rules, &bucket(post), &credentials(), NOW)
    }

    fn policy(grant: &Grant) -> Value {
        let policy = &grant.fields.iter().find(|(name, _)| name == "policy").unwrap().1;
        serde_json::from_slice(&STANDARD.decode(policy).unwrap()).unwrap()
    }

    const NAME: &str = "9f0c2d9e-1111-4222-8333-abcdefabcdef/01010101-0101-4101-8101-010101010101";

    #[test]
    fn a_put() {
        let grant = granted(r#""filename":"a b%2F+.png","type":"image/png","size":1000"#, false).unwrap();
        assert_eq!(grant.key, format!("{NAME}/a b%2F+.png"));
        assert_eq!(grant.path, format!("/{NAME}/a%20b%252F%2B.png"));
        let start = format!("https://s3.us-west-2.amazonaws.com/acme-user-files{}?", grant.path);
        assert!(grant.url.starts_with(&start), "{}", grant.url);
        for part in [
            "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&",
            "X-Amz-Expires=960&",
            "X-Amz-Date=20270115T075900Z&",
            "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20270115%2Fus-west-2%2Fs3%2Faws4_request&",
        ] {
            assert!(format!("{}&", grant.url).contains(part), "{part} {}", grant.url);
        }
        assert!(!grant.url.contains("Security-Token"));
        assert_eq!(
            serde_json::to_value(&grant).unwrap(),
            json!({"mode": "put", "method": "PUT", "url": grant.url, "headers": {"Content-Type": "image/png"},
                   "path": grant.path, "key": grant.key, "expires": NOW.0 + 900})
        );
    }

    /// Each of these is in the signature: another one gives another signature.
    #[test]
    fn what_a_put_binds() {
        let sum = r#""checksum":{"algorithm":"CRC32C","value":"yZRlqg=="}"#;
        let bodies = [
            r#""filename":"a","type":"image/png","size":9"#.to_owned(),
            r#""filename":"a","type":"image/png","size":8"#.to_owned(),
            r#""filename":"a","type":"image/gif","size":9"#.to_owned(),
            r#""filename":"b","type":"image/png","size":9"#.to_owned(),
            format!(r#""filename":"a","type":"image/png","size":9,{sum}"#),
        ];
        let mut signatures: Vec<_> = bodies
            .iter()
            .map(|body| granted(body, false).unwrap().url.split_once("X-Amz-Signature=").unwrap().1.to_owned())
            .collect();
        signatures.sort();
        signatures.dedup();
        assert_eq!(signatures.len(), bodies.len());
        let with_sum = granted(&bodies[4], false).unwrap();
        assert!(
            with_sum.url.contains("content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-crc32c"),
            "{}",
            with_sum.url
        );
        assert_eq!(with_sum.headers[1], ("x-amz-checksum-crc32c".to_owned(), "yZRlqg==".to_owned()));
    }

    #[test]
    fn a_form() {
        let grant = granted(r#""filename":"é.png","type":"image/png","size":7"#, true).unwrap();
        assert_eq!((grant.mode, grant.method), ("post", "POST"));
        assert_eq!(grant.url, "https://s3.us-west-2.amazonaws.com/acme-user-files");
        assert_eq!(grant.fields[0], ("key".to_owned(), format!("{NAME}/é.png")));
        assert_eq!(grant.fields[1], ("Content-Type".to_owned(), "image/png".to_owned()));
        let policy = policy(&grant);
        assert_eq!(policy["expiration"], "2027-01-15T08:15:00Z");
        assert!(policy["conditions"].as_array().unwrap().contains(&json!(["content-length-range", 7, 7])));
        let body = serde_json::to_value(&grant).unwrap();
        assert!(body["fields"].is_object() && body.get("headers").is_none());
        let any_size = granted(r#""filename":"a","type":"image/png""#, true).unwrap();
        assert!(self::policy(&any_size)["conditions"].as_array().unwrap().contains(&json!([
            "content-length-range",
            0,
            1000
        ])));
    }

    #[test]
    fn modes() {
        let mode = |members: &str, post| granted(&format!(r#""filename":"a","type":"image/png"{members}"#), post);
        assert_eq!(mode(r#","size":1"#, true).unwrap().mode, "post");
        assert_eq!(mode(r#","size":1"#, false).unwrap().mode, "put");
        assert_eq!(mode(r#","size":1,"mode":"put""#, true).unwrap().mode, "put");
        let member = |refused| match refused {
            Err(Refused::BadRequest(fault)) => fault.member,
            other => panic!("{other:?}"),
        };
        assert_eq!(member(mode("", false)), "size");
        assert_eq!(member(mode(r#","mode":"put""#, true)), "size");
        assert_eq!(member(mode(r#","mode":"post""#, false)), "mode");
        assert_eq!(mode(r#","mode":"multipart""#, true), Err(Refused::NoMultipart));
        // Stores fill `${filename}` in a form's key.
        let odd = |members: &str| granted(&format!(r#""filename":"${{filename}}","type":"image/png"{members}"#), true);
        assert_eq!(odd(r#","size":1"#).unwrap().mode, "put");
        assert_eq!(member(odd("")), "size");
        assert_eq!(member(odd(r#","mode":"post""#)), "mode");
    }

    #[test]
    fn refusals() {
        let refused = |members: &str| {
            let refused = granted(members, true).unwrap_err();
            (refused.status(), refused.public_code())
        };
        assert_eq!(refused(r#""filename":"a","type":"image/png","size":1001"#), (413, "too_large"));
        assert_eq!(refused(r#""filename":"a","type":"text/html","size":1"#), (415, "type_not_allowed"));
        assert_eq!(refused(r#""filename":"a","type":"image/png,text/html","size":1"#), (415, "type_not_allowed"));
        assert_eq!(refused(r#""filename":"a","type":"","size":1"#), (415, "type_not_allowed"));
        assert_eq!(refused(r#""filename":"a","type":"image/png","size":-1"#), (400, "bad_request"));
    }

    /// A path composed for one route that belongs to a more special one, whatever the leave says.
    #[test]
    fn another_route_is_refused() {
        let rules = rules();
        let body = br#"{"route":"media","params":{"id":"7","rest":"inner/y"},"filename":"a","type":"a/b","size":1}"#;
        let plan = plan(&rules, Request::parse(body).unwrap(), || [0; 16]).unwrap();
        let allowed = allow(&rules, plan.path(), "7");
        assert_ne!(allowed.route(), plan.route());
        let refused = grant(allowed, &plan, &rules, &bucket(true), &credentials(), NOW).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (403, "upload_other_path"));
    }

    /// Leave for one path does not serve for another of the same route.
    #[test]
    fn another_path_is_refused() {
        let rules = rules();
        let body = |rest: &str| {
            format!(r#"{{"route":"more","params":{{"id":"7","rest":"{rest}"}},"filename":"a","type":"a/b","size":1}}"#)
        };
        let planned = |rest: &str| plan(&rules, Request::parse(body(rest).as_bytes()).unwrap(), || [0; 16]).unwrap();
        let allowed = allow(&rules, planned("mine").path(), "7");
        let refused = grant(allowed, &planned("other"), &rules, &bucket(true), &credentials(), NOW).unwrap_err();
        assert_eq!(refused.code(), "upload_other_path");
    }

    #[test]
    fn no_longer_than_the_credentials() {
        let rules = rules();
        let body = format!(
            r#"{{"params":{{"workspace":"{WORKSPACE}"}},"filename":"a","type":"image/png","size":1,"mode":"put"}}"#
        );
        let plan = plan(&rules, Request::parse(body.as_bytes()).unwrap(), || [1; 16]).unwrap();
        let until = |seconds: u64| {
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let credentials = Credentials::builder()
                .access_key_id("AK")
                .secret_access_key("SK")
                .session_token("to/k+en=")
                .expiry(end)
                .provider_name("test")
                .build();
            grant(allow(&rules, plan.path(), WORKSPACE), &plan, &rules, &bucket(true), &credentials, NOW)
        };
        let short = until(1_800_000_300).unwrap();
        assert_eq!(short.expires, 1_800_000_300);
        assert!(short.url.contains("X-Amz-Expires=360&"), "{}", short.url);
        assert!(short.url.contains("X-Amz-Security-Token=to%2Fk%2Ben%3D"), "{}", short.url);
        assert_eq!(until(1_900_000_000).unwrap().expires, NOW.0 + LIFE);
        let refused = until(1_800_000_020).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (503, "upload_credentials_end"));
        assert_eq!(until(5).unwrap_err(), Refused::CredentialsEnd);
    }
}
