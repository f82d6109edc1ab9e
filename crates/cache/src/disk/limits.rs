//! Every limit of the disk tier, with its reason.

use std::time::Duration;

/// The smallest and the largest disk cache in bytes: some segments of several slices each; and so many segments of 4 GiB that
/// their handles stay near a thousand.
pub const LEAST: u64 = 64 << 20;
pub const MOST: u64 = 4 << 40;

/// Segments that a disk cache is cut into: one is the step in which room is made, so 1 % of the size; each costs a handle.
const SEGMENTS: u64 = 128;

/// The smallest segment holds several slices; the offsets in the largest fit 32 bits.
const SEGMENT_LEAST: u64 = 4 << 20;
const SEGMENT_MOST: u64 = (4 << 30) - (64 << 20);

/// Records of one segment: its list takes 6 MiB, and to scan it after a crash takes less than a second.
pub const RECORDS: usize = 256 << 10;

/// Records in all: one takes 50 to 85 bytes of memory, as the index grows by doubling. One for every 16 KiB of the disk, within bounds.
const RECORDS_LEAST: u64 = 1 << 20;
const RECORDS_MOST: u64 = 8 << 20;

/// Bytes of a bucket's, object's and version's name together. S3's keys end at 1,024, ETags are far shorter.
pub const IDENTITY: usize = 8 << 10;

/// Bytes of a head with its headers: the origin's whole answer has no more.
pub const HEAD: usize = 64 << 10;

/// An object of so many bytes at most is in its entry's record; a longer one has a record for each slice, which is not written
/// again when only its freshness changes.
pub const INSIDE: usize = 16 << 10;

/// What waits to be written, in bytes and in records; beyond it is not written. They are in memory until then.
pub const WAITING_BYTES: usize = 32 << 20;
pub const WAITING_RECORDS: usize = 8192;

/// Removals that wait. They must not be lost: beyond it the whole disk cache is emptied.
pub const WAITING_REMOVALS: usize = 64 << 10;

/// Written at once.
pub const BATCH: usize = 1 << 20;

/// Records of the oldest segment that are judged between two batches.
pub const JUDGED: usize = 2048;

/// Reads at one time: each holds a thread and a slice. Disks of today serve several best.
pub const READS: usize = 16;

/// For a read, and for the wait for its turn: a disk that takes longer is no better than the origin.
pub const READ: Duration = Duration::from_secs(2);

/// After trouble, until the disk is tried again; and between two looks whether the directory is still ours.
pub const RETRY: Duration = Duration::from_secs(10);
pub const LOOK: Duration = Duration::from_secs(2);

/// Without trouble for so long, the disk works again: one that fails now and then is told of once.
pub const CALM: Duration = Duration::from_secs(60);

pub fn segment(size: u64) -> u64 {
    (size / SEGMENTS).clamp(SEGMENT_LEAST, SEGMENT_MOST)
}

pub fn records(size: u64) -> u64 {
    (size / (16 << 10)).clamp(RECORDS_LEAST, RECORDS_MOST)
}
