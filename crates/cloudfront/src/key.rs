//! Which behaviour a path has, which object it names, and what else stands in its cache key. Pure.

use std::fmt::Write;

use aws_check::glob;
use cache::ObjectId;
use percent_encoding::percent_decode;

use crate::policy::{Asked, CachePolicy, cookies, pairs};

/// Between the object's key, which S3 lets hold anything but this, and the rest of the cache key.
const END: char = '\0';

/// Whether a path pattern covers the path: `*` is any run of characters, slashes among them, `?` is one; case counts; a slash at
/// the beginning may be left out. The path is to be [`normal`].
/// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html (Path pattern)
pub fn covers(pattern: &str, path: &str) -> bool {
    glob(pattern.strip_prefix('/').unwrap_or(pattern).as_bytes(), path.strip_prefix('/').unwrap_or(path).as_bytes())
}

/// The path that patterns are matched with: without runs of slashes and dot segments. Functions and origins get the raw one.
/// The same page: "CloudFront normalizes URI paths consistent with RFC 3986".
pub fn normal(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "" if last => kept.push(""),
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            "" => {}
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// The key that S3 reads out of a path: decoded once, and a plus is a space. None where that is not UTF-8, or holds what no key of ours
/// may.
pub fn object_key(origin_path: &str, uri: &str) -> Option<String> {
    let path = format!("{origin_path}{uri}").replace('+', " ");
    let key = percent_decode(path.strip_prefix('/').unwrap_or(&path).as_bytes()).decode_utf8().ok()?;
    (!key.contains(END)).then(|| key.into_owned())
}

/// What the cache knows an answer by: origin, object, and what the policy takes of the request. Never anything else of it.
pub fn cache_key(policy: &CachePolicy, origin: usize, key: &str, asked: &Asked) -> ObjectId {
    let mut whole = format!("{key}{END}");
    let mut names: Vec<_> = asked.headers.keys().filter(|name| policy.headers.takes(name.as_str())).collect();
    names.sort_unstable_by_key(|name| name.as_str());
    for name in names {
        for value in asked.headers.get_all(name) {
            part(&mut whole, 'h', name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
    }
    for (name, value) in cookies(&asked.headers).filter(|(name, _)| policy.cookies.takes(name)) {
        part(&mut whole, 'c', name, value);
    }
    for (name, value) in pairs(&asked.query).filter(|(name, _)| policy.queries.takes(name)) {
        part(&mut whole, 'q', name, value);
    }
    ObjectId { bucket: origin, key: whole.into() }
}

/// Lengths before the texts: no value can end one part and begin another.
fn part(whole: &mut String, kind: char, name: &str, value: &str) {
    let _ = write!(whole, "{kind}{}:{}:{name}{value}", name.len(), value.len()); // a string takes whatever is written
}

/// The object's key out of a [`cache_key`].
pub fn object_of(id: &ObjectId) -> &str {
    id.key.split(END).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Selection;
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("*", "/", true),
            ("*", "/a/b", true),
            ("/years/*", "/years/1/a", true),
            ("years/*", "/years/", true),
            ("/years/*", "/years", false),
            ("/Years/*", "/years/a", false),
            ("*.jpg", "/a/b.jpg", true),
            ("*.jpg", "/a.jpg/c", false),
            ("/a??.txt", "/a12.txt", true),
            ("/a??.txt", "/a1.txt", false),
            ("/*/b/*c", "/a/b/b/xc", true),
            ("/_edgepass/*", "/_edgepassx/a", false),
        ] {
            assert_eq!(covers(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn normal_paths() {
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("//a///b/", "/a/b/"),
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/", "/"),
            ("/%2e%2e/a", "/%2e%2e/a"),
        ] {
            assert_eq!(normal(path), expected, "{path}");
        }
    }

    #[test]
    fn keys_of_objects() {
        assert_eq!(object_key("", "/a/b%20c").as_deref(), Some("a/b c"));
        assert_eq!(object_key("", "/a+b%2Bc").as_deref(), Some("a b+c"));
        assert_eq!(object_key("/site", "/a").as_deref(), Some("site/a"));
        assert_eq!(object_key("", "/%FF"), None);
        assert_eq!(object_key("", "/a%00b"), None);
    }

    fn key(policy: &CachePolicy, headers: &[(&'static str, &'static str)], query: &str) -> String {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        let asked = Asked { uri: "/a".into(), query: query.into(), headers };
        cache_key(policy, 0, "a", &asked).key.to_string()
    }

    #[test]
    fn by_the_policy_alone() {
        let mut policy = CachePolicy {
            min: 0,
            default: 0,
            max: 0,
            headers: Selection::None,
            cookies: Selection::None,
            queries: Selection::None,
        };
        let plain = key(&policy, &[], "");
        assert_eq!(key(&policy, &[("authorization", "x"), ("cookie", "a=1")], "q=1"), plain);
        policy.headers = Selection::Only(vec!["accept".into()]);
        policy.cookies = Selection::Only(vec!["a".into()]);
        policy.queries = Selection::AllBut(vec!["token".into()]);
        let several = key(&policy, &[("accept", "x"), ("cookie", "b=2; a=1")], "q=1&token=2");
        assert_ne!(several, plain);
        assert_eq!(key(&policy, &[("accept", "x"), ("cookie", "a=1"), ("range", "r")], "token=3&q=1"), several);
        assert_ne!(
            key(&policy, &[("accept", "xc1:1:a1")], "q=1"),
            key(&policy, &[("accept", "x"), ("cookie", "a=1")], "q=1")
        );
    }
}
