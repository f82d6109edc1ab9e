//! Buckets and objects, durable: joins blobs and index. Knows nothing of HTTP, signatures or who asks.
//!
//! A write is: draft, sync, rename, sync of the directory, commit of the row, and only then the answer. What a commit
//! replaces is removed after it.

mod copy;
mod multipart;
mod write;

pub(crate) use copy::CopyTerms;
pub(crate) use multipart::Completion;

use crate::blob_stream::{BlobStream, Reader, Segment};
use crate::blobs::{BlobId, Blobs, Freed};
use crate::buckets::{self, Bucket};
use crate::conditions::{Asked, Part, Verdict, Version};
use crate::cors::CorsRule;
use crate::digest::Announced;
use crate::fault::{Fault, blocking};
use crate::index::{Index, Unwritten};
use crate::key::ObjectKey;
use crate::limits;
use crate::listing::{self, Page, Wanted};
use crate::object::{Object, ObjectHeaders, Precondition};
use crate::objects;
use crate::pieces::{self, Piece};
use crate::uploads::UploadId;
use crate::uploads_listing;
use rusqlite::Transaction;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use time::OffsetDateTime;

pub(crate) struct Vault {
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) index: Arc<Index>,
    /// The CORS rules of every bucket, as committed: each request asks for some.
    cors: RwLock<HashMap<String, Arc<[CorsRule]>>>,
    /// One change of a bucket at a time, so that the rules in memory are those of the last commit.
    changing: Mutex<()>,
}

/// An object in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) bucket: String,
    pub(crate) key: ObjectKey,
}

/// All that is to be kept with the bytes of an upload, and all that must hold for it.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) headers: ObjectHeaders,
    pub(crate) announced: Announced,
    pub(crate) precondition: Precondition,
}

/// What a read found.
pub(crate) struct Found {
    pub(crate) object: Object,
    pub(crate) verdict: Verdict,
    /// Where a part was asked for by its number, of an object that came in parts.
    pub(crate) piece: Option<Piece>,
    /// Where the verdict is to send bytes.
    pub(crate) body: Option<BlobStream>,
}

impl Vault {
    pub(crate) fn new(blobs: Arc<Blobs>, index: Arc<Index>) -> Result<Self, Fault> {
        let buckets = index.read(buckets::all)?;
        let cors = buckets.into_iter().map(|bucket| (bucket.name, bucket.cors.into())).collect();
        Ok(Self { blobs, index, cors: RwLock::new(cors), changing: Mutex::new(()) })
    }

