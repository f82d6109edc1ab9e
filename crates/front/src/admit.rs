//! From the request as it arrived to what is asked, or a refusal: limits, method, host, and the target decoded once.

use authorizer::{ObjectPath, PathFault};
use http::header::HOST;
use http::request::Parts;
use http::{Method, Version};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::limits;
use crate::refusal::{Code, Refusal};
use crate::s3::{self, S3};
use crate::site::Carrier;
use crate::token::without_token;

/// How the request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// The site is served here.
    Serves,
    /// Plain HTTP beside a site that is `https`: only sent on.
    Redirects,
}

/// What is asked.
#[derive(Debug)]
pub enum Admitted {
    /// GET or HEAD of an object.
    Object(ObjectPath),
    Own(Endpoint),
    /// OPTIONS, by a browser before it asks or by anyone. It needs no token and no path that is good for anything.
    Preflight(Option<ObjectPath>),
    Redirect(String),
}

/// Our own endpoints, under the reserved prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    SignIn,
    WhoAmI,
    SignOut,
    Upload,
    Link,
    /// Of uploads in parts, and of widgets.
    S3(S3),
    Health,
}

const RESERVED: &str = "/_edgepass/";
const S3_PREFIX: &str = "s3/";
const OF_OBJECTS: &str = "GET, HEAD, OPTIONS";

/// The methods that a target takes.
pub fn methods(parts: &Parts) -> &'static str {
    match parts.uri.path().strip_prefix(RESERVED) {
        Some("session") => "GET, HEAD, POST, DELETE, OPTIONS",
        Some("uploads" | "links") => "POST, OPTIONS",
        Some(name) => name.strip_prefix(S3_PREFIX).and_then(s3::methods).unwrap_or(OF_OBJECTS),
        None => OF_OBJECTS,
    }
}

pub fn admit(parts: &Parts, listener: Listener, site: &str, carriers: &[Carrier]) -> Result<Admitted, Refusal> {
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    if target.len() > limits::TARGET {
        return Err(Refusal::new(Code::UriTooLong, "target_too_long"));
    }
    check_host(parts)?;
    if listener == Listener::Redirects {
        return redirect(parts, site, carriers);
    }
    if parts.method == Method::OPTIONS {
        return Ok(Admitted::Preflight(ObjectPath::from_target(parts.uri.path()).ok()));
    }
    if let Some(name) = parts.uri.path().strip_prefix(RESERVED) {
        return endpoint(&parts.method, name).map(Admitted::Own);
    }
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Err(Refusal::new(Code::MethodNotAllowed, "method_not_allowed"));
    }
    Ok(Admitted::Object(ObjectPath::from_target(parts.uri.path())?))
}

fn endpoint(method: &Method, name: &str) -> Result<Endpoint, Refusal> {
    let wrong_method = || Refusal::new(Code::MethodNotAllowed, "method_not_allowed");
    if let Some(found) = name.strip_prefix(S3_PREFIX).and_then(|name| s3::endpoint(method.as_str(), name)) {
        return found.map(Endpoint::S3);
    }
    match (name, method.as_str()) {
        ("session", "POST") => Ok(Endpoint::SignIn),
        ("session", "GET" | "HEAD") => Ok(Endpoint::WhoAmI),
        ("session", "DELETE") => Ok(Endpoint::SignOut),
        ("uploads", "POST") => Ok(Endpoint::Upload),
        ("links", "POST") => Ok(Endpoint::Link),
        ("health", "GET" | "HEAD") => Ok(Endpoint::Health),
        ("session" | "uploads" | "links" | "health", _) => Err(wrong_method()),
        _ => Err(Refusal::new(Code::NotFound, "no_such_endpoint")),
    }
}

/// RFC 9112 section 3.2: exactly one valid `Host` in HTTP/1.1; HTTP/2 has it in the target.
fn check_host(parts: &Parts) -> Result<(), Refusal> {
    let hosts = parts.headers.get_all(HOST).iter().count();
    let right = match parts.version {
        Version::HTTP_11 => hosts == 1,
        _ => hosts <= 1,
    };
    if !right {
        return Err(Refusal::new(Code::BadRequest, "host_not_one"));
    }
    match parts.headers.get(HOST) {
        Some(host) if !is_host(host.as_bytes()) => Err(Refusal::new(Code::BadRequest, "host_invalid")),
        _ => Ok(()),
    }
}

/// The characters of a host and its port (RFC 3986 section 3.2); at least one.
fn is_host(host: &[u8]) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric()
            | matches!(byte, b'%' | b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']' | b'=')
            | matches!(byte, b'!' | b'$' | b'&'..=b',' | b';')
    };
    // Every byte is looked at, without an early end, so that the compiler can look at many at once.
    !host.is_empty() && host.iter().fold(true, |fit, byte| fit & fits(*byte))
}

