//! Counters for Prometheus. No label holds anything that a request can choose.

use std::sync::atomic::{AtomicU64, Ordering};

use cache::Lookup;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::record::Record;

pub struct Metrics {
    registry: Registry,
    /// The commonest answers, found without a look-up.
    hits: [(u16, Counter); 3],
    answers: Family<Answer, Counter>,
    bytes: Counter,
    duration: Histogram,
    origin_duration: Histogram,
    pub connections: Gauge,
    pub refused_connections: Counter,
    pub failed_handshakes: Counter,
    certificates: Family<CertificateFile, Gauge>,
    reloads: Family<Reload, Counter>,
    last_reload: Gauge,
    pub uploads_abandoned: Counter,
    pub sweeps_failed: Counter,
    sizes: Vec<(Size, Gauge<u64, AtomicU64>)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    status: u16,
    code: &'static str,
    reason: &'static str,
    culprit: &'static str,
    cache: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateFile {
    certificate: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    result: &'static str,
}

/// Sizes that are read off when the metrics are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    LogDropped,
    CacheBytes,
    CacheItems,
    DiskBytes,
    DiskRecords,
    DiskHits,
    DiskMisses,
    DiskSkipped,
    DiskErrors,
    DiskDamaged,
    DiskFailing,
    Tokens,
    Revocations,
    UsedTokens,
    JournalFaults,
    HookAnswers,
    KeyFailures,
}

impl Size {
    /// With their names and what they count.
    const ALL: [(Self, &'static str, &'static str); 17] = [
        (Self::LogDropped, "log_lines_dropped", "Lines of the access log that could not be written"),
        (Self::CacheBytes, "cache_bytes", "Bytes kept in memory"),
        (Self::CacheItems, "cache_items", "Objects and slices kept in memory"),
        (Self::DiskBytes, "cache_disk_bytes", "Bytes of the disk cache's files"),
        (Self::DiskRecords, "cache_disk_records", "Objects and slices on disk"),
        (Self::DiskHits, "cache_disk_hits", "Records read from disk"),
        (Self::DiskMisses, "cache_disk_misses", "Records looked for on disk in vain"),
        (
            Self::DiskSkipped,
            "cache_disk_skipped",
            "Records not written to disk, because too many waited or the disk was in trouble",
        ),
        (Self::DiskErrors, "cache_disk_errors", "Reads and writes of the disk cache that failed or took too long"),
        (Self::DiskDamaged, "cache_disk_damaged", "Records on disk that were not what was written"),
        (Self::DiskFailing, "cache_disk_failing", "1 while nothing is written to disk because of trouble"),
        (Self::Tokens, "tokens_remembered", "Verified tokens remembered"),
        (Self::Revocations, "revocations", "Revocations in effect"),
        (Self::UsedTokens, "used_tokens", "Tokens for one request that were used and have not expired"),
        (Self::JournalFaults, "journal_faults", "Journals that could not be written anew the last time"),
        (Self::HookAnswers, "hook_answers_remembered", "Answers of decision hooks remembered"),
        (
            Self::KeyFailures,
            "key_fetch_failures",
            "Fetches of issuers' keys that failed in a row, of all issuers together",
        ),
    ];
}

const DONE: &str = "done";
const REFUSED: &str = "refused";

