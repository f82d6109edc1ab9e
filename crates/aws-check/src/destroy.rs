//! Takes a deployment away, in the order that Lambda@Edge allows, and never a bucket.
//!
//! The stacks go first, and with them the distribution; what they retain stays. The function at the edge can be deleted only when its
//! replicas are gone, hours after nothing is associated with it any more
//! (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-edge-delete-replicas.html>), so the same command is to be
//! given again later: each step that is done already is passed over.

use std::fmt;
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use crate::document::{Document, Node};
use crate::live::{Aws, AwsError, AwsFault};

/// One stack of the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack<'a> {
    pub name: &'a str,
    pub region: &'a str,
}

/// What is there, and what will become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `waiting`: it is being deleted already.
    DeleteStack {
        name: String,
        region: String,
        waiting: bool,
    },
    DeleteFunction {
        name: String,
        region: String,
    },
    /// A bucket, a key: what holds or opens users' files.
    Keep {
        kind: String,
        name: String,
    },
}

/// What [`destroy`] will do, in this order. Made by [`plan`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of the deployment is left but what is kept.
    Done,
    /// The same command is to be given again later.
    ComeBack(Wait),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// CloudFormation is still at it.
    Stack(String),
    /// The replicas are not gone.
    Replicas(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestroyError {
    Aws(AwsError),
    /// The stack was not made from one of our templates.
    NotOurs {
        stack: String,
    },
    /// A bucket without `DeletionPolicy: Retain`.
    BucketNotRetained {
        stack: String,
        logical_id: String,
    },
    /// The template that the stack was made from is not one that we can read.
    Unreadable {
        stack: String,
    },
    /// CloudFormation gave up; its reasons.
    Failed {
        stack: String,
        reasons: Vec<String>,
    },
}

/// How long to wait for CloudFormation: a distribution takes minutes to be disabled everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub looks: u32,
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { looks: 180, pause: Duration::from_secs(10) }
    }
}

/// Every template that we render begins its description so.
const OURS: &str = "Edgepass";

/// Looks, and changes nothing. The stack of the distribution comes before that of the function at the edge.
pub fn plan(stacks: &[Stack<'_>], aws: Aws<'_>) -> Result<Plan, DestroyError> {
    let mut deleted = Vec::new();
    let mut functions = Vec::new();
    let mut kept = Vec::new();
    for stack in stacks {
        let retained = match describe(stack, aws)? {
            Some(described) => {
                let waiting = text(&described, "StackStatus") == Some("DELETE_IN_PROGRESS");
                let (name, region) = (stack.name.to_owned(), stack.region.to_owned());
                deleted.push(Step::DeleteStack { name, region, waiting });
                of_template(stack, &described, aws)?
            }
            None => of_the_past(stack, aws)?,
        };
        for Retained { kind, name } in retained {
            match kind.as_str() {
                "AWS::Lambda::Function" => {
                    functions.push(Step::DeleteFunction { name, region: stack.region.to_owned() });
                }
                // They go with their function.
                "AWS::Lambda::Version" => {}
                _ => kept.push(Step::Keep { kind, name }),
            }
        }
    }
    Ok(Plan { steps: deleted.into_iter().chain(functions).chain(kept).collect() })
}

/// Does what the plan says. `say` is told of each thing that is done.
pub fn destroy(
    plan: &Plan,
    aws: Aws<'_>,
    patience: Patience,
    say: &mut dyn FnMut(&str),
) -> Result<Outcome, DestroyError> {
    let mut wait = None;
    for step in &plan.steps {
        match step {
            Step::DeleteStack { name, region, waiting } => {
                let stack = Stack { name, region };
                if !waiting {
                    call(aws, &["cloudformation", "delete-stack", "--stack-name", name, "--region", region])?;
                    say(&format!("the stack `{name}` is being deleted"));
                }
                if !is_gone(&stack, aws, patience)? {
                    return Ok(Outcome::ComeBack(Wait::Stack(name.clone())));
                }
                say(&format!("the stack `{name}` is gone"));
            }
            Step::DeleteFunction { name, region } => {
                if delete_function(name, region, aws)? {
                    say(&format!("the function `{name}` is gone"));
                } else {
                    say(&format!("the function `{name}` still has replicas at the edge"));
                    wait = Some(Wait::Replicas(name.clone()));
                }
            }
            Step::Keep { .. } => {}
        }
    }
    Ok(wait.map_or(Outcome::Done, Outcome::ComeBack))
}

fn call(aws: Aws<'_>, words: &[&str]) -> Result<Json, DestroyError> {
    aws(words).map_err(DestroyError::Aws)
}

fn text<'a>(json: &'a Json, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Json::as_str)
}

