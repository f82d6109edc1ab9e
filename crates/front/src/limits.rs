//! The limits of a request's head, with their reasons.

/// Path and query, as CloudFront has it.
pub const TARGET: usize = 8192;

/// The body of a request to our own endpoints.
pub const JSON_BODY: usize = 64 << 10;

/// Cookies with tokens that one request is judged by: one for each scope in use.
pub const TOKEN_COOKIES: usize = 4;

/// Cookies that signing out ends: no request has more header fields than the HTTP library takes.
pub const ENDED_COOKIES: usize = 100;

/// The longest token that becomes a cookie: browsers keep 4,096 bytes of name, value and attributes.
pub const COOKIE_TOKEN: usize = 3800;
