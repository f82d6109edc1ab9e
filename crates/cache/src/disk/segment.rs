//! A segment: a file that records are appended to. When it is full, a list of its records is put at its end, so that a start reads
//! the lists alone. A segment without a list, whose writer was killed, is read record by record.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crc_fast::CrcAlgorithm::Crc64Nvme;
use crc_fast::checksum;

use super::bytes::{Reader, read_at, size, small};
use super::identity::{Digest, digest};
use super::index::Place;
use super::limits;
use super::record::{Fixed, Spot};

const MAGIC: [u8; 8] = *b"EPlist01";
/// Bytes of the list's end: magic, segment, count, sum.
const END: usize = 24;
/// Bytes of one record in the list.
const ROW: usize = 24;

/// A record as a segment's list has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub digest: Digest,
    pub place: Place,
}

/// What was found in a segment.
pub struct Contents {
    pub listed: Vec<Listed>,
    /// Where the next record would go; none where the list stands at the end.
    pub open_at: Option<u64>,
}

pub fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08x}.segment"))
}

pub fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".segment").filter(|digits| digits.len() == 8)?;
    u32::from_str_radix(digits, 16).ok()
}

pub fn create(dir: &Path, number: u32) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path(dir, number))
}

/// The list as it is written at the end.
pub fn list(number: u32, listed: &[Listed]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(listed_length(listed.len()));
    for row in listed {
        bytes.extend_from_slice(&row.digest.0);
        bytes.extend_from_slice(&row.place.spot.offset.to_le_bytes());
        bytes.extend_from_slice(&row.place.length.to_le_bytes());
    }
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&small(listed.len()).to_le_bytes());
    let sum = checksum(Crc64Nvme, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

pub fn listed_length(count: usize) -> usize {
    count * ROW + END
}

pub fn contents(file: &File, number: u32) -> io::Result<Contents> {
    let length = file.metadata()?.len();
    match read_list(file, number, length)? {
        Some(listed) => Ok(Contents { listed, open_at: None }),
        None => scan(file, number, length),
    }
}

fn read_list(file: &File, number: u32, length: u64) -> io::Result<Option<Vec<Listed>>> {
    let Some(end_at) = length.checked_sub(END as u64) else { return Ok(None) };
    let end = read_at(file, end_at, END)?;
    let Some(count) = read_end(&end, number).filter(|count| *count <= limits::RECORDS) else { return Ok(None) };
    let Some(at) = length.checked_sub(listed_length(count) as u64) else { return Ok(None) };
    let bytes = read_at(file, at, listed_length(count))?;
    let Some((before_sum, sum)) = bytes.split_last_chunk::<8>() else { return Ok(None) };
    if checksum(Crc64Nvme, before_sum) != u64::from_le_bytes(*sum) {
        return Ok(None);
    }
    let rows = before_sum.get(..count * ROW).unwrap_or_default();
    Ok(rows.chunks_exact(ROW).map(|row| read_row(row, number)).collect())
}

fn read_end(end: &[u8], number: u32) -> Option<usize> {
    let mut reader = Reader(end);
    let ours = reader.bytes::<8>()? == MAGIC && reader.u32()? == number;
    reader.u32().filter(|_| ours).map(size)
}

fn read_row(row: &[u8], segment: u32) -> Option<Listed> {
    let mut reader = Reader(row);
    let digest = Digest(reader.bytes()?);
    let spot = Spot { segment, offset: reader.u32()? };
    Some(Listed { digest, place: Place { spot, length: reader.u32()? } })
}

/// Up to the first record that is none. Bytes are not read: who reads a record later sees whether they are right.
fn scan(file: &File, number: u32, length: u64) -> io::Result<Contents> {
    /// Nearly every record's head is within.
    const LOOK: usize = 4096;
    let (mut listed, mut at) = (Vec::new(), 0);
    while let Ok(offset) = u32::try_from(at) {
        let spot = Spot { segment: number, offset };
        let mut bytes = read_at(file, at, LOOK)?;
        let Some(fixed) = Fixed::read(&bytes, spot) else { break };
        if fixed.before_body() > bytes.len() {
            bytes = read_at(file, at, fixed.before_body())?;
        }
        let Some(identity) = fixed.identity(&bytes) else { break };
        let next = at + fixed.length() as u64;
        if next > length || listed.len() >= limits::RECORDS {
            break;
        }
        if fixed.live {
            listed.push(Listed { digest: digest(identity), place: Place { spot, length: small(fixed.length()) } });
        }
        at = next;
    }
    Ok(Contents { listed, open_at: Some(at) })
}
