//! Signed requests to the bucket: `SigV4` in the query (the specification's "query string authentication").
//!
//! The body is `UNSIGNED-PAYLOAD`; what binds it is the signed headers, its length and type among them. Paths go out as they
//! are signed: encoded once, never normalised.

use std::time::{Duration, SystemTime};

use authorizer::UnixTime;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

/// How far signatures are dated back, in seconds: stores refuse one from the future, and their clocks may be behind ours.
pub const BACKDATE: i64 = 60;

/// The longest life of a presigned request, in seconds: what S3 takes, 7 days.
const LONGEST: u64 = 604_800;

/// When a request was signed, and until when it may be used.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub signed: SystemTime,
    /// From `signed`.
    pub life: Duration,
}

/// From a little before `now` until `expires`; `None` where that is no time at all.
pub fn window(now: UnixTime, expires: UnixTime) -> Option<Window> {
    let signed = now.0.checked_sub(BACKDATE)?;
    let life = u64::try_from(expires.0.checked_sub(signed)?).ok()?.min(LONGEST);
    let since_epoch = Duration::from_secs(u64::try_from(signed).ok()?);
    Some(Window { signed: SystemTime::UNIX_EPOCH.checked_add(since_epoch)?, life: Duration::from_secs(life) })
}

/// The URL of this request with its signature. The headers are signed: the request counts only with exactly these.
pub fn presigned_url(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    region: &str,
    credentials: &Credentials,
    window: Window,
) -> Option<String> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(window.life);
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(window.signed)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::UnsignedPayload).ok()?;
    let (instructions, _) = sign(request, &parameters).ok()?.into_parts();
    let mut signed = http::Request::builder().method(method).uri(url).body(()).ok()?;
    instructions.apply_to_request_http1x(&mut signed);
    Some(signed.uri().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, life: u64) -> Window {
        Window { signed: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), life: Duration::from_secs(life) }
    }

    /// "Authenticating Requests: Using Query Parameters" of the Amazon S3 API reference.
    #[test]
    fn the_documented_get() {
        let credentials =
            Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None);
        let url = "https://examplebucket.s3.amazonaws.com/test.txt";
        let signed = presigned_url("GET", url, &[], "us-east-1", &credentials, at(1_369_353_600, 86_400)).unwrap();
        assert!(
            signed.ends_with("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
            "{signed}"
        );
        assert!(signed.contains("X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"), "{signed}");
    }

    /// Computed with botocore 1.43 (`S3SigV4QueryAuth`): an odd key, signed headers, a session token.
    #[test]
    fn a_put_as_others_sign_it() {
        let token = Some("to/k+en=".to_owned());
        let credentials =
            Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token);
        let bucket = crate::Bucket::new("acme-user-files", "us-west-2", "https://s3.us-west-2.amazonaws.com", true);
        let url = bucket.unwrap().object_url("11/a b+%2F~é日本🙂!'()*&=;:@,$");
        let headers =
            [("Content-Type", "image/png; a=b"), ("x-amz-checksum-crc32c", "yZRlqg=="), ("Content-Length", "1000")];
        let signed = presigned_url("PUT", &url, &headers, "us-west-2", &credentials, at(1_799_999_940, 960)).unwrap();
        assert!(signed.starts_with(&format!("{url}?")), "{signed}");
        assert!(
            signed.contains("X-Amz-Signature=3733f1c51246f704b8afb429d1744290a21c5fd0346903becad01af94f978cc4"),
            "{signed}"
        );
    }

    #[test]
    fn windows() {
        let window_of = |now, expires| window(UnixTime(now), UnixTime(expires)).map(|window| window.life.as_secs());
        assert_eq!(window_of(1000, 1900), Some(960));
        assert_eq!(window_of(1000, 100_000_000), Some(LONGEST));
        assert_eq!(window_of(1000, 900), None);
        assert_eq!(window_of(10, 900), None);
        assert_eq!(window_of(i64::MIN, 900), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::from_keys("AK", "a-very-secret-key", None);
        assert!(!format!("{credentials:?}").contains("a-very-secret"));
    }
}
