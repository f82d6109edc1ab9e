//! Origins as browsers write them (RFC 6454 section 6.2): answers are compared with them byte for byte.

use std::net::Ipv6Addr;

use super::faults::Mistake;

/// `https://files.example.com`, `http://localhost:8080`: scheme, host and a port that is not the scheme's own, in lower case.
pub fn origin(text: &str) -> Result<String, Mistake> {
    let wrong = |what: &str| {
        let mistake = Mistake::new(format!("`{text}` is not an origin: {what}"));
        match repaired(text) {
            Some(better) if better != text => mistake.hint(format!("write \"{better}\"")),
            _ => mistake.hint("an origin is a scheme, a host and perhaps a port: \"https://files.example.com\""),
        }
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("no `http://` or `https://`"))?;
    if !matches!(scheme, "https" | "http") {
        return Err(wrong("the scheme is neither `https` nor `http`"));
    }
    if rest.contains('@') {
        return Err(wrong("it holds a user name"));
    }
    if rest.contains(['/', '?', '#']) {
        return Err(wrong("something follows the host"));
    }
    if rest.contains('*') {
        return Err(wrong("`*` stands for no host"));
    }
    let (host, port) = split_port(rest);
    if !is_host(host) {
        return Err(wrong("the host is not one in lower case"));
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number != 0 && number.to_string() == port);
    match port {
        Some(port) if !is_port(port) => return Err(wrong("the port is not a number from 1 to 65535")),
        Some(port) if is_default(scheme, port) => return Err(wrong("browsers leave the scheme's own port out")),
        Some(_) | None => {}
    }
    Ok(text.to_owned())
}

pub fn is_https(origin: &str) -> bool {
    origin.starts_with("https://")
}

/// Whether the origin's host is this machine itself.
pub fn is_loopback(origin: &str) -> bool {
    let bare = host_of(origin);
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An origin's host without port and brackets.
pub fn host_of(origin: &str) -> &str {
    let (host, _) = split_port(origin.split_once("://").map_or(origin, |(_, rest)| rest));
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok_and(|address| address.to_string() == inner);
    }
    !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
        })
}

fn is_default(scheme: &str, port: &str) -> bool {
    matches!((scheme, port), ("https", "443") | ("http", "80"))
}

/// The origin that was probably meant, if it is one.
fn repaired(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let (scheme, rest) = lower.split_once("://").unwrap_or(("https", lower.as_str()));
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = split_port(authority);
    let port = port.filter(|port| !is_default(scheme, port)).map(|port| format!(":{port}")).unwrap_or_default();
    let better = format!("{scheme}://{host}{port}");
    (is_host(host) && host.contains(['.', ':', '[']) || host == "localhost").then_some(better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for good in [
            "https://a.example",
            "http://localhost:8080",
            "https://[::1]:8443",
            "http://127.0.0.1:1",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(origin(good).unwrap(), good);
        }
        for (bad, hint) in [
            ("https://a.example/", "write \"https://a.example\""),
            ("https://A.example", "write \"https://a.example\""),
            ("https://a.example:443", "write \"https://a.example\""),
            ("http://a.example:80/x", "write \"http://a.example\""),
            ("a.example", "write \"https://a.example\""),
            ("https://a.example:0", ""),
            ("https://a.example:08", ""),
            ("https://a.example:99999", ""),
            ("https://u@a.example", ""),
            ("https://*.example", ""),
            ("*", ""),
            ("null", ""),
            ("https://", ""),
            ("https://a..b", ""),
            ("ftp://a.example", ""),
            ("https://[::0001]", ""),
            ("https://bücher.example", ""),
        ] {
            let mistake = origin(bad).unwrap_err();
            if !hint.is_empty() {
                assert_eq!(mistake.hint.as_deref(), Some(hint), "{bad}");
            }
        }
        assert!(is_loopback("http://localhost:1") && is_loopback("http://[::1]:1") && is_loopback("http://127.9.9.9"));
        assert!(!is_loopback("http://localhost.example") && !is_loopback("http://10.0.0.1"));
    }
}
