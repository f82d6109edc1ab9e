//! `[hook.NAME]`: the app, or a policy engine, that a rule asks last.

use std::path::Path;
use std::time::Duration;

use hook::limits::{FRESH_DEFAULT, TIMEOUT_DEFAULT};
use hook::{HookSettings, HookUrl, SettingFault};

use super::credentials::read_line;
use super::faults::{Faults, Mistake};
use super::files::path_in;
use super::names::Named;
use super::units::duration;

pub fn read(named: Named<'_>, dir: &Path, faults: &mut Faults) -> Option<HookSettings> {
    let Named { name, mut section, .. } = named;
    let hint = "write where it is asked: `url = \"https://app.example.com/internal/files\"`";
    let url = section.require("url", hint, faults).and_then(|node| {
        node.parse("a URL", faults, |text| HookUrl::parse(text).map_err(|fault| Mistake::new(fault.to_string())))
    });
    let mut time = |key, default, faults: &mut Faults| match section.get(key) {
        None => Some(default),
        Some(node) => node.parse("a duration such as \"10s\"", faults, duration),
    };
    let timeout = time("timeout", TIMEOUT_DEFAULT, faults);
    let fresh = time("fresh", FRESH_DEFAULT, faults);
    let stale = time("stale", Duration::ZERO, faults);
    let secret = section.get("secret_file").map(|node| {
        let path = node.parse("a path", faults, |text| Ok(path_in(dir, text)))?;
        faults.keep(node.place, read_line(&path).map_err(|fault| Mistake::new(fault.to_string())))
    });
    let place_of = |fault| {
        section.place_of_value(match fault {
            SettingFault::NoTimeout | SettingFault::TimeoutTooLong => "timeout",
            SettingFault::FreshTooLong => "fresh",
            SettingFault::StaleTooLong => "stale",
            SettingFault::Secret | SettingFault::SecretTooLong => "secret_file",
        })
    };
    let settings = HookSettings {
        timeout: timeout?,
        fresh: fresh?,
        stale: stale?,
        secret: match secret {
            Some(secret) => Some(secret?),
            None => None,
        },
        ..HookSettings::new(name.to_owned(), url?)
    };
    for fault in settings.faults() {
        faults.add(place_of(fault), Mistake::new(fault.to_string()));
    }
    section.close(faults);
    Some(settings)
}
