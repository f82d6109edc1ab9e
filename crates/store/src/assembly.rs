//! From the parts of an upload to its object: which are taken, whether they fit, and what `ETag` and checksum the whole
//! has. Pure: no row and no file is touched here.

use crate::digest::{Algorithm, ChecksumKind, Checksums, Promise, hexadecimal};
use crate::fault::Fault;
use crate::limits;
use crate::pieces::Piece;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum_combine};
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};

/// A part as the completion names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) number: u16,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) checksums: Checksums,
}

/// What the completion says of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) size: Option<u64>,
    pub(crate) checksums: Checksums,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assembled {
    /// In the order of the bytes.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) checksums: Checksums,
}

/// `stored` is in the order of its numbers.
pub(crate) fn assemble(
    named: &[Named],
    stored: &[Piece],
    promise: Promise,
    expected: &Expected,
) -> Result<Assembled, Fault> {
    if named.is_empty() {
        return Err(Fault::NoParts);
    }
    if named.iter().zip(named.iter().skip(1)).any(|(one, next)| one.number >= next.number) {
        return Err(Fault::InvalidPartOrder);
    }
    let pieces = named.iter().map(|named| find(named, stored)).collect::<Result<Vec<_>, _>>()?;
    if pieces.iter().rev().skip(1).any(|piece| piece.size < limits::PART_BYTES_MIN) {
        return Err(Fault::PartTooSmall);
    }
    let size = pieces.iter().fold(0_u64, |size, piece| size.saturating_add(piece.size));
    if expected.size.is_some_and(|expected| expected != size) {
        return Err(Fault::OtherSize);
    }
    let sum = checksum(&pieces, promise).ok_or(Fault::Corrupt("part checksums"))?;
    for (algorithm, expected) in &expected.checksums {
        // Of a composite one, some clients leave out the number of parts.
        let same = *expected == sum || sum.split_once('-').is_some_and(|(sum, _)| sum == expected);
        if *algorithm != promise.algorithm || !same {
            return Err(Fault::BadDigest(algorithm.header()));
        }
    }
    let etag = etag(&pieces.iter().map(|piece| piece.etag.as_str()).collect::<Vec<_>>());
    let etag = etag.ok_or(Fault::Corrupt("part ETag"))?;
    Ok(Assembled { pieces, size, etag, checksums: [(promise.algorithm, sum)].into() })
}

fn find(named: &Named, stored: &[Piece]) -> Result<Piece, Fault> {
    let invalid = || Fault::InvalidPart(named.number);
    let at = stored.binary_search_by_key(&named.number, |piece| piece.number).map_err(|_| invalid())?;
    let piece = stored.get(at).ok_or_else(invalid)?;
    let same = piece.etag == named.etag
        && named.checksums.iter().all(|(algorithm, sum)| piece.checksums.get(algorithm) == Some(sum));
    if same { Ok(piece.clone()) } else { Err(invalid()) }
}

/// The MD5 of the parts' MD5s, and their number. None where one of them is no MD5.
pub(crate) fn etag(parts: &[&str]) -> Option<String> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&u128::from_str_radix(part, 16).ok().filter(|_| part.len() == 32)?.to_be_bytes());
    }
    Some(format!("{}-{}", hexadecimal(&md5.finalize()), parts.len()))
}

fn checksum(pieces: &[Piece], promise: Promise) -> Option<String> {
    let sums = pieces.iter().map(|piece| STANDARD.decode(piece.checksums.get(&promise.algorithm)?).ok());
    let sums: Vec<Vec<u8>> = sums.collect::<Option<_>>()?;
    match promise.kind {
        ChecksumKind::Composite => Some(format!("{}-{}", of_sums(promise.algorithm, &sums.concat()), pieces.len())),
        ChecksumKind::FullObject => of_the_whole(promise.algorithm, pieces, &sums),
    }
}

fn of_sums(algorithm: Algorithm, sums: &[u8]) -> String {
    match algorithm {
        Algorithm::Crc32 => STANDARD.encode(Crc32::checksum(sums)),
        Algorithm::Crc32c => STANDARD.encode(Crc32c::checksum(sums)),
        Algorithm::Crc64Nvme => STANDARD.encode(Crc64Nvme::checksum(sums)),
        Algorithm::Sha1 => STANDARD.encode(Sha1::checksum(sums)),
        Algorithm::Sha256 => STANDARD.encode(Sha256::checksum(sums)),
    }
}

