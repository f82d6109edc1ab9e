//! Both verifiers, `keys::Native` (aws-lc) and `Pure`, on published vectors and on what was made to tell them apart.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod both;
mod mutations;
mod rfcs;
mod rsa_sizes;
mod small_order;
mod strictness;
mod wycheproof;
