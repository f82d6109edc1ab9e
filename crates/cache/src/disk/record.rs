//! A record: a head of fixed length, the identity, an entry's head, the bytes. All of it is under checksums (CRC-64/NVME), but
//! for four bytes that say whether it still counts: they are overwritten where it stands.
//!
//! A record knows the segment and the offset that it was written to: at any other place it is none.

use crc_fast::CrcAlgorithm::Crc64Nvme;
use crc_fast::{Digest as Crc, checksum};

use super::bytes::{Reader, size, small};
use super::identity::Kind;
use super::limits;
use crate::object::SLICE;

/// Bytes of the fixed head.
pub const FIXED: usize = 56;

const MAGIC: [u8; 4] = *b"EPd1";
const LIVE: [u8; 4] = *b"live";

/// Where the mark stands, and what takes it away.
pub const MARK: u64 = 4;
pub const GONE: [u8; 4] = [0; 4];

/// Where the sums stand.
const SUM: usize = 48;

/// The fixed head, read.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    pub live: bool,
    kind: u8,
    identity: usize,
    head: usize,
    body: usize,
    /// Seconds since 1970.
    pub stored_at: i64,
    body_sum: u64,
}

/// What a record says.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    pub kind: Kind,
    pub identity: &'a [u8],
    pub head: &'a [u8],
    pub body: &'a [u8],
    pub stored_at: i64,
}

/// A segment's number and the offset in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub segment: u32,
    pub offset: u32,
}

pub fn length(content: &Content<'_>) -> usize {
    FIXED + content.identity.len() + content.head.len() + content.body.len()
}

pub fn encode(content: &Content<'_>, spot: Spot, into: &mut Vec<u8>) {
    let mut fixed = Vec::with_capacity(FIXED);
    fixed.extend_from_slice(&MAGIC);
    fixed.extend_from_slice(&LIVE);
    fixed.extend_from_slice(&u32::from(content.kind.code()).to_le_bytes());
    for length in [content.identity.len(), content.head.len(), content.body.len()] {
        fixed.extend_from_slice(&small(length).to_le_bytes());
    }
    fixed.extend_from_slice(&spot.segment.to_le_bytes());
    fixed.extend_from_slice(&spot.offset.to_le_bytes());
    fixed.extend_from_slice(&content.stored_at.to_le_bytes());
    fixed.extend_from_slice(&checksum(Crc64Nvme, content.body).to_le_bytes());
    let sum = sum(&fixed, content.identity, content.head);
    fixed.extend_from_slice(&sum.to_le_bytes());
    into.extend_from_slice(&fixed);
    into.extend_from_slice(content.identity);
    into.extend_from_slice(content.head);
    into.extend_from_slice(content.body);
}

/// Of the fixed head but for the mark, the identity and the entry's head.
fn sum(fixed: &[u8], identity: &[u8], head: &[u8]) -> u64 {
    let mut crc = Crc::new(Crc64Nvme);
    crc.update(fixed.get(..4).unwrap_or_default());
    crc.update(fixed.get(8..SUM).unwrap_or_default());
    crc.update(identity);
    crc.update(head);
    crc.finalize()
}

impl Fixed {
    /// The first bytes of a record, if they can be some. Nothing is proven yet but the bounds.
    pub fn read(bytes: &[u8], spot: Spot) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (magic, mark) = (reader.bytes::<4>()?, reader.bytes::<4>()?);
        let kind = u8::try_from(reader.u32()?).ok()?;
        let (identity, head, body) = (size(reader.u32()?), size(reader.u32()?), size(reader.u32()?));
        let written_to = Spot { segment: reader.u32()?, offset: reader.u32()? };
        let (stored_at, body_sum) = (reader.i64()?, reader.u64()?);
        let within = identity <= limits::IDENTITY && head <= limits::HEAD && body as u64 <= SLICE;
        let ours = magic == MAGIC && written_to == spot && within;
        ours.then_some(Self { live: mark == LIVE, kind, identity, head, body, stored_at, body_sum })
    }

    /// The identity, if the sum over all but the bytes is right.
    pub fn identity(self, bytes: &[u8]) -> Option<&[u8]> {
        let fixed = bytes.get(..FIXED)?;
        let identity = bytes.get(FIXED..FIXED + self.identity)?;
        let head = bytes.get(FIXED + self.identity..self.before_body())?;
        let said = Reader(fixed.get(SUM..)?).u64()?;
        (said == sum(fixed, identity, head)).then_some(identity)
    }

    /// Where the bytes begin.
    pub fn before_body(self) -> usize {
        FIXED + self.identity + self.head
    }

    pub fn length(self) -> usize {
        self.before_body() + self.body
    }
}

/// A whole record, where every sum is right and it still counts.
pub fn decode(bytes: &[u8], spot: Spot) -> Option<Content<'_>> {
    let fixed = Fixed::read(bytes, spot).filter(|fixed| fixed.live && fixed.length() == bytes.len())?;
    let identity = fixed.identity(bytes)?;
    let head = bytes.get(FIXED + fixed.identity..fixed.before_body())?;
    let body = bytes.get(fixed.before_body()..)?;
    let kind = match fixed.kind {
        1 => Kind::Entry,
        2 => Kind::Slice,
        _ => return None,
    };
    let whole = checksum(Crc64Nvme, body) == fixed.body_sum;
    whole.then_some(Content { kind, identity, head, body, stored_at: fixed.stored_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_changed_byte_is_believed() {
        let spot = Spot { segment: 3, offset: 99 };
        let content = Content { kind: Kind::Slice, identity: b"who", head: b"head", body: b"the bytes", stored_at: 5 };
        let mut bytes = Vec::new();
        encode(&content, spot, &mut bytes);
        assert_eq!(bytes.len(), length(&content));
        let read = decode(&bytes, spot).unwrap();
        assert_eq!((read.identity, read.head, read.body, read.stored_at), (&b"who"[..], &b"head"[..], content.body, 5));
        assert!(decode(&bytes, Spot { segment: 4, ..spot }).is_none());
        assert!(decode(&bytes, Spot { offset: 98, ..spot }).is_none());
        for at in 0..bytes.len() {
            assert!(decode(&bytes[..at], spot).is_none());
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                assert!(decode(&other, spot).is_none(), "byte {at}, bit {bit}");
            }
        }
    }
}
