//! Uploads in parts: what may be begun, and the signed way to the bucket for each part.

use authorizer::{Allowed, Rules, UnixTime, Upload};
use aws_credential_types::Credentials;

use crate::bucket::Bucket;
use crate::encode::encode_segment;
use crate::grant::{MAX_SINGLE, check, expiry};
use crate::parts::{MAX_MULTIPART, check_part_size, part_length, uppy_part_size, usual_part_size};
use crate::plan::Plan;
use crate::presign::{presigned_url, window};
use crate::refused::{BadRequest, Refused};
use crate::request::{ChecksumAlgorithm, Mode, Request};
use crate::seal::{Begun, Owner, Wanted};

/// The least life of a part's URL, in seconds: a slow line needs minutes for one part.
const LEAST_PART_LIFE: i64 = 900;

/// Who cuts the file, if the request does not say how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutter {
    /// Our own package, which asks us.
    Ours,
    /// Uppy, which has a rule of its own.
    Uppy,
}

/// When the media type is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeSaid {
    Now,
    /// By the request that begins.
    Later,
}

/// Whether this file is to go in parts. `possible`: the site can.
pub fn in_parts(plan: &Plan, rules: &Rules, possible: bool) -> bool {
    let takes_more =
        rules.route(plan.route).and_then(|route| route.upload).is_some_and(|upload| upload.max_size > MAX_SINGLE);
    match plan.request.mode {
        Some(mode) => mode == Mode::Multipart,
        None => possible && takes_more && plan.request.size.is_some_and(|size| size > MAX_SINGLE),
    }
}

/// What was planned and then allowed, to be begun in parts. `bucket` is the one that [`Allowed::bucket`] names.
pub fn wanted(
    allowed: &Allowed<Upload>,
    plan: &Plan,
    rules: &Rules,
    bucket: &Bucket,
    owner: Owner,
    cutter: Cutter,
    said: TypeSaid,
) -> Result<Wanted, Refused> {
    if allowed.route() != plan.route || rules.key_in(plan.route, &plan.path).as_deref() != Some(allowed.key()) {
        return Err(Refused::OtherPath);
    }
    let info = rules.route(plan.route).ok_or(Refused::NoUploads)?;
    let upload = info.upload.ok_or(Refused::NoUploads)?;
    let request = &plan.request;
    let limit = upload.max_size.min(MAX_MULTIPART);
    match said {
        TypeSaid::Now => check(request, upload, limit)?,
        TypeSaid::Later => check_size(request, limit)?,
    }
    if request.checksum.as_ref().is_some_and(|checksum| checksum.algorithm == ChecksumAlgorithm::Sha256) {
        // "Checking object integrity" of the Amazon S3 User Guide: of a whole object in parts, CRCs alone.
        return Err(BadRequest::new("checksum.algorithm", "cannot be SHA256 of a file in parts").into());
    }
    let part_size = match (request.part_size, cutter) {
        (Some(part_size), _) => check_part_size(part_size, request.size)?,
        (None, Cutter::Ours) => usual_part_size(request.size.unwrap_or(limit)),
        (None, Cutter::Uppy) => uppy_part_size(request.size.unwrap_or(limit)),
    };
    let media_type = (said == TypeSaid::Now).then(|| request.media_type.clone());
    let wanted = Wanted {
        bucket: bucket.name().to_owned(),
        route: info.name.to_owned(),
        path: plan.path.as_str().to_owned(),
        key: None,
        owner,
        size: request.size,
        max_size: limit,
        part_size,
        media_type,
        checksum: request.checksum.clone(),
    };
    Ok(wanted.at(allowed.key()))
}

fn check_size(request: &Request, limit: u64) -> Result<(), Refused> {
    match request.size {
        Some(size) if size > limit => Err(Refused::TooLarge { size, limit }),
        _ => Ok(()),
    }
}

/// A media type that is said only when the upload begins.
pub fn type_said(rules: &Rules, route: &str, text: &str) -> Result<String, Refused> {
    let media_type = crate::request::media_type(text.to_owned())?;
    let (_, info) = rules.routes().find(|(_, info)| info.name == route).ok_or(Refused::NoUploads)?;
    let upload = info.upload.ok_or(Refused::NoUploads)?;
    if upload.types.iter().any(|pattern| pattern.takes(&media_type)) {
        Ok(media_type)
    } else {
        Err(Refused::TypeNotAllowed)
    }
}

