//! `[site]`: where the files are reached, and whose pages may read them.

use super::faults::{Faults, Mistake, Place};
use super::section::Section;
use super::settings::Site;
use super::web::origin;

/// The site, and the place of its origin.
pub fn read(mut section: Section<'_>, faults: &mut Faults) -> Option<(Place, Site)> {
    let hint = "write the origin of the files' URLs: `origin = \"https://files.example.com\"`";
    let node = section.require("origin", hint, faults);
    let mut apps: Vec<String> = Vec::new();
    if let Some(list) = section.get("apps")
        && let Some(nodes) = list.list("a list of origins", faults)
    {
        for node in nodes {
            let Some(app) = node.parse("an origin", faults, origin) else {
                continue;
            };
            if apps.contains(&app) {
                faults.add(node.place, Mistake::new(format!("`{app}` stands there twice")));
            }
            apps.push(app);
        }
    }
    section.close(faults);
    let node = node?;
    let origin = node.parse("an origin", faults, origin)?;
    Some((node.place, Site { origin, apps }))
}
