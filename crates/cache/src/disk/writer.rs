//! The one thread that writes: what waits, removals, and what is written again so that it outlives its segment.
//!
//! Trouble with the disk ends nothing: what waits is not written, what is there is read as far as it can be, and after a while
//! the disk is tried again.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::bytes::small;
use super::cleaning::Victim;
use super::fault::DiskFault;
use super::identity::{Digest, Kind};
use super::index::Place;
use super::limits;
use super::queue::{Job, Store};
use super::record::{self, Content};
use super::segment::Listed;
use super::shared::Shared;
use super::volume::Volume;

pub struct Writer {
    pub shared: Arc<Shared>,
    /// None while the directory cannot be had.
    pub volume: Option<Volume>,
    pub victim: Option<Victim>,
    /// Bytes that may be written again.
    pub credit: u64,
    trouble: Trouble,
    looked: Instant,
    /// A removal could not be written: what is on disk must not be found after a restart.
    distrust: bool,
}

struct Trouble {
    last: Option<Instant>,
    told: bool,
}

/// Records that have their places and are not written yet.
#[derive(Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    records: Vec<Pending>,
    entries: HashSet<Digest>,
}

struct Pending {
    listed: Listed,
    /// Where it stood before, if it is written again.
    from: Option<Place>,
}

impl Writer {
    /// `volume` is none where the disk is in trouble already.
    pub fn new(shared: Arc<Shared>, volume: Result<Volume, DiskFault>) -> Self {
        let trouble = Trouble { last: None, told: false };
        let (credit, looked) = (limits::segment(shared.size), Instant::now());
        let mut writer = Self { shared, volume: None, victim: None, credit, trouble, looked, distrust: false };
        match volume {
            Ok(volume) => writer.volume = Some(volume),
            Err(fault) => writer.in_trouble(&fault),
        }
        writer.count();
        writer
    }

    pub fn run(mut self) {
        let _ended = Ended(Arc::clone(&self.shared));
        loop {
            let patience = if self.wants_room() { Duration::ZERO } else { limits::LOOK };
            let Some(jobs) = self.shared.queue.take(patience) else { break };
            self.look_after();
            let mut settled = Vec::new();
            let mut batch = Batch::default();
            for job in jobs {
                match job {
                    Job::Store(store) => self.store(&store, &mut batch),
                    Job::Remove(digest) => {
                        self.flush(&mut batch);
                        self.remove(digest);
                    }
                    Job::Settle(sender) => settled.push(sender),
                }
            }
            self.flush(&mut batch);
            self.make_room();
            self.count();
            for sender in settled {
                let _ = sender.send(()); // whoever waited may have gone
            }
        }
        self.volume = None; // lets go of the lock
    }

    pub fn is_failing(&self) -> bool {
        self.shared.failing.load(Relaxed)
    }

    fn count(&self) {
        self.shared.used.store(self.volume.as_ref().map_or(0, Volume::used), Relaxed);
    }

    fn store(&mut self, store: &Store, batch: &mut Batch) {
        let (kind, digest) = (store.identity.kind, store.identity.digest);
        if kind == Kind::Slice && self.shared.index.holds(digest) {
            return self.shared.index.use_of(digest); // the same bytes
        }
        if kind == Kind::Entry {
            if batch.entries.contains(&digest) {
                self.flush(batch);
            }
            // Not only followed by a later record: that one may be lost, and this must not be found then.
            if let Some(place) = self.shared.index.place(digest) {
                self.mark_gone(place);
                self.shared.index.remove_at(digest, place);
            }
        }
        let content = Content {
            kind,
            identity: &store.identity.bytes,
            head: &store.head,
            body: &store.body,
            stored_at: store.stored_at,
        };
        if !self.add(digest, &content, None, batch) {
            self.shared.counters.skipped.fetch_add(1, Relaxed);
        }
        if kind == Kind::Entry {
            batch.entries.insert(digest);
        }
    }

    /// Gives a record its place; false where the disk is in trouble.
    pub fn add(&mut self, digest: Digest, content: &Content<'_>, from: Option<Place>, batch: &mut Batch) -> bool {
        let length = record::length(content);
        if self.is_failing() {
            return false;
        }
        if self.spot(batch, length).is_none() {
            self.flush(batch);
            if let Some(volume) = &mut self.volume
                && let Err(fault) = volume.turn(&self.shared.files)
            {
                self.in_trouble(&fault);
            }
        }
        let Some(spot) = self.spot(batch, length).filter(|_| !self.is_failing()) else { return false };
        record::encode(content, spot, &mut batch.bytes);
        let place = Place { spot, length: small(length) };
        batch.records.push(Pending { listed: Listed { digest, place }, from });
        true
    }

    fn spot(&self, batch: &Batch, length: usize) -> Option<record::Spot> {
        self.volume.as_ref()?.spot(batch.bytes.len(), batch.records.len(), length)
    }

