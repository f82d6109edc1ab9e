//! The authorizer at CloudFront's viewer-request: question in, decision out.
//!
//! Rules, carriers and refusals are those of `authorizer` and `front`; here is only what CloudFront's form of a request and of
//! an answer asks for. The host brings the time and the verification of signatures.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod abi;
mod edge;
mod event;

pub use edge::Edge;
pub use event::{Decision, Question};
