//! One program for all targets: the variable `TARGET` names the one that is fed.
#![no_main]

use std::sync::OnceLock;

use fuzz::Target;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn choose() {
    let name = std::env::var("TARGET").unwrap_or_default();
    match fuzz::find(&name) {
        Some(target) => _ = CHOSEN.set(target),
        None => {
            eprintln!("there is no target `{name}`");
            std::process::exit(2);
        }
    }
}

libfuzzer_sys::fuzz_target!(
    init: choose(),
    |data: &[u8]| {
        if let Some(target) = CHOSEN.get() {
            (target.run)(data);
        }
    }
);