    pub fn flush(&mut self, batch: &mut Batch) {
        let Batch { bytes, records, .. } = std::mem::take(batch);
        let Some(volume) = self.volume.as_mut().filter(|_| !records.is_empty()) else { return };
        let listed: Vec<Listed> = records.iter().map(|pending| pending.listed).collect();
        match volume.append(&bytes, &listed) {
            Ok(()) => {
                for Pending { listed: Listed { digest, place }, from } in records {
                    match from {
                        None => self.shared.index.put(digest, place),
                        Some(from) => self.shared.index.moved(digest, from, place),
                    }
                }
            }
            Err(fault) => {
                self.shared.counters.skipped.fetch_add(records.len() as u64, Relaxed);
                self.in_trouble(&fault);
            }
        }
    }

    fn remove(&mut self, digest: Digest) {
        if let Some(place) = self.shared.index.place(digest) {
            self.mark_gone(place);
        }
        self.shared.index.end_removal(digest);
    }

    fn mark_gone(&mut self, place: Place) {
        let marked = self.volume.as_ref().map_or(Ok(()), |volume| volume.mark_gone(place, &self.shared.files));
        if let Err(fault) = marked {
            // Where it cannot be marked, its whole segment goes; where not even that, all of it when the disk works again.
            self.distrust |= !self.drop_segment(place.spot.segment);
            self.in_trouble(&fault);
        }
    }

    /// Counts it, tells of it once, and leaves the disk alone for a while.
    pub fn in_trouble(&mut self, fault: &DiskFault) {
        let shared = Arc::clone(&self.shared);
        shared.counters.errors.fetch_add(1, Relaxed);
        shared.failing.store(true, Relaxed);
        self.trouble.last = Some(Instant::now());
        self.victim = None;
        if !self.trouble.told {
            self.trouble.told = true;
            (shared.tell)(&format!(
                "warning: the disk cache: {fault}; what is not in it comes from the store, and it is tried again every {} s",
                limits::RETRY.as_secs()
            ));
        }
        if let DiskFault::Io { error, .. } = fault
            && matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            // Somebody else filled the disk: it can be smaller.
            if let Some(number) = self.volume.as_ref().and_then(Volume::oldest) {
                self.drop_segment(number);
            }
        }
    }

    /// Whether the segment is gone, with all that it held.
    fn drop_segment(&mut self, number: u32) -> bool {
        let Some(volume) = &mut self.volume else { return false };
        let victim = Victim::open(number, &self.shared.files);
        let removed = volume.is_full(number) && volume.remove(number, &self.shared.files).is_ok();
        for row in victim.map(|victim| victim.listed).filter(|_| removed).unwrap_or_default() {
            self.shared.index.remove_at(row.digest, row.place);
        }
        removed
    }

    /// Whether the directory is still there, whether it is time to try again, whether all is to be thrown away.
    fn look_after(&mut self) {
        let now = Instant::now();
        self.distrust |= self.shared.index.is_hidden();
        if now.duration_since(self.looked) >= limits::LOOK {
            self.looked = now;
            if self.volume.as_ref().is_some_and(|volume| !volume.is_ours()) {
                self.lose();
            }
        }
        let rested = self.trouble.last.is_none_or(|last| now.duration_since(last) >= limits::RETRY);
        if self.is_failing() && rested {
            self.try_again();
        }
        if self.distrust && !self.is_failing() {
            self.empty();
        }
        if self.trouble.told
            && !self.is_failing()
            && self.trouble.last.is_none_or(|last| now.duration_since(last) >= limits::CALM)
        {
            self.trouble = Trouble { last: None, told: false };
            (self.shared.tell)("the disk cache works again");
        }
    }

    /// The directory was taken from under us: nothing in it is ours any more. It is made anew at once.
    fn lose(&mut self) {
        self.volume = None;
        self.victim = None;
        self.shared.files.clear();
        self.shared.index.clear();
        let gone = io::Error::new(io::ErrorKind::NotFound, "the directory was removed or replaced");
        self.in_trouble(&DiskFault::io(&self.shared.path)(gone));
        self.try_again();
    }

    fn try_again(&mut self) {
        self.shared.failing.store(false, Relaxed);
        if self.volume.is_some() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        match Volume::open(&shared.path, shared.size, &shared.index, &shared.files) {
            Ok(volume) => self.volume = Some(volume),
            Err(fault) => self.in_trouble(&fault),
        }
    }

    fn empty(&mut self) {
        self.victim = None;
        let emptied = self.volume.as_mut().map_or(Ok(()), |volume| volume.empty(&self.shared.files));
        match emptied {
            Ok(()) => {
                self.shared.index.clear();
                self.shared.index.show();
                self.distrust = false;
            }
            Err(fault) => self.in_trouble(&fault),
        }
    }
}

/// Says that the writer has ended, also when it panics: then nothing is written any more.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.failing.store(true, Relaxed);
        self.0.queue.ended();
    }
}
