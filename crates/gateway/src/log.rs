//! The access log: one JSON line a request. Lines gather in memory for a moment and a thread of its own writes them, so that a
//! slow disk does not slow an answer. If it falls far behind, lines are dropped and counted, never silently.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::limits;
use crate::record::Record;

pub struct Log {
    gathered: Mutex<Vec<u8>>,
    blocks: SyncSender<Block>,
    dropped: Arc<AtomicU64>,
}

enum Block {
    Lines(Vec<u8>),
    /// Everything before it is written; tell when.
    Flush(SyncSender<()>),
}

impl Log {
    /// Starts the thread that writes to `sink`. It ends with the log.
    pub fn open(sink: Box<dyn Write + Send>) -> std::io::Result<Arc<Self>> {
        let (blocks, waiting) = sync_channel(limits::LOG_WAITING_BLOCKS);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        std::thread::Builder::new().name("access-log".into()).spawn(move || write_blocks(&waiting, sink, &lost))?;
        let log = Arc::new(Self { gathered: Mutex::default(), blocks, dropped });
        let weak = Arc::downgrade(&log);
        std::thread::Builder::new().name("access-log-timer".into()).spawn(move || {
            loop {
                std::thread::sleep(limits::LOG_INTERVAL);
                let Some(log) = weak.upgrade() else { return };
                log.hand_over();
            }
        })?;
        Ok(log)
    }

    pub fn write(&self, record: &Record, micros: u64) {
        let full = {
            let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            line(&mut gathered, record, micros);
            gathered.len() >= limits::LOG_BLOCK
        };
        if full {
            self.hand_over();
        }
    }

    /// A line about what nobody asked for by a request. It has no `status`.
    pub fn note(&self, event: &str, texts: &[(&str, &str)], numbers: &[(&str, u64)]) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.extend_from_slice(b"{\"time\":\"");
        timestamp(&mut gathered, i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        gathered.extend_from_slice(b"\",\"event\":");
        text(&mut gathered, event);
        for (name, value) in texts {
            member(&mut gathered, name);
            text(&mut gathered, value);
        }
        for (name, value) in numbers {
            member(&mut gathered, name);
            number(&mut gathered, *value);
        }
        gathered.extend_from_slice(b"}\n");
    }

    /// Lines lost because the sink was too slow or failed.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Returns when all that was logged before is written.
    pub fn flush(&self) {
        self.hand_over();
        let (done, wait) = sync_channel(1);
        if self.blocks.send(Block::Flush(done)).is_ok() {
            let _ = wait.recv(); // an error means that the thread has ended, with everything written that could be
        }
    }

    fn hand_over(&self) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if gathered.is_empty() {
            return;
        }
        let block = std::mem::replace(&mut *gathered, Vec::with_capacity(limits::LOG_BLOCK + 1024));
        drop(gathered);
        if let Err(TrySendError::Full(block) | TrySendError::Disconnected(block)) =
            self.blocks.try_send(Block::Lines(block))
            && let Block::Lines(lines) = block
        {
            count_lost(&self.dropped, &lines);
        }
    }
}

fn write_blocks(waiting: &Receiver<Block>, mut sink: Box<dyn Write + Send>, lost: &AtomicU64) {
    while let Ok(block) = waiting.recv() {
        match block {
            Block::Lines(lines) => {
                if sink.write_all(&lines).and_then(|()| sink.flush()).is_err() {
                    count_lost(lost, &lines);
                }
            }
            Block::Flush(done) => {
                let _ = done.send(()); // whoever asked may have gone
            }
        }
    }
}

fn count_lost(lost: &AtomicU64, lines: &[u8]) {
    let lines = lines.split(|byte| *byte == b'\n').count().saturating_sub(1);
    lost.fetch_add(lines as u64, Ordering::Relaxed);
}

fn line(out: &mut Vec<u8>, record: &Record, micros: u64) {
    out.extend_from_slice(b"{\"time\":\"");
    timestamp(out, record.time);
    out.extend_from_slice(b"\",\"id\":\"");
    out.extend_from_slice(&record.id.digits());
    out.extend_from_slice(b"\",\"method\":");
    text(out, record.method.as_str());
    out.extend_from_slice(b",\"path\":");
    text(out, &record.path);
    out.extend_from_slice(b",\"status\":");
    number(out, u64::from(record.status.as_u16()));
    if let Some((code, reason, culprit)) = record.refused {
        for (name, value) in [("code", code), ("reason", reason), ("culprit", culprit.as_str())] {
            member(out, name);
            text(out, value);
        }
    }
    if let Some(route) = record.route.and_then(|route| record.pipeline.site.front.rules.route(route)) {
        member(out, "route");
        text(out, route.name);
    }
    if let Some(rule) = record.rule {
        member(out, "rule");
        number(out, rule as u64);
    }
    if let Some(bearer) = &record.bearer {
        if let Some(issuer) = record.pipeline.site.front.rules.issuer(bearer.issuer()) {
            member(out, "issuer");
            text(out, &issuer.name);
        }
        if let Some(subject) = bearer.subject() {
            member(out, "subject");
            text(out, subject);
        }
    }
    if let Some(lookup) = record.lookup {
        member(out, "cache");
        text(out, crate::metrics::lookup_name(lookup));
    }
    member(out, "bytes");
    number(out, record.bytes);
    member(out, "micros");
    number(out, micros);
    if let Some(origin) = record.origin_micros {
        member(out, "origin_micros");
        number(out, origin);
    }
    out.extend_from_slice(b"}\n");
}

fn member(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Every byte is looked at, without an early end, so that the compiler can look at many at once.
    let plain =
        text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\'));
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else if serde_json::to_writer(&mut *out, text).is_err() {
        out.extend_from_slice(b"null"); // writing text into memory does not fail
    }
}

/// `2026-11-22T15:32:03`
const SECONDS: usize = 19;

/// RFC 3339 with milliseconds. A second's first 19 characters are made once.
fn timestamp(out: &mut Vec<u8>, millis: i64) {
    thread_local! {
        static SECOND: std::cell::RefCell<(i64, String)> = const { std::cell::RefCell::new((i64::MIN, String::new())) };
    }
    SECOND.with_borrow_mut(|(known, text)| {
        let second = millis.div_euclid(1000);
        if *known != second {
            *known = second;
            *text = OffsetDateTime::from_unix_timestamp(second)
                .ok()
                .and_then(|time| time.format(&Rfc3339).ok())
                .unwrap_or_default();
            text.truncate(SECONDS);
        }
        out.extend_from_slice(text.as_bytes());
    });
    out.push(b'.');
    let rest = u64::try_from(millis.rem_euclid(1000)).unwrap_or(0);
    for digit in [rest / 100, rest / 10 % 10, rest % 10] {
        number(out, digit);
    }
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_texts() {
        let mut out = Vec::new();
        timestamp(&mut out, 1_795_361_523_007);
        assert_eq!(out, b"2026-11-22T15:32:03.007Z");
        for (plain, written) in [("a b", "\"a b\""), ("a\"\n\\é", "\"a\\\"\\n\\\\é\"")] {
            let mut out = Vec::new();
            text(&mut out, plain);
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
    }
}
