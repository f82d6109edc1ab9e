//! The authorizer as a module for hosts without cryptography of their own, or whose cryptography cannot be called without
//! waiting: `edge`, with the signatures verified here. It asks nothing of its host; `worker/` has one for workers.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod abi;