    /// None where there is no such bucket.
    pub(crate) fn cors(&self, bucket: &str) -> Option<Arc<[CorsRule]>> {
        self.cors.read().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned()
    }

    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), Fault> {
        self.change(name, Some(Arc::default()), |tx| buckets::create(tx, name, now()).map(|()| Vec::new()))
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), Fault> {
        self.change(name, None, |tx| buckets::delete(tx, name))
    }

    pub(crate) fn set_cors(&self, name: &str, rules: &[CorsRule]) -> Result<(), Fault> {
        self.change(name, Some(rules.into()), |tx| buckets::set_cors(tx, name, rules).map(|()| Vec::new()))
    }

    pub(crate) async fn buckets(self: &Arc<Self>) -> Result<Vec<Bucket>, Fault> {
        let index = Arc::clone(&self.index);
        blocking(move || index.read(buckets::all)).await
    }

    /// What [`Self::read`] finds, without the bytes.
    pub(crate) async fn look_at(
        self: &Arc<Self>,
        at: Address,
        asked: Asked,
        part: Option<u16>,
    ) -> Result<Found, Fault> {
        let vault = Arc::clone(self);
        blocking(move || vault.find(&at, &asked, part)).await
    }

    /// The pieces are none where the object came in one.
    pub(crate) async fn with_pieces(self: &Arc<Self>, at: Address) -> Result<(Object, Vec<Piece>), Fault> {
        let index = Arc::clone(&self.index);
        blocking(move || {
            index.read(|c| {
                let object = objects::find(c, &at.bucket, &at.key)?;
                let pieces = pieces::all(c, object.content)?;
                Ok((object, pieces))
            })
        })
        .await
    }

    /// `part` asks for one part of an object, by its number.
    pub(crate) async fn read(self: &Arc<Self>, at: Address, asked: Asked, part: Option<u16>) -> Result<Found, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            for _ in 0..limits::REPLACED_TRIES {
                let mut found = vault.find(&at, &asked, part)?;
                let (first, length) = match found.verdict {
                    Verdict::Whole => (0, found.object.size),
                    Verdict::Part(part) => (part.first, part.len()),
                    _ => return Ok(found),
                };
                match vault.open(&found.object, first, length) {
                    Ok(reader) => {
                        found.body = Some(BlobStream::new(reader)?);
                        return Ok(found);
                    }
                    // Replaced or deleted since: look again.
                    Err(Fault::Disk(error)) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(fault) => return Err(fault),
                }
            }
            Err(Fault::Corrupt("blob: it is missing"))
        })
        .await
    }

    fn find(&self, at: &Address, asked: &Asked, part: Option<u16>) -> Result<Found, Fault> {
        self.index.read(|c| {
            let object = objects::find(c, &at.bucket, &at.key)?;
            let mut found = Found { verdict: asked.decide(object.version()), object, piece: None, body: None };
            if let (Some(number), Verdict::Whole) = (part, found.verdict) {
                found.narrow(number, pieces::all(c, found.object.content)?);
            }
            Ok(found)
        })
    }

    pub(crate) async fn list(self: &Arc<Self>, bucket: String, wanted: Wanted) -> Result<Page, Fault> {
        let index = Arc::clone(&self.index);
        blocking(move || index.read(|c| listing::page(c, &bucket, &wanted))).await
    }

    pub(crate) async fn list_uploads(
        self: &Arc<Self>,
        bucket: String,
        wanted: Wanted,
        after: Option<UploadId>,
    ) -> Result<uploads_listing::Page, Fault> {
        let index = Arc::clone(&self.index);
        blocking(move || index.read(|c| uploads_listing::page(c, &bucket, &wanted, after.as_ref()))).await
    }

    /// Bytes of an object whose row was just read. `NotFound` where they are gone since.
    fn open(&self, object: &Object, first: u64, length: u64) -> Result<Reader, Fault> {
        let gone = || Fault::Disk(io::ErrorKind::NotFound.into());
        let lease = self.blobs.lease(object.content).ok_or_else(gone)?;
        let pieces = if object.parts == 0 {
            vec![(object.content, object.size)]
        } else {
            let pieces = self.index.read(|c| pieces::all(c, object.content))?;
            if pieces.is_empty() {
                return Err(gone());
            }
            pieces.into_iter().map(|piece| (piece.blob, piece.size)).collect()
        };
        Ok(Reader::open(&self.blobs, lease, segments(pieces, first, length))?)
    }

    /// One transaction; then the files go that it freed.
    fn commit<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<(T, Vec<Freed>), Fault>) -> Result<T, Unwritten> {
        let (answer, freed) = self.index.write(|tx| {
            let (answer, freed) = work(tx)?;
            self.blobs.doom(&freed);
            Ok((answer, freed))
        })?;
        for freed in freed {
            self.blobs.discard(freed);
        }
        Ok(answer)
    }

    /// Commits, and then keeps in memory what the bucket's rules are now; none where it is gone.
    fn change(
        &self,
        name: &str,
        rules: Option<Arc<[CorsRule]>>,
        commit: impl FnOnce(&Transaction<'_>) -> Result<Vec<Freed>, Fault>,
    ) -> Result<(), Fault> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.commit(|tx| Ok(((), commit(tx)?)))?;
        let mut cors = self.cors.write().unwrap_or_else(PoisonError::into_inner);
        match rules {
            Some(rules) => cors.insert(name.to_owned(), rules),
            None => cors.remove(name),
        };
        Ok(())
    }
}

impl Found {
    /// From the whole to one part. An object that came in one is its own first part.
    fn narrow(&mut self, number: u16, pieces: Vec<Piece>) {
        let mut first = 0_u64;
        let mut length = (self.object.parts == 0 && number == 1).then_some(self.object.size);
        for piece in pieces {
            if piece.number == number {
                length = Some(piece.size);
                self.piece = Some(piece);
                break;
            }
            first = first.saturating_add(piece.size);
        }
        self.verdict = match length {
            None => Verdict::NoSuchPart,
            Some(0) => Verdict::Whole,
            Some(length) => Verdict::Part(Part { first, last: first.saturating_add(length).saturating_sub(1) }),
        };
    }
}

impl Object {
    pub(crate) fn version(&self) -> Version<'_> {
        Version { etag: &self.etag, modified: self.modified, size: self.size }
    }
}

/// The bytes from `first` on, `length` of them, out of pieces that lie one behind the other.
fn segments(pieces: Vec<(BlobId, u64)>, first: u64, length: u64) -> VecDeque<Segment> {
    let (mut skip, mut left) = (first, length);
    let mut segments = VecDeque::new();
    for (blob, size) in pieces {
        let here = size.saturating_sub(skip).min(left);
        if here > 0 {
            segments.push_back(Segment { blob, first: skip, length: here });
        }
        left = left.saturating_sub(here);
        skip = skip.saturating_sub(size);
    }
    segments
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_out_of_pieces() {
        let [a, b, c] = [(); 3].map(|()| BlobId::new());
        let pieces = vec![(a, 5), (b, 0), (c, 3)];
        let segment = |blob, first, length| Segment { blob, first, length };
        for (first, length, expected) in [
            (0, 8, vec![segment(a, 0, 5), segment(c, 0, 3)]),
            (4, 2, vec![segment(a, 4, 1), segment(c, 0, 1)]),
            (5, 3, vec![segment(c, 0, 3)]),
            (7, 1, vec![segment(c, 2, 1)]),
            (0, 0, vec![]),
        ] {
            assert_eq!(segments(pieces.clone(), first, length), expected, "{first}+{length}");
        }
    }
}
