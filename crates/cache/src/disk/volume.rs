//! The directory with its lock and its segments, as the writer has it: append, seal, remove.

use std::collections::{BTreeMap, HashMap};
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::fault::DiskFault;
use super::index::{Index, Place};
use super::limits;
use super::record::{GONE, MARK, Spot};
use super::segment::{self, Contents, Listed, listed_length};

const LOCK: &str = "lock";

/// What the system lacks, and not the disk (errno of Linux, the same on all that Rust runs on).
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// The open segments, for whoever reads.
#[derive(Default)]
pub struct Files(RwLock<HashMap<u32, Arc<File>>>);

impl Files {
    pub fn get(&self, number: u32) -> Option<Arc<File>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    pub fn put(&self, number: u32, file: Arc<File>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(number, file);
    }

    pub fn remove(&self, number: u32) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    pub fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

pub struct Volume {
    dir: PathBuf,
    lock: File,
    /// Bytes of each segment that is not appended to any more.
    full: BTreeMap<u32, u64>,
    active: Option<Active>,
    next: u32,
    segment_size: u64,
}

/// The segment that is appended to.
struct Active {
    number: u32,
    file: Arc<File>,
    end: u64,
    listed: Vec<Listed>,
}

impl Volume {
    /// Takes the directory and tells the index what is there.
    pub fn open(dir: &Path, size: u64, index: &Index, files: &Files) -> Result<Self, DiskFault> {
        index.clear();
        files.clear();
        let lock = take(dir)?;
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(DiskFault::io(dir))? {
            let name = entry.map_err(DiskFault::io(dir))?.file_name();
            numbers.extend(name.to_str().and_then(segment::number_of));
        }
        numbers.sort_unstable();
        let segment_size = limits::segment(size);
        let mut volume = Self { dir: dir.to_owned(), lock, full: BTreeMap::new(), active: None, next: 1, segment_size };
        for number in numbers {
            let path = segment::path(dir, number);
            match volume.found(number, &path, index, files) {
                Ok(()) => {}
                Err(error) if matches!(error.raw_os_error(), Some(ENOMEM | ENFILE | EMFILE)) => {
                    return Err(DiskFault::io(&path)(error));
                }
                // What cannot be read now holds nothing that is known; its room is wanted back.
                Err(_) => drop(std::fs::remove_file(path)),
            }
        }
        Ok(volume)
    }

    /// One segment, in the order of their numbers. The newest is appended to if it has no list yet.
    fn found(&mut self, number: u32, path: &Path, index: &Index, files: &Files) -> io::Result<()> {
        let file = Arc::new(OpenOptions::new().read(true).write(true).open(path)?);
        let Contents { listed, open_at } = segment::contents(&file, number)?;
        for Listed { digest, place } in &listed {
            index.put(*digest, *place);
        }
        match open_at {
            None => {
                self.close_active();
                self.full.insert(number, file.metadata()?.len());
            }
            Some(0) => return std::fs::remove_file(path),
            Some(end) => {
                file.set_len(end)?; // what a crash cut short
                self.close_active();
                self.active = Some(Active { number, file: Arc::clone(&file), end, listed });
            }
        }
        self.next = number.saturating_add(1);
        files.put(number, file);
        Ok(())
    }

    /// Appends to it no more, without a list.
    fn close_active(&mut self) {
        if let Some(active) = self.active.take() {
            self.full.insert(active.number, active.end);
        }
    }

    /// Bytes of all segments.
    pub fn used(&self) -> u64 {
        self.full.values().sum::<u64>() + self.active.as_ref().map_or(0, |active| active.end)
    }

    pub fn segment_size(&self) -> u64 {
        self.segment_size
    }

    /// Where a record would go that follows so many bytes and records which are not written yet; none where the segment is full.
    pub fn spot(&self, bytes: usize, records: usize, length: usize) -> Option<Spot> {
        let active = self.active.as_ref()?;
        let count = active.listed.len() + records + 1;
        let at = active.end + bytes as u64;
        let fits = at + (length + listed_length(count)) as u64 <= self.segment_size && count <= limits::RECORDS;
        let offset = u32::try_from(at).ok().filter(|_| fits)?;
        Some(Spot { segment: active.number, offset })
    }

