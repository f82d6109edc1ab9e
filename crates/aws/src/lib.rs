//! From settings to what AWS takes: templates, packages, the CloudFront Function. Pure: it writes no file and asks no network.
mod settings;
pub use settings::{Access, Bucket, Deployment, Encryption, Form, Layout, Owner, PriceClass};
