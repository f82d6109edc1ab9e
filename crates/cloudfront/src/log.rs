//! The access log: one line of JSON for each request. No query string, no header, no token.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub struct Log(Mutex<Box<dyn Write + Send>>);

/// What is known of a request so far.
pub struct Record {
    pub began: SystemTime,
    pub id: String,
    pub method: String,
    /// As it came, without the query.
    pub path: String,
    pub behaviour: String,
    pub function: Option<Duration>,
}

impl Log {
    pub fn new(target: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(target))
    }

    pub fn write(&self, record: &Record, status: u16, x_cache: &str, why: Option<&str>) {
        let time = OffsetDateTime::from(record.began).format(&Rfc3339).unwrap_or_default();
        let took = record.began.elapsed().unwrap_or_default();
        let mut line = json!({
            "time": time,
            "id": record.id,
            "method": record.method,
            "path": record.path,
            "behaviour": record.behaviour,
            "status": status,
            "x_cache": x_cache,
            "ms": milliseconds(took),
        });
        if let Some(members) = line.as_object_mut() {
            if let Some(function) = record.function {
                members.insert("function_ms".into(), milliseconds(function).into());
            }
            if let Some(why) = why {
                members.insert("why".into(), why.into());
            }
        }
        let mut target = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written must not keep a developer from seeing the answer.
        let _ = target.write_all(format!("{line}\n").as_bytes());
        let _ = target.flush();
    }
}

/// With a tenth.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
