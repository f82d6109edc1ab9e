//! Every bound of this crate, with its reason.

use std::time::Duration;

/// A key file: 64 RSA keys with certificates stay far below it.
pub const MAX_KEY_FILE: u64 = 1024 * 1024;

/// The body of a key set's URL or a discovery document: 64 keys of 8,192 bits with their certificates fit; a hostile answer
/// costs little.
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

/// How long a discovery document is believed while the key set that it names can be had: a provider that moves its keys is
/// followed within the hour.
pub const DISCOVERY_AGAIN: Duration = REFRESH_MOST;

/// The first wait after a failed fetch. It doubles up to [`RETRY_MOST`].
pub const RETRY_LEAST: Duration = Duration::from_secs(1);

/// The longest wait after failed fetches: a provider that is back is noticed within the minute.
pub const RETRY_MOST: Duration = Duration::from_mins(1);

/// Between two fetches that unknown `kid`s cause: anybody can write a token with a new `kid`, and an issuer that has just
/// rotated its keys is found out at the first of its tokens.
pub const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(10);

/// How long requests wait for such a fetch, counted from the first that waits: a browser's user still waits, and the fetch
/// goes on without them. Whoever comes later goes on at once.
pub const UNKNOWN_KEY_WAIT: Duration = Duration::from_secs(2);

/// The age beyond which a set on disk is not begun with, counted from the last time that the provider said so. A key that was
/// withdrawn while we were not running is honoured no longer than this, and neither is one out of an old backup; an
/// outage of a provider with a long weekend in it ends before.
pub const REMEMBERED_MOST: Duration = Duration::from_hours(7 * 24);

/// How much younger than now a set on disk may claim to be: clocks are set a little, and a file from further in the future
/// would count as young for ever.
pub const REMEMBERED_AHEAD: Duration = Duration::from_mins(5);

/// A set that did not change is written again when what is on disk is older than this, so that its age says when the
/// provider was last there.
pub const REMEMBERED_AGAIN: Duration = REFRESH_MOST;

/// Characters of what is said about a fault: a provider's own words can be in it.
pub const FAULT_WORDS: usize = 300;
