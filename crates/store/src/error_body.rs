//! The document of a refusal, completed by what clients look for in it: which request and which resource it is about.

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use percent_encoding::percent_decode_str;
use s3s::{Body, HttpResponse};

const END: &str = "</Error>";

/// `path` is that of the request, as it came. Leaves all but an error document as it is.
pub(crate) fn complete(response: &mut HttpResponse, path: &str) {
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        return;
    }
    let text = response.body().bytes().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let Some(text) = text.as_deref().and_then(|text| text.trim_end().strip_suffix(END)) else { return };
    if text.contains("<RequestId>") {
        return;
    }
    let id = response.headers().get("x-amz-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let named = decoded.strip_prefix('/').unwrap_or(&decoded);
    let (bucket, key) = named.split_once('/').unwrap_or((named, ""));
    let about = if text.contains("<Code>NoSuchBucket</Code>") {
        format!("<BucketName>{}</BucketName>", escape(bucket))
    } else if text.contains("<Code>NoSuchKey</Code>") {
        format!("<Key>{}</Key>", escape(key))
    } else {
        String::new()
    };
    let whole = format!("{text}{about}<Resource>{}</Resource><RequestId>{id}</RequestId>{END}", escape(&decoded));
    let bytes = Bytes::from(whole);
    if response.headers().contains_key(CONTENT_LENGTH) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    *response.body_mut() = Body::from(bytes);
}

/// What XML 1.0 cannot hold at all is left out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_names_its_request_and_resource() {
        let mut response = HttpResponse::new(Body::from("<Error><Code>NoSuchKey</Code></Error>".to_owned()));
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        response.headers_mut().insert("x-amz-request-id", HeaderValue::from_static("7"));
        complete(&mut response, "/bucket/a%3Cb%00");
        let text = String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap();
        let expected = "<Error><Code>NoSuchKey</Code><Key>a&lt;b</Key><Resource>/bucket/a&lt;b</Resource>\
                        <RequestId>7</RequestId></Error>";
        assert_eq!(text, expected);
    }
}
