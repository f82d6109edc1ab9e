//! Objects kept near their readers.
//!
//! Two parts: the law of HTTP caching as pure functions (`conditions`, `ranges`, `freshness`), and apart from it the engine
//! that keeps slices of object versions in memory and fetches each gap once ([`Cache`]).
//!
//! The cache does not know who asks. An entry's identity is bucket, key, ETag and slice; nothing of a token or a request is
//! in it. Trouble inside is a miss.

mod conditions;
mod disk;
mod engine;
mod flights;
mod freshness;
mod object;
mod ranges;

pub use conditions::{Conditions, Outcome, evaluate};
pub use disk::{DISK_LEAST, DISK_MOST, DiskFault, DiskFigures, DiskSettings, Tell};
pub use engine::{Cache, CacheError, Fetch, Fetched, Limits, Lookup, Opened, Probe};
pub use freshness::{Storing, storing};
pub use object::{Entry, Head, ObjectId, SLICE, slice_of};
pub use ranges::{ServedBytes, WantedBytes, serve};
