//! Sections that the user names: `[bucket.main]`, `[issuer.app]`.

use toml::de::DeValue;

use super::faults::{Faults, Mistake};
use super::section::{Member, Node, Section};

/// A named section.
pub struct Named<'t> {
    pub name: &'t str,
    pub section: Section<'t>,
}

/// All sections of a kind, in the order of the text. One that is misnamed is read all the same.
pub fn read<'t>(kind: &str, node: Option<Node<'t>>, faults: &mut Faults) -> Vec<Named<'t>> {
    let members = node.and_then(|node| node.members(&format!("a section `[{kind}.NAME]`"), faults)).unwrap_or_default();
    let mut nameless = false;
    let mut named = Vec::new();
    for Member { place, name, node } in members {
        let DeValue::Table(table) = node.value else {
            if !nameless {
                let mistake = Mistake::new(format!("`{name}` stands in a `[{kind}]` without a name"));
                faults.add(place, mistake.hint(format!("write `[{kind}.main]`")));
            }
            nameless = true;
            continue;
        };
        if !is_name(name) {
            let mistake = Mistake::new(format!("`{name}` is not a name"));
            faults.add(place, mistake.hint("names are lower-case letters, digits, `-` and `_`, a letter first"));
        }
        named.push(Named { name, section: Section::new(format!("[{kind}.{name}]"), node.place, table) });
    }
    named
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}
