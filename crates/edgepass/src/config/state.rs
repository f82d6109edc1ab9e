//! `[state]`, `[revocation]`, `[links]`, `[uploads]`, `[admin]`: what the gateway keeps over a restart, and the secrets of its own.

use std::path::{Path, PathBuf};

use authorizer::Algorithm;
use keys::Source;

use super::faults::{Faults, Mistake};
use super::files::{file_mistake, path_in};
use super::section::Section;

/// The claims by which tokens can be revoked, if `[revocation]` does not say: a token's id, its subject, its session
/// (OpenID Connect Front-Channel Logout 1.0 section 3).
pub const REVOCABLE: [&str; 3] = ["jti", "sub", "sid"];

/// Each of them is looked up for every token that is new.
const MOST_REVOCABLE: usize = 8;

/// `[state]`: the directory for what must outlive the process.
pub fn read_state(mut section: Section<'_>, dir: &Path, faults: &mut Faults) -> Option<PathBuf> {
    let hint = "write a directory of its own: `directory = \"/var/lib/edgepass\"`";
    let node = section.require("directory", hint, faults);
    section.close(faults);
    node?.parse("a path", faults, |text| Ok(path_in(dir, text)))
}

/// `[revocation]`
pub fn read_revocation(mut section: Section<'_>, faults: &mut Faults) -> Vec<String> {
    let default = || REVOCABLE.map(str::to_owned).to_vec();
    let node = section.get("claims");
    section.close(faults);
    let Some(node) = node else { return default() };
    let claims =
        node.parse_list("a list of claims such as [\"jti\", \"sub\", \"sid\"]", faults, |text| Ok(text.to_owned()));
    let claims: Vec<String> = claims.unwrap_or_else(default);
    if claims.len() > MOST_REVOCABLE {
        let mistake = Mistake::new(format!("more than {MOST_REVOCABLE} claims"));
        faults.add(node.place, mistake.hint("every token is looked up by each of them"));
    }
    if claims.iter().enumerate().any(|(number, claim)| claims.iter().take(number).any(|other| other == claim)) {
        faults.add(node.place, Mistake::new("a claim stands there twice"));
    }
    claims
}

/// `[links]`, `[uploads]` or `[admin]`: a secret of at least 32 bytes in a file.
pub fn read_secret(mut section: Section<'_>, dir: &Path, faults: &mut Faults) -> Option<PathBuf> {
    let hint = "`edgepass keys new --algorithm HS256 --out FILE` makes one: `secret_file = \"FILE\"`";
    let node = section.require("secret_file", hint, faults);
    section.close(faults);
    let node = node?;
    let path = node.parse("a path", faults, |text| Ok(path_in(dir, text)))?;
    let judged = Source::SecretFile(path.clone()).load(&[Algorithm::Hs256]);
    faults.keep(node.place, judged.map_err(|error| file_mistake(&error)))?;
    Some(path)
}
