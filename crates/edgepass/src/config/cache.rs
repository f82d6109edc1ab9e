//! `[cache]`.

use std::time::Duration;

use super::faults::{Faults, Mistake};
use super::section::Section;
use super::settings::Cache;
use super::units::{duration, size};

/// A file that was overwritten is seen when `ttl` is over, and one that was uploaded at once, so the two waits that would
/// change this are none unless asked for. A store's outage is over within an hour as a rule; until then a file that may have
/// changed serves better than none.
pub const DEFAULT: Cache = Cache {
    memory: 256 << 20,
    ttl: Duration::from_mins(5),
    stale_while_revalidate: Duration::ZERO,
    stale_if_error: Duration::from_hours(1),
    missing_ttl: Duration::ZERO,
};

pub fn read(mut section: Section<'_>, faults: &mut Faults) -> Cache {
    let memory = section.get("memory").and_then(|node| node.parse("a size such as \"256 MiB\"", faults, size));
    let mut time = |key, default| {
        let read = section.get(key).and_then(|node| node.parse("a duration such as \"5m\"", faults, duration));
        read.unwrap_or(default)
    };
    let ttl = time("ttl", DEFAULT.ttl);
    let stale_while_revalidate = time("stale_while_revalidate", DEFAULT.stale_while_revalidate);
    let stale_if_error = time("stale_if_error", DEFAULT.stale_if_error);
    let missing_ttl = time("missing_ttl", DEFAULT.missing_ttl);
    if let Some(node) = section.get("disk")
        && let Some(mut disk) = node.section("`disk`", "a table with `path` and `size`", faults)
    {
        if let Some(path) =
            disk.require("path", "write where the slices are kept: `path = \"/var/cache/edgepass\"`", faults)
        {
            path.text("a path", faults);
        }
        if let Some(most) = disk.require("size", "write how much may be kept: `size = \"50 GiB\"`", faults) {
            most.parse("a size such as \"50 GiB\"", faults, size);
        }
        disk.close(faults);
        let mistake = Mistake::new("the disk cache is not part of this version yet").hint("remove `disk`");
        faults.add(section.place_of("disk"), mistake);
    }
    section.close(faults);
    Cache { memory: memory.unwrap_or(DEFAULT.memory), ttl, stale_while_revalidate, stale_if_error, missing_ttl }
}
