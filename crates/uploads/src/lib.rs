//! What may be uploaded, and the signed permission to do it.
//!
//! Pure: no I/O, no clock, no randomness. The way through: the body of `POST /_edgepass/uploads` becomes a [`Request`]; the
//! rules and random bytes make it a [`Plan`], which knows the object's path; [`authorizer::Rules::allow`] says whether the
//! bearer may upload there; and [`grant`] turns that leave into a [`Grant`], which a browser takes to the bucket.

mod bucket;
mod completion;
mod encode;
mod filename;
mod grant;
mod multipart;
mod parts;
mod plan;
mod post;
mod presign;
mod refused;
mod request;
mod seal;
mod wish;

pub use bucket::{Bucket, BucketFault};
pub use completion::{Named, StoredPart, parts_of_json, parts_of_xml, settle};
pub use encode::{encode_path, encode_segment, escape_xml};
pub use filename::{MAX_FILENAME, safe_segment};
pub use grant::{Grant, MAX_SINGLE, grant};
pub use multipart::{Cutter, Direct, Signed, TypeSaid, direct, in_parts, still_wanted, trial, type_said, wanted};
pub use parts::{MAX_MULTIPART, MAX_PARTS, MIN_PART};
pub use plan::{Plan, plan};
pub use refused::{BadRequest, Refused};
pub use request::{Checksum, ChecksumAlgorithm, Mode, Request};
pub use seal::{Begun, MAX_STORE_ID, Owner, SealFault, Seals, Ticket, Wanted};
pub use wish::{Form, MAX_BATCH, Signable, Wish, pairs};
