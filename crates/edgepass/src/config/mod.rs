//! The configuration: TOML text becomes settings of every part, or the whole list of what is wrong with it, each mistake
//! with its place. What is not wholly understood is refused.
//!
//! It judges the text and the files it names. It asks no network, and does not look at the environment: the store's
//! credentials are read when the gateway starts.

mod allow;
mod aws;
mod bucket;
mod cache;
mod circumstances;
mod credentials;
mod diagnostic;
mod faults;
mod files;
mod hook;
mod issuer;
mod listen;
mod names;
mod nearest;
mod passed;
mod roles;
mod route;
mod section;
mod settings;
mod site;
mod state;
mod tls;
mod token;
mod understand;
mod units;
mod upload;
mod web;

use std::path::Path;

pub use credentials::{AccessKey, Credentials, read_line};
pub use diagnostic::{Diagnostics, in_json};
pub use faults::Mistake;
pub use settings::{Bucket, Cache, Config, HttpRole, Issuer, Listen, PostForms, Tls};
pub use state::REVOCABLE;
pub use tls::{day, now, read_pair, time_troubles};
pub use units::{duration, seconds};
pub use web::{is_https, is_loopback};

/// Reads and judges a configuration file and the files it names.
pub fn load(file: &Path) -> Result<Config, Diagnostics> {
    let of_file = |mistake| Diagnostics::of_file(file, mistake);
    let bytes = keys::read_file(file).map_err(|error| of_file(Mistake::new(error.to_string())))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        of_file(Mistake::new(format!("not UTF-8 text, from byte {at} on")))
    })?;
    parse(&text, file)
}

/// Judges a configuration's text; `file` is where its relative paths start and what messages name.
pub fn parse(text: &str, file: &Path) -> Result<Config, Diagnostics> {
    understand::understand(text, file).map_err(|faults| Diagnostics::new(file, text, faults))
}

#[cfg(test)]
mod tests;
