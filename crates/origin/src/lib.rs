//! Asks an S3-compatible store for an object's head or for a piece of it, and does of uploads in parts what the gateway does itself.
//!
//! It signs (SigV4), times every phase, tries again where that is safe, and takes nothing on trust: a piece comes whole, of
//! the length and version that the answer's headers promise, or not at all. It knows nothing of users, tokens or caches.

mod answer;
mod chain;
mod client;
mod inspect;
mod key;
mod keys;
mod limits;
mod multipart;
mod sign;
mod xml;

pub use answer::{Found, ObjectHead, Piece};
pub use client::{Bucket, Origin, OriginError, Version, Wanted};
pub use inspect::Said;
pub use key::encode_key;
pub use keys::{Keys, News};
pub use multipart::{MARK, OpenUpload, Part, UploadError, UploadsMarker};
