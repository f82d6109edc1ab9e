//! Statements of IAM policies: who may do what, under which conditions.

use crate::at::At;
use crate::patterns::{arn_parts, fits};

pub struct Statement<'a> {
    pub at: At<'a>,
    pub effect: Option<&'a str>,
    pub principals: Vec<Principal<'a>>,
    /// As written, with `*`; an action that is not known is left out.
    pub actions: Vec<&'a str>,
    pub conditions: Vec<Condition<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal<'a> {
    Anybody,
    Service(&'a str),
    /// An ARN or account number.
    Aws(&'a str),
    Canonical(&'a str),
    /// Federated, or not known.
    Other,
}

pub struct Condition<'a> {
    /// `StringEquals`.
    pub operator: &'a str,
    /// `AWS:SourceArn`.
    pub key: &'a str,
    pub values: Vec<&'a str>,
}

/// The statements of a policy document.
pub fn statements<'a>(document: &At<'a>) -> Vec<Statement<'a>> {
    let statements = document.get("Statement").map(|statement| statement.one_or_more()).unwrap_or_default();
    statements.into_iter().map(statement).collect()
}

fn statement(at: At<'_>) -> Statement<'_> {
    let mut actions = at.get("Action").map(|action| texts(&action)).unwrap_or_default();
    let mut principals = at.get("Principal").map(|principal| principals(&principal)).unwrap_or_default();
    // All but something is taken for all.
    if at.get("NotAction").is_some() {
        actions.push("*");
    }
    if at.get("NotPrincipal").is_some() {
        principals.push(Principal::Anybody);
    }
    let conditions = at.get("Condition").map(|condition| conditions(&condition)).unwrap_or_default();
    Statement { effect: at.text_of("Effect"), principals, actions, conditions, at }
}

fn principals<'a>(at: &At<'a>) -> Vec<Principal<'a>> {
    if let Some(text) = at.pattern() {
        return vec![if text == "*" { Principal::Anybody } else { Principal::Other }];
    }
    let mut found = Vec::new();
    for entry in at.node.entries() {
        let values = at.get(&entry.key).map(|value| texts(&value)).unwrap_or_default();
        found.extend(values.into_iter().map(|value| match entry.key.as_str() {
            "AWS" if value == "*" => Principal::Anybody,
            "AWS" => Principal::Aws(value),
            "Service" => Principal::Service(value),
            "CanonicalUser" => Principal::Canonical(value),
            _ => Principal::Other,
        }));
    }
    found
}

fn conditions<'a>(at: &At<'a>) -> Vec<Condition<'a>> {
    let mut found = Vec::new();
    for operator in at.node.entries() {
        for key in operator.value.entries() {
            let values = match key.value.items() {
                [] => key.value.pattern().into_iter().collect(),
                items => items.iter().filter_map(crate::document::Node::pattern).collect(),
            };
            found.push(Condition { operator: &operator.key, key: &key.key, values });
        }
    }
    found
}

fn texts<'a>(at: &At<'a>) -> Vec<&'a str> {
    at.one_or_more().iter().filter_map(At::pattern).collect()
}

impl Statement<'_> {
    pub fn allows(&self, action: &str) -> bool {
        self.effect == Some("Allow") && self.names(action)
    }

    pub fn names(&self, action: &str) -> bool {
        self.actions.iter().any(|wild| fits(wild, action))
    }

    pub fn is_for(&self, wanted: impl Fn(Principal<'_>) -> bool) -> bool {
        self.principals.iter().any(|principal| wanted(*principal))
    }

    pub fn is_for_cloudfront(&self) -> bool {
        self.principals.iter().any(|principal| principal.is_cloudfront())
    }

    /// The conditions let in one account's or one distribution's requests, or otherwise those of somebody known.
    pub fn is_narrowed(&self) -> bool {
        self.conditions.iter().any(Condition::narrows)
    }
}

impl Principal<'_> {
    pub fn is_cloudfront(self) -> bool {
        matches!(self, Self::Service(name) if name.starts_with("cloudfront.amazonaws.com"))
    }

    /// An origin access identity.
    pub fn is_identity(self) -> bool {
        match self {
            Self::Aws(arn) => arn.contains(":iam::cloudfront:user/"),
            Self::Canonical(_) => true,
            _ => false,
        }
    }

    /// An origin access identity, or what cannot be told from one.
    pub fn may_be_identity(self) -> bool {
        self.is_identity() || matches!(self, Self::Aws(arn) if arn.contains("${"))
    }
}

/// Keys that name who asks or from where. `aws:Referer` and `aws:SecureTransport` do not.
const NARROWING: [&str; 13] = [
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:userid",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceip",
    "s3:dataaccesspointaccount",
];

impl Condition<'_> {
    fn narrows(&self) -> bool {
        let operator = self.operator.rsplit(':').next().unwrap_or(self.operator);
        // `…IfExists` lets through what has no such key.
        let positive = ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"];
        positive.contains(&operator)
            && NARROWING.iter().any(|key| key.eq_ignore_ascii_case(self.key))
            && !self.values.is_empty()
            && self.values.iter().all(|value| names_somebody(value))
    }
}

fn names_somebody(value: &str) -> bool {
    let everybody =
        value.chars().all(|character| matches!(character, '*' | '?')) || matches!(value, "0.0.0.0/0" | "::/0");
    // An ARN of no account in particular: arn:aws:cloudfront::*:distribution/*. ARNs of buckets have no account.
    let any_account = match arn_parts(value).as_slice() {
        ["arn", _, service, _, account, ..] => {
            matches!(*account, "*" | "**") || (account.is_empty() && *service != "s3")
        }
        _ => false,
    };
    !everybody && !any_account
}
