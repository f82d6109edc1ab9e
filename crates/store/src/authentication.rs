//! What a request shows to prove who sent it. `s3s` checks the signature itself; this refuses what `s3s` would let pass:
//! Signature Version 2, a presigned life over seven days, another region, headers that nobody signed, and nothing at all.

use crate::limits;
use crate::query;
use http::header::AUTHORIZATION;
use http::request::Parts;
use s3s::{S3Result, s3_error};
use std::collections::HashSet;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Names of the headers that the signature covers, in lower case. The signature itself is not checked yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignedHeaders(HashSet<String>);

impl SignedHeaders {
    pub(crate) fn covers(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

pub(crate) fn presented(request: &Parts, region: &str) -> S3Result<SignedHeaders> {
    let query = query::pairs(&request.uri);
    let in_query = |name: &str| query.iter().any(|(found, _)| found.eq_ignore_ascii_case(name));
    let in_header: Vec<_> = request.headers.get_all(AUTHORIZATION).iter().collect();
    if in_query("AWSAccessKeyId") || in_query("Signature") {
        return Err(not_version_4());
    }
    let signed = match (in_header.as_slice(), in_query("X-Amz-Signature")) {
        ([], false) => return Err(s3_error!(AccessDenied, "Anonymous access is forbidden")),
        ([header], false) => by_header(header.to_str().unwrap_or_default(), region)?,
        ([], true) => by_query(&query, region)?,
        _ => return Err(s3_error!(InvalidArgument, "Only one authentication mechanism is allowed")),
    };
    if !signed.covers("host") {
        return Err(s3_error!(AccessDenied, "The signature must cover the header host"));
    }
    everything_of_amz_is_signed(request, &signed)?;
    Ok(signed)
}

fn by_header(header: &str, region: &str) -> S3Result<SignedHeaders> {
    let malformed = || s3_error!(AuthorizationHeaderMalformed, "The authorization header is malformed");
    let Some(rest) = header.strip_prefix(ALGORITHM) else {
        return Err(match header.split(' ').next() {
            Some("AWS") => not_version_4(),
            _ => s3_error!(InvalidArgument, "Unsupported authorization type"),
        });
    };
    let part = |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (credential, signed) = (part("Credential"), part("SignedHeaders"));
    let credential = credential.ok_or_else(malformed)?;
    if !scope_is_ours(credential, region) {
        return Err(s3_error!(
            AuthorizationHeaderMalformed,
            "The authorization header is malformed; its scope must be {region}/s3/aws4_request"
        ));
    }
    Ok(signed_headers(signed.ok_or_else(malformed)?))
}

fn by_query(query: &[(String, String)], region: &str) -> S3Result<SignedHeaders> {
    let one = |name: &str| {
        let mut found = query.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value.as_str()),
            _ => Err(s3_error!(AuthorizationQueryParametersError, "The query must have one {name}")),
        }
    };
    if one("X-Amz-Algorithm")? != ALGORITHM {
        return Err(not_version_4());
    }
    let expires = one("X-Amz-Expires")?;
    let seconds = expires.bytes().all(|byte| byte.is_ascii_digit()).then(|| expires.parse::<u64>().ok()).flatten();
    if !seconds.is_some_and(|seconds| (1..=limits::PRESIGN_SECONDS).contains(&seconds)) {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Expires must be a number from 1 to {} seconds",
            limits::PRESIGN_SECONDS
        ));
    }
    if !scope_is_ours(one("X-Amz-Credential")?, region) {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "The scope of X-Amz-Credential must be {region}/s3/aws4_request"
        ));
    }
    Ok(signed_headers(one("X-Amz-SignedHeaders")?))
}

/// `credential` is `KEY/20261122/REGION/s3/aws4_request`.
fn scope_is_ours(credential: &str, region: &str) -> bool {
    let mut parts = credential.rsplit('/');
    parts.next() == Some("aws4_request") && parts.next() == Some("s3") && parts.next() == Some(region)
}

fn signed_headers(list: &str) -> SignedHeaders {
    SignedHeaders(list.split(';').map(str::to_ascii_lowercase).collect())
}

/// Whoever holds a presigned URL could otherwise turn a PUT into a copy of any object, or add metadata.
fn everything_of_amz_is_signed(request: &Parts, signed: &SignedHeaders) -> S3Result<()> {
    // The body is compared with the first, and the second is part of every signature.
    let harmless = ["x-amz-content-sha256", "x-amz-date", "x-amz-user-agent"];
    let unsigned = request
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .find(|name| name.starts_with("x-amz-") && !signed.covers(name) && !harmless.contains(name));
    match unsigned {
        Some(name) => {
            Err(s3_error!(AccessDenied, "There were headers present in the request which were not signed: {name}"))
        }
        None => Ok(()),
    }
}

pub(crate) fn not_version_4() -> s3s::S3Error {
    s3_error!(
        InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(uri: &str, headers: &[(&str, &str)]) -> Result<SignedHeaders, String> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        presented(&parts, "us-east-1").map_err(|error| error.code().as_str().to_owned())
    }

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AK/20261122/us-east-1/s3/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=00";

    fn presigned(expires: &str) -> String {
        format!(
            "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20261122%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20261122T000000Z&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
        )
    }

    #[test]
    fn what_is_let_through_to_the_signature_check() {
        assert!(ask("/b/k", &[("authorization", GOOD)]).unwrap().covers("x-amz-date"));
        assert!(ask(&presigned("604800"), &[]).is_ok());
        assert!(ask(&presigned("60"), &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]).is_ok());
    }

    #[test]
    fn what_is_refused_before_it() {
        let region = GOOD.replace("us-east-1", "eu-west-1");
        let service = GOOD.replace("/s3/", "/sts/");
        for (uri, headers, code) in [
            ("/b/k", vec![], "AccessDenied"),
            ("/b/k", vec![("authorization", "AWS AK:sig")], "InvalidRequest"),
            ("/b/k?AWSAccessKeyId=AK&Expires=1&Signature=x", vec![], "InvalidRequest"),
            ("/b/k?Signature=x", vec![("authorization", GOOD)], "InvalidRequest"),
            ("/b/k", vec![("authorization", "Bearer x")], "InvalidArgument"),
            ("/b/k", vec![("authorization", GOOD), ("authorization", GOOD)], "InvalidArgument"),
            (&presigned("60"), vec![("authorization", GOOD)], "InvalidArgument"),
            ("/b/k", vec![("authorization", &region)], "AuthorizationHeaderMalformed"),
            ("/b/k", vec![("authorization", &service)], "AuthorizationHeaderMalformed"),
            ("/b/k", vec![("authorization", "AWS4-HMAC-SHA256 x")], "AuthorizationHeaderMalformed"),
            (&presigned("604801"), vec![], "AuthorizationQueryParametersError"),
            (&presigned("0"), vec![], "AuthorizationQueryParametersError"),
            (&presigned("-1"), vec![], "AuthorizationQueryParametersError"),
            (&presigned("%2B60"), vec![], "AuthorizationQueryParametersError"),
            (&presigned("60&X-Amz-Expires=70"), vec![], "AuthorizationQueryParametersError"),
            (&presigned("60"), vec![("x-amz-copy-source", "/b/other")], "AccessDenied"),
            (&presigned("60"), vec![("x-amz-meta-a", "b")], "AccessDenied"),
            ("/b/k", vec![("authorization", GOOD), ("x-amz-acl", "private")], "AccessDenied"),
        ] {
            assert_eq!(ask(uri, &headers).unwrap_err(), code, "{uri} {headers:?}");
        }
    }
}
