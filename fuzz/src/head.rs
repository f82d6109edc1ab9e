//! Heads of requests: a line with method, target and, for HTTP/2, `2`; then fields, `name: value`.
//!
//! What is admitted is one path, tokens that disagree are refused, and no token is sent on in a redirect.

use authorizer::ObjectPath;
use front::{Admitted, Listener, Presented, admit, methods, presented, presented_in_header, shown_path};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version};

use crate::site::SITE_READY;

pub fn head(data: &[u8]) {
    let Some(parts) = read(data) else { return };
    let front = &SITE_READY.front;
    let name = front.host(&parts);
    assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()));
    let _ = (methods(&parts), shown_path(&parts), front.check_origin(&parts));
    match admit(&parts, Listener::Serves, &front.origin, &front.carriers) {
        Ok(Admitted::Object(path)) => {
            assert!(matches!(parts.method, Method::GET | Method::HEAD));
            assert_eq!(ObjectPath::from_target(parts.uri.path()), Ok(path));
        }
        Ok(Admitted::Redirect(_)) => panic!("the site is served here"),
        Ok(_) => {}
        Err(refusal) => assert!(!refusal.reason.is_empty()),
    }
    if let Ok(Admitted::Redirect(location)) = admit(&parts, Listener::Redirects, &front.origin, &front.carriers) {
        sent_on(&location);
    }
    tokens(&parts);
}

fn read(data: &[u8]) -> Option<Parts> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let mut words = first.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next());
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::from_bytes(method.as_bytes()).ok()?;
    parts.uri = target.parse::<Uri>().ok()?;
    parts.version = if version == Some("2") { Version::HTTP_2 } else { Version::HTTP_11 };
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        parts.headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    Some(parts)
}

fn sent_on(location: &str) {
    let front = &SITE_READY.front;
    assert!(location.starts_with(&format!("{}/", front.origin)), "{location}");
    assert!(HeaderValue::from_str(location).is_ok_and(|value| value.to_str().is_ok()), "{location}");
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.uri = location.parse().expect("a redirect leads somewhere");
    match presented(&parts, &front.carriers).expect("nothing to disagree about") {
        Presented::Explicit(_) | Presented::Link(_) => panic!("{location} carries a token"),
        Presented::Cookies(cookies) => assert!(cookies.is_empty()),
    }
}

fn tokens(parts: &Parts) {
    let front = &SITE_READY.front;
    let all = presented(parts, &front.carriers);
    let in_header = presented_in_header(parts);
    assert!(!format!("{all:?}{in_header:?}").contains("Token(\""));
    match (&all, &in_header) {
        (Ok(Presented::Explicit(token) | Presented::Link(token)), Ok(other)) => {
            assert_eq!(token, other, "those that disagree are refused")
        }
        (Ok(Presented::Cookies(_)), Ok(_)) => panic!("a token of the header hides the cookies"),
        _ => {}
    }
    if let Ok(token) = &in_header {
        assert!(token.expose().bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_whitespace()));
    }
    let Ok(all) = all else { return };
    assert!(all.texts().len() <= 4);
    if let Presented::Cookies(cookies) = &all {
        for cookie in cookies {
            assert!(!cookie.token.expose().contains(';'));
            let name = cookie.scope.map_or("edgepass".to_owned(), |scope| format!("edgepass-{scope}"));
            let sent = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).contains(&name);
            assert!(parts.headers.get_all("cookie").iter().any(sent), "{name} was sent");
        }
    }
}
