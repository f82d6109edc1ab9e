//! Every limit of the app, with its reason.

use std::time::Duration;

/// A board has a handful of people with a few tabs each; browsers open six connections a host.
pub const CONNECTIONS: usize = 512;
/// A browser sends its headers at once. Also ends idle keep-alive connections.
pub const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// The browser's headers plus a few cookies of other apps on the name `localhost`.
pub const HEADER_BYTES: usize = 64 * 1024;
/// The largest body is a post with [`POST_FILES`] files.
pub const BODY_BYTES: usize = 64 * 1024;
pub const BODY_WITHIN: Duration = Duration::from_secs(10);
pub const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(50);
/// No answer is large.
pub const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Signed-in browsers. The oldest is signed out when one more comes.
pub const SESSIONS: usize = 1024;
/// A working day, and some.
pub const SESSION_LIFE: Duration = Duration::from_hours(12);

/// Posts kept for each workspace; older ones are forgotten.
pub const POSTS: usize = 200;
/// A few paragraphs, and the stable URLs of all its files.
pub const POST_CHARS: usize = 6000;
pub const POST_FILES: usize = 20;
pub const PATH_BYTES: usize = 1100;
pub const NAME_CHARS: usize = 255;
pub const TYPE_BYTES: usize = 127;
