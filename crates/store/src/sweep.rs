//! Removes what a crash left behind: drafts of earlier runs, and blobs that no row names; and uploads that were abandoned. Runs beside the store, which is
//! open and answering; it costs one look at each directory and one look-up per blob.

use crate::blobs::{BlobId, Blobs};
use crate::fault::blocking;
use crate::index::Index;
use crate::limits;
use crate::pieces;
use crate::vault::Vault;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use time::OffsetDateTime;

/// Ends early when the store is gone.
pub(crate) fn start(blobs: &Arc<Blobs>, index: &Arc<Index>) -> io::Result<()> {
    // Asked before the first upload of this run can begin.
    let drafts = blobs.old_drafts()?;
    let (blobs, index) = (Arc::downgrade(blobs), Arc::downgrade(index));
    std::thread::Builder::new().name("store-sweep".into()).spawn(move || {
        if let Err(error) = sweep(&drafts, &blobs, &index) {
            eprintln!("store: sweep: {error}");
        }
    })?;
    Ok(())
}

/// Removes abandoned uploads, again and again, until it is dropped.
pub(crate) async fn uploads(vault: Arc<Vault>) {
    let mut hour = tokio::time::interval(limits::UPLOAD_SWEEP);
    loop {
        hour.tick().await;
        let vault = Arc::clone(&vault);
        let now = OffsetDateTime::now_utc().unix_timestamp();
        if let Err(fault) = blocking(move || vault.sweep_uploads(now)).await {
            eprintln!("store: abandoned uploads: {fault:?}");
        }
    }
}

fn sweep(drafts: &[PathBuf], blobs: &Weak<Blobs>, index: &Weak<Index>) -> io::Result<()> {
    for draft in drafts {
        fs::remove_file(draft)?;
    }
    let shelves = blobs.upgrade().map(|blobs| blobs.shelves());
    for shelf in shelves.into_iter().flatten() {
        let (Some(blobs), Some(index)) = (blobs.upgrade(), index.upgrade()) else { return Ok(()) };
        sweep_shelf(&shelf, &blobs, &index)?;
    }
    Ok(())
}

fn sweep_shelf(shelf: &Path, blobs: &Blobs, index: &Index) -> io::Result<()> {
    for entry in fs::read_dir(shelf)? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(BlobId::parse) else { continue };
        // In this order: a blob that has just been settled has its row by now.
        if blobs.is_unsettled(id) {
            continue;
        }
        let named = index.read(|c| pieces::names(c, id)).map_err(|fault| io::Error::other(format!("{fault:?}")))?;
        if !named {
            blobs.remove(id)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn orphans_go_and_unsettled_blobs_stay() {
        let dir = TempDir::new();
        let blobs = Arc::new(Blobs::open(dir.path()).unwrap());
        let index = Arc::new(Index::open(&dir.path().join("index.sqlite")).unwrap());
        let orphan = blobs.draft().unwrap().seal().unwrap();
        let orphan_id = orphan.id();
        orphan.named();
        let unsettled = blobs.draft().unwrap().seal().unwrap();
        let draft = dir.path().join("drafts").join("left");
        fs::write(&draft, "half").unwrap();

        sweep(&blobs.old_drafts().unwrap(), &Arc::downgrade(&blobs), &Arc::downgrade(&index)).unwrap();
        assert!(blobs.read(orphan_id).is_err());
        assert!(blobs.read(unsettled.id()).is_ok());
        assert!(!draft.exists());
    }
}
