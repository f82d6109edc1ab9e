//! The front door, pure: from a request's head to what is asked or a refusal, and the heads of our own answers.
mod site;
pub use site::{Carrier, SiteSettings};
