//! The authorizer at the edge of a network, for any host of wasm: question in, decision out.
//!
//! Rules, carriers and refusals are those of `authorizer` and `front`; here is only the form of a question and of an answer
//! (CloudFront's, because it is plain JSON and carries repeated fields as they came), and the memory that host and module
//! share. A module is one of the two crates that add `decide`: `edge-wasm` (the host verifies signatures) or `worker-wasm`
//! (the module does). The host brings the time.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
pub mod abi;
mod edge;
mod event;

pub use edge::Edge;
pub use event::{Decision, Question};
