//! Dynamic references: `{{resolve:secretsmanager:SECRET:SecretString:KEY}}` and parameters of the Systems Manager.
//! https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html

use std::collections::BTreeMap;

use crate::fault::Fault;
use crate::template::{Section, references};

/// The section's text with its dynamic references replaced.
pub fn revealed(section: &Section<'_>, secrets: &BTreeMap<String, String>) -> Result<String, Fault> {
    let mut rest = section.text()?;
    let mut made = String::new();
    while let Some((before, after)) = rest.split_once("{{resolve:") {
        let (reference, behind) = until_end(after).ok_or_else(|| section.wrong("a dynamic reference does not end"))?;
        made.push_str(before);
        made.push_str(&value(section, reference, secrets)?);
        rest = behind;
    }
    made.push_str(rest);
    let unknown = references(&made).next().map(|name| section.missing(format!("what `{name}` would be on AWS")));
    unknown.map_or(Ok(made), Err)
}

/// What stands before the closing braces. One brace more is the end of a resource's name: `${OriginSecret}}}`.
fn until_end(text: &str) -> Option<(&str, &str)> {
    let mut end = text.find("}}")?;
    if text.get(end + 2..)?.starts_with('}') {
        end += 1;
    }
    Some((text.get(..end)?, text.get(end + 2..)?))
}

fn value(section: &Section<'_>, reference: &str, secrets: &BTreeMap<String, String>) -> Result<String, Fault> {
    let (service, rest) = reference.split_once(':').unwrap_or((reference, ""));
    // The name may be an ARN, which has colons of its own; a secret's key comes after `SecretString`.
    let (name, key) = match rest.split_once(":SecretString") {
        Some((name, key)) => (name, key.trim_start_matches(':').split(':').next().unwrap_or_default()),
        None => (rest, ""),
    };
    let id = references(name).next().map_or(name, |name| name.rsplit('/').next().unwrap_or(name));
    let id = id.split('.').next().unwrap_or(id);
    let text = secrets
        .get(name)
        .or_else(|| secrets.get(id))
        .ok_or_else(|| section.missing(format!("a value for the dynamic reference to `{id}` ({service})")))?;
    if key.is_empty() {
        return Ok(text.clone());
    }
    let json: serde_json::Value = serde_json::from_str(text)
        .map_err(|_| section.missing(format!("the secret `{id}` as a JSON object with `{key}`")))?;
    let member = json.get(key).and_then(serde_json::Value::as_str);
    member.map(ToOwned::to_owned).ok_or_else(|| section.missing(format!("`{key}` in the secret `{id}`")))
}
