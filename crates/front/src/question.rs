//! From a request's head to what the rules look at.

use std::borrow::Cow;
use std::net::IpAddr;

use authorizer::{Carried, Method, ObjectPath, Question, UnixTime};
use http::header::HOST;
use http::request::Parts;

use crate::Front;

impl Front {
    /// The name of the host that was asked: lower-case, without its port (RFC 9110 section 7.2); empty where there is none,
    /// and where no route asks for it.
    pub fn host<'p>(&self, parts: &'p Parts) -> Cow<'p, str> {
        if self.rules.ask_for_hosts() { host(parts) } else { Cow::Borrowed("") }
    }
}

fn host(parts: &Parts) -> Cow<'_, str> {
    let header = || parts.headers.get(HOST).and_then(|value| value.to_str().ok());
    let authority = parts.uri.authority().map(http::uri::Authority::as_str).or_else(header).unwrap_or_default();
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// What is asked of the object at a path, with these tokens. `host` is [`Front::host`]'s.
pub fn question<'a>(
    parts: &Parts,
    host: &'a str,
    path: &'a ObjectPath,
    address: Option<IpAddr>,
    tokens: &'a [&'a str],
    carried: Carried,
    now: UnixTime,
) -> Question<'a> {
    let method = if parts.method == http::Method::HEAD { Method::Head } else { Method::Get };
    Question { host, path, method, address, now, tokens, carried }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (uri, header, expected) in [
            ("/a", Some("Files.Example.com:8443"), "files.example.com"),
            ("/a", Some("files.example.com"), "files.example.com"),
            ("/a", Some("[::1]:8081"), "[::1]"),
            ("/a", Some("[::1]"), "[::1]"),
            ("/a", None, ""),
            ("https://files.example.com:443/a", None, "files.example.com"),
        ] {
            let mut request = http::Request::get(uri);
            if let Some(header) = header {
                request = request.header(HOST, header);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(host(&parts), expected, "{uri} {header:?}");
        }
    }

    #[test]
    fn heads_are_asked_as_heads() {
        let path = ObjectPath::from_target("/a").unwrap();
        for (method, expected) in [("GET", Method::Get), ("HEAD", Method::Head)] {
            let (parts, ()) = http::Request::builder().method(method).uri("/a").body(()).unwrap().into_parts();
            assert_eq!(question(&parts, "", &path, None, &[], Carried::AsTokens, UnixTime(0)).method, expected);
        }
    }
}
