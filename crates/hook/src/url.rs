//! URLs that may be asked: https, or http that does not leave this machine.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// https, or http to a loopback address or `localhost`; no user, no fragment. It prints without its query.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl(Uri);

/// Why a URL is not one to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlFault {
    NotAUrl,
    Scheme,
    /// Anyone on the way could say yes.
    PlainHttp,
    UserInfo,
    Fragment,
}

impl HookUrl {
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        if text.contains('#') {
            return Err(UrlFault::Fragment);
        }
        let uri: Uri = text.parse().map_err(|_| UrlFault::NotAUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(UrlFault::NotAUrl);
        };
        if authority.as_str().contains('@') {
            return Err(UrlFault::UserInfo);
        }
        if authority.host().is_empty() {
            return Err(UrlFault::NotAUrl);
        }
        match scheme {
            "https" => Ok(Self(uri)),
            "http" if is_loopback(authority.host()) => Ok(Self(uri)),
            "http" => Err(UrlFault::PlainHttp),
            _ => Err(UrlFault::Scheme),
        }
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, authority) = (self.0.scheme_str().unwrap_or_default(), self.0.authority());
        write!(f, "{scheme}://{}{}", authority.map_or("", |authority| authority.as_str()), self.0.path())
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookUrl({self})")
    }
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => "not an absolute URL",
            Self::Scheme => "a hook is asked over https, or over http on loopback",
            Self::PlainHttp => "plain http leaves this machine: anyone on the way could say yes",
            Self::UserInfo => "a user or password does not belong in a URL",
            Self::Fragment => "a fragment is never sent",
        })
    }
}

impl std::error::Error for UrlFault {}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_https_and_loopback_only() {
        for good in ["https://a.example/k", "http://127.0.0.1:9/k", "http://[::1]/k", "http://localhost:80/k?x=1"] {
            assert!(HookUrl::parse(good).is_ok(), "{good}");
        }
        for (bad, fault) in [
            ("http://a.example/k", UrlFault::PlainHttp),
            ("http://10.0.0.1:8181/k", UrlFault::PlainHttp),
            ("http://0.0.0.0/k", UrlFault::PlainHttp),
            ("http://localhost.evil.example/k", UrlFault::PlainHttp),
            ("http://127.0.0.1.evil.example/k", UrlFault::PlainHttp),
            ("http://127.0.0.1@a.example/k", UrlFault::UserInfo),
            ("https://u:p@a.example/k", UrlFault::UserInfo),
            ("https://a.example/k#x", UrlFault::Fragment),
            ("ftp://a.example/k", UrlFault::Scheme),
            ("/k", UrlFault::NotAUrl),
            ("", UrlFault::NotAUrl),
            ("a.example", UrlFault::NotAUrl),
        ] {
            assert_eq!(HookUrl::parse(bad).unwrap_err(), fault, "{bad}");
        }
    }

    #[test]
    fn prints_no_query() {
        let url = HookUrl::parse("https://a.example:8443/ask?code=secret").unwrap();
        assert_eq!(url.to_string(), "https://a.example:8443/ask");
        assert!(!format!("{url:?}").contains("secret"));
    }
}
