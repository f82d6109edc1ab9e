//! Digests of a body as it passes: MD5 for the `ETag`, and the checksums of S3.

use crate::fault::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// What the checksum of an object that came in parts is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ChecksumKind {
    /// Of all its bytes, as if they had come in one.
    #[default]
    FullObject,
    /// Of the checksums of its parts.
    Composite,
}

impl ChecksumKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(crate) fn is_of_the_whole(&self) -> bool {
        *self == Self::FullObject
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// The checksum that a multipart upload leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Promise {
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: ChecksumKind,
}

/// Checksums in base64, as they stand in `x-amz-checksum-*`.
pub(crate) type Checksums = BTreeMap<Algorithm, String>;

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    pub(crate) fn from_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.header().eq_ignore_ascii_case(name))
    }

    /// As in `x-amz-checksum-algorithm`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// `name` as in `x-amz-sdk-checksum-algorithm`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name().eq_ignore_ascii_case(name))
    }
}

/// What the sender said the body would add up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announced {
    /// `Content-MD5`, in base64.
    pub(crate) md5: Option<String>,
    pub(crate) checksums: Checksums,
}

#[derive(Default)]
pub(crate) struct Digests {
    md5: Md5,
    checksums: ChecksumHasher,
}

pub(crate) struct Digested {
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Checksums,
}

impl Digests {
    /// Without any algorithm the body gets a CRC64NVME, as in S3.
    pub(crate) fn of(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let mut digests = Self::default();
        let mut none = true;
        for algorithm in algorithms {
            digests.add(algorithm);
            none = false;
        }
        if none {
            digests.add(Algorithm::Crc64Nvme);
        }
        digests
    }

    fn add(&mut self, algorithm: Algorithm) {
        let sums = &mut self.checksums;
        match algorithm {
            Algorithm::Crc32 => sums.crc32 = Some(Crc32::new()),
            Algorithm::Crc32c => sums.crc32c = Some(Crc32c::new()),
            Algorithm::Crc64Nvme => sums.crc64nvme = Some(Crc64Nvme::new()),
            Algorithm::Sha1 => sums.sha1 = Some(Sha1::new()),
            Algorithm::Sha256 => sums.sha256 = Some(Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.checksums.update(bytes);
    }

    pub(crate) fn finish(self) -> Digested {
        let sums = self.checksums.finalize();
        let all = [
            (Algorithm::Crc32, sums.checksum_crc32),
            (Algorithm::Crc32c, sums.checksum_crc32c),
            (Algorithm::Crc64Nvme, sums.checksum_crc64nvme),
            (Algorithm::Sha1, sums.checksum_sha1),
            (Algorithm::Sha256, sums.checksum_sha256),
        ];
        Digested {
            md5: self.md5.finalize(),
            checksums: all.into_iter().filter_map(|(a, sum)| sum.map(|sum| (a, sum))).collect(),
        }
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Digested {
    /// The `ETag` of a body that came in one piece, without its quotes.
    pub(crate) fn etag(&self) -> String {
        hexadecimal(&self.md5)
    }

    pub(crate) fn check(&self, announced: &Announced) -> Result<(), Fault> {
        if announced.md5.as_ref().is_some_and(|md5| *md5 != STANDARD.encode(self.md5)) {
            return Err(Fault::BadDigest("Content-MD5"));
        }
        for (algorithm, sum) in &announced.checksums {
            if self.checksums.get(algorithm) != Some(sum) {
                return Err(Fault::BadDigest(algorithm.header()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let mut digests = Digests::of(Algorithm::ALL);
        digests.update(b"1234");
        digests.update(b"56789");
        let done = digests.finish();
        assert_eq!(done.etag(), "25f9e794323b453885f5181f1b624d0b");
        // The check values of the CRC catalogue for "123456789".
        assert_eq!(done.checksums[&Algorithm::Crc32], STANDARD.encode(0xCBF4_3926_u32.to_be_bytes()));
        assert_eq!(done.checksums[&Algorithm::Crc32c], STANDARD.encode(0xE306_9283_u32.to_be_bytes()));
        assert_eq!(done.checksums[&Algorithm::Crc64Nvme], STANDARD.encode(0xAE8B_1486_0A79_9888_u64.to_be_bytes()));
        assert_eq!(done.checksums[&Algorithm::Sha1], "98O8HYCOBHMq32eZZczDTKeuNEE=");
    }

    #[test]
    fn the_checksum_of_an_empty_body_does_not_fit_a_full_one() {
        let announced = Announced { md5: None, checksums: [(Algorithm::Crc32, "AAAAAA==".to_owned())].into() };
        let mut digests = Digests::of([Algorithm::Crc32]);
        assert!(Digests::of([Algorithm::Crc32]).finish().check(&announced).is_ok());
        digests.update(b"full");
        assert!(matches!(digests.finish().check(&announced), Err(Fault::BadDigest("x-amz-checksum-crc32"))));
    }
}
