//! The body of `PutObject` and `UploadPart`: what headers, query and trailer announce of it, and its way to a draft.

use crate::digest::{Algorithm, Announced, Digests};
use crate::limits;
use crate::query;
use crate::receive::{self, BodyFault, Received};
use crate::vault::Vault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Uri};
use s3s::dto::StreamingBlob;
use s3s::{Body, S3Result, TrailingHeaders, s3_error};
use std::sync::Arc;

/// What an upload says of its body, apart from the bytes.
pub(crate) struct Saying<'r> {
    pub(crate) headers: &'r HeaderMap,
    pub(crate) uri: &'r Uri,
    pub(crate) trailing: Option<&'r TrailingHeaders>,
    pub(crate) length: Option<i64>,
    /// `Content-MD5`
    pub(crate) md5: Option<String>,
}

/// Reads it all. The digests are of what is announced and of `wanted`; they are not compared yet.
pub(crate) async fn take(
    vault: &Arc<Vault>,
    body: Option<StreamingBlob>,
    saying: Saying<'_>,
    wanted: impl IntoIterator<Item = Algorithm>,
) -> S3Result<(Received, Announced)> {
    let mut announced = Announced { md5: saying.md5, checksums: in_head(saying.headers, saying.uri) };
    let trailer = in_trailer(saying.headers);
    makes_sense(&announced, &trailer)?;
    let length = saying.length.and_then(|length| u64::try_from(length).ok());
    if length.is_some_and(|length| length > limits::OBJECT_BYTES) {
        return Err(BodyFault::TooLarge.into());
    }
    let algorithms = announced.checksums.keys().copied().chain(trailer.iter().copied()).chain(wanted);
    let digests = Digests::of(algorithms);
    let body = body.map_or_else(Body::empty, Body::from);
    let received = receive::receive(&vault.blobs, body, digests, 0..=limits::OBJECT_BYTES).await?;
    if length.is_some_and(|length| length != received.size) {
        return Err(s3_error!(
            IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        ));
    }
    announce_trailer(&mut announced, &trailer, saying.trailing)?;
    Ok((received, announced))
}

/// At most one checksum, and an MD5 that is one.
pub(crate) fn makes_sense(announced: &Announced, trailer: &[Algorithm]) -> S3Result<()> {
    if announced.checksums.len().saturating_add(trailer.len()) > 1 {
        return Err(s3_error!(
            InvalidRequest,
            "Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed."
        ));
    }
    match announced.md5.as_ref().map(|md5| STANDARD.decode(md5)) {
        None => Ok(()),
        Some(Ok(md5)) if md5.len() == 16 => Ok(()),
        Some(_) => Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid")),
    }
}

/// A presigned URL may carry its checksum in the query.
pub(crate) fn in_head(headers: &HeaderMap, uri: &Uri) -> crate::digest::Checksums {
    let in_headers =
        headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let all = in_headers.chain(query::pairs(uri));
    all.filter_map(|(name, sum)| Some((Algorithm::from_header(&name)?, sum))).collect()
}

fn in_trailer(headers: &HeaderMap) -> Vec<Algorithm> {
    let names = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
    names.flat_map(|names| names.split(',')).filter_map(|name| Algorithm::from_header(name.trim())).collect()
}

/// A checksum that was promised in the trailer must have come in it.
fn announce_trailer(
    announced: &mut Announced,
    promised: &[Algorithm],
    trailing: Option<&TrailingHeaders>,
) -> S3Result<()> {
    let trailers = trailing.and_then(TrailingHeaders::take).unwrap_or_default();
    for algorithm in promised {
        let sum = trailers.get(algorithm.header()).and_then(|value| value.to_str().ok());
        let sum = sum.ok_or_else(|| s3_error!(InvalidRequest, "The trailer lacks {}", algorithm.header()))?;
        announced.checksums.insert(*algorithm, sum.to_owned());
    }
    Ok(())
}
