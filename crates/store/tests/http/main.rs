//! The store from outside: real sockets, real signatures.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on has failed")]

mod access;
mod buckets;
mod copies;
mod cors;
mod forms;
mod keys;
mod multipart;
mod objects;
mod support;
mod versions;
