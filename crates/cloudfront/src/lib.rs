//! A local CloudFront with Lambda@Edge, CloudFront Functions and an HTTP API of API Gateway, for development and tests.
//!
//! It reads CloudFormation templates and does what they say: nothing else decides whether a request is signed, what is in a
//! cache's key, which headers an answer gets. A template that asks for what is not emulated is refused with the reason, so
//! that nothing works here by being ignored; what is emulated, and by which page of AWS's, is in `docs/reference/aws-dev.md`.
//!
//! It plays the edge between viewers and an S3-compatible store, on loopback, over plain HTTP, which stands for https.
//! Functions run as child processes that speak Lambda's Runtime API.

mod answer;
mod body;
mod bucket;
mod edge_event;
mod errors;
mod event;
mod fault;
mod forward;
mod function_event;
mod http_api;
mod key;
mod lambda;
mod limits;
mod listen;
mod log;
mod objects;
mod own_api;
mod pipeline;
mod policy;
mod settings;
mod start;
mod template;
mod viewer_request;

pub use fault::Fault;
pub use settings::{FunctionOutput, Settings, Store, Template};
pub use start::{Running, start};
