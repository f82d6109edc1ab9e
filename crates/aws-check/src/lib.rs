//! Semantic rules over templates of CloudFormation and over live accounts.

pub mod document;

pub use document::{Document, DocumentError};
