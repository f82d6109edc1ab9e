//! `[cache]`.

use std::path::Path;
use std::time::Duration;

use ::cache::{DISK_LEAST, DISK_MOST};

use super::faults::{Faults, Mistake};
use super::files::path_in;
use super::section::Section;
use super::settings::{Cache, Disk};
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
    disk: None,
};

pub fn read(mut section: Section<'_>, dir: &Path, faults: &mut Faults) -> Cache {
    let memory = section.get("memory").and_then(|node| node.parse("a size such as \"256 MiB\"", faults, size));
    let mut time = |key, default| {
        let read = section.get(key).and_then(|node| node.parse("a duration such as \"5m\"", faults, duration));
        read.unwrap_or(default)
    };
    let ttl = time("ttl", DEFAULT.ttl);
    let stale_while_revalidate = time("stale_while_revalidate", DEFAULT.stale_while_revalidate);
    let stale_if_error = time("stale_if_error", DEFAULT.stale_if_error);
    let missing_ttl = time("missing_ttl", DEFAULT.missing_ttl);
    let disk = section.get("disk").and_then(|node| node.section("`disk`", "a table with `path` and `size`", faults));
    let disk = disk.and_then(|disk| read_disk(disk, dir, faults));
    section.close(faults);
    let memory = memory.unwrap_or(DEFAULT.memory);
    Cache { memory, ttl, stale_while_revalidate, stale_if_error, missing_ttl, disk }
}

fn read_disk(mut section: Section<'_>, dir: &Path, faults: &mut Faults) -> Option<Disk> {
    let hint = "write a directory of its own: `path = \"/var/cache/edgepass\"`";
    let path = section.require("path", hint, faults);
    let path = path.and_then(|node| node.parse("a path", faults, |text| Ok(path_in(dir, text))));
    let most = section.require("size", "write how much may be kept: `size = \"50 GiB\"`", faults);
    let most = most.and_then(|node| node.parse("a size such as \"50 GiB\"", faults, disk_size));
    section.close(faults);
    Some(Disk { path: path?, size: most? })
}

fn disk_size(text: &str) -> Result<u64, Mistake> {
    match size(text)? {
        bytes if bytes < DISK_LEAST => Err(Mistake::new("a disk cache has at least 64 MiB")
            .hint("without `disk`, objects and slices are kept in memory alone")),
        bytes if bytes > DISK_MOST => Err(Mistake::new("a disk cache has at most 4 TiB")),
        bytes => Ok(bytes),
    }
}
