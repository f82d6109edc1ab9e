//! Objects kept near their readers.
//!
//! Two parts: the law of HTTP caching as pure functions (`conditions`, `ranges`, `freshness`, `reuse`, `vary`), and apart from
//! it the engine that keeps slices of object versions in memory and fetches each gap once ([`Cache`]).
//!
//! The cache does not know who asks. An entry's identity is bucket, key, ETag and slice; nothing of a token or a request is
//! in it. Trouble inside is a miss.

mod conditions;
mod directives;
mod disk;
mod engine;
mod flights;
mod freshness;
mod object;
mod ranges;
mod reuse;
mod vary;

pub use conditions::{Conditions, Outcome, evaluate, parse_date};
pub use directives::LONGEST;
pub use disk::{DISK_LEAST, DISK_MOST, DiskFault, DiskFigures, DiskSettings, Tell};
pub use engine::{Cache, CacheError, Fetch, Fetched, Limits, Lookup, Opened, Probe};
pub use freshness::{Defaults, Lifetime, Stale, Storing, storing};
pub use object::{Entry, Head, ObjectId, SLICE, slice_of};
pub use ranges::{Part, ServedBytes, Wanted, WantedBytes, serve};
pub use reuse::{Reuse, Wishes};
pub use vary::varies;