pub fn lookup_name(lookup: Lookup) -> &'static str {
    match lookup {
        Lookup::Hit => "hit",
        Lookup::Miss => "miss",
        Lookup::Revalidated => "revalidated",
        Lookup::Stale => "stale",
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("edgepass");
        let answers = Family::<Answer, Counter>::default();
        registry.register(
            "answers",
            "Answers by status, public code, reason, culprit and use of the cache",
            answers.clone(),
        );
        let hits = [200, 206, 304].map(|status| {
            let answer = Answer { status, code: "", reason: "", culprit: "", cache: "hit" };
            (status, answers.get_or_create(&answer).clone())
        });
        let bytes = Counter::default();
        registry.register_with_unit("body", "Bytes of bodies handed to connections", Unit::Bytes, bytes.clone());
        let seconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
        let duration = Histogram::new(seconds);
        registry.register_with_unit(
            "answer",
            "From a request's head to the end of its answer",
            Unit::Seconds,
            duration.clone(),
        );
        let origin_duration = Histogram::new(seconds);
        registry.register_with_unit("origin_wait", "Waiting for the origin", Unit::Seconds, origin_duration.clone());
        let connections = Gauge::default();
        registry.register("connections", "Connections open now", connections.clone());
        let refused_connections = Counter::default();
        registry.register(
            "connections_refused",
            "Connections closed at once because too many were open",
            refused_connections.clone(),
        );
        let failed_handshakes = Counter::default();
        registry.register("tls_handshakes_failed", "TLS handshakes that came to nothing", failed_handshakes.clone());
        let certificates = Family::<CertificateFile, Gauge>::default();
        registry.register_with_unit(
            "certificate_expiry",
            "When a certificate in use expires, in seconds since 1970",
            Unit::Seconds,
            certificates.clone(),
        );
        let reloads = Family::<Reload, Counter>::default();
        registry.register("reloads", "Reloads that were done, and that were refused", reloads.clone());
        for result in [DONE, REFUSED] {
            reloads.get_or_create(&Reload { result }).inc_by(0);
        }
        let last_reload = Gauge::default();
        registry.register_with_unit(
            "last_reload",
            "When the configuration in use was taken, in seconds since 1970: at the start or by a reload",
            Unit::Seconds,
            last_reload.clone(),
        );
        let uploads_abandoned = Counter::default();
        registry.register(
            "uploads_abandoned",
            "Uploads in parts that were begun long ago, aborted",
            uploads_abandoned.clone(),
        );
        let sweeps_failed = Counter::default();
        registry.register(
            "upload_sweeps_failed",
            "Looks for abandoned uploads that the store did not answer",
            sweeps_failed.clone(),
        );
        let mut sizes = Vec::new();
        for (size, name, help) in Size::ALL {
            let gauge = Gauge::<u64, AtomicU64>::default();
            registry.register(name, help, gauge.clone());
            sizes.push((size, gauge));
        }
        Self {
            registry,
            hits,
            answers,
            bytes,
            duration,
            origin_duration,
            connections,
            refused_connections,
            failed_handshakes,
            certificates,
            reloads,
            last_reload,
            uploads_abandoned,
            sweeps_failed,
            sizes,
        }
    }

    /// The certificates in use and when they expire.
    pub fn certificates(&self, expiries: impl Iterator<Item = (String, i64)>) {
        self.certificates.clear();
        for (certificate, expires) in expiries {
            self.certificates.get_or_create(&CertificateFile { certificate }).set(expires);
        }
    }

    /// `now` in seconds since 1970.
    pub fn reloaded(&self, done: bool, now: i64) {
        self.reloads.get_or_create(&Reload { result: if done { DONE } else { REFUSED } }).inc();
        if done {
            self.last_reload.set(now);
        }
    }

    pub fn started(&self, now: i64) {
        self.last_reload.set(now);
    }

    pub fn answered(&self, record: &Record, micros: u64) {
        let status = record.status.as_u16();
        let hit = (record.refused.is_none() && record.lookup == Some(Lookup::Hit))
            .then(|| self.hits.iter().find(|(known, _)| *known == status))
            .flatten();
        if let Some((_, counter)) = hit {
            counter.inc();
        } else {
            let (code, reason, culprit) =
                record.refused.map_or(("", "", ""), |(code, reason, culprit)| (code, reason, culprit.as_str()));
            let cache = record.lookup.map_or("", lookup_name);
            self.answers.get_or_create(&Answer { status, code, reason, culprit, cache }).inc();
        }
        self.bytes.inc_by(record.bytes);
        self.duration.observe(seconds(micros));
        if let Some(origin) = record.origin_micros {
            self.origin_duration.observe(seconds(origin));
        }
    }

    /// The text that Prometheus reads.
    pub fn text(&self, size: impl Fn(Size) -> u64) -> String {
        for (what, gauge) in &self.sizes {
            gauge.set(size(*what));
        }
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(_) => String::new(), // writing text into memory does not fail
        }
    }
}

#[allow(clippy::cast_precision_loss)] // microseconds of a request are far below 2^52
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// A number that no two requests of this process share, and that tells nothing about the others.
pub struct Ids {
    seed: u64,
    next: AtomicU64,
}

impl Ids {
    pub fn new() -> Self {
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self { seed, next: AtomicU64::new(0) }
    }

    /// A bijection of the counter (the finaliser of SplitMix64), so that ids look random and do not repeat.
    pub fn next(&self) -> u64 {
        let mut id =
            self.seed.wrapping_add(self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        id ^ (id >> 31)
    }
}
