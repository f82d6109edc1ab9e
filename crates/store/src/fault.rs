//! Why the store could not do what it was asked, and what S3 calls that.
//!
//! A fault of ours (disk, index) is told to the operator on stderr; the client sees `InternalError` and no more.

use s3s::{S3Error, S3ErrorCode, s3_error};

#[derive(Debug)]
pub(crate) enum Fault {
    NoSuchBucket,
    NoSuchKey,
    BucketExists,
    BucketNotEmpty,
    TooManyBuckets,
    PreconditionFailed,
    NoSuchUpload,
    /// Not there, or with another `ETag` or checksum.
    InvalidPart(u16),
    InvalidPartOrder,
    /// A part of a completion that is not the last.
    PartTooSmall,
    /// A completion without parts.
    NoParts,
    /// The completion names another type of checksum than the upload.
    OtherChecksumType,
    /// The size the uploader named is not that of the parts.
    OtherSize,
    /// The range of a part's copy is not in its source, or too large for a part.
    CopyRange {
        size: u64,
    },
    /// The source of a copy was replaced again and again.
    Busy,
    /// The bytes that arrived are not those the named header announced.
    BadDigest(&'static str),
    Disk(std::io::Error),
    Index(rusqlite::Error),
    /// A stored row does not read back: the index was changed by something else.
    Corrupt(&'static str),
    /// The task that did the work ended without an answer.
    Abandoned,
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Index(error)
    }
}

impl From<Fault> for S3Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoSuchBucket => s3_error!(NoSuchBucket, "The specified bucket does not exist"),
            Fault::NoSuchKey => s3_error!(NoSuchKey, "The specified key does not exist."),
            Fault::BucketExists => s3_error!(BucketAlreadyOwnedByYou, "The bucket exists and is yours"),
            Fault::BucketNotEmpty => s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"),
            Fault::TooManyBuckets => s3_error!(TooManyBuckets, "This store holds no more buckets"),
            Fault::PreconditionFailed => {
                s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
            }
            Fault::NoSuchUpload => s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
            ),
            Fault::InvalidPart(number) => s3_error!(
                InvalidPart,
                "Part {number} could not be found. It may not have been uploaded, or its entity tag or checksum may not match."
            ),
            Fault::InvalidPartOrder => s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ),
            Fault::PartTooSmall => {
                s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size")
            }
            Fault::NoParts => s3_error!(MalformedXML, "A completion names at least one part"),
            Fault::OtherChecksumType => s3_error!(
                InvalidRequest,
                "The complete request must use the checksum type that the upload was created with."
            ),
            Fault::OtherSize => s3_error!(InvalidRequest, "x-amz-mp-object-size is not the size of the parts"),
            Fault::CopyRange { size } => {
                s3_error!(
                    InvalidRequest,
                    "The range to copy is not valid for a part and a source object of size: {size}"
                )
            }
            Fault::Busy => s3_error!(OperationAborted, "The source is being replaced. Please try again."),
            Fault::BadDigest(header) => {
                s3_error!(BadDigest, "The {header} you specified did not match the content that was received")
            }
            Fault::Disk(_) | Fault::Index(_) | Fault::Corrupt(_) | Fault::Abandoned => {
                eprintln!("store: {}", fault.for_the_operator());
                s3_error!(InternalError, "The store could not complete the request. Please try again.")
            }
        }
    }
}

impl Fault {
    fn for_the_operator(&self) -> String {
        match self {
            Self::Disk(error) => format!("file system: {error}"),
            Self::Index(error) => format!("index: {error}"),
            Self::Corrupt(what) => format!("index: unreadable {what}"),
            other => format!("{other:?}"),
        }
    }
}

/// An S3 error whose code has no variant in `s3s`.
pub(crate) fn custom_error(code: &'static str, status: http::StatusCode, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

/// Runs file and index work where it may wait.
pub(crate) async fn blocking<T, F, E>(work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Fault> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault::Abandoned.into()),
    }
}
