//! Room is made by removing the oldest segment. What was read of it since it was written, or is in memory, is written again at
//! the front; the rest goes. So a film that is read once passes through, and what is read again and again stays (FIFO with
//! reinsertion). Half of what is removed may be written again, counted over some segments, so that there is always room in
//! the end.
//!
//! It is done in steps between what waits to be written, and begun so early that the size is kept to meanwhile.

use std::fs::File;
use std::sync::Arc;

use super::bytes::{read_at, size};
use super::identity;
use super::index::Place;
use super::limits;
use super::record::{self, Fixed};
use super::segment::{self, Listed};
use super::volume::{Files, Volume};
use super::writer::{Batch, Writer};

/// The segment that is being removed.
pub struct Victim {
    number: u32,
    file: Arc<File>,
    pub listed: Vec<Listed>,
    /// The next record to judge.
    at: usize,
}

/// Segments whose worth may be written again at most, where the ones before left something of their halves.
const MOST_CREDIT: u64 = 2;

/// Segments' worth of room that is kept free: for what is written again of one, and for what is written meanwhile.
const SPARE: u64 = 2;

impl Victim {
    /// None where the segment cannot be read.
    pub fn open(number: u32, files: &Files) -> Option<Self> {
        let file = files.get(number)?;
        let listed = segment::contents(&file, number).ok()?.listed;
        Some(Self { number, file, listed, at: 0 })
    }
}

impl Writer {
    /// Whether there is room to make.
    pub fn wants_room(&self) -> bool {
        let Some(volume) = self.volume.as_ref().filter(|_| !self.is_failing()) else { return false };
        let full = volume.used() + SPARE * volume.segment_size() > self.shared.size
            || self.shared.index.entries() as u64 > limits::records(self.shared.size);
        full && volume.oldest().is_some()
    }

    /// One step of it.
    pub fn make_room(&mut self) {
        if self.victim.is_none() && !self.wants_room() || self.is_failing() {
            return;
        }
        let Some(victim) = self.victim.take().or_else(|| self.choose()) else { return };
        let victim = self.judge(victim);
        if self.is_failing() {
            return; // its records stand where they stood
        }
        if victim.at < victim.listed.len() {
            self.victim = Some(victim);
        } else {
            self.remove_segment(victim.number);
        }
    }

    fn choose(&mut self) -> Option<Victim> {
        let volume = self.volume.as_ref()?;
        let number = volume.oldest()?;
        self.credit = (self.credit + volume.segment_size() / 2).min(MOST_CREDIT * volume.segment_size());
        let victim = Victim::open(number, &self.shared.files);
        if victim.is_none() {
            self.remove_segment(number);
        }
        victim
    }

    fn remove_segment(&mut self, number: u32) {
        let removed =
            self.volume.as_mut().map_or(Ok(()), |volume: &mut Volume| volume.remove(number, &self.shared.files));
        if let Err(fault) = removed {
            self.in_trouble(&fault);
        }
    }

    fn judge(&mut self, mut victim: Victim) -> Victim {
        let mut batch = Batch::default();
        let rows = victim.listed.get(victim.at..).unwrap_or_default().iter().take(limits::JUDGED);
        for row in rows {
            victim.at += 1;
            let Some(used) = self.shared.index.used_at(row.digest, row.place) else { continue };
            let length = u64::from(row.place.length);
            let stays = length <= self.credit && (used || self.is_in_memory(&victim.file, row.place));
            if stays && self.write_again(&victim.file, *row, &mut batch) {
                self.credit -= length;
            } else {
                self.shared.index.remove_at(row.digest, row.place);
            }
            if batch.bytes.len() >= limits::BATCH {
                break;
            }
        }
        self.flush(&mut batch);
        victim
    }

    /// With the time at which it was stored first.
    fn write_again(&mut self, file: &File, row: Listed, batch: &mut Batch) -> bool {
        let bytes = read_at(file, u64::from(row.place.spot.offset), size(row.place.length)).ok();
        let content = bytes.as_deref().and_then(|bytes| record::decode(bytes, row.place.spot));
        content.is_some_and(|content| self.add(row.digest, &content, Some(row.place), batch))
    }

    /// What is hot is not read from the disk, because it is in memory.
    fn is_in_memory(&self, file: &File, place: Place) -> bool {
        const LOOK: usize = 1024;
        let Some(in_memory) = self.shared.in_memory.get() else { return false };
        let bytes = read_at(file, u64::from(place.spot.offset), LOOK.min(size(place.length)));
        let Ok(bytes) = bytes else { return false };
        let named = Fixed::read(&bytes, place.spot).and_then(|fixed| {
            let identity = fixed.before_body().le(&bytes.len()).then(|| fixed.identity(&bytes)).flatten()?;
            identity::read(identity)
        });
        named.is_some_and(|named| in_memory(&named))
    }
}