fn list<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    json.get(key).and_then(Json::as_array).into_iter().flatten()
}

/// The stack, if it is there.
fn describe(stack: &Stack<'_>, aws: Aws<'_>) -> Result<Option<Json>, DestroyError> {
    let words = ["cloudformation", "describe-stacks", "--stack-name", stack.name, "--region", stack.region];
    let answer = match aws(&words) {
        Ok(answer) => answer,
        Err(error) if is_no_stack(&error) => return Ok(None),
        Err(error) => return Err(DestroyError::Aws(error)),
    };
    Ok(list(&answer, "Stacks").find(|one| text(one, "StackStatus") != Some("DELETE_COMPLETE")).cloned())
}

fn is_no_stack(error: &AwsError) -> bool {
    matches!(&error.fault, AwsFault::Refused { code, words } if code == "ValidationError" && words.contains("does not exist"))
}

struct Retained {
    kind: String,
    name: String,
}

/// The template that the stack was made from, if it is one of ours.
fn template(stack: &Stack<'_>, id: &str, aws: Aws<'_>) -> Result<Option<Document>, DestroyError> {
    let answer = call(aws, &["cloudformation", "get-template", "--stack-name", id, "--region", stack.region])?;
    let document = match answer.get("TemplateBody") {
        Some(Json::String(text)) => Document::parse(text).ok(),
        Some(object) => Document::from_json(object).ok(),
        None => None,
    };
    let document = document.ok_or_else(|| DestroyError::Unreadable { stack: stack.name.to_owned() })?;
    let description = document.root().get("Description").and_then(Node::text);
    Ok(description.is_some_and(|words| words.starts_with(OURS)).then_some(document))
}

/// What the stack will leave, by its template. A bucket that it would not leave is an error.
fn of_template(stack: &Stack<'_>, described: &Json, aws: Aws<'_>) -> Result<Vec<Retained>, DestroyError> {
    let id = text(described, "StackId").unwrap_or(stack.name);
    let Some(document) = template(stack, id, aws)? else {
        return Err(DestroyError::NotOurs { stack: stack.name.to_owned() });
    };
    let mut retained = Vec::new();
    for resource in resources(stack, id, aws)? {
        let (Some(logical_id), Some(kind)) = (text(&resource, "LogicalResourceId"), text(&resource, "ResourceType"))
        else {
            continue;
        };
        if text(&resource, "ResourceStatus") == Some("DELETE_COMPLETE") {
            continue;
        }
        let policy = document.resource(logical_id).and_then(|one| one.node.get("DeletionPolicy")).and_then(Node::text);
        if matches!(policy, Some("Retain" | "RetainExceptOnCreate")) {
            retained.extend(physical(&resource));
        } else if kind == "AWS::S3::Bucket" {
            let (stack, logical_id) = (stack.name.to_owned(), logical_id.to_owned());
            return Err(DestroyError::BucketNotRetained { stack, logical_id });
        }
    }
    Ok(retained)
}

/// What stacks of that name left when they were deleted; CloudFormation remembers for 90 days. Functions that are gone are not named.
fn of_the_past(stack: &Stack<'_>, aws: Aws<'_>) -> Result<Vec<Retained>, DestroyError> {
    let filter = ["--stack-status-filter", "DELETE_COMPLETE", "--region", stack.region];
    let answer = call(aws, &[&["cloudformation", "list-stacks"], filter.as_slice()].concat())?;
    let of_that_name = list(&answer, "StackSummaries").filter(|one| text(one, "StackName") == Some(stack.name));
    let mut retained = Vec::new();
    for id in of_that_name.filter_map(|one| text(one, "StackId")) {
        if template(stack, id, aws)?.is_none() {
            continue;
        }
        for resource in resources(stack, id, aws)? {
            let skipped = text(&resource, "ResourceStatus") == Some("DELETE_SKIPPED");
            let Some(left) = physical(&resource).filter(|_| skipped) else { continue };
            if left.kind != "AWS::Lambda::Function" || function_exists(&left.name, stack.region, aws)? {
                retained.push(left);
            }
        }
    }
    Ok(retained)
}

