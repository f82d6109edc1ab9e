//! Which functions are meant for the edge, and how behaviours name them.

use crate::at::At;
use crate::model::{Kind, Model};
use crate::patterns::{arn_parts, reference};
use crate::statements::{Principal, statements};
use crate::worlds::{Resource, World};

pub struct EdgeFunction<'a> {
    /// Its properties.
    pub at: At<'a>,
    /// At a viewer event, or nobody knows at which.
    pub at_viewer: bool,
}

/// How a behaviour names a function.
pub enum Named<'a> {
    /// By a version; the function, where it is in the template.
    Version(Option<&'a Resource>),
    /// By itself, `$LATEST` or an alias: what it is.
    Unversioned(Option<&'a Resource>, String),
    Unknown,
}

pub const FUNCTIONS: [&str; 2] = ["AWS::Lambda::Function", "AWS::Serverless::Function"];

pub fn is_function(resource: &Resource) -> bool {
    FUNCTIONS.contains(&resource.kind.as_str())
}

/// What the ARN in a `LambdaFunctionAssociation` names.
pub fn named<'a>(world: &'a World<'_>, arn: &str) -> Named<'a> {
    if let Some((id, attribute)) = reference(arn) {
        return by_reference(world, arn, id, attribute);
    }
    let parts = arn_parts(arn);
    // `${Function.Arn}:3`
    if let [function, qualifier] = parts.as_slice() {
        let resource = world.named(function).filter(|resource| is_function(resource));
        return if resource.is_some() { qualified(qualifier, resource) } else { Named::Unknown };
    }
    match parts.as_slice() {
        ["arn", _, "lambda", _, _, "function", name] => {
            Named::Unversioned(by_name(world, name), "an ARN without a version".to_owned())
        }
        ["arn", _, "lambda", _, _, "function", name, qualifier] => {
            let physical = world.named(arn).and_then(|version| function_of(world, version));
            qualified(qualifier, by_name(world, name).or(physical))
        }
        _ => Named::Unknown,
    }
}

fn by_reference<'a>(world: &'a World<'_>, arn: &str, id: &str, attribute: Option<&str>) -> Named<'a> {
    let Some(resource) = world.named(arn) else { return Named::Unknown };
    match (resource.kind.as_str(), attribute) {
        ("AWS::Lambda::Version", None | Some("FunctionArn")) => Named::Version(function_of(world, resource)),
        ("AWS::Lambda::Alias", _) => Named::Unversioned(function_of(world, resource), format!("the alias `{id}`")),
        // What SAM makes of `AutoPublishAlias`.
        ("AWS::Serverless::Function", Some("Version" | "Version.FunctionArn")) => Named::Version(Some(resource)),
        ("AWS::Serverless::Function", Some("Alias")) => {
            Named::Unversioned(Some(resource), format!("the alias of `{id}`"))
        }
        (_, None | Some("Arn")) if is_function(resource) => {
            Named::Unversioned(Some(resource), format!("`{id}` without a version"))
        }
        _ => Named::Unknown,
    }
}

fn qualified<'a>(qualifier: &str, function: Option<&'a Resource>) -> Named<'a> {
    if qualifier.contains("${") || qualifier.chars().all(|character| character.is_ascii_digit()) {
        return Named::Version(function);
    }
    Named::Unversioned(function, format!("`{qualifier}`"))
}

/// The function of a version or alias.
pub fn function_of<'a>(world: &'a World<'_>, resource: &Resource) -> Option<&'a Resource> {
    let name = At::properties(resource).get("FunctionName")?.pattern()?;
    world.named(name).or_else(|| by_name(world, name)).filter(|function| is_function(function))
}

fn by_name<'a>(world: &'a World<'_>, name: &str) -> Option<&'a Resource> {
    let is_it = |function: &&Resource| {
        let own = At::properties(function).get("FunctionName").and_then(|at| at.pattern());
        own == Some(name) || reference(name) == Some((&function.id, None))
    };
    world.resources.iter().filter(|resource| is_function(resource)).find(is_it)
}

/// Functions that a behaviour names, whose role trusts the edge, or that are called so.
pub fn edge_functions<'a>(model: &Model<'a>) -> Vec<EdgeFunction<'a>> {
    let world: &'a World<'a> = model.world;
    let mut events: Vec<(&'a str, bool)> = Vec::new();
    for (_, behaviour) in model.behaviours() {
        for association in behaviour.functions().into_iter().filter(|one| one.kind == Kind::LambdaEdge) {
            let Some(arn) = association.at.get("LambdaFunctionARN").and_then(|at| at.pattern()) else { continue };
            if let Named::Version(Some(function)) | Named::Unversioned(Some(function), _) = named(world, arn) {
                events.push((&function.id, association.event.is_none_or(|event| event.starts_with("viewer-"))));
            }
        }
    }
    let functions = world.resources.iter().filter(|resource| is_function(resource));
    functions
        .filter_map(|function| {
            let of_it: Vec<bool> =
                events.iter().filter(|(id, _)| *id == function.id).map(|(_, viewer)| *viewer).collect();
            let called = function.id == "EdgeFunction" || trusts_edge(world, function);
            let at_viewer = of_it.is_empty() || of_it.contains(&true);
            (!of_it.is_empty() || called).then(|| EdgeFunction { at: At::properties(function), at_viewer })
        })
        .collect()
}

/// The role of the function, where it is in the template.
pub fn role<'a>(world: &'a World<'_>, function: &Resource) -> Option<At<'a>> {
    let role = world.named(At::properties(function).get("Role")?.pattern()?)?;
    (role.kind == "AWS::IAM::Role").then(|| At::properties(role))
}

/// The role's trust policy lets the service assume it; None where it cannot be known.
pub fn trusts(role: &At<'_>, service: &str) -> Option<bool> {
    let document = role.get("AssumeRolePolicyDocument")?;
    let statements = statements(&document);
    let lets_in = |principal: Principal<'_>| match principal {
        Principal::Service(name) => name == service || name.contains("${"),
        Principal::Anybody => true,
        _ => false,
    };
    let known = !document.node.is_unknown() && !statements.is_empty();
    known.then(|| statements.iter().any(|statement| statement.allows("sts:AssumeRole") && statement.is_for(lets_in)))
}

fn trusts_edge(world: &World<'_>, function: &Resource) -> bool {
    role(world, function).and_then(|role| trusts(&role, "edgelambda.amazonaws.com")) == Some(true)
}
