//! `PutObject`.

use crate::digest::Algorithm;
use crate::fault::Fault;
use crate::given;
use crate::incoming::{self, Saying};
use crate::key::ObjectKey;
use crate::object::Object;
use crate::vault::{Address, Terms, Vault};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto::{ETag, PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Response, S3Result};
use std::sync::Arc;

pub(crate) async fn put(
    vault: &Arc<Vault>,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let S3Request { mut input, headers, uri, trailing_headers, .. } = request;
    given::no_unknown_promise(&headers)?;
    let at = Address { bucket: input.bucket, key: ObjectKey::parse(input.key)? };
    if vault.cors(&at.bucket).is_none() {
        return Err(Fault::NoSuchBucket.into());
    }
    let precondition = given::precondition(input.if_none_match.as_ref(), input.if_match.as_ref())?;
    let kept = given::kept_headers(&headers, input.metadata.take())?;
    let wanted = input.checksum_algorithm.as_ref().and_then(|name| Algorithm::from_name(name.as_str()));
    let saying = Saying {
        headers: &headers,
        uri: &uri,
        trailing: trailing_headers.as_ref(),
        length: input.content_length,
        md5: input.content_md5.take(),
    };
    let (received, announced) = incoming::take(vault, input.body.take(), saying, wanted).await?;
    let object = vault.put(at, received, Terms { headers: kept, announced, precondition }).await?;
    Ok(S3Response::with_headers(
        PutObjectOutput { e_tag: Some(ETag::Strong(object.etag.clone())), ..PutObjectOutput::default() },
        checksum_headers(&object),
    ))
}

pub(crate) fn checksum_headers(object: &Object) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (algorithm, sum) in &object.headers.checksums {
        if let Ok(sum) = HeaderValue::from_str(sum) {
            headers.insert(HeaderName::from_static(algorithm.header()), sum);
        }
    }
    headers.insert("x-amz-checksum-type", HeaderValue::from_static(object.headers.checksum_kind.name()));
    headers
}
