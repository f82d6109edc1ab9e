//! The body of `DeleteObjects`: it must come with a digest, and fit it. `s3s` compares none.

use crate::digest::{Announced, Digests};
use crate::incoming;
use crate::limits;
use crate::receive::BodyFault;
use crate::request_body::RequestBody;
use bytes::BytesMut;
use http::request::Parts;
use http_body_util::BodyExt as _;
use s3s::{Body, S3Result, s3_error};

pub(crate) async fn whole(parts: &Parts, mut body: RequestBody) -> S3Result<Body> {
    let md5 = parts.headers.get("content-md5").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let announced = Announced { md5, checksums: incoming::in_head(&parts.headers, &parts.uri) };
    if announced.md5.is_none() && announced.checksums.is_empty() {
        return Err(s3_error!(InvalidRequest, "Missing required header for this request: Content-MD5"));
    }
    incoming::makes_sense(&announced, &[])?;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(BodyFault::Broken)?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if bytes.len() > limits::XML_BYTES {
            return Err(BodyFault::TooLarge.into());
        }
    }
    let mut digests = Digests::of(announced.checksums.keys().copied());
    digests.update(&bytes);
    digests.finish().check(&announced)?;
    Ok(Body::from(bytes.freeze()))
}