fn physical(resource: &Json) -> Option<Retained> {
    let (kind, name) = text(resource, "ResourceType").zip(text(resource, "PhysicalResourceId"))?;
    Some(Retained { kind: kind.to_owned(), name: name.to_owned() })
}

fn resources(stack: &Stack<'_>, id: &str, aws: Aws<'_>) -> Result<Vec<Json>, DestroyError> {
    let words = ["cloudformation", "describe-stack-resources", "--stack-name", id, "--region", stack.region];
    Ok(list(&call(aws, &words)?, "StackResources").cloned().collect())
}

fn function_exists(name: &str, region: &str, aws: Aws<'_>) -> Result<bool, DestroyError> {
    match aws(&["lambda", "get-function-configuration", "--function-name", name, "--region", region]) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(false),
        Err(error) => Err(DestroyError::Aws(error)),
    }
}

/// Waits until the stack is deleted; false where that takes longer than the patience.
fn is_gone(stack: &Stack<'_>, aws: Aws<'_>, patience: Patience) -> Result<bool, DestroyError> {
    for look in 0..patience.looks {
        if look > 0 {
            thread::sleep(patience.pause);
        }
        let Some(described) = describe(stack, aws)? else { return Ok(true) };
        if text(&described, "StackStatus") == Some("DELETE_FAILED") {
            let stack_name = stack.name.to_owned();
            return Err(DestroyError::Failed { stack: stack_name, reasons: reasons(stack, aws)? });
        }
    }
    Ok(false)
}

/// Why resources could not be deleted.
fn reasons(stack: &Stack<'_>, aws: Aws<'_>) -> Result<Vec<String>, DestroyError> {
    let failed = |resource: Json| {
        let reason = text(&resource, "ResourceStatusReason").unwrap_or_default();
        let id = text(&resource, "LogicalResourceId")?;
        (text(&resource, "ResourceStatus") == Some("DELETE_FAILED")).then(|| format!("`{id}`: {reason}"))
    };
    Ok(resources(stack, stack.name, aws)?.into_iter().filter_map(failed).collect())
}

/// False where replicas keep it.
fn delete_function(name: &str, region: &str, aws: Aws<'_>) -> Result<bool, DestroyError> {
    match aws(&["lambda", "delete-function", "--function-name", name, "--region", region]) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(true),
        Err(error) if is_replicated(&error) => Ok(false),
        Err(error) => Err(DestroyError::Aws(error)),
    }
}

/// `Lambda was unable to delete … because it is a replicated function.`
fn is_replicated(error: &AwsError) -> bool {
    matches!(&error.fault, AwsFault::Refused { code, words }
        if code == "InvalidParameterValueException" && words.contains("replicated function"))
}

impl Plan {
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Nothing would be deleted.
    pub fn is_idle(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Keep { .. }))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeleteStack { name, region, waiting: false } => {
                write!(f, "delete the stack `{name}` in {region}; the distribution in it is disabled first")
            }
            Self::DeleteStack { name, region, waiting: true } => {
                write!(f, "wait for the stack `{name}` in {region}, which is being deleted")
            }
            Self::DeleteFunction { name, region } => {
                write!(f, "delete the function `{name}` in {region}, once its replicas at the edge are gone")
            }
            Self::Keep { kind, name } => {
                let kind = kind.strip_prefix("AWS::").unwrap_or(kind).replace("::", " ");
                write!(f, "keep {kind} `{name}`")
            }
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack(name) => {
                write!(f, "the stack `{name}` is still being deleted; give the same command again in some minutes")
            }
            Self::Replicas(name) => write!(
                f,
                "the function `{name}` still has replicas at the edge, which AWS deletes some hours after the distribution is gone; \
                 give the same command again then"
            ),
        }
    }
}

impl fmt::Display for DestroyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws(error) => error.fmt(f),
            Self::NotOurs { stack } => {
                write!(
                    f,
                    "the stack `{stack}` was not made from a template of Edgepass (its description says nothing of it)"
                )
            }
            Self::BucketNotRetained { stack, logical_id } => write!(
                f,
                "the stack `{stack}` would delete the bucket `{logical_id}` and what is in it; set its `DeletionPolicy` to `Retain` \
                 and update the stack first"
            ),
            Self::Unreadable { stack } => write!(f, "the template of the stack `{stack}` cannot be read"),
            Self::Failed { stack, reasons } => {
                write!(f, "the stack `{stack}` could not be deleted: {}", reasons.join("; "))
            }
        }
    }
}

impl std::error::Error for DestroyError {}
