//! `[cache]`.

use std::time::Duration;

use super::faults::{Faults, Mistake};
use super::section::Section;
use super::settings::Cache;
use super::units::{duration, size};

pub const DEFAULT: Cache = Cache { memory: 256 << 20, ttl: Duration::from_mins(5) };

pub fn read(mut section: Section<'_>, faults: &mut Faults) -> Cache {
    let memory = section.get("memory").and_then(|node| node.parse("a size such as \"256 MiB\"", faults, size));
    let ttl = section.get("ttl").and_then(|node| node.parse("a duration such as \"5m\"", faults, duration));
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
    Cache { memory: memory.unwrap_or(DEFAULT.memory), ttl: ttl.unwrap_or(DEFAULT.ttl) }
}
