//! Uploads in parts that nobody completes cost storage and are in no listing of objects. Once an hour each bucket that takes
//! uploads is asked for the old ones of them, and those are aborted.
//!
//! Only keys that an upload route of the bucket can make are touched: others in the bucket may belong to somebody else.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use authorizer::BucketId;
use origin::{OpenUpload, UploadError, UploadsMarker};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::limits;
use crate::pipeline::{Live, Pipeline};

/// What one round at one bucket did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Swept {
    aborted: u64,
    failed: u64,
}

/// One task for each bucket, until the gateway stops. Those that no upload route leads to at the time are left alone.
pub fn start(live: &Arc<Live>, runtime: &Handle, stopping: &watch::Receiver<bool>) {
    for bucket in 0..live.load().stores.len() {
        let (live, mut stopping) = (Arc::clone(live), stopping.clone());
        runtime.spawn(async move {
            tokio::select! {
                () = sweep_for_ever(&live, bucket) => {}
                _ = stopping.wait_for(|stop| *stop) => {}
            }
        });
    }
}

async fn sweep_for_ever(live: &Live, bucket: usize) {
    let mut wait = limits::FIRST_SWEEP;
    loop {
        // Between a half and one and a half of it: not all gateways of a site at one moment.
        let thousandths = u32::try_from(live.load().ids.next() % 1000).unwrap_or(0);
        sleep(wait / 2 + wait / 1000 * thousandths).await;
        wait = limits::SWEEP_EVERY;
        let pipeline = &*live.load_full();
        if !takes_uploads(pipeline, bucket) {
            continue;
        }
        let name = pipeline.buckets.get(bucket).map_or("", |bucket| bucket.uploads.name());
        match sweep(pipeline, bucket).await {
            Ok(swept) => {
                pipeline.metrics.uploads_abandoned.inc_by(swept.aborted);
                if swept != Swept::default() {
                    pipeline.log.note(
                        "abandoned_uploads",
                        &[("bucket", name)],
                        &[("aborted", swept.aborted), ("failed", swept.failed)],
                    );
                }
            }
            Err(error) => {
                pipeline.metrics.sweeps_failed.inc();
                pipeline.log.note("abandoned_uploads", &[("bucket", name), ("error", reason(&error))], &[]);
            }
        }
    }
}

fn takes_uploads(pipeline: &Pipeline, bucket: usize) -> bool {
    let mut routes = pipeline.site.front.rules.routes();
    routes.any(|(_, info)| info.upload.is_some() && info.bucket == BucketId(bucket))
}

/// Aborts what is older than the bucket's limit. What cannot be aborted now is left for the next round.
async fn sweep(pipeline: &Pipeline, bucket: usize) -> Result<Swept, UploadError> {
    let mut swept = Swept::default();
    let (Some(store), Some(settings)) = (pipeline.stores.get(bucket), pipeline.buckets.get(bucket)) else {
        return Ok(swept);
    };
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    let oldest = now.saturating_sub(settings.abandoned_after);
    let is_ours = |upload: &OpenUpload| {
        upload.begun < oldest && pipeline.site.front.rules.is_upload_key(BucketId(bucket), &upload.key)
    };
    let mut after = UploadsMarker::default();
    for _ in 0..limits::SWEEP_PAGES {
        let (page, next) = store.open_uploads(&after).await?;
        for upload in page.iter().filter(|upload| is_ours(upload)) {
            if swept.aborted + swept.failed == limits::SWEEP_ABORTS {
                return Ok(swept);
            }
            match store.abort_upload(&upload.key, &upload.id).await {
                Ok(()) => swept.aborted += 1,
                Err(_) => swept.failed += 1,
            }
        }
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    Ok(swept)
}

fn reason(error: &UploadError) -> &str {
    match error {
        UploadError::Origin(origin::OriginError::Denied) => "origin_denied",
        UploadError::Origin(origin::OriginError::Away) => "origin_away",
        UploadError::Origin(origin::OriginError::Slow) => "origin_slow",
        UploadError::Origin(_) => "origin_failed",
        UploadError::Refused { code, .. } => code,
    }
}
