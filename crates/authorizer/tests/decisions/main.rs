//! What a host's memory, another program or a made link has a part in, and what is said of many random questions: not for
//! rows of `cases/`. Signatures are taken as good here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod clashes;
mod explained;
mod hooks;
mod links;
mod once;
mod public;
mod revoked;
mod site;
