//! Writing a journal: appending to the one there is, and a draft of one to take its place.

use std::fs::{File, OpenOptions, remove_file, rename};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::line;

/// Bytes of a draft that are gathered before they are written.
const GATHER: usize = 1 << 18;

/// The end of a journal.
#[derive(Debug)]
pub(crate) struct Writer {
    pub file: File,
    /// Of what is whole: bytes, sum and records.
    pub bytes: u64,
    pub sum: u32,
    pub records: u64,
    /// What the file holds after its first `bytes`, or whether a disk holds them, is not known: a failed fsync may have
    /// forgotten what it could not write. It is to be replaced by a new file.
    pub suspect: bool,
}

impl Writer {
    /// Appends records, a JSON array. After an error none of them is in the journal.
    pub fn append(&mut self, records: &[u8], count: u64, sync: bool) -> io::Result<()> {
        if self.suspect {
            return Err(io::Error::other("an earlier write failed and the journal could not yet be written anew"));
        }
        let mut line = Vec::with_capacity(records.len() + 40);
        let sum = line::encode(&mut line, records, self.sum);
        if let Err(error) = self.file.write_all(&line) {
            self.suspect = self.file.set_len(self.bytes).is_err();
            return Err(error);
        }
        if sync && let Err(error) = self.file.sync_data() {
            self.suspect = true;
            return Err(error);
        }
        self.bytes += line.len() as u64;
        self.sum = sum;
        self.records += count;
        Ok(())
    }
}

/// A journal that is not yet in its place. It goes away unless it is put there.
pub(crate) struct Draft {
    path: PathBuf,
    file: File,
    gathered: Vec<u8>,
    bytes: u64,
    sum: u32,
    records: u64,
    placed: bool,
}

impl Draft {
    /// In the directory of the journal. What an earlier one left there is overwritten: the journal is locked.
    pub fn new(journal: &Path, wanted: &'static str) -> io::Result<Self> {
        let path = beside(journal, ".new");
        match remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        let mut draft = Self { path, file, gathered: Vec::new(), bytes: 0, sum: 0, records: 0, placed: false };
        draft.add(&[wanted])?;
        draft.records = 0;
        Ok(draft)
    }

    pub fn add<R: Serialize>(&mut self, records: &[R]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let before = self.gathered.len();
        self.sum = line::encode(&mut self.gathered, &serde_json::to_vec(records)?, self.sum);
        self.bytes += (self.gathered.len() - before) as u64;
        self.records += records.len() as u64;
        if self.gathered.len() >= GATHER { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }

    pub fn sync(&mut self) -> io::Result<()> {
        self.write()?;
        self.file.sync_all()
    }

    /// Takes the journal's place. An error of the directory's fsync comes with the writer: the place is taken, but after a
    /// power cut the old one may be there again.
    pub fn place(mut self, journal: &Path) -> io::Result<(Writer, io::Result<()>)> {
        self.sync()?;
        // Nothing may fail between the rename and the writer: what is acknowledged goes where the name leads.
        let file = self.file.try_clone()?;
        rename(&self.path, journal)?;
        self.placed = true;
        let synced = sync_directory(journal);
        let Self { bytes, sum, records, .. } = self;
        Ok((Writer { file, bytes, sum, records, suspect: synced.is_err() }, synced))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.placed && remove_file(&self.path).is_err() {
            // It is overwritten by the next draft.
        }
    }
}

fn sync_directory(of: &Path) -> io::Result<()> {
    let directory = match of.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

/// The journal's path with another ending.
pub(crate) fn beside(journal: &Path, ending: &str) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
