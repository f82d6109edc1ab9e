//! Whose bytes a record holds. The whole identity is in the record and compared when it is read; the index knows a digest.

use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::bytes::{Reader, put_short};
use super::limits;

/// An entry (the head of the version that is served now), or a slice of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Entry,
    Slice,
}

impl Kind {
    pub fn code(self) -> u8 {
        match self {
            Self::Entry => 1,
            Self::Slice => 2,
        }
    }
}

/// 128 bits of SHA-256: nobody who chooses names can make two alike, and it is the same after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 16]);

/// An identity as it is written. `bucket` is the same after a restart: the store and the bucket's name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub kind: Kind,
    pub bytes: Vec<u8>,
    pub digest: Digest,
}

/// An identity as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    Entry { bucket: &'a str, key: &'a str },
    Slice { bucket: &'a str, key: &'a str, etag: &'a [u8], number: u64 },
}

impl Identity {
    /// None where the names are too long to be written.
    pub fn entry(bucket: &str, key: &str) -> Option<Self> {
        Self::new(Kind::Entry, bucket, key, |_| Some(()))
    }

    pub fn slice(bucket: &str, key: &str, etag: &HeaderValue, number: u64) -> Option<Self> {
        Self::new(Kind::Slice, bucket, key, |bytes| {
            put_short(bytes, etag.as_bytes())?;
            bytes.extend_from_slice(&number.to_le_bytes());
            Some(())
        })
    }

    fn new(kind: Kind, bucket: &str, key: &str, rest: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<Self> {
        let mut bytes = Vec::with_capacity(bucket.len() + key.len() + 64);
        bytes.push(kind.code());
        put_short(&mut bytes, bucket.as_bytes())?;
        put_short(&mut bytes, key.as_bytes())?;
        rest(&mut bytes)?;
        (bytes.len() <= limits::IDENTITY).then(|| Self { kind, digest: digest(&bytes), bytes })
    }
}

pub fn digest(identity: &[u8]) -> Digest {
    let hash: [u8; 32] = Sha256::digest(identity).into();
    let mut half = [0; 16];
    half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    Digest(half)
}

pub fn read(identity: &[u8]) -> Option<Named<'_>> {
    let mut reader = Reader(identity);
    let kind = reader.byte()?;
    let bucket = std::str::from_utf8(reader.short()?).ok()?;
    let key = std::str::from_utf8(reader.short()?).ok()?;
    let named = match kind {
        1 => Named::Entry { bucket, key },
        2 => Named::Slice { bucket, key, etag: reader.short()?, number: reader.u64()? },
        _ => return None,
    };
    reader.is_empty().then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_no_two_are_alike() {
        let etag = HeaderValue::from_static("\"v\"");
        let slice = |bucket, key, number| Identity::slice(bucket, key, &etag, number).unwrap();
        let all = [
            Identity::entry("a", "bc").unwrap(),
            Identity::entry("ab", "c").unwrap(),
            Identity::entry("abc", "").unwrap(),
            slice("a", "bc", 0),
            slice("a", "bc", 1),
            slice("ab", "c", 0),
        ];
        for (number, one) in all.iter().enumerate() {
            assert!(all.iter().skip(number + 1).all(|other| other.digest != one.digest), "{one:?}");
        }
        assert_eq!(read(&all[1].bytes), Some(Named::Entry { bucket: "ab", key: "c" }));
        let named = Named::Slice { bucket: "a", key: "bc", etag: b"\"v\"", number: 1 };
        assert_eq!(read(&all[4].bytes), Some(named));
        for end in 0..all[4].bytes.len() {
            assert_eq!(read(&all[4].bytes[..end]), None);
        }
        assert_eq!(Identity::entry("a", &"k".repeat(limits::IDENTITY)), None);
        assert_eq!(Identity::entry("a", &"k".repeat(70_000)), None);
    }
}
