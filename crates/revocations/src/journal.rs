//! The journal on the disk: opened and replayed, appended to, written anew.

use std::fs::{File, OpenOptions, TryLockError, metadata};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::lock;
use crate::read::{Lines, Next};
use crate::write::{Draft, Writer, beside};

/// Records that may be over without the journal being written anew: some hundred kilobytes, not worth an fsync.
const DEAD_RECORDS: u64 = 4096;

/// What was found when a journal was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// There was none, and a new one was made. Where there should have been one, what it held is no longer known.
    pub new: bool,
    /// Those that were over among them.
    pub records: u64,
    /// Bytes at the end, of a write that was cut off and never acknowledged. They were removed; to be logged.
    pub torn: Option<u64>,
}

pub(crate) struct Journal {
    path: PathBuf,
    /// The first line's word: what it is a journal of, and the version of its form.
    wanted: &'static str,
    /// Whether appending means that a disk has it.
    sync: bool,
    writer: Mutex<Writer>,
    /// One at a time writes it anew.
    rewriting: Mutex<()>,
    fault: Mutex<Option<Error>>,
    /// Held as long as the journal is; the journal itself cannot be, since it is replaced.
    _locked: File,
}

impl Journal {
    pub fn open<R: DeserializeOwned>(
        path: &Path,
        wanted: &'static str,
        sync: bool,
        mut replay: impl FnMut(R),
    ) -> Result<(Self, Opened), Error> {
        let locked = lock_beside(path)?;
        let mut opened = Opened::default();
        match metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                opened.new = true;
                create(path, wanted).map_err(|error| Error::journal("create", path, error))?;
            }
            Err(error) => return Err(Error::journal("open", path, error)),
            Ok(_) => {}
        }
        let mut lines = Lines::open(path, wanted, u64::MAX)?;
        loop {
            match lines.next::<R>()? {
                Next::End => break,
                Next::Records(records) => {
                    opened.records += records.len() as u64;
                    records.into_iter().for_each(&mut replay);
                }
                Next::Torn { bytes } => opened.torn = Some(bytes),
            }
        }
        let (bytes, sum) = (lines.bytes, lines.sum);
        let file =
            end_at(path, bytes, opened.torn.is_some()).map_err(|error| Error::journal("write to", path, error))?;
        let writer = Mutex::new(Writer { file, bytes, sum, records: opened.records, suspect: false });
        let (rewriting, fault) = (Mutex::default(), Mutex::default());
        Ok((Self { path: path.to_owned(), wanted, sync, writer, rewriting, fault, _locked: locked }, opened))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the journal, and the last fault that no caller was told of.
    pub fn state(&self) -> (u64, Option<Error>) {
        (lock(&self.writer).bytes, lock(&self.fault).clone())
    }

    /// Appends records, a JSON array. After an error none of them is in the journal.
    pub fn append(&self, records: &[u8], count: u64) -> io::Result<()> {
        lock(&self.writer).append(records, count, self.sync)
    }

    pub fn is_suspect(&self) -> bool {
        lock(&self.writer).suspect
    }

    /// Whether much of it is over, where so many entries are not.
    pub fn is_long(&self, live: usize) -> bool {
        lock(&self.writer).records > 2 * live as u64 + DEAD_RECORDS
    }

    /// Writes it anew: `keep` says of each record which records there are to be in its place. What is appended meanwhile
    /// is kept. Appending waits only while that is copied.
    pub fn rewrite<R: Serialize + DeserializeOwned>(&self, mut keep: impl FnMut(R) -> Vec<R>) -> Result<(), Error> {
        let _one = lock(&self.rewriting);
        let failed = |error| Error::journal("write anew", &self.path, error);
        let mut lines = Lines::open(&self.path, self.wanted, lock(&self.writer).bytes)?;
        let mut draft = Draft::new(&self.path, self.wanted).map_err(failed)?;
        while let Next::Records(records) = lines.next::<R>()? {
            let kept: Vec<R> = records.into_iter().flat_map(&mut keep).collect();
            draft.add(&kept).map_err(failed)?;
        }
        draft.sync().map_err(failed)?;
        let mut writer = lock(&self.writer);
        lines.extend(writer.bytes);
        while let Next::Records(records) = lines.next::<R>()? {
            draft.add(&records).map_err(failed)?;
        }
        if lines.bytes != writer.bytes {
            return Err(failed(io::Error::other("it no longer holds what was written to it")));
        }
        let (placed, synced) = draft.place(&self.path).map_err(failed)?;
        *writer = placed;
        synced.map_err(failed)
    }

    /// Remembers how an attempt ended that no caller waits for.
    pub fn note(&self, outcome: Result<(), Error>) {
        *lock(&self.fault) = outcome.err();
    }
}

fn create(path: &Path, wanted: &'static str) -> io::Result<()> {
    let (_, synced) = Draft::new(path, wanted)?.place(path)?;
    synced
}

fn end_at(path: &Path, bytes: u64, torn: bool) -> io::Result<File> {
    let file = OpenOptions::new().append(true).open(path)?;
    if torn {
        file.set_len(bytes)?;
        file.sync_all()?;
    }
    Ok(file)
}

fn lock_beside(path: &Path) -> Result<File, Error> {
    let beside = beside(path, ".lock");
    let failed = |error| Error::journal("lock", &beside, error);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests;
