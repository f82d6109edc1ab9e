//! Copies within the store.

use super::{Address, Vault, now};
use crate::blob_stream::Reader;
use crate::blobs::BlobId;
use crate::conditions::{Asked, Part, Verdict};
use crate::copy;
use crate::digest::{Algorithm, Digests};
use crate::fault::{Fault, blocking};
use crate::limits;
use crate::object::{Object, ObjectHeaders, Precondition};
use crate::objects;
use crate::receive::Received;
use crate::tags::Tags;
use std::io;
use std::sync::Arc;

/// What is to hold of a copy, and what it does not take from its source.
#[derive(Debug)]
pub(crate) struct CopyTerms {
    /// Of the source.
    pub(crate) asked: Asked,
    /// Of what is there now.
    pub(crate) precondition: Precondition,
    /// Where they are not those of the source.
    pub(crate) headers: Option<ObjectHeaders>,
    pub(crate) tags: Option<Tags>,
    /// To be had, whatever checksums the source has.
    pub(crate) checksum: Option<Algorithm>,
}

impl Vault {
    /// No byte is copied: the new row names the bytes of the old one.
    pub(crate) async fn copy(self: &Arc<Self>, from: Address, to: Address, terms: CopyTerms) -> Result<Object, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            for _ in 0..limits::REPLACED_TRIES {
                let computed = terms.checksum.map(|algorithm| vault.computed(&from, algorithm)).transpose()?.flatten();
                if let Some(object) = vault.copy_row(&from, &to, &terms, computed.as_ref())? {
                    return Ok(object);
                }
            }
            Err(Fault::Busy)
        })
        .await
    }

    /// None where the source is another one since its checksum was computed.
    fn copy_row(
        &self,
        from: &Address,
        to: &Address,
        terms: &CopyTerms,
        computed: Option<&(BlobId, Algorithm, String)>,
    ) -> Result<Option<Object>, Fault> {
        Ok(self.commit(|tx| {
            let source = objects::find(tx, &from.bucket, &from.key)?;
            holds(&terms.asked, &source)?;
            if computed.is_some_and(|(content, ..)| *content != source.content) {
                return Ok((None, Vec::new()));
            }
            let mut headers = terms.headers.clone().unwrap_or_else(|| source.headers.clone());
            headers.tags = terms.tags.clone().unwrap_or(source.headers.tags);
            (headers.checksums, headers.checksum_kind) = (source.headers.checksums, source.headers.checksum_kind);
            if let Some((_, algorithm, sum)) = computed {
                headers.checksums = [(*algorithm, sum.clone())].into();
                headers.checksum_kind = crate::digest::ChecksumKind::FullObject;
            }
            let object = Object { modified: now(), headers, ..source };
            let freed = objects::put(tx, &to.bucket, &to.key, &object, &terms.precondition)?;
            Ok((Some(object), freed.into_iter().collect()))
        })?)
    }

    /// The checksum of an object that has none of this algorithm, and of which bytes it is.
    fn computed(&self, at: &Address, algorithm: Algorithm) -> Result<Option<(BlobId, Algorithm, String)>, Fault> {
        let (object, mut reader) = self.open_at(at, |object| Ok((0, object.size)))?;
        if object.headers.checksums.contains_key(&algorithm) {
            return Ok(None);
        }
        let mut digests = Digests::of([algorithm]);
        while let Some(chunk) = reader.chunk()? {
            digests.update(&chunk);
        }
        let sum = digests.finish().checksums.remove(&algorithm);
        Ok(sum.map(|sum| (object.content, algorithm, sum)))
    }

    /// The bytes of an object, or a range of them, on their way to become a part. Not durable yet.
    pub(crate) async fn draft_of(
        self: &Arc<Self>,
        from: Address,
        asked: Asked,
        range: Option<Part>,
        digests: Digests,
    ) -> Result<Received, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            let (_, reader) = vault.open_at(&from, |object| {
                holds(&asked, object)?;
                let Some(range) = range else { return whole(object) };
                let within = range.last < object.size && copy::fits(range);
                if within { Ok((range.first, range.len())) } else { Err(Fault::CopyRange { size: object.size }) }
            })?;
            Received::of_reader(&vault.blobs, reader, digests)
        })
        .await
    }

    /// An object and a reader of the bytes that `which` chooses: first and length.
    fn open_at(
        &self,
        at: &Address,
        which: impl Fn(&Object) -> Result<(u64, u64), Fault>,
    ) -> Result<(Object, Reader), Fault> {
        for _ in 0..limits::REPLACED_TRIES {
            let object = self.index.read(|c| objects::find(c, &at.bucket, &at.key))?;
            let (first, length) = which(&object)?;
            match self.open(&object, first, length) {
                Ok(reader) => return Ok((object, reader)),
                // Replaced or deleted since: look again.
                Err(Fault::Disk(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Err(Fault::Corrupt("blob: it is missing"))
    }
}

fn whole(object: &Object) -> Result<(u64, u64), Fault> {
    if object.size > limits::OBJECT_BYTES {
        return Err(Fault::CopyRange { size: object.size });
    }
    Ok((0, object.size))
}

/// A copy knows no 304.
fn holds(asked: &Asked, source: &Object) -> Result<(), Fault> {
    if asked.decide(source.version()) == Verdict::Whole { Ok(()) } else { Err(Fault::PreconditionFailed) }
}
