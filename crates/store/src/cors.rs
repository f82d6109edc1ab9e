//! CORS of a bucket: which page of which origin may do what. Decides by the bucket's rules alone; knows nothing of
//! signatures, and a preflight never needs one.

use crate::limits;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// One rule of a bucket's CORS configuration, in S3's words.
///
/// Origins and allowed headers may hold one `*` each. The first rule that fits a request answers for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CorsRule {
    pub id: Option<String>,
    pub allowed_origins: Vec<String>,
    /// Of `GET`, `PUT`, `POST`, `DELETE`, `HEAD`.
    pub allowed_methods: Vec<String>,
    pub allowed_headers: Vec<String>,
    pub expose_headers: Vec<String>,
    pub max_age_seconds: Option<u32>,
}

/// What is wrong with a CORS configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsFault {
    TooManyRules,
    TooLarge,
    NoOrigin,
    NoMethod,
    Method(String),
    /// More than one `*` in an origin or header.
    Wildcards(String),
    /// Not a header name or not a header value.
    Unprintable(String),
}

impl std::fmt::Display for CorsFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooManyRules => write!(f, "more than {} CORS rules", limits::CORS_RULES),
            Self::TooLarge => write!(f, "more than {} bytes of CORS rules", limits::CORS_BYTES),
            Self::NoOrigin => write!(f, "a CORS rule without an allowed origin"),
            Self::NoMethod => write!(f, "a CORS rule without an allowed method"),
            Self::Method(method) => write!(f, "`{method}` cannot be an allowed method"),
            Self::Wildcards(text) => write!(f, "`{text}` holds more than one `*`"),
            Self::Unprintable(text) => write!(f, "`{text}` cannot stand in a header"),
        }
    }
}

pub(crate) fn check(rules: &[CorsRule]) -> Result<(), CorsFault> {
    if rules.len() > limits::CORS_RULES {
        return Err(CorsFault::TooManyRules);
    }
    for rule in rules {
        if rule.allowed_origins.is_empty() {
            return Err(CorsFault::NoOrigin);
        }
        if rule.allowed_methods.is_empty() {
            return Err(CorsFault::NoMethod);
        }
        for method in &rule.allowed_methods {
            if !["GET", "PUT", "POST", "DELETE", "HEAD"].contains(&method.as_str()) {
                return Err(CorsFault::Method(method.clone()));
            }
        }
        for text in rule.allowed_origins.iter().chain(&rule.allowed_headers) {
            if text.matches('*').count() > 1 {
                return Err(CorsFault::Wildcards(text.clone()));
            }
            HeaderValue::from_str(text).map_err(|_| CorsFault::Unprintable(text.clone()))?;
        }
        for name in &rule.expose_headers {
            HeaderName::try_from(name).map_err(|_| CorsFault::Unprintable(name.clone()))?;
        }
    }
    if serde_json::to_string(rules).is_ok_and(|json| json.len() > limits::CORS_BYTES) {
        return Err(CorsFault::TooLarge);
    }
    Ok(())
}

/// The headers that answer a preflight; none where no rule fits.
pub(crate) fn preflight(rules: &[CorsRule], origin: &str, method: &str, wanted_headers: &str) -> Option<HeaderMap> {
    let wanted: Vec<&str> = wanted_headers.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let (rule, pattern) = rules.iter().find_map(|rule| {
        let pattern = rule.fitting_origin(origin, method)?;
        wanted.iter().all(|name| rule.allows_header(name)).then_some((rule, pattern))
    })?;
    let mut headers = rule.answer(pattern, origin);
    put(&mut headers, ACCESS_CONTROL_ALLOW_METHODS, &rule.allowed_methods.join(", "));
    if !wanted.is_empty() {
        put(&mut headers, ACCESS_CONTROL_ALLOW_HEADERS, &wanted.join(", ").to_ascii_lowercase());
    }
    if let Some(seconds) = rule.max_age_seconds {
        put(&mut headers, ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    Some(headers)
}

/// The headers that let the page read the answer to a request; none where no rule fits.
pub(crate) fn simple(rules: &[CorsRule], origin: &str, method: &str) -> Option<HeaderMap> {
    rules.iter().find_map(|rule| Some(rule.answer(rule.fitting_origin(origin, method)?, origin)))
}

impl CorsRule {
    /// The origin of the rule that fits this one.
    fn fitting_origin(&self, origin: &str, method: &str) -> Option<&str> {
        if !self.allowed_methods.iter().any(|allowed| allowed == method) {
            return None;
        }
        self.allowed_origins.iter().map(String::as_str).find(|pattern| fits(pattern, origin))
    }

    fn allows_header(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.allowed_headers.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), &name))
    }

    fn answer(&self, pattern: &str, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if pattern == "*" {
            put(&mut headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        } else {
            put(&mut headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            put(&mut headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        if !self.expose_headers.is_empty() {
            put(&mut headers, ACCESS_CONTROL_EXPOSE_HEADERS, &self.expose_headers.join(", "));
        }
        headers
    }
}

/// `pattern` holds at most one `*`, which stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
        let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
        CorsRule {
            allowed_origins: list(origins),
            allowed_methods: list(methods),
            allowed_headers: list(headers),
            expose_headers: list(&["ETag"]),
            max_age_seconds: Some(7200),
            ..CorsRule::default()
        }
    }

    #[test]
    fn one_star_stands_for_any_text() {
        for (pattern, text, fitting) in [
            ("*", "https://a", true),
            ("https://a", "https://a", true),
            ("https://a", "https://a.b", false),
            ("https://*.example.com", "https://x.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://x.example.com.evil", false),
            ("ab*ba", "aba", false),
            ("ab*ba", "abba", true),
        ] {
            assert_eq!(fits(pattern, text), fitting, "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_answers_a_preflight() {
        let rules = [rule(&["https://a"], &["PUT"], &["content-type", "x-amz-*"]), rule(&["*"], &["GET"], &["*"])];
        let put = preflight(&rules, "https://a", "PUT", "Content-Type, X-Amz-Meta-A").unwrap();
        assert_eq!(put[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a");
        assert_eq!(put[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(put[ACCESS_CONTROL_ALLOW_HEADERS], "content-type, x-amz-meta-a");
        assert_eq!(put[ACCESS_CONTROL_MAX_AGE], "7200");
        assert_eq!(put[ACCESS_CONTROL_EXPOSE_HEADERS], "ETag");

        let get = preflight(&rules, "https://b", "GET", "").unwrap();
        assert_eq!(get[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!get.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));

        assert!(preflight(&rules, "https://a", "PUT", "authorization").is_none());
        assert!(preflight(&rules, "https://b", "PUT", "").is_none());
        assert!(preflight(&rules, "https://a", "DELETE", "").is_none());
        assert!(preflight(&[], "https://a", "GET", "").is_none());
    }

    #[test]
    fn faults_of_a_configuration() {
        assert_eq!(check(&[rule(&[], &["GET"], &[])]), Err(CorsFault::NoOrigin));
        assert_eq!(check(&[rule(&["*"], &[], &[])]), Err(CorsFault::NoMethod));
        assert_eq!(check(&[rule(&["*"], &["PATCH"], &[])]), Err(CorsFault::Method("PATCH".into())));
        assert_eq!(check(&[rule(&["https://*.*"], &["GET"], &[])]), Err(CorsFault::Wildcards("https://*.*".into())));
        assert_eq!(check(&vec![rule(&["*"], &["GET"], &[]); 101]), Err(CorsFault::TooManyRules));
        assert_eq!(check(&[rule(&["*"], &["GET"], &["*"])]), Ok(()));
    }
}
