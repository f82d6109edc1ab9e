//! `[token]`: where a request may carry its token.

use front::Carrier;

use super::faults::{Faults, Mistake};
use super::section::Section;

/// Without a `[token]`: a query ends up in histories and logs, so it has to be asked for.
pub fn default() -> Vec<Carrier> {
    vec![Carrier::Header, Carrier::Cookie("edgepass".to_owned())]
}

pub fn read(mut section: Section<'_>, faults: &mut Faults) -> Vec<Carrier> {
    let mut carriers: Vec<Carrier> = Vec::new();
    let wanted = "a list such as [\"header\", \"cookie:edgepass\"]";
    let hint = "write `from = [\"header\", \"cookie:edgepass\"]`";
    let node = section.require("from", hint, faults);
    for node in node.and_then(|node| node.list(wanted, faults)).unwrap_or_default() {
        let Some(carrier) = node.parse("a carrier", faults, carrier) else {
            continue;
        };
        if carriers.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&carrier)) {
            faults.add(node.place, Mistake::new("a second carrier of the same kind"));
        }
        carriers.push(carrier);
    }
    section.close(faults);
    carriers
}

fn carrier(text: &str) -> Result<Carrier, Mistake> {
    let name = |name: &str| {
        let fits = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if fits {
            return Ok(name.to_owned());
        }
        Err(Mistake::new(format!("`{name}` is not a carrier's name"))
            .hint("names are letters, digits, `-`, `_` and `.`"))
    };
    match text.split_once(':') {
        None if text == "header" => Ok(Carrier::Header),
        Some(("cookie", rest)) => Ok(Carrier::Cookie(name(rest)?)),
        Some(("query", front::LINK)) => {
            Err(Mistake::new(format!("`{}` is the parameter of links", front::LINK)).hint("choose another name"))
        }
        Some(("query", rest)) => Ok(Carrier::Query(name(rest)?)),
        _ => Err(Mistake::new(format!("unknown carrier `{text}`"))
            .hint("carriers are \"header\", \"cookie:NAME\" and \"query:NAME\"")),
    }
}
