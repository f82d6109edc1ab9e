//! What may be uploaded, and the signed permission to do it.
//!
//! Pure: no I/O, no clock, no randomness. The way through: the body of `POST /_edgepass/uploads` becomes a [`Request`]; the
//! rules and random bytes make it a [`Plan`], which knows the object's path; [`authorizer::Rules::allow`] says whether the
//! bearer may upload there; and [`grant`] turns that leave into a [`Grant`], which a browser takes to the bucket.

mod bucket;
mod encode;
mod filename;
mod grant;
mod plan;
mod post;
mod presign;
mod refused;
mod request;

pub use bucket::{Bucket, BucketFault};
pub use encode::{encode_path, encode_segment};
pub use filename::{MAX_FILENAME, safe_segment};
pub use grant::{Grant, MAX_SINGLE, grant};
pub use plan::{Plan, plan};
pub use refused::{BadRequest, Refused};
pub use request::{Checksum, ChecksumAlgorithm, Mode, Request};
