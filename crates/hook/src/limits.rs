//! Every bound of this crate, with its reason.

use std::time::Duration;

/// A question as a whole, from the name's resolution to the last byte: a browser's user waits for it before the first byte.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);

/// A hook that needs longer is down, and every question under way holds a connection.
pub const TIMEOUT_MOST: Duration = Duration::from_secs(5);

/// One page's images and one film's ranges are one question; a right that was withdrawn is gone before anyone looks.
pub const FRESH_DEFAULT: Duration = Duration::from_secs(10);

/// Beyond this a hook is no better than a token with a short life.
pub const FRESH_MOST: Duration = Duration::from_mins(5);

/// A deployment that went wrong is put right within the hour; a right that was withdrawn does not outlive it.
pub const STALE_MOST: Duration = Duration::from_hours(1);

/// A question's bytes. The claims are those of a token of at most 8 KiB, whose numbers and escapes can grow when they are
/// written out again, and a path of 1 KiB.
pub const MAX_QUESTION: usize = 64 * 1024;

/// An answer's body: Open Policy Agent's with metrics and provenance stays below 4 KiB.
pub const MAX_ANSWER: usize = 16 * 1024;

/// An answer's head, which is read into one buffer: larger than any cookie or trace header that a proxy adds.
pub const MAX_ANSWER_HEAD: usize = 32 * 1024;

/// Questions under way at one hook, each with a connection of its own: at 10 ms a question, 25,600 a second.
pub const MAX_ASKING: usize = 256;

/// Questions that one request may cause: hooks of a route's rules times tokens. One or two are usual.
pub const MAX_PER_REQUEST: usize = 8;

/// Bytes of all answers remembered, questions included: some 50,000 of usual size.
pub const ANSWER_MEMORY: u64 = 32 << 20;

/// Failures in a row after which a hook as a whole is left alone: one slow or lost answer is no outage, and one question that
/// the app cannot bear shall not stand in the way of others.
pub const FAILURES_BEFORE_PAUSE: u32 = 5;

/// How long a question that failed is not asked again, and a hook that is down is left alone: it is not asked by every
/// request, and one that is back is noticed at once. Clients are told `Retry-After: 1`.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Idle connections kept for a hook: more than its usual questions at one time.
pub const KEPT_CONNECTIONS: usize = 32;

/// How long an idle connection is kept: Node.js and uvicorn close theirs after 5 s, and a question must not meet that.
pub const KEPT_FOR: Duration = Duration::from_secs(4);

/// A hook's secret in bytes: web servers take 8 KiB for a whole head.
pub const MAX_SECRET: usize = 4096;
