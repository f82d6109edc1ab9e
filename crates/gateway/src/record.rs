//! What is written of each request: one line in the access log and one tick in the metrics, when its answer is done with.
//! No field holds a token or a query.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use authorizer::{RouteId, Verified};
use cache::{CacheError, Lookup};
use front::{Culprit, Refusal};
use http::{Method, StatusCode};

use crate::pipeline::{Pipeline, refusal_of};
use crate::wire::Flow;

/// No answer was sent: the number that nginx made usual for it.
const CLIENT_GONE: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => StatusCode::BAD_REQUEST,
};

pub struct Record {
    pub pipeline: Arc<Pipeline>,
    /// Milliseconds since 1970.
    pub time: i64,
    pub started: Instant,
    pub id: Id,
    pub method: Method,
    /// Decoded where it could be, without its query.
    pub path: String,
    pub status: StatusCode,
    /// Public code and precise reason of a refusal.
    pub refused: Option<(&'static str, &'static str, Culprit)>,
    pub route: Option<RouteId>,
    pub rule: Option<usize>,
    pub bearer: Option<Arc<Verified>>,
    pub lookup: Option<Lookup>,
    /// Of the body, handed to the connection.
    pub bytes: u64,
    /// Microseconds spent waiting for the cache to ask the origin.
    pub origin_micros: Option<u64>,
    /// The connection that the answer is still a part of.
    pub flow: Arc<Flow>,
}

/// Names one request: in the answer, in the log, in a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub u64);

impl Id {
    /// Sixteen hexadecimal digits.
    pub fn digits(self) -> [u8; 16] {
        let mut digits = [0; 16];
        for (place, shift) in digits.iter_mut().zip((0..16).rev()) {
            let nibble = (self.0 >> (shift * 4)) & 15;
            *place = b"0123456789abcdef".get(usize::try_from(nibble).unwrap_or(0)).copied().unwrap_or(b'0');
        }
        digits
    }
}

impl Record {
    pub fn begin(pipeline: &Arc<Pipeline>, flow: Arc<Flow>, method: Method, path: String) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            pipeline: Arc::clone(pipeline),
            time: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            started: Instant::now(),
            id: Id(pipeline.ids.next()),
            method,
            path,
            status: CLIENT_GONE,
            refused: Some(("client_gone", "client_gone", Culprit::Client)),
            route: None,
            rule: None,
            bearer: None,
            lookup: None,
            bytes: 0,
            origin_micros: None,
            flow,
        }
    }

    pub fn answered(&mut self, status: StatusCode, refusal: Option<&Refusal>) {
        self.status = status;
        self.refused = refusal.map(|refusal| (refusal.code.as_str(), refusal.reason, refusal.code.culprit()));
    }

    /// The answer had begun and could not be ended.
    pub fn cut(&mut self, error: CacheError) {
        let refusal = refusal_of(error);
        self.refused = Some(("cut", refusal.reason, refusal.code.culprit()));
    }
}

/// Written whatever became of the request, also when its client went away before there was an answer.
impl Drop for Record {
    fn drop(&mut self) {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.pipeline.metrics.answered(self, micros);
        self.pipeline.log.write(self, micros);
        self.flow.answered();
    }
}
