//! The bucket that browsers send to, and the URL they reach it by.

use std::fmt;

use http::Uri;
use http::uri::Scheme;

use crate::encode::{encode_path, encode_segment};

#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
    region: String,
    /// Scheme and authority, without a default port: browsers leave it out of `Host`, which is signed.
    endpoint: String,
    post: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketFault {
    /// Not `http://host[:port]` or `https://host[:port]` alone.
    Endpoint,
    Name,
    Region,
}

impl fmt::Display for BucketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Endpoint => "the endpoint is not `https://host` or `http://host:port` alone",
            Self::Name => "the bucket has no name",
            Self::Region => "the region is not letters, digits and hyphens",
        })
    }
}

impl Bucket {
    /// `endpoint` is where browsers reach the store; `post` whether it takes POST forms (R2 and B2 do not).
    pub fn new(name: &str, region: &str, endpoint: &str, post: bool) -> Result<Self, BucketFault> {
        if name.is_empty() || name.contains('/') {
            return Err(BucketFault::Name);
        }
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return Err(BucketFault::Region);
        }
        let endpoint = read_endpoint(endpoint).ok_or(BucketFault::Endpoint)?;
        Ok(Self { name: name.to_owned(), region: region.to_owned(), endpoint, post })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    pub fn takes_post(&self) -> bool {
        self.post
    }

    /// Path style: it works with every store, and under TLS with dots in the bucket's name.
    pub fn url(&self) -> String {
        format!("{}/{}", self.endpoint, encode_segment(&self.name))
    }

    pub fn object_url(&self, key: &str) -> String {
        format!("{}/{}", self.url(), encode_path(key))
    }
}

fn read_endpoint(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme()?, uri.authority()?);
    let default_port = if *scheme == Scheme::HTTPS {
        443
    } else if *scheme == Scheme::HTTP {
        80
    } else {
        return None;
    };
    if authority.as_str().contains('@') || authority.host().is_empty() || uri.path() != "/" || uri.query().is_some() {
        return None;
    }
    let host = authority.host().to_ascii_lowercase();
    Some(match authority.port_u16() {
        Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let url = |endpoint: &str| Bucket::new("b", "r", endpoint, true).map(|bucket| bucket.object_url("a/ü+.txt"));
        assert_eq!(url("https://S3.example.com:443/").unwrap(), "https://s3.example.com/b/a/%C3%BC%2B.txt");
        assert_eq!(url("http://localhost:9000").unwrap(), "http://localhost:9000/b/a/%C3%BC%2B.txt");
        assert_eq!(url("http://[::1]:80").unwrap(), "http://[::1]/b/a/%C3%BC%2B.txt");
        for bad in ["", "s3.example.com", "ftp://x", "https://u@x", "https://x/y", "https://x/?q", "/x", "https://"] {
            assert_eq!(url(bad).unwrap_err(), BucketFault::Endpoint, "{bad}");
        }
        assert_eq!(Bucket::new("", "r", "http://x", true).unwrap_err(), BucketFault::Name);
        assert_eq!(Bucket::new("b", "r/x", "http://x", true).unwrap_err(), BucketFault::Region);
    }
}
