//! What strangers can write, one target for each kind, and what must hold of every answer. A target panics where it does not.
//!
//! `run` feeds them for as long as one likes; `tests/corpus.rs` replays what was kept of it.

mod discovery;
mod edge;
mod endpoints;
mod head;
mod hook;
mod journal;
mod json;
mod jwks;
mod parts;
mod path;
mod pattern;
mod site;
mod token;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

pub const TARGETS: [Target; 16] = [
    target("completion", parts::completion),
    target("discovery", discovery::document),
    target("edge", edge::event),
    target("head", head::head),
    target("hook", hook::answer),
    target("journal", journal::journal),
    target("json", json::object),
    target("jwks", jwks::set),
    target("link", endpoints::link),
    target("path", path::target),
    target("pattern", pattern::patterns),
    target("seal", parts::seal),
    target("session", endpoints::session),
    target("token", token::token),
    target("upload", endpoints::upload),
    target("wish", parts::wish),
];

pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
