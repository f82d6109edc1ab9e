//! Reading a journal: every line in turn, until the end, a write that was cut off, or damage.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::{Damage, Error};
use crate::line;

pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<Take<File>>,
    line: Vec<u8>,
    /// Of the lines read so far: how many, how many bytes, and their sum.
    pub count: u64,
    pub bytes: u64,
    pub sum: u32,
}

pub(crate) enum Next<R> {
    Records(Vec<R>),
    End,
    /// The last line was cut off, as a crash in the middle of a write does.
    Torn {
        bytes: u64,
    },
}

impl Lines {
    /// Reads the first `bytes` of the journal, which are to be one of `wanted`.
    pub fn open(path: &Path, wanted: &'static str, bytes: u64) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::journal("open", path, error))?;
        let reader = BufReader::with_capacity(1 << 18, file.take(bytes));
        let mut lines = Self { path: path.to_owned(), reader, line: Vec::new(), count: 0, bytes: 0, sum: 0 };
        lines.fill()?;
        let heading = serde_json::to_vec(&[wanted]).unwrap_or_default();
        match line::decode(&lines.line, 0) {
            Some((records, sum)) if records == heading => lines.accept(sum),
            _ => return Err(lines.damaged(Damage::NotAJournal { wanted })),
        }
        Ok(lines)
    }

    /// Reads on, up to the first `bytes` of the journal, when all that was asked for before has been read.
    pub fn extend(&mut self, bytes: u64) {
        self.reader.get_mut().set_limit(bytes.saturating_sub(self.bytes));
    }

    pub fn next<R: DeserializeOwned>(&mut self) -> Result<Next<R>, Error> {
        if self.fill()? == 0 {
            return Ok(Next::End);
        }
        let Some((records, sum)) = line::decode(&self.line, self.sum) else {
            let rest = self.reader.fill_buf().map(<[u8]>::is_empty);
            let last = rest.map_err(|error| self.failed(error))?;
            if last && !line::holds_another(&self.line) {
                return Ok(Next::Torn { bytes: self.line.len() as u64 });
            }
            return Err(self.damaged(Damage::Checksum));
        };
        let records =
            serde_json::from_slice(records).map_err(|error| self.damaged(Damage::Meaning(error.to_string())))?;
        self.accept(sum);
        Ok(Next::Records(records))
    }

    fn fill(&mut self) -> Result<usize, Error> {
        self.line.clear();
        self.reader.read_until(b'\n', &mut self.line).map_err(|error| self.failed(error))
    }

    fn accept(&mut self, sum: u32) {
        self.count += 1;
        self.bytes += self.line.len() as u64;
        self.sum = sum;
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::journal("read", &self.path, error)
    }

    fn damaged(&self, damage: Damage) -> Error {
        Error::Damaged { path: self.path.clone(), line: self.count + 1, damage }
    }
}
