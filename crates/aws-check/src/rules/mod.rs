//! The rules: small functions over one world each. What cannot be known is not judged.

mod behaviours;
mod buckets;
mod caching;
mod cors;
mod distribution;
mod edge;
mod edge_functions;
mod endpoints;
mod keys;
mod origins;
mod policies;

use crate::finding::Finding;
use crate::model::Model;

type Rule = fn(&Model<'_>, &mut Vec<Finding>);

const RULES: [&[Rule]; 10] = [
    buckets::RULES,
    policies::RULES,
    keys::RULES,
    origins::RULES,
    distribution::RULES,
    behaviours::RULES,
    caching::RULES,
    cors::RULES,
    edge_functions::RULES,
    endpoints::RULES,
];

pub fn all(model: &Model<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES.into_iter().flatten() {
        rule(model, &mut findings);
    }
    findings
}
