//! The page and the browser package, built into the binary.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use http::{HeaderName, StatusCode};

use crate::answer::{self, Answer};

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Path, media type, text.
const ASSETS: [(&str, &str, &str); 22] = [
    ("/", "text/html; charset=utf-8", include_str!("../assets/index.html")),
    ("/base.css", CSS, include_str!("../assets/base.css")),
    ("/composer.css", CSS, include_str!("../assets/composer.css")),
    ("/feed.css", CSS, include_str!("../assets/feed.css")),
    ("/side.css", CSS, include_str!("../assets/side.css")),
    ("/app.js", JS, include_str!("../assets/app.js")),
    ("/actions.js", JS, include_str!("../assets/actions.js")),
    ("/body.js", JS, include_str!("../assets/body.js")),
    ("/checks.js", JS, include_str!("../assets/checks.js")),
    ("/composer.js", JS, include_str!("../assets/composer.js")),
    ("/feed.js", JS, include_str!("../assets/feed.js")),
    ("/files.js", JS, include_str!("../assets/files.js")),
    ("/page.js", JS, include_str!("../assets/page.js")),
    ("/people.js", JS, include_str!("../assets/people.js")),
    ("/refusals.js", JS, include_str!("../assets/refusals.js")),
    ("/samples.js", JS, include_str!("../assets/samples.js")),
    ("/show.js", JS, include_str!("../assets/show.js")),
    ("/traffic.js", JS, include_str!("../assets/traffic.js")),
    ("/uploads.js", JS, include_str!("../assets/uploads.js")),
    ("/favicon.svg", "image/svg+xml", include_str!("../assets/favicon.svg")),
    ("/edgepass.js", JS, include_str!("../../browser/dist/index.js")),
    // At the root: a worker's scope is the directory of its script, and it is to serve the whole app.
    ("/files-sw.js", JS, include_str!("../../browser/dist/files-sw.js")),
];

pub struct Assets {
    assets: Vec<Asset>,
    policy: Option<HeaderValue>,
}

struct Asset {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
    etag: HeaderValue,
}

impl Assets {
    /// `connect`: origins beyond the files origin that the page may talk to.
    pub fn new(files_origin: &str, connect: &[String]) -> Self {
        let assets = ASSETS
            .iter()
            .map(|&(path, content_type, text)| Asset { path, content_type, text, etag: etag(text.as_bytes()) })
            .collect();
        Self { assets, policy: HeaderValue::from_str(&content_policy(files_origin, connect)).ok() }
    }

    pub fn answer(&self, path: &str, asked: &HeaderMap) -> Option<Answer> {
        let asset = self.assets.iter().find(|asset| asset.path == path)?;
        let known = asked.get(IF_NONE_MATCH).is_some_and(|known| names(known, &asset.etag));
        let mut answer = if known {
            answer::empty(StatusCode::NOT_MODIFIED)
        } else {
            answer::of(StatusCode::OK, asset.content_type, Bytes::from_static(asset.text.as_bytes()))
        };
        let headers = answer.headers_mut();
        headers.insert(ETAG, asset.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(policy) = &self.policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        if path == "/files-sw.js" {
            headers.insert(HeaderName::from_static("service-worker-allowed"), HeaderValue::from_static("/"));
        }
        Some(answer)
    }
}

fn names(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(known), Ok(etag)) = (known.to_str(), etag.to_str()) else { return false };
    known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag || one.trim() == "*")
}

fn etag(bytes: &[u8]) -> HeaderValue {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut etag = String::from("\"");
    for byte in digest.as_ref().iter().take(12) {
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"-\""))
}

/// `blob:` images are the thumbnails of files that are still on their way up.
fn content_policy(files_origin: &str, connect: &[String]) -> String {
    format!(
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob: {files_origin}; \
         media-src {files_origin}; frame-src {files_origin}; connect-src 'self' {files_origin} {}; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
        connect.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_known_already_is_not_sent_again() {
        let assets = Assets::new("http://localhost:8081", &["http://localhost:8083".to_owned()]);
        let first = assets.answer("/app.js", &HeaderMap::new()).unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let mut asked = HeaderMap::new();
        asked.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(assets.answer("/app.js", &asked).unwrap().status(), StatusCode::NOT_MODIFIED);
        assert!(assets.answer("/app.jss", &asked).is_none());
    }

    #[test]
    fn the_policy_names_the_files_origin_and_the_store() {
        let assets = Assets::new("http://localhost:8081", &["http://localhost:8083".to_owned()]);
        let page = assets.answer("/", &HeaderMap::new()).unwrap();
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("img-src 'self' blob: http://localhost:8081;"));
        assert!(policy.contains("connect-src 'self' http://localhost:8081 http://localhost:8083;"));
        assert!(policy.starts_with("default-src 'none'"));
    }
}