fn redirect(parts: &Parts, site: &str, carriers: &[Carrier]) -> Result<Admitted, Refusal> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Err(Refusal::explained(Code::BadRequest, "plain_http", "this site is served over https alone"));
    }
    let query = parts.uri.query().map(|query| without_token(query, carriers)).filter(|query| !query.is_empty());
    let path = parts.uri.path();
    // `*` behind the site's name would be another name (RFC 9112 section 3.2.4: it is for OPTIONS alone).
    if !path.starts_with('/') {
        return Err(PathFault::NotAbsolute.into());
    }
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // A URI is ASCII (RFC 3986 section 2), whatever the client sent.
    Ok(Admitted::Redirect(format!("{site}{}", utf8_percent_encode(&target, CONTROLS))))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const SITE: &str = "https://files.example.com";

    fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn asked(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Admitted, &'static str> {
        admit(&request(method, target, headers), Listener::Serves, SITE, &[]).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn one_host_that_is_one() {
        for good in ["files.example.com", "files.example.com:8443", "[::1]:81", "127.0.0.1", "a_b"] {
            assert!(asked("GET", "/a", &[("host", good)]).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "x@a", "a?b", "a#b", "a\\b", "\"a\""] {
            assert_eq!(asked("GET", "/a", &[("host", bad)]).unwrap_err(), "host_invalid", "{bad}");
        }
        assert_eq!(asked("GET", "/a", &[]).unwrap_err(), "host_not_one");
        assert_eq!(asked("GET", "/a", &[("host", "a"), ("host", "a")]).unwrap_err(), "host_not_one");
        let mut second = request("GET", "/a", &[]);
        second.version = Version::HTTP_2;
        assert!(admit(&second, Listener::Serves, SITE, &[]).is_ok(), "HTTP/2 has it in the target");
    }

    #[test]
    fn each_target_takes_its_methods() {
        let host = [("host", "a")];
        for method in ["GET", "HEAD"] {
            assert!(matches!(asked(method, "/a", &host), Ok(Admitted::Object(_))), "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "PROPFIND"] {
            assert_eq!(asked(method, "/a", &host).unwrap_err(), "method_not_allowed", "{method}");
        }
        for (name, method, endpoint) in [
            ("session", "POST", Endpoint::SignIn),
            ("session", "GET", Endpoint::WhoAmI),
            ("session", "HEAD", Endpoint::WhoAmI),
            ("session", "DELETE", Endpoint::SignOut),
            ("uploads", "POST", Endpoint::Upload),
            ("links", "POST", Endpoint::Link),
            ("health", "GET", Endpoint::Health),
        ] {
            let target = format!("/_edgepass/{name}");
            assert!(matches!(asked(method, &target, &host), Ok(Admitted::Own(own)) if own == endpoint), "{target}");
            assert_eq!(asked("PUT", &target, &host).unwrap_err(), "method_not_allowed", "{target}");
        }
        for (method, target) in
            [("GET", "/_edgepass/uploads"), ("GET", "/_edgepass/links"), ("POST", "/_edgepass/health")]
        {
            assert_eq!(asked(method, target, &host).unwrap_err(), "method_not_allowed", "{method} {target}");
        }
        assert_eq!(asked("POST", "/_edgepass/other", &host).unwrap_err(), "no_such_endpoint");
        assert!(matches!(asked("OPTIONS", "/a//b", &host), Ok(Admitted::Preflight(None))));
    }

    #[test]
    fn the_longest_target() {
        let host = [("host", "a")];
        let target = |bytes: usize| format!("/a?{}", "x".repeat(bytes - 3));
        assert!(asked("GET", &target(8192), &host).is_ok());
        assert_eq!(asked("GET", &target(8193), &host).unwrap_err(), "target_too_long");
    }

    #[test]
    fn plain_http_is_sent_on_without_its_token() {
        let sent_on = |method: &str, target: &str| {
            let carriers = [Carrier::Query("authorization".to_owned())];
            let parts = request(method, target, &[("host", "evil.example")]);
            match admit(&parts, Listener::Redirects, SITE, &carriers) {
                Ok(Admitted::Redirect(target)) => Ok(target),
                Ok(other) => panic!("{other:?}"),
                Err(refusal) => Err(refusal.reason),
            }
        };
        assert_eq!(sent_on("GET", "/a?x=1&authorization=t"), Ok(format!("{SITE}/a?x=1")));
        assert_eq!(sent_on("HEAD", "/a?authorization=t"), Ok(format!("{SITE}/a")));
        assert_eq!(sent_on("POST", "/_edgepass/session"), Err("plain_http"));
    }

    #[test]
    fn redirects_stay_at_the_site() {
        let site = "https://files.example";
        for (target, location) in [
            ("/a?x=1", Some("https://files.example/a?x=1")),
            ("http://elsewhere.example/a", Some("https://files.example/a")),
            ("http://elsewhere.example", Some("https://files.example/")),
            ("//elsewhere.example/a", Some("https://files.example//elsewhere.example/a")),
            ("/é?x=é", Some("https://files.example/%C3%A9?x=%C3%A9")),
            ("*", None),
            ("elsewhere.example:80", None),
        ] {
            let (mut parts, ()) = http::Request::new(()).into_parts();
            parts.uri = target.parse().unwrap();
            parts.headers.insert(HOST, http::HeaderValue::from_static("files.example"));
            let admitted = admit(&parts, Listener::Redirects, site, &[]);
            let redirected = match &admitted {
                Ok(Admitted::Redirect(location)) => Some(location.as_str()),
                _ => None,
            };
            assert_eq!(redirected, location, "{target}");
        }
    }
}
