//! Blobs: the bytes of objects, in files under random names. Knows nothing of keys, buckets or requests.
//!
//! `drafts/ID` while it is written; then synced, renamed to `blobs/a/b/ID` (a, b: the first two digits of the id), and
//! that directory synced. A blob that no row names is an orphan; a crash leaves some, and `sweep.rs` removes them.
//!
//! Bytes that lost their row while someone reads them stay until the last reader is done: an object may be many files, of
//! which a reader has one open at a time.

use crate::limits;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Random, so that no stranger can steer a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlobId(Uuid);

impl BlobId {
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4())
    }

    /// 32 lower-case hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id = Self(Uuid::try_parse(text).ok()?);
        (id.name() == text).then_some(id)
    }

    pub(crate) fn name(self) -> String {
        self.0.simple().to_string()
    }
}

#[derive(Debug)]
pub(crate) struct Blobs {
    drafts: PathBuf,
    shelved: PathBuf,
    /// Renamed but perhaps not committed yet, or about to be removed: the sweeper leaves these alone.
    unsettled: Mutex<HashSet<BlobId>>,
    readings: Mutex<HashMap<BlobId, Reading>>,
}

/// Files that no row names any more, and by which name their object's bytes went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Freed {
    pub(crate) content: BlobId,
    pub(crate) files: Vec<BlobId>,
}

impl Freed {
    pub(crate) fn file(blob: BlobId) -> Self {
        Self { content: blob, files: vec![blob] }
    }
}

#[derive(Debug)]
enum Reading {
    By {
        readers: usize,
        /// To be removed after the last of them.
        freed: Vec<BlobId>,
    },
    /// The files are being removed: too late to begin.
    Leaving,
}

impl Blobs {
    /// Makes the directories that are missing, and makes them durable.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let (drafts, shelved) = (dir.join("drafts"), dir.join("blobs"));
        fs::create_dir_all(&drafts)?;
        for a in "0123456789abcdef".chars() {
            let parent = shelved.join(a.to_string());
            let missing: Vec<PathBuf> = "0123456789abcdef"
                .chars()
                .map(|b| parent.join(b.to_string()))
                .filter(|shelf| !shelf.is_dir())
                .collect();
            for shelf in &missing {
                fs::create_dir_all(shelf)?;
            }
            if !missing.is_empty() {
                sync_dir(&parent)?;
            }
        }
        sync_dir(&shelved)?;
        Ok(Self { drafts, shelved, unsettled: Mutex::default(), readings: Mutex::default() })
    }

    pub(crate) fn draft(self: &Arc<Self>) -> io::Result<Draft> {
        let id = BlobId::new();
        let path = self.drafts.join(id.name());
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Draft { home: Arc::clone(self), id, file, unsynced: 0, path: Some(path) })
    }

    pub(crate) fn read(&self, id: BlobId) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Open readers keep their descriptor, and read on.
    pub(crate) fn remove(&self, id: BlobId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// To be called before the row goes that names these files: the sweeper then leaves them to [`Self::discard`].
    pub(crate) fn doom(&self, freed: &[Freed]) {
        self.unsettled().extend(freed.iter().flat_map(|freed| &freed.files));
    }

    /// Removes them, once nobody reads them. What cannot be removed is an orphan for the sweeper of the next start.
    pub(crate) fn discard(&self, freed: Freed) {
        let Freed { content, files } = freed;
        match self.readings().entry(content) {
            Entry::Occupied(mut there) => {
                if let Reading::By { freed, .. } = there.get_mut() {
                    *freed = files;
                }
                return;
            }
            Entry::Vacant(place) => {
                place.insert(Reading::Leaving);
            }
        }
        self.remove_all(content, &files);
    }

    fn remove_all(&self, content: BlobId, files: &[BlobId]) {
        for file in files {
            if let Err(error) = self.remove(*file) {
                eprintln!("store: blob {}: {error}", file.name());
            }
        }
        self.readings().remove(&content);
        let mut unsettled = self.unsettled();
        for file in files {
            unsettled.remove(file);
        }
    }

    /// As long as it is held, the bytes stay. None where they are on their way out.
    pub(crate) fn lease(self: &Arc<Self>, content: BlobId) -> Option<Lease> {
        let mut readings = self.readings();
        let reading = readings.entry(content).or_insert_with(|| Reading::By { readers: 0, freed: Vec::new() });
        match reading {
            Reading::By { readers, .. } => *readers = readers.saturating_add(1),
            Reading::Leaving => return None,
        }
        Some(Lease { home: Arc::clone(self), content })
    }

    fn readings(&self) -> MutexGuard<'_, HashMap<BlobId, Reading>> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What earlier runs left half-written. To be asked before the first draft of this run.
    pub(crate) fn old_drafts(&self) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(&self.drafts)?.map(|entry| Ok(entry?.path())).collect()
    }

    pub(crate) fn shelves(&self) -> impl Iterator<Item = PathBuf> + use<> {
        shelves(&self.shelved)
    }

    pub(crate) fn is_unsettled(&self, id: BlobId) -> bool {
        self.unsettled().contains(&id)
    }

    fn unsettled(&self) -> MutexGuard<'_, HashSet<BlobId>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, id: BlobId) -> PathBuf {
        place(&self.shelved, id)
    }

    /// Where a store in `dir` has this blob.
    pub(crate) fn path_in(dir: &Path, id: BlobId) -> PathBuf {
        place(&dir.join("blobs"), id)
    }

    /// All that lie in the store in `dir`.
    pub(crate) fn files(dir: &Path) -> io::Result<Vec<BlobId>> {
        let mut files = Vec::new();
        for shelf in shelves(&dir.join("blobs")) {
            for entry in fs::read_dir(shelf)? {
                files.extend(entry?.file_name().to_str().and_then(BlobId::parse));
            }
        }
        Ok(files)
    }
}