    /// Seals the segment and begins another.
    pub fn turn(&mut self, files: &Files) -> Result<(), DiskFault> {
        self.seal()?;
        let path = segment::path(&self.dir, self.next);
        let file = Arc::new(segment::create(&self.dir, self.next).map_err(DiskFault::io(&path))?);
        let number = self.next;
        self.next = self.next.saturating_add(1);
        files.put(number, Arc::clone(&file));
        self.active = Some(Active { number, file, end: 0, listed: Vec::new() });
        Ok(())
    }

    fn seal(&mut self) -> Result<(), DiskFault> {
        let Some(active) = self.active.take() else { return Ok(()) };
        let list = segment::list(active.number, &active.listed);
        let written = active.file.write_all_at(&list, active.end);
        // Without its list it is read record by record: what was written of it must not stand behind the last.
        let length = if written.is_ok() { active.end + list.len() as u64 } else { active.end };
        let cut = active.file.set_len(length);
        self.full.insert(active.number, length);
        written.and(cut).map_err(DiskFault::io(&segment::path(&self.dir, active.number)))
    }

    /// Writes records that have their places; whether or not it goes well, the segment ends behind a whole record.
    pub fn append(&mut self, bytes: &[u8], records: &[Listed]) -> Result<(), DiskFault> {
        let Some(active) = &mut self.active else { return Ok(()) };
        if let Err(error) = active.file.write_all_at(bytes, active.end) {
            let _ = active.file.set_len(active.end); // a torn record is seen as such
            return Err(DiskFault::io(&segment::path(&self.dir, active.number))(error));
        }
        active.end += bytes.len() as u64;
        active.listed.extend_from_slice(records);
        Ok(())
    }

    /// Makes a record none, where it stands.
    pub fn mark_gone(&self, place: Place, files: &Files) -> Result<(), DiskFault> {
        let Some(file) = files.get(place.spot.segment) else { return Ok(()) };
        let at = u64::from(place.spot.offset) + MARK;
        file.write_all_at(&GONE, at).map_err(DiskFault::io(&segment::path(&self.dir, place.spot.segment)))
    }

    /// The oldest segment that is not appended to any more.
    pub fn oldest(&self) -> Option<u32> {
        self.full.keys().next().copied()
    }

    /// Whether it is a segment that is not appended to any more.
    pub fn is_full(&self, number: u32) -> bool {
        self.full.contains_key(&number)
    }

    pub fn remove(&mut self, number: u32, files: &Files) -> Result<(), DiskFault> {
        let path = segment::path(&self.dir, number);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(DiskFault::io(&path)(error)),
            _ => {}
        }
        files.remove(number);
        self.full.remove(&number);
        Ok(())
    }

    /// Removes every segment.
    pub fn empty(&mut self, files: &Files) -> Result<(), DiskFault> {
        self.close_active();
        while let Some(number) = self.oldest() {
            self.remove(number, files)?;
        }
        Ok(())
    }

    /// Whether the directory is still there and still the one that was taken.
    pub fn is_ours(&self) -> bool {
        let identity = |metadata: io::Result<std::fs::Metadata>| metadata.ok().map(|it| (it.dev(), it.ino()));
        let known = identity(self.lock.metadata());
        known.is_some() && identity(std::fs::metadata(self.dir.join(LOCK))) == known
    }
}

/// Makes the directory if it is not there, and takes its lock. The system lets go of the lock when the process ends.
fn take(dir: &Path) -> Result<File, DiskFault> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => DiskFault::NotADirectory(dir.to_owned()),
        _ => DiskFault::io(dir)(error),
    })?;
    let path = dir.join(LOCK);
    if !path.exists() && holds_other_files(dir)? {
        return Err(DiskFault::Foreign(dir.to_owned()));
    }
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let lock = lock.map_err(DiskFault::io(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(DiskFault::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => return Err(DiskFault::io(&path)(error)),
    }
    let known = std::fs::metadata(dir).map_err(DiskFault::io(dir))?.permissions();
    if known.mode() & 0o077 != 0 {
        std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(DiskFault::io(dir))?;
    }
    Ok(lock)
}

fn holds_other_files(dir: &Path) -> Result<bool, DiskFault> {
    for entry in std::fs::read_dir(dir).map_err(DiskFault::io(dir))? {
        let name = entry.map_err(DiskFault::io(dir))?.file_name();
        // A file system of its own has the latter at its root.
        if name != LOCK && name != "lost+found" {
            return Ok(true);
        }
    }
    Ok(false)
}