/// Leave for what was begun before, given anew: the same bearer, and still the same object. The size that the route takes now.
pub fn still_wanted(
    allowed: &Allowed<Upload>,
    begun: &Begun,
    rules: &Rules,
    bucket: &Bucket,
    owner: Owner,
) -> Result<u64, Refused> {
    let wanted = &begun.wanted;
    if wanted.owner != owner {
        return Err(Refused::OtherOwner);
    }
    let info = rules.route(allowed.route()).ok_or(Refused::NoUploads)?;
    if info.name != wanted.route || allowed.key() != wanted.key() || bucket.name() != wanted.bucket {
        return Err(Refused::OtherPath);
    }
    let upload = info.upload.ok_or(Refused::NoUploads)?;
    Ok(upload.max_size.min(wanted.max_size))
}

/// What a browser sends to the bucket itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direct {
    /// `size`, where the client says it of a part whose length does not follow from the file's.
    Part {
        number: u32,
        size: Option<u64>,
    },
    List,
    Abort,
}

/// A URL, and the second from which it is no good any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub url: String,
    pub expires: i64,
}

/// Signs one request of an upload in parts. Leave for it was given: [`still_wanted`].
pub fn direct(
    what: Direct,
    begun: &Begun,
    max_size: u64,
    rules_life: i64,
    bucket: &Bucket,
    credentials: &Credentials,
    now: UnixTime,
) -> Result<Signed, Refused> {
    let wanted = &begun.wanted;
    let id = encode_segment(&begun.store_id);
    let (method, query, length) = match what {
        Direct::Part { number, size } => {
            let length = match (part_length(number, wanted.size, wanted.part_size, max_size)?, size) {
                (Some(length), Some(size)) if size != length => {
                    return Err(BadRequest::new("size", format!("of part {number} is not {length} bytes")).into());
                }
                (known, said) => known.or(said),
            };
            if let Some(size) = length.filter(|length| *length > max_size) {
                return Err(Refused::TooLarge { size, limit: max_size });
            }
            ("PUT", format!("partNumber={number}&uploadId={id}"), length)
        }
        Direct::List => ("GET", format!("uploadId={id}"), None),
        Direct::Abort => ("DELETE", format!("uploadId={id}"), None),
    };
    let expires = expiry(now, rules_life.max(LEAST_PART_LIFE), credentials)?;
    let window = window(now, expires).ok_or(Refused::Signing)?;
    let url = format!("{}?{query}", bucket.object_url(wanted.key()));
    let length = length.map(|length| length.to_string());
    let headers: Vec<_> = length.iter().map(|length| ("Content-Length", length.as_str())).collect();
    let url = presigned_url(method, &url, &headers, bucket.region(), credentials, window).ok_or(Refused::Signing)?;
    Ok(Signed { url, expires: expires.0 })
}

/// The URL of a part that belongs to no upload, of a key that nobody has: a store that minds signatures refuses it when it
/// comes with a header that is not signed. For whoever wants to know what a store does.
pub fn trial(key: &str, bucket: &Bucket, credentials: &Credentials, now: UnixTime) -> Option<String> {
    let window = window(now, UnixTime(now.0 + LEAST_PART_LIFE))?;
    let url = format!("{}?partNumber=1&uploadId=none", bucket.object_url(key));
    presigned_url("PUT", &url, &[], bucket.region(), credentials, window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::tests::wanted;

    #[test]
    fn requests_to_the_bucket() {
        let bucket = Bucket::new("files", "us-west-2", "https://s3.us-west-2.amazonaws.com", true).unwrap();
        let credentials = Credentials::from_keys("AK", "SK", None);
        let now = UnixTime(1_800_000_000);
        let wanted = Wanted { size: Some(11 << 20), max_size: 12 << 20, ..wanted() };
        let begun = Begun { store_id: "2~a/b".to_owned(), mark: String::new(), at: now.0, expires: now.0, wanted };
        let signed = |what| direct(what, &begun, 12 << 20, 60, &bucket, &credentials, now);
        let part = signed(Direct::Part { number: 3, size: None }).unwrap();
        assert!(
            part.url
                .starts_with("https://s3.us-west-2.amazonaws.com/files/w/f/%C3%A9.png?partNumber=3&uploadId=2~a%2Fb&"),
            "{}",
            part.url
        );
        assert!(part.url.contains("X-Amz-SignedHeaders=content-length%3Bhost"), "{}", part.url);
        assert_eq!(part.expires, now.0 + 900);
        assert!(signed(Direct::Part { number: 3, size: Some(1 << 20) }).is_ok());
        for (number, size) in [(0, None), (4, None), (3, Some(5 << 20)), (1, Some(1))] {
            assert!(signed(Direct::Part { number, size }).is_err(), "{number} {size:?}");
        }
        for what in [Direct::List, Direct::Abort] {
            assert!(signed(what).unwrap().url.contains("X-Amz-SignedHeaders=host&"));
        }
    }
}
