//! Every limit, with its reason or the page of AWS's that sets it.

use std::time::Duration;

/// Connections at one time: a browser opens six, a load test of a developer's a few hundred.
pub const CONNECTIONS: usize = 512;

/// For the head of a request to arrive.
pub const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// "Maximum length of a URL": CloudFront quotas.
pub const URL: usize = 8192;

/// "Maximum length of a request" without its body: RequestAndResponseBehaviorCustomOrigin.
pub const HEAD: usize = 20_480;

/// A key of S3's, in bytes of UTF-8: object-keys, Amazon S3 User Guide.
pub const KEY: usize = 1024;

/// What the HTTP library reads of a head: above both limits, so that they are told of by status.
pub const HEAD_BUFFER: usize = 64 << 10;

/// A body for the HTTP API: far above what the site's own endpoints take, so that they say themselves what is too large, and
/// below the 10 MB of API Gateway, for each is held in memory three times (bytes, base64, event).
pub const BODY: usize = 1 << 20;

/// For a body to arrive.
pub const BODY_WITHIN: Duration = Duration::from_secs(30);

/// Requests under way when told to stop may go on for this long.
pub const DRAIN: Duration = Duration::from_secs(2);

/// Memory for objects.
pub const CACHE: u64 = 128 << 20;

/// Errors of origins that are remembered; beyond it all are forgotten.
pub const ERRORS: usize = 4096;

/// How long CloudFront caches an error by itself, in seconds: custom-error-pages-expiration.
pub const ERROR_TTL: i64 = 10;

/// A viewer-request function's time: cloudfront-limits, quotas on Lambda@Edge.
pub const EDGE_TIMEOUT: u64 = 5;

/// Size of a generated response at viewer-request, headers and body: lambda-generating-http-responses.
pub const GENERATED: usize = 40 << 10;

/// URI and query string together must be shorter: edge-function-restrictions-all.
pub const URI_AND_QUERY: usize = 8192;

/// A CloudFront Function has less than a millisecond of processor time there; here it is a Node process that a busy machine
/// may keep waiting.
pub const SCRIPT_TIMEOUT: Duration = Duration::from_secs(2);

/// Code of a CloudFront Function: cloudfront-limits.
pub const SCRIPT: usize = 10 << 10;

/// Lambda's own time limit where the template names none, in seconds.
pub const DEFAULT_TIMEOUT: u64 = 3;

/// From a start to the first request for an event: Lambda's init phase.
pub const INIT: Duration = Duration::from_secs(10);

/// Instances of one function: as many as a developer's browser has requests at once.
pub const INSTANCES: usize = 6;

/// An answer of a function: Lambda's limit for a synchronous one.
pub const RESULT: usize = 6 << 20;

/// A line of what a function writes; the rest of a longer one is a line of its own.
pub const LINE: u64 = 8 << 10;