/// Only of CRCs can that of the whole be made from those of the parts.
fn of_the_whole(algorithm: Algorithm, pieces: &[Piece], sums: &[Vec<u8>]) -> Option<String> {
    let crc = match algorithm {
        Algorithm::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        Algorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
        Algorithm::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
        Algorithm::Sha1 | Algorithm::Sha256 => return None,
    };
    let number = |sum: &[u8]| sum.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let mut parts = pieces.iter().zip(sums);
    let first = number(parts.next()?.1);
    let whole = parts.fold(first, |before, (piece, sum)| checksum_combine(crc, before, number(sum), piece.size));
    let bytes = whole.to_be_bytes();
    let width = sums.first()?.len();
    Some(STANDARD.encode(bytes.get(bytes.len().checked_sub(width)?..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::BlobId;
    use crate::digest::Digests;

    const BIG: usize = 5 * 1024 * 1024;

    fn piece(number: u16, bytes: &[u8]) -> Piece {
        let mut digests = Digests::of(Algorithm::ALL);
        digests.update(bytes);
        let digested = digests.finish();
        let (etag, checksums) = (digested.etag(), digested.checksums);
        Piece { number, blob: BlobId::new(), size: bytes.len() as u64, etag, checksums }
    }

    fn named(piece: &Piece) -> Named {
        Named { number: piece.number, etag: piece.etag.clone(), checksums: Checksums::new() }
    }

    fn with(algorithm: Algorithm, kind: ChecksumKind) -> Promise {
        Promise { algorithm, kind }
    }

    #[test]
    fn the_checksum_of_the_whole_is_that_of_its_bytes() {
        let bytes: Vec<u8> = (0..BIG + 7).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let stored = [piece(3, &bytes[..BIG]), piece(9, &bytes[BIG..])];
        let whole = piece(1, &bytes);
        let list = [named(&stored[0]), named(&stored[1])];
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let promise = with(algorithm, ChecksumKind::FullObject);
            let made = assemble(&list, &stored, promise, &Expected::default()).unwrap();
            assert_eq!(made.checksums[&algorithm], whole.checksums[&algorithm]);
            assert_eq!(made.size, bytes.len() as u64);
        }
        for algorithm in Algorithm::ALL {
            let promise = with(algorithm, ChecksumKind::Composite);
            let made = assemble(&list, &stored, promise, &Expected::default()).unwrap();
            let sums = stored.iter().flat_map(|p| STANDARD.decode(&p.checksums[&algorithm]).unwrap());
            let mut digests = Digests::of([algorithm]);
            digests.update(&sums.collect::<Vec<u8>>());
            assert_eq!(made.checksums[&algorithm], format!("{}-2", digests.finish().checksums[&algorithm]));
        }
    }

    #[test]
    fn an_etag_of_the_parts_known_from_s3() {
        // Three parts of "a" × 5 MiB, "b" × 5 MiB and "c": MD5s of the parts and of these, by md5sum.
        let parts = [vec![b'a'; BIG], vec![b'b'; BIG], vec![b'c']].map(|bytes| piece(1, &bytes).etag);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        assert_eq!(etag(&parts).unwrap(), KNOWN);
        assert_eq!(etag(&["x"]), None);
    }

    const KNOWN: &str = "0a97f1336a2298a6c3e9adaa562a9eec-3";

    #[test]
    fn what_is_not_taken() {
        let (big, small) = (vec![1; BIG], vec![2; BIG - 1]);
        let stored = [piece(1, &big), piece(2, &small), piece(3, &big)];
        let list: Vec<Named> = stored.iter().map(named).collect();
        let promise = with(Algorithm::Crc64Nvme, ChecksumKind::FullObject);
        let refused = |list: &[Named], expected: &Expected| {
            format!("{:?}", assemble(list, &stored, promise, expected).map(|made| made.size).unwrap_err())
        };
        let free = Expected::default();
        assert_eq!(refused(&[], &free), "NoParts");
        assert_eq!(refused(&list, &free), "PartTooSmall");
        assert_eq!(refused(&[list[2].clone(), list[0].clone()], &free), "InvalidPartOrder");
        assert_eq!(refused(&[list[0].clone(), list[0].clone()], &free), "InvalidPartOrder");
        assert_eq!(refused(&[Named { number: 4, ..list[0].clone() }], &free), "InvalidPart(4)");
        assert_eq!(refused(&[Named { etag: "0".repeat(32), ..list[0].clone() }], &free), "InvalidPart(1)");
        let wrong: Checksums = [(Algorithm::Sha1, "AAAA".to_owned())].into();
        assert_eq!(refused(&[Named { checksums: wrong.clone(), ..list[0].clone() }], &free), "InvalidPart(1)");
        let last = &list[1..2];
        assert!(assemble(last, &stored, promise, &free).is_ok());
        assert_eq!(refused(last, &Expected { size: Some(1), ..Expected::default() }), "OtherSize");
        let expected = Expected { size: None, checksums: wrong };
        assert_eq!(refused(last, &expected), "BadDigest(\"x-amz-checksum-sha1\")");
    }
}
