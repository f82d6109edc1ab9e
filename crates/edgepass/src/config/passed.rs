//! `headers` of `[bucket.x]`: which of the store's headers answers carry besides those of every object.

use http::HeaderName;

use super::faults::{Faults, Mistake};
use super::section::Node;

/// Each is looked for in every answer of the store and kept with every object.
const MOST: usize = 32;

/// Written here for each answer, or by the connection.
const WRITTEN: [&str; 25] = [
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "edgepass-id",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "referrer-policy",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
    "x-content-type-options",
];

/// A browser obeys these for the site, or for all of the page: a file is not to speak for either.
const OBEYED: [&str; 14] = [
    "alt-svc",
    "clear-site-data",
    "link",
    "location",
    "nel",
    "permissions-policy",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "sourcemap",
    "strict-transport-security",
    "x-frame-options",
    "x-xss-protection",
];

/// Families of either kind.
const REFUSED: [&str; 8] = [
    "access-control-",
    "content-security-policy",
    "cross-origin-",
    "origin-agent-",
    "proxy-",
    "public-key-pins",
    "sec-",
    "set-cookie",
];

pub fn read(node: Node<'_>, faults: &mut Faults) -> Option<Vec<HeaderName>> {
    let mut names = node.parse_list("a list of names such as [\"x-amz-meta-author\"]", faults, name)?;
    names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    if names.len() > MOST {
        faults.add(node.place, Mistake::new(format!("at most {MOST} headers are passed on")));
    }
    Some(names)
}

fn name(text: &str) -> Result<HeaderName, Mistake> {
    let Ok(name) = HeaderName::try_from(text) else {
        return Err(
            Mistake::new(format!("`{text}` is not a header's name")).hint("write one such as \"x-amz-meta-author\"")
        );
    };
    let known = name.as_str();
    if WRITTEN.contains(&known) || OBEYED.contains(&known) || REFUSED.iter().any(|family| known.starts_with(family)) {
        return Err(Mistake::new(format!("`{known}` is not passed on"))
            .hint("it is written here for each answer, or would let a file speak for the site"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["x-amz-meta-author", "X-Amz-Version-Id", "digest", "content-md5"] {
            assert_eq!(name(good).unwrap().as_str(), good.to_ascii_lowercase());
        }
        for bad in [
            "",
            "a b",
            "ä",
            "ETag",
            "Set-Cookie",
            "set-cookie2",
            "Content-Security-Policy-Report-Only",
            "Refresh",
            "Access-Control-Allow-Origin",
            "Connection",
            "Location",
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
