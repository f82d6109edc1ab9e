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

/// A whole question about an upload in parts, from the request to the end of the answer.
pub const TOLD: Duration = Duration::from_secs(15);

/// Joining parts: S3 "can take several minutes" for the largest; whoever waits longer asks again, and finds the object made.
pub const COMPLETE: Duration = Duration::from_secs(120);

/// The longest document that a store answers with: 1,000 entries of a kilobyte with their keys, encoded.
pub const DOCUMENT: usize = 4 << 20;

/// Pages of 1,000 parts that are read for one upload, which has at most 10,000; some stores send shorter ones.
pub const PART_PAGES: usize = 40;

/// Open uploads that a store is asked for at one time: its most.
pub const OPEN_UPLOADS_PAGE: usize = 1000;

/// One link of the chain of credentials: a token service across an ocean answers within it.
pub const CHAIN_LINK: Duration = Duration::from_secs(5);

/// The metadata services are on the machine: who is not there at once is not there, as on every machine that is not AWS's.
pub const CHAIN_CONNECT: Duration = Duration::from_secs(1);

/// The longest answer of a metadata or token service: a token has some 2 KB.
pub const CHAIN_BODY: usize = 64 << 10;

/// Keys are renewed so long before they end: a metadata service has new ones then, and an outage of some minutes is survived.
pub const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);

/// Keys without an end are looked at again: somebody may have put others into the file.
pub const RENEW_UNENDING: Duration = Duration::from_secs(5 * 60);

/// The chain is asked no more often, also where a store refuses the keys.
pub const RENEW_LEAST: Duration = Duration::from_secs(10);

/// After a failure; then twice as long each time, up to the most.
pub const RENEW_RETRY: Duration = Duration::from_secs(2);
pub const RENEW_MOST: Duration = Duration::from_secs(60);
