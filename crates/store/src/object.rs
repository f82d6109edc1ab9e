//! One stored object: what the index knows of it, apart from its name.

use crate::blobs::BlobId;
use crate::digest::{ChecksumKind, Checksums};
use crate::fault::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    /// Names its bytes; copies share them.
    pub(crate) content: BlobId,
    /// Of how many pieces the bytes are; 0 where they are one file of their own.
    pub(crate) parts: u16,
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    /// Seconds since 1970: HTTP dates know no fractions.
    pub(crate) modified: i64,
    pub(crate) headers: ObjectHeaders,
}

/// The headers an uploader gave, to be given back with the object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ObjectHeaders {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    /// An HTTP date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    /// `x-amz-meta-*`, without the prefix.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) checksums: Checksums,
    #[serde(skip_serializing_if = "ChecksumKind::is_of_the_whole")]
    pub(crate) checksum_kind: ChecksumKind,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// What must be true of the object that is there now, at the moment of commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Precondition {
    #[default]
    None,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match: *`
    Present,
    /// `If-Match: "…"`
    Etag(String),
}

impl Precondition {
    /// `there` is the object that is there now.
    pub(crate) fn check(&self, there: Option<&Object>) -> Result<(), Fault> {
        match (self, there) {
            (Self::None, _) | (Self::Absent, None) | (Self::Present, Some(_)) => Ok(()),
            (Self::Etag(wanted), Some(there)) if *wanted == there.etag => Ok(()),
            (Self::Etag(_) | Self::Present, None) => Err(Fault::NoSuchKey),
            (Self::Etag(_) | Self::Absent, Some(_)) => Err(Fault::PreconditionFailed),
        }
    }
}
