//! The emulator from outside: real templates, real functions in processes of their own, a real store, real sockets.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on has failed")]

mod behaviours;
mod functions;
mod limits;
mod objects;
mod own_endpoints;
mod processes;
mod refused;
mod scripts;
mod support;
mod templates;
