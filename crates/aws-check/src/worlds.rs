//! The different stacks that one template can make: each way in which its conditions can hold, with everything evaluated.
//!
//! A rule sees one such world at a time, without conditions in it, so that what belongs together (a key, and the statement for it) is
//! there together or not at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::{Document, Node, Parameters, Place};

/// More ways are not looked at; templates of hundreds of resources have a few dozen.
const WORLDS: usize = 256;

/// Combinations of parameters that are tried to find the different ways.
const COMBINATIONS: usize = 4_096;

/// Conditions that are evaluated to find them; about a second.
const EVALUATIONS: usize = 2_000_000;

pub struct World<'a> {
    pub document: &'a Document,
    pub resources: Vec<Resource>,
    /// By name; the same names in every world of a template.
    pub conditions: BTreeMap<&'a str, Option<bool>>,
}

/// A resource with its functions evaluated.
pub struct Resource {
    pub id: String,
    pub kind: String,
    pub place: Option<Place>,
    pub node: Node,
}

/// Every world of the document in which these parameters have their values. The first is that of the defaults.
pub fn worlds<'a>(document: &'a Document, parameters: &Parameters) -> Vec<World<'a>> {
    let mut known: BTreeSet<Vec<Option<bool>>> = BTreeSet::new();
    let mut worlds = Vec::new();
    let mut evaluations = EVALUATIONS;
    for parameters in combinations(document, parameters) {
        for parameters in forced(document, parameters, &mut evaluations) {
            let truths = document.truths(&parameters);
            if worlds.len() < WORLDS && known.insert(truths.iter().map(|(_, truth)| *truth).collect()) {
                let resources = resources(document, &parameters);
                worlds.push(World { document, resources, conditions: truths.into_iter().collect() });
            }
        }
        if evaluations == 0 {
            break;
        }
    }
    worlds
}

fn resources(document: &Document, parameters: &Parameters) -> Vec<Resource> {
    let there = document.resources().filter(|resource| document.exists(*resource, parameters) != Some(false));
    there
        .map(|resource| Resource {
            id: resource.id.to_owned(),
            kind: resource.kind.to_owned(),
            place: resource.place,
            node: document.resolve(resource.node, parameters),
        })
        .collect()
}

fn conditions(document: &Document) -> impl Iterator<Item = (&str, &Node)> {
    let entries = document.root().get("Conditions").map(Node::entries).unwrap_or_default();
    entries.iter().map(|entry| (entry.key.as_str(), &entry.value))
}

/// What a parameter that conditions compare may be.
#[derive(Clone)]
enum Candidate {
    /// Its default, or unknown without one.
    AsIs,
    Value(String),
    /// None of those that it is compared with.
    Other,
}

fn combinations(document: &Document, parameters: &Parameters) -> Vec<Parameters> {
    let mut literals: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, expression) in conditions(document) {
        comparisons(expression, &mut literals);
    }
    let choices: Vec<(&str, Vec<Candidate>)> = literals
        .iter()
        .filter(|(name, _)| !parameters.has(name))
        .map(|(name, literals)| (*name, candidates(document, name, literals)))
        .collect();
    let product = choices.iter().try_fold(1_usize, |product, (_, candidates)| product.checked_mul(candidates.len()));
    if product.is_some_and(|product| product <= COMBINATIONS) {
        return choices.iter().fold(vec![parameters.clone()], |made, (name, candidates)| {
            made.iter().flat_map(|parameters| candidates.iter().map(|one| with(parameters, name, one))).collect()
        });
    }
    // Too many: each parameter alone leaves its default.
    let single = choices.iter().flat_map(|(name, candidates)| candidates.iter().map(|one| with(parameters, name, one)));
    std::iter::once(parameters.clone()).chain(single).collect()
}

fn with(parameters: &Parameters, name: &str, candidate: &Candidate) -> Parameters {
    match candidate {
        Candidate::AsIs => parameters.clone(),
        Candidate::Value(value) => parameters.clone().with(name, value),
        Candidate::Other => parameters.clone().with_other(name),
    }
}

/// The default first, so that the first world is that of the defaults.
fn candidates(document: &Document, name: &str, literals: &BTreeSet<&str>) -> Vec<Candidate> {
    let declared = document.root().at(&["Parameters", name]);
    let default = declared.and_then(|declared| declared.get("Default")).and_then(Node::text);
    let allowed = declared.and_then(|declared| declared.get("AllowedValues")).map(Node::items).unwrap_or_default();
    let mut values: BTreeSet<&str> = allowed.iter().filter_map(Node::text).collect();
    let any = values.is_empty();
    if any {
        values.extend(literals);
    }
    let mut candidates = Vec::new();
    if let Some(default) = default {
        candidates.push(Candidate::AsIs);
        values.remove(default);
    }
    candidates.extend(values.into_iter().map(|value| Candidate::Value(value.to_owned())));
    // A default that is none of the literals is an other one already.
    if any && default.is_none_or(|default| literals.contains(default)) {
        candidates.push(Candidate::Other);
    }
    candidates
}

/// The parameters that are compared with text, and with which.
fn comparisons<'a>(node: &'a Node, found: &mut BTreeMap<&'a str, BTreeSet<&'a str>>) {
    if let Some(("Fn::Equals", argument)) = node.intrinsic() {
        let reference = |side: &'a Node| match side.intrinsic() {
            Some(("Ref", name)) => name.text(),
            _ => None,
        };
        if let [left, right] = argument.items() {
            for (name, literal) in [(reference(left), right.text()), (reference(right), left.text())] {
                if let (Some(name), Some(literal)) = (name, literal) {
                    found.entry(name).or_default().insert(literal);
                }
            }
        }
    }
    node.entries().iter().map(|entry| &entry.value).chain(node.items()).for_each(|child| comparisons(child, found));
}

/// Conditions that stay unknown are tried both ways, those first that do not lean on another.
fn forced(document: &Document, parameters: Parameters, evaluations: &mut usize) -> Vec<Parameters> {
    let mut open = vec![parameters];
    let mut done = Vec::new();
    while let Some(parameters) = open.pop() {
        let truths = document.truths(&parameters);
        *evaluations = evaluations.saturating_sub(truths.len().max(1));
        let unknown: Vec<_> = truths.into_iter().filter(|(_, truth)| truth.is_none()).map(|(name, _)| name).collect();
        let leaf = unknown.iter().find(|name| !document.root().at(&["Conditions", name]).is_some_and(leans));
        match leaf.or(unknown.first()) {
            Some(name) if open.len() + done.len() < WORLDS && *evaluations > 0 => {
                open.push(parameters.clone().with_condition(name, false));
                open.push(parameters.with_condition(name, true));
            }
            _ => done.push(parameters),
        }
    }
    done
}

fn leans(expression: &Node) -> bool {
    let children = expression.entries().iter().map(|entry| &entry.value).chain(expression.items());
    expression.get("Condition").is_some() || children.into_iter().any(leans)
}
