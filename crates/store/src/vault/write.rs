//! Objects that come and go.

use super::{Address, Terms, Vault, now};
use crate::blobs::{BlobId, Freed};
use crate::digest::{Announced, Digested};
use crate::fault::{Fault, blocking};
use crate::index::Unwritten;
use crate::key::ObjectKey;
use crate::object::{Object, ObjectHeaders, Precondition};
use crate::objects;
use crate::receive::Received;
use crate::tags::Tags;
use rusqlite::Transaction;
use std::sync::Arc;

impl Vault {
    /// When it returns, the object survives a loss of power.
    pub(crate) async fn put(self: &Arc<Self>, at: Address, received: Received, terms: Terms) -> Result<Object, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            let Terms { headers, announced, precondition } = terms;
            let size = received.size;
            vault.settle(received, &announced, |tx, content, digested| {
                let object = Object {
                    content,
                    parts: 0,
                    size,
                    etag: digested.etag(),
                    modified: now(),
                    headers: ObjectHeaders { checksums: digested.checksums, ..headers },
                };
                let freed = objects::put(tx, &at.bucket, &at.key, &object, &precondition)?;
                Ok((object, freed.into_iter().collect()))
            })
        })
        .await
    }

    /// The bytes become a durable blob, and `commit` the row that names it: both or neither.
    pub(super) fn settle<T>(
        &self,
        received: Received,
        announced: &Announced,
        commit: impl FnOnce(&Transaction<'_>, BlobId, Digested) -> Result<(T, Vec<Freed>), Fault>,
    ) -> Result<T, Fault> {
        let (draft, digests) = received.complete(&self.blobs)?;
        let digested = digests.finish();
        digested.check(announced)?;
        let sealed = draft.seal()?;
        match self.commit(|tx| commit(tx, sealed.id(), digested)) {
            Ok(answer) => {
                sealed.named();
                Ok(answer)
            }
            Err(Unwritten::Refused(fault)) => Err(fault),
            Err(Unwritten::Uncertain(error)) => {
                sealed.leave();
                Err(error.into())
            }
        }
    }

    pub(crate) async fn set_tags(self: &Arc<Self>, at: Address, tags: Tags) -> Result<(), Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            Ok(vault.commit(|tx| {
                let mut object = objects::find(tx, &at.bucket, &at.key)?;
                object.headers.tags = tags;
                let freed = objects::put(tx, &at.bucket, &at.key, &object, &Precondition::None)?;
                Ok(((), freed.into_iter().collect()))
            })?)
        })
        .await
    }

    /// Whether there was one or not, unless the precondition wants one.
    pub(crate) async fn delete(self: &Arc<Self>, at: Address, precondition: Precondition) -> Result<(), Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            Ok(vault.commit(|tx| {
                let freed = objects::delete(tx, &at.bucket, &at.key, &precondition)?;
                Ok(((), freed.into_iter().collect()))
            })?)
        })
        .await
    }

    /// In one transaction. Gives the fault of each whose precondition does not hold; these stay.
    pub(crate) async fn delete_all(
        self: &Arc<Self>,
        bucket: String,
        keys: Vec<(ObjectKey, Precondition)>,
    ) -> Result<Vec<Option<Fault>>, Fault> {
        let vault = Arc::clone(self);
        blocking(move || {
            Ok(vault.commit(|tx| {
                crate::buckets::id(tx, &bucket)?;
                let (mut faults, mut all_freed) = (Vec::new(), Vec::new());
                for (key, precondition) in &keys {
                    match objects::delete(tx, &bucket, key, precondition) {
                        Ok(freed) => {
                            all_freed.extend(freed);
                            faults.push(None);
                        }
                        Err(fault @ (Fault::NoSuchKey | Fault::PreconditionFailed)) => faults.push(Some(fault)),
                        Err(fault) => return Err(fault),
                    }
                }
                Ok((faults, all_freed))
            })?)
        })
        .await
    }
}
