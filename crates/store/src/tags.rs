//! Tags of an object: names and values that its owner gives it, apart from its bytes and headers.

use crate::limits;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use s3s::dto::{Tag, Tagging};
use s3s::{S3Error, S3Result, s3_error};
use std::collections::BTreeMap;

pub(crate) type Tags = BTreeMap<String, String>;

/// `x-amz-tagging: a=1&b=2`, as in a query.
pub(crate) fn of_header(headers: &HeaderMap) -> S3Result<Tags> {
    let Some(header) = headers.get("x-amz-tagging") else { return Ok(Tags::new()) };
    let text = header.to_str().map_err(|_| s3_error!(InvalidArgument, "x-amz-tagging is not ASCII"))?;
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned)
    };
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Ok(name), Ok(value)) = (decode(name), decode(value)) else {
            return Err(s3_error!(InvalidArgument, "x-amz-tagging is not UTF-8"));
        };
        pairs.push((name, value));
    }
    checked(pairs)
}

pub(crate) fn of_tagging(tagging: Tagging) -> S3Result<Tags> {
    let pairs = tagging.tag_set.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    checked(pairs.collect())
}

pub(crate) fn to_set(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(name, value)| Tag { key: Some(name.clone()), value: Some(value.clone()) }).collect()
}

fn checked(pairs: Vec<(String, String)>) -> S3Result<Tags> {
    if pairs.len() > limits::TAGS {
        return Err(bad_request(format!("Object tags cannot be greater than {}", limits::TAGS)));
    }
    let mut tags = Tags::new();
    for (name, value) in pairs {
        let within = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
        if name.is_empty() || !within(&name, limits::TAG_NAME) || name.starts_with("aws:") {
            return Err(s3_error!(InvalidTag, "The TagKey you have provided is invalid"));
        }
        if !within(&value, limits::TAG_VALUE) {
            return Err(s3_error!(InvalidTag, "The TagValue you have provided is invalid"));
        }
        if tags.insert(name, value).is_some() {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(tags)
}

fn bad_request(message: String) -> S3Error {
    let mut error = S3Error::with_message(s3s::S3ErrorCode::Custom("BadRequest".into()), message);
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Result<Vec<(String, String)>, String> {
        let headers = HeaderMap::from_iter([("x-amz-tagging".parse().unwrap(), header.parse().unwrap())]);
        let tags = of_header(&headers).map_err(|error| error.code().as_str().to_owned())?;
        Ok(tags.into_iter().collect())
    }

    #[test]
    fn a_header_of_tags() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(of("a=1&b=x+%C3%BC&c").unwrap(), [pair("a", "1"), pair("b", "x ü"), pair("c", "")]);
        assert_eq!(of("").unwrap(), []);
        let many: Vec<String> = (0..11).map(|n| format!("t{n}=")).collect();
        for (header, code) in [
            ("a=1&a=2", "InvalidTag"),
            ("=1", "InvalidTag"),
            ("aws:x=1", "InvalidTag"),
            (&format!("{}=", "n".repeat(129)), "InvalidTag"),
            (&format!("a={}", "v".repeat(257)), "InvalidTag"),
            ("a=%FF", "InvalidArgument"),
            (&many.join("&"), "BadRequest"),
        ] {
            assert_eq!(of(header), Err(code.to_owned()), "{header}");
        }
    }
}
