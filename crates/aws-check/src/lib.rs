//! Semantic rules over templates of CloudFormation and over live accounts: what no schema knows of private files behind CloudFront.
//!
//! [`Document`] reads a template; [`check`] judges it; every code stands in [`table`]. A value that cannot be known (an import, a
//! parameter without a default) is not judged.

mod at;
pub mod destroy;
pub mod document;
mod finding;
mod forwarding;
pub mod live;
mod model;
mod origins;
mod patterns;
mod rules;
mod statements;
pub mod table;
mod worlds;

use std::collections::HashSet;

pub use document::{Document, DocumentError, Parameters};
pub use finding::Finding;
pub use patterns::glob;
pub use table::{Rule, Severity};

/// Every mistake of the template, in the order of the text, whichever way its conditions hold.
pub fn check(document: &Document) -> Vec<Finding> {
    check_with(document, &Parameters::default())
}

/// As [`check`], for these values of parameters.
pub fn check_with(document: &Document, parameters: &Parameters) -> Vec<Finding> {
    let worlds = worlds::worlds(document, parameters);
    let found: Vec<Vec<Finding>> = worlds.iter().map(|world| rules::all(&model::Model::new(world))).collect();
    let mut findings: Vec<Finding> = Vec::new();
    let mut known = HashSet::new();
    for finding in found.iter().flatten() {
        if known.insert(identity(finding)) {
            let is_there = |findings: &Vec<Finding>| findings.iter().any(|one| identity(one) == identity(finding));
            let there: Vec<bool> = found.iter().map(is_there).collect();
            findings.push(Finding { when: when(&worlds, &there), ..finding.clone() });
        }
    }
    findings.sort_by_key(|finding| (finding.place, finding.rule.severity));
    findings
}

fn identity(finding: &Finding) -> (&str, &str, &str, Option<document::Place>) {
    (finding.rule.code, &finding.logical_id, &finding.path, finding.place)
}

/// The conditions that are the same wherever the mistake is there, and not the same elsewhere.
fn when(worlds: &[worlds::World<'_>], there: &[bool]) -> Option<String> {
    if there.iter().all(|there| *there) {
        return None;
    }
    let mut words = Vec::new();
    for name in worlds.first()?.conditions.keys() {
        let truths = |wanted: bool| {
            let chosen = worlds.iter().zip(there).filter(move |(_, there)| **there == wanted);
            chosen.map(|(world, _)| world.conditions.get(name).copied().flatten()).collect::<HashSet<_>>()
        };
        let (with, without) = (truths(true), truths(false));
        if let (1, Some(Some(truth))) = (with.len(), with.iter().next())
            && without.iter().any(|other| *other != Some(*truth))
        {
            words.push(format!("`{name}` is {truth}"));
        }
    }
    (!words.is_empty()).then(|| words.join(" and "))
}
