//! SigV4 in the `Authorization` header (AWS's signing library does the work). Only `host`, the media type and the `x-amz-*` headers are signed:
//! a range or a condition does not change the signature.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use http::request::Parts;

/// What of the body the signature covers.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'b> {
    Unsigned,
    Bytes(&'b [u8]),
}

/// Adds the signature's headers. `None` if the request cannot be signed, which a request of ours always can.
pub fn sign_request(
    parts: &mut Parts,
    payload: Payload<'_>,
    region: &str,
    credentials: &Credentials,
    now: SystemTime,
) -> Option<()> {
    let mut settings = SigningSettings::default();
    // S3 encodes paths once and keeps them as they are; elsewhere in AWS it is otherwise.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(now)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let uri = parts.uri.to_string();
    let covered = parts.headers.iter().filter(|(name, _)| {
        **name == http::header::HOST || **name == http::header::CONTENT_TYPE || name.as_str().starts_with("x-amz-")
    });
    let headers: Vec<_> =
        covered.map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect::<Option<_>>()?;
    let body = match payload {
        Payload::Unsigned => SignableBody::UnsignedPayload,
        Payload::Bytes(bytes) => SignableBody::Bytes(bytes),
    };
    let request = SignableRequest::new(parts.method.as_str(), &uri, headers.into_iter(), body).ok()?;
    let (instructions, _) = sign(request, &params).ok()?.into_parts();
    for (name, value) in instructions.headers() {
        let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = http::HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        parts.headers.insert(name, value);
    }
    Some(())
}
