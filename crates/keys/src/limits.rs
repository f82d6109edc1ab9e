//! Every bound of this crate, with its reason.

use std::time::Duration;

/// A key file: 64 RSA keys with certificates stay far below it.
pub const MAX_KEY_FILE: u64 = 1024 * 1024;

/// The body of a key set's URL: 64 keys of 8,192 bits with their certificates fit; a hostile answer costs little.
pub const MAX_BODY: usize = 256 * 1024;

/// One fetch as a whole, from the name's resolution to the last byte: an identity provider that needs longer is down.
pub const FETCH_WITHIN: Duration = Duration::from_secs(5);

/// How often a key set is fetched when the answer does not say: a rotated key is known long before tokens depend on it,
/// and one that was withdrawn is gone soon.
pub const REFRESH_DEFAULT: Duration = Duration::from_mins(10);

/// However short the answer's `max-age`: a set is not fetched more often than this without a cause.
pub const REFRESH_LEAST: Duration = Duration::from_mins(1);

/// However long the answer's `max-age`: a withdrawn key is gone within the hour.
pub const REFRESH_MOST: Duration = Duration::from_hours(1);

/// The first wait after a failed fetch. It doubles up to [`RETRY_MOST`].
pub const RETRY_LEAST: Duration = Duration::from_secs(1);

/// The longest wait after failed fetches: a provider that is back is noticed within the minute.
pub const RETRY_MOST: Duration = Duration::from_mins(1);

/// Between two fetches that unknown `kid`s cause: anybody can write a token with a new `kid`, and an issuer that has just
/// rotated its keys is found out at the first of its tokens.
pub const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(10);

/// How long a request waits for such a fetch: a browser's user still waits, and the fetch goes on without it.
pub const UNKNOWN_KEY_WAIT: Duration = Duration::from_secs(2);
