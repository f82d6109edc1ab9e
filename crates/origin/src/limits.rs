//! Every limit of a conversation with a store, with its reason.

use std::time::Duration;

/// A store that does not accept a connection within this is away.
pub const CONNECT: Duration = Duration::from_secs(3);

/// From the request to the answer's head: S3 answers within 200 ms as a rule; a store under repair may take seconds.
pub const HEAD: Duration = Duration::from_secs(10);

/// For the body of one piece, a megabyte: 35 KB/s is a store in trouble.
pub const BODY: Duration = Duration::from_secs(30);

/// Further tries after one that failed for a reason that may pass. More would multiply the load on a store in trouble.
pub const RETRIES: u32 = 2;

/// The wait before the first further try; the next waits four times as long.
pub const BACKOFF: Duration = Duration::from_millis(50);

/// Idle connections kept to one store, and for how long: below the 20 s after which S3 hangs up.
pub const IDLE_CONNECTIONS: usize = 64;
pub const IDLE: Duration = Duration::from_secs(15);

/// The longest body of an error that is read to keep the connection; a longer one is dropped with its connection.
pub const ERROR_BODY: usize = 16 << 10;
