//! A route's `upload`: what may be uploaded, and how placeholders are filled.

use std::time::Duration;

use authorizer::UploadSettings;

use super::faults::{Faults, Mistake, Place};
use super::section::Node;
use super::units::{duration, seconds, size};

const EXPIRES: Duration = Duration::from_mins(15);

/// `SigV4` signs for no longer.
const MOST_EXPIRES: Duration = Duration::from_hours(168);

pub struct Upload {
    pub settings: UploadSettings,
    pub fills: Vec<Place>,
    pub types: Vec<Place>,
}

/// What could not be understood is reported, and left out or stands there as something harmless.
pub fn read(node: Node<'_>, faults: &mut Faults) -> Option<Upload> {
    let wanted = "a table such as `{ max_size = \"1 GiB\", types = [\"image/*\"] }`";
    let mut section = node.section("`upload`", wanted, faults)?;
    let mut fill = Vec::new();
    let mut fills = Vec::new();
    if let Some(node) = section.get("fill") {
        for member in node.members("a table such as `{ file = \"{uuid}\" }`", faults).unwrap_or_default() {
            if let Some(text) = member.node.text("\"{uuid}\", \"{filename}\" or plain text", faults) {
                fill.push((member.name.to_owned(), text.to_owned()));
                fills.push(member.place);
            }
        }
    }
    let max_size = section.require("max_size", "write `max_size = \"1 GiB\"`", faults).and_then(|node| {
        let bytes = node.parse("a size such as \"5 GiB\"", faults, size)?;
        if bytes == 0 {
            faults.add(node.place, Mistake::new("a `max_size` of nothing takes no file"));
        }
        Some(bytes)
    });
    let mut types = Vec::new();
    let mut type_places = Vec::new();
    let hint = "list media types: `types = [\"image/*\", \"application/pdf\"]`, or [\"*/*\"] for all";
    let listed = section.require("types", hint, faults).and_then(|node| node.list("a list of media types", faults));
    for node in listed.unwrap_or_default() {
        if let Some(text) = node.text("a media type", faults) {
            types.push(text.to_owned());
            type_places.push(node.place);
        }
    }
    let life = section.get("expires").and_then(|node| {
        let life = node.parse("a duration such as \"15m\"", faults, duration)?;
        if life.is_zero() || life > MOST_EXPIRES {
            faults.add(node.place, Mistake::new("a signed upload is good for 1s to 7d"));
        }
        Some(life)
    });
    section.close(faults);
    Some(Upload {
        settings: UploadSettings {
            fill,
            max_size: max_size.unwrap_or(1),
            types,
            life: seconds(life.unwrap_or(EXPIRES)),
        },
        fills,
        types: type_places,
    })
}
