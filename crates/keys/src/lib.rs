//! Issuers' keys: files, JWKS URLs and discovery documents become snapshots of key sets; and, for developers, keys that sign.
//!
//! This crate reads files, fetches URLs and knows the clock, so that `authorizer` need not. It decides nothing about tokens:
//! a [`Keyring`] hands out [`Snapshot`]s, and [`Native`] verifies one signature with one key.

mod address;
mod der;
mod error;
mod fetch;
mod keyring;
mod limits;
mod native;
mod once;
mod private_jwk;
mod published;
mod remembered;
mod remote;
mod schedule;
mod signing;
mod source;
#[cfg(test)]
mod testing;
mod turns;
mod url;

pub use address::discovered_key_set;
pub use error::{DocumentFault, FetchError, KeysError, UrlFault};
pub use keyring::{Issuer, Keyring, ReadSets};
pub use limits::MAX_KEY_FILE;
pub use native::Native;
pub use once::{Loaded, load_once};
pub use published::Snapshot;
pub use remote::Status;
pub use signing::{SigningError, SigningKey, jwk_set};
pub use source::{Source, read as read_file};
