//! The authorizer at CloudFront's viewer-request, as a module for Node.js: `edge`, with the signatures verified by the host.
//! `lambda/index.mjs` is that host.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod abi;