fn shelves(shelved: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let root = shelved.to_owned();
    (0..256_u32).map(move |n| root.join(format!("{:x}", n >> 4)).join(format!("{:x}", n & 15)))
}

fn place(shelved: &Path, id: BlobId) -> PathBuf {
    let name = id.name();
    let digit = |at: usize| name.get(at..=at).unwrap_or("0").to_owned();
    shelved.join(digit(0)).join(digit(1)).join(&name)
}

#[derive(Debug)]
pub(crate) struct Lease {
    home: Arc<Blobs>,
    content: BlobId,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut readings = self.home.readings();
        let Some(Reading::By { readers, freed }) = readings.get_mut(&self.content) else { return };
        *readers = readers.saturating_sub(1);
        if *readers > 0 {
            return;
        }
        let freed = std::mem::take(freed);
        if freed.is_empty() {
            readings.remove(&self.content);
            return;
        }
        readings.insert(self.content, Reading::Leaving);
        drop(readings);
        let (home, content) = (Arc::clone(&self.home), self.content);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || home.remove_all(content, &freed))),
            Err(_) => home.remove_all(content, &freed),
        }
    }
}

/// A blob that is being written. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Draft {
    home: Arc<Blobs>,
    id: BlobId,
    file: File,
    unsynced: u64,
    path: Option<PathBuf>,
}

impl Draft {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.unsynced = self.unsynced.saturating_add(bytes.len() as u64);
        if self.unsynced >= limits::UNSYNCED_BYTES {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// After this the bytes survive a loss of power, but no row names them yet.
    pub(crate) fn seal(mut self) -> io::Result<Sealed> {
        self.file.sync_all()?;
        let sealed = Sealed { home: Arc::clone(&self.home), id: self.id, fate: Fate::Orphan };
        sealed.home.unsettled().insert(sealed.id);
        let to = sealed.home.path(self.id);
        if let Some(from) = &self.path {
            fs::rename(from, &to)?;
        }
        self.path = None;
        if let Some(shelf) = to.parent() {
            sync_dir(shelf)?;
        }
        Ok(sealed)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What cannot be removed now is swept at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

/// A durable blob on its way into the index. Dropped before it is `named`, it is removed.
#[derive(Debug)]
pub(crate) struct Sealed {
    home: Arc<Blobs>,
    id: BlobId,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Orphan,
    Named,
    Unknown,
}

impl Sealed {
    pub(crate) fn id(&self) -> BlobId {
        self.id
    }

    /// A row names it now.
    pub(crate) fn named(mut self) {
        self.fate = Fate::Named;
    }

    /// The commit failed half-way and a row may name it: only the sweeper of the next start can tell.
    pub(crate) fn leave(mut self) {
        self.fate = Fate::Unknown;
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        if self.fate == Fate::Orphan {
            let _ = self.home.remove(self.id);
        }
        if self.fate != Fate::Unknown {
            self.home.unsettled().remove(&self.id);
        }
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::io::Read as _;

    #[test]
    fn a_blob_is_there_only_once_it_is_named() {
        let dir = TempDir::new();
        let blobs = Arc::new(Blobs::open(dir.path()).unwrap());

        let mut draft = blobs.draft().unwrap();
        draft.write(b"bytes").unwrap();
        drop(draft);
        assert!(blobs.old_drafts().unwrap().is_empty());

        let sealed = blobs.draft().unwrap().seal().unwrap();
        let id = sealed.id();
        assert!(blobs.is_unsettled(id));
        drop(sealed);
        assert_eq!(blobs.read(id).unwrap_err().kind(), io::ErrorKind::NotFound);

        let mut draft = blobs.draft().unwrap();
        draft.write(b"bytes").unwrap();
        let sealed = draft.seal().unwrap();
        let id = sealed.id();
        sealed.named();
        assert!(!blobs.is_unsettled(id));
        let mut open = blobs.read(id).unwrap();
        blobs.remove(id).unwrap();
        let mut text = String::new();
        open.read_to_string(&mut text).unwrap();
        assert_eq!(text, "bytes");
    }

    #[test]
    fn bytes_stay_until_their_last_reader_is_done() {
        let dir = TempDir::new();
        let blobs = Arc::new(Blobs::open(dir.path()).unwrap());
        let write = || {
            let sealed = blobs.draft().unwrap().seal().unwrap();
            let id = sealed.id();
            sealed.named();
            id
        };
        let freed = Freed { content: BlobId::new(), files: vec![write(), write()] };
        let (first, second) = (blobs.lease(freed.content).unwrap(), blobs.lease(freed.content).unwrap());
        blobs.doom(std::slice::from_ref(&freed));
        blobs.discard(freed.clone());
        drop(first);
        assert!(freed.files.iter().all(|file| blobs.read(*file).is_ok() && blobs.is_unsettled(*file)));
        drop(second);
        assert!(freed.files.iter().all(|file| blobs.read(*file).is_err() && !blobs.is_unsettled(*file)));
    }

    #[test]
    fn an_id_is_never_a_path() {
        assert_eq!(BlobId::parse("../../../../etc/passwd"), None);
        assert_eq!(BlobId::parse("A0000000000000000000000000000000"), None);
        assert!(BlobId::parse("a0000000000000000000000000000000").is_some());
    }
}
