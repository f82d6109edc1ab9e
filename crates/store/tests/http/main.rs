//! The store from outside: real sockets, real signatures.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on has failed")]

mod access;
mod cors;
mod forms;
mod objects;
mod support;
