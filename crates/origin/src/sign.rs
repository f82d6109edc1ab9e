//! SigV4 in the `Authorization` header (AWS's signing library does the work). Only `host` and the `x-amz-*` headers are signed:
//! a range or a condition does not change the signature.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use http::request::Parts;

/// Adds the signature's headers. `None` if the request cannot be signed, which a request of ours always can.
pub fn sign_request(parts: &mut Parts, region: &str, credentials: &Credentials, now: SystemTime) -> Option<()> {
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
    let host = parts.headers.get(http::header::HOST)?.to_str().ok()?;
    let request = SignableRequest::new(
        parts.method.as_str(),
        &uri,
        std::iter::once(("host", host)),
        SignableBody::UnsignedPayload,
    )
    .ok()?;
    let (instructions, _) = sign(request, &params).ok()?.into_parts();
    for (name, value) in instructions.headers() {
        let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = http::HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        parts.headers.insert(name, value);
    }
    Some(())
}
