//! From settings to what AWS takes: templates, packages, the CloudFront Function. Pure: it writes no file and asks no network.

mod behaviours;
mod fault;
mod function;
mod judge;
mod package;
mod render;
mod settings;

pub use behaviours::{Audience, Behaviour, behaviours};
pub use fault::Fault;
pub use function::{Function, FunctionFault, cloudfront_function, store_value};
pub use judge::is_stack_name;
pub use package::{Hash, PackageFault, Zip, package};
pub use render::{Code, Extra, File, Viewer, extra, render};
pub use settings::{Access, Bucket, Choices, Deployment, Encryption, Form, Layout, Owner, PriceClass};
