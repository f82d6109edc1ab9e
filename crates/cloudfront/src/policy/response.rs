//! Response headers policies, applied when an answer is sent, whether it comes from the cache or the origin.
//! https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

#[derive(Clone, Debug)]
pub struct ResponseHeadersPolicy {
    pub cors: Option<CorsHeaders>,
    /// Security headers and custom headers.
    pub fixed: Vec<FixedHeader>,
    pub removed: Vec<HeaderName>,
}

#[derive(Clone, Debug)]
pub struct CorsHeaders {
    pub origins: Vec<String>,
    pub credentials: bool,
    pub methods: Option<HeaderValue>,
    pub headers: Option<HeaderValue>,
    pub exposed: Option<HeaderValue>,
    pub max_age: Option<HeaderValue>,
    /// Whether the policy's headers replace the origin's.
    pub over_origin: bool,
}

#[derive(Clone, Debug)]
pub struct FixedHeader {
    pub name: HeaderName,
    pub value: HeaderValue,
    pub over_origin: bool,
}

/// First what is removed, then what is added.
pub fn apply(policy: &ResponseHeadersPolicy, method: &Method, request: &HeaderMap, answer: &mut HeaderMap) {
    for name in &policy.removed {
        answer.remove(name);
    }
    if let (Some(cors), Some(origin)) = (&policy.cors, request.get(ORIGIN)) {
        let preflight = method == Method::OPTIONS && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        for (name, value) in cors_headers(cors, origin, preflight) {
            put(answer, name, value, cors.over_origin);
        }
    }
    for FixedHeader { name, value, over_origin } in &policy.fixed {
        put(answer, name.clone(), value.clone(), *over_origin);
    }
}

fn put(answer: &mut HeaderMap, name: HeaderName, value: HeaderValue, over_origin: bool) {
    if over_origin || !answer.contains_key(&name) {
        answer.insert(name, value);
    }
}

/// Methods, headers and the age belong to preflights alone, exposed headers to all else.
fn cors_headers(cors: &CorsHeaders, origin: &HeaderValue, preflight: bool) -> Vec<(HeaderName, HeaderValue)> {
    let Some(allowed) = allowed_origin(cors, origin) else {
        return Vec::new();
    };
    let mut headers = vec![(ACCESS_CONTROL_ALLOW_ORIGIN, allowed)];
    if cors.credentials {
        headers.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
    }
    let of_preflights = [
        (ACCESS_CONTROL_ALLOW_METHODS, &cors.methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers),
        (ACCESS_CONTROL_MAX_AGE, &cors.max_age),
    ];
    let of_others = [(ACCESS_CONTROL_EXPOSE_HEADERS, &cors.exposed)];
    let wanted: &[(HeaderName, &Option<HeaderValue>)] = if preflight { &of_preflights } else { &of_others };
    let present = wanted.iter().filter_map(|(name, value)| Some((name.clone(), Option::clone(value)?)));
    headers.extend(present);
    headers
}

fn allowed_origin(cors: &CorsHeaders, origin: &HeaderValue) -> Option<HeaderValue> {
    if cors.origins.iter().any(|known| known == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    let text = origin.to_str().ok()?;
    cors.origins.iter().any(|known| matches(known, text)).then(|| origin.clone())
}

/// A star may stand for the leftmost part of the host: `https://*.example.org`.
fn matches(known: &str, origin: &str) -> bool {
    match known.split_once('*') {
        None => known == origin,
        Some((before, after)) => {
            origin.len() > before.len() + after.len() && origin.starts_with(before) && origin.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    fn policy(over_origin: bool) -> ResponseHeadersPolicy {
        let fixed = |name, text| FixedHeader { name: HeaderName::from_static(name), value: value(text), over_origin };
        ResponseHeadersPolicy {
            cors: Some(CorsHeaders {
                origins: vec!["https://app.example".into(), "https://*.example.org".into()],
                credentials: true,
                methods: Some(value("GET, HEAD")),
                headers: Some(value("Authorization")),
                exposed: Some(value("ETag")),
                max_age: Some(value("7200")),
                over_origin,
            }),
            fixed: vec![fixed("cache-control", "private, no-cache"), fixed("referrer-policy", "no-referrer")],
            removed: vec![HeaderName::from_static("x-powered-by")],
        }
    }

    fn answered(over_origin: bool, method: &Method, origin: &'static str, preflight: bool) -> HeaderMap {
        let mut request = HeaderMap::from_iter([(ORIGIN, value(origin))]);
        if preflight {
            request.insert(ACCESS_CONTROL_REQUEST_METHOD, value("GET"));
        }
        let mut answer = HeaderMap::from_iter([
            (http::header::CACHE_CONTROL, value("max-age=60")),
            (ACCESS_CONTROL_ALLOW_ORIGIN, value("https://first.example")),
            (HeaderName::from_static("x-powered-by"), value("a store")),
        ]);
        apply(&policy(over_origin), method, &request, &mut answer);
        answer
    }

    #[test]
    fn over_the_origin_or_not() {
        let over = answered(true, &Method::GET, "https://app.example", false);
        assert_eq!(over["cache-control"], "private, no-cache");
        assert_eq!(over[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
        let under = answered(false, &Method::GET, "https://app.example", false);
        assert_eq!(under["cache-control"], "max-age=60");
        assert_eq!(under[ACCESS_CONTROL_ALLOW_ORIGIN], "https://first.example");
        for answer in [over, under] {
            assert_eq!(answer["referrer-policy"], "no-referrer");
            assert!(!answer.contains_key("x-powered-by"));
            assert_eq!(answer[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        }
    }

    #[test]
    fn preflights_and_others() {
        let preflight = answered(true, &Method::OPTIONS, "https://a.example.org", true);
        assert_eq!(preflight[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example.org");
        assert_eq!(preflight[ACCESS_CONTROL_ALLOW_METHODS], "GET, HEAD");
        assert_eq!(preflight[ACCESS_CONTROL_MAX_AGE], "7200");
        assert!(!preflight.contains_key(ACCESS_CONTROL_EXPOSE_HEADERS));
        let other = answered(true, &Method::GET, "https://a.example.org", false);
        assert_eq!(other[ACCESS_CONTROL_EXPOSE_HEADERS], "ETag");
        assert!(!other.contains_key(ACCESS_CONTROL_ALLOW_METHODS));
    }

    #[test]
    fn foreign_origins() {
        for origin in ["https://example.org", "https://app.example.evil", "null", "http://a.example.org"] {
            let answer = answered(true, &Method::GET, origin, false);
            assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "https://first.example", "{origin}");
            assert!(!answer.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS), "{origin}");
        }
    }
}
