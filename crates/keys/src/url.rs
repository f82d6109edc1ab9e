//! URLs that keys may be fetched from: https, or http that does not leave this machine.

use std::net::IpAddr;

use http::Uri;

use crate::error::UrlFault;

/// https, or http to a loopback address or `localhost`; no user, no fragment.
#[derive(Clone, Debug)]
pub struct KeySetUrl(Uri);

impl KeySetUrl {
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

    /// The well-known document of an issuer (OpenID Connect Discovery 1.0 section 4: behind the issuer without the slash
    /// at its end). An issuer has no query there.
    pub fn document_of(issuer: &str) -> Result<String, UrlFault> {
        if issuer.contains('?') {
            return Err(UrlFault::Query);
        }
        let document = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
        Self::parse(&document).map(|_| document)
    }

    pub fn uri(&self) -> &Uri {
        &self.0
    }

    pub fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_issuers() {
        let document = |issuer| KeySetUrl::document_of(issuer);
        let wanted = "https://a.example/.well-known/openid-configuration";
        assert_eq!(document("https://a.example").as_deref(), Ok(wanted));
        assert_eq!(document("https://a.example/").as_deref(), Ok(wanted));
        assert_eq!(
            document("https://a.example/t/1/").as_deref(),
            Ok("https://a.example/t/1/.well-known/openid-configuration")
        );
        assert_eq!(document("https://a.example?x").unwrap_err(), UrlFault::Query);
        assert_eq!(document("https://a.example/#x").unwrap_err(), UrlFault::Fragment);
        assert_eq!(document("http://a.example").unwrap_err(), UrlFault::PlainHttp);
        assert_eq!(document("urn:a").unwrap_err(), UrlFault::NotAUrl);
    }

    #[test]
    fn takes_https_and_loopback_only() {
        for good in ["https://a.example/k", "http://127.0.0.1:9/k", "http://[::1]/k", "http://localhost:80/k?x=1"] {
            assert!(KeySetUrl::parse(good).is_ok(), "{good}");
        }
        for (bad, fault) in [
            ("http://a.example/k", UrlFault::PlainHttp),
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
            assert_eq!(KeySetUrl::parse(bad).unwrap_err(), fault, "{bad}");
        }
    }
}
