//! POST policies: what a signed form may upload. Pure: policy, fields and time in, verdict out.
//!
//! "POST Policy" of the S3 API reference. Stricter in one point: a policy must name its bucket.

use crate::limits;
use s3s::{S3Error, s3_error};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Fields of the form before its file, by their names in lower case. `bucket` is there as well.
pub(crate) type Fields = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    expiration: OffsetDateTime,
    conditions: Vec<Condition>,
    sizes: RangeInclusive<u64>,
}

/// `field` is in lower case.
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Equals { field: String, value: String },
    StartsWith { field: String, prefix: String },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PolicyFault {
    Malformed(&'static str),
    Expired,
    Unmet(String),
    /// A field no condition speaks of.
    Extra(String),
}

impl From<PolicyFault> for S3Error {
    fn from(fault: PolicyFault) -> Self {
        match fault {
            PolicyFault::Malformed(what) => s3_error!(InvalidPolicyDocument, "Invalid Policy: {what}"),
            PolicyFault::Expired => s3_error!(AccessDenied, "Invalid according to Policy: Policy expired."),
            PolicyFault::Unmet(condition) => {
                s3_error!(AccessDenied, "Invalid according to Policy: Policy Condition failed: {condition}")
            }
            PolicyFault::Extra(field) => {
                s3_error!(AccessDenied, "Invalid according to Policy: Extra input fields: {field}")
            }
        }
    }
}

impl Policy {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, PolicyFault> {
        let policy: Value = serde_json::from_slice(json).map_err(|_| PolicyFault::Malformed("it is not JSON"))?;
        let expiration = policy.get("expiration").and_then(Value::as_str);
        let expiration = expiration.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let mut parsed = Self {
            expiration: expiration.ok_or(PolicyFault::Malformed("expiration"))?,
            conditions: Vec::new(),
            sizes: 0..=limits::OBJECT_BYTES,
        };
        let conditions = policy.get("conditions").and_then(Value::as_array);
        for condition in conditions.ok_or(PolicyFault::Malformed("conditions"))? {
            parsed.add(condition)?;
        }
        Ok(parsed)
    }

    fn add(&mut self, condition: &Value) -> Result<(), PolicyFault> {
        let malformed = PolicyFault::Malformed("a condition");
        match condition {
            Value::Object(pairs) if !pairs.is_empty() => {
                for (field, value) in pairs {
                    let value = text(value).ok_or_else(|| malformed.clone())?;
                    self.conditions.push(Condition::Equals { field: field.to_ascii_lowercase(), value });
                }
                Ok(())
            }
            Value::Array(items) => match items.as_slice() {
                [Value::String(operator), low, high] if operator.eq_ignore_ascii_case("content-length-range") => {
                    let (Some(low), Some(high)) = (number(low), number(high)) else { return Err(malformed) };
                    // Several of them all hold.
                    self.sizes = low.max(*self.sizes.start())..=high.min(*self.sizes.end());
                    Ok(())
                }
                [Value::String(operator), Value::String(field), value] => {
                    let field = field.strip_prefix('$').ok_or_else(|| malformed.clone())?.to_ascii_lowercase();
                    let value = text(value).ok_or_else(|| malformed.clone())?;
                    self.conditions.push(match operator.to_ascii_lowercase().as_str() {
                        "eq" => Condition::Equals { field, value },
                        "starts-with" => Condition::StartsWith { field, prefix: value },
                        _ => return Err(malformed),
                    });
                    Ok(())
                }
                _ => Err(malformed),
            },
            _ => Err(malformed),
        }
    }

    pub(crate) fn names_bucket(&self) -> bool {
        self.conditions.iter().any(|condition| condition.field() == "bucket")
    }

    /// Sizes that a file may have. Empty where the policy contradicts itself.
    pub(crate) fn sizes(&self) -> RangeInclusive<u64> {
        self.sizes.clone()
    }

    /// The age of a form does not matter, only its policy's expiration.
    pub(crate) fn check(&self, fields: &Fields, now: OffsetDateTime) -> Result<(), PolicyFault> {
        if now >= self.expiration {
            return Err(PolicyFault::Expired);
        }
        for condition in &self.conditions {
            if !condition.holds(fields) {
                return Err(PolicyFault::Unmet(condition.to_json()));
            }
        }
        let covered = |field: &str| self.conditions.iter().any(|condition| condition.field() == field);
        match fields.keys().find(|field| !is_exempt(field) && !covered(field)) {
            Some(field) => Err(PolicyFault::Extra(field.clone())),
            None => Ok(()),
        }
    }
}

impl Condition {
    fn field(&self) -> &str {
        match self {
            Self::Equals { field, .. } | Self::StartsWith { field, .. } => field,
        }
    }

    fn holds(&self, fields: &Fields) -> bool {
        match self {
            Self::Equals { field, value } => fields.get(field) == Some(value),
            // Each item of a list of types must fit.
            Self::StartsWith { field, prefix } if field == "content-type" => fields
                .get(field)
                .is_some_and(|types| types.split(',').all(|item| item.trim_start().starts_with(prefix))),
            Self::StartsWith { field, prefix } => fields.get(field).map_or("", String::as_str).starts_with(prefix),
        }
    }

    fn to_json(&self) -> String {
        let (operator, field, value) = match self {
            Self::Equals { field, value } => ("eq", field, value),
            Self::StartsWith { field, prefix } => ("starts-with", field, prefix),
        };
        serde_json::json!([operator, format!("${field}"), value]).to_string()
    }
}

/// These prove or carry the policy and cannot be in it.
fn is_exempt(field: &str) -> bool {
    matches!(field, "x-amz-signature" | "policy" | "file") || field.starts_with("x-ignore-")
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    fn policy(conditions: &str) -> Result<Policy, PolicyFault> {
        Policy::parse(format!(r#"{{"expiration":"2026-11-22T12:00:01.000Z","conditions":{conditions}}}"#).as_bytes())
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn check(conditions: &str, pairs: &[(&str, &str)]) -> Result<(), PolicyFault> {
        policy(conditions).unwrap().check(&fields(pairs), NOW)
    }

    #[test]
    fn conditions_hold_or_do_not() {
        for (conditions, pairs, holds) in [
            (r#"[{"bucket":"b"}]"#, &[("bucket", "b")][..], true),
            (r#"[{"bucket":"b"}]"#, &[("bucket", "B")], false),
            (r#"[["eq","$Key","a"]]"#, &[("key", "a")], true),
            (r#"[["EQ","$key","a"]]"#, &[("key", "ab")], false),
            (r#"[["eq","$key",""]]"#, &[], false),
            (r#"[["starts-with","$key","u/"]]"#, &[("key", "u/x")], true),
            (r#"[["starts-with","$key","u/"]]"#, &[("key", "U/x")], false),
            (r#"[["starts-with","$key","u/"]]"#, &[("key", "u")], false),
            (r#"[["starts-with","$key",""]]"#, &[("key", "any")], true),
            (r#"[["starts-with","$x-amz-meta-a",""]]"#, &[], true),
            (r#"[["starts-with","$Content-Type","image/"]]"#, &[("content-type", "image/png")], true),
            (r#"[["starts-with","$Content-Type","image/"]]"#, &[("content-type", "image/png, text/html")], false),
            (r#"[["starts-with","$Content-Type","image/"]]"#, &[], false),
            (r#"[{"success_action_status":201}]"#, &[("success_action_status", "201")], true),
            (r#"[{"key":"a","acl":"private"}]"#, &[("key", "a"), ("acl", "public-read")], false),
            (r#"[["eq","$key","a"],["starts-with","$key","b"]]"#, &[("key", "a")], false),
        ] {
            assert_eq!(check(conditions, pairs).is_ok(), holds, "{conditions} {pairs:?}");
        }
    }

    #[test]
    fn every_field_is_covered_or_exempt() {
        let conditions = r#"[{"key":"a"}]"#;
        let exempt = [("key", "a"), ("policy", "p"), ("x-amz-signature", "s"), ("x-ignore-me", "i")];
        assert_eq!(check(conditions, &exempt), Ok(()));
        for extra in ["acl", "content-type", "x-amz-meta-a", "success_action_redirect", "bucket", "x-amz-date"] {
            let found = check(conditions, &[("key", "a"), (extra, "")]);
            assert_eq!(found, Err(PolicyFault::Extra(extra.into())));
        }
    }

    #[test]
    fn a_policy_ends_at_its_expiration() {
        let policy = policy("[]").unwrap();
        assert_eq!(policy.check(&Fields::new(), NOW), Ok(()));
        assert_eq!(policy.check(&Fields::new(), datetime!(2026-11-22 12:00:01 UTC)), Err(PolicyFault::Expired));
    }

    #[test]
    fn sizes() {
        assert_eq!(policy("[]").unwrap().sizes(), 0..=limits::OBJECT_BYTES);
        assert_eq!(policy(r#"[["content-length-range",1,10]]"#).unwrap().sizes(), 1..=10);
        assert_eq!(policy(r#"[["content-length-range","1","10"]]"#).unwrap().sizes(), 1..=10);
        let both = policy(r#"[["content-length-range",1,10],["content-length-range",5,20]]"#).unwrap();
        assert_eq!(both.sizes(), 5..=10);
        assert!(policy(r#"[["content-length-range",10,1]]"#).unwrap().sizes().is_empty());
    }

    #[test]
    fn malformed_policies() {
        for conditions in [
            "null",
            "[1]",
            "[{}]",
            "[[]]",
            r#"["eq"]"#,
            r#"[["eq","key","a"]]"#,
            r#"[["eq","$key"]]"#,
            r#"[["eq","$key",{}]]"#,
            r#"[["ends-with","$key","a"]]"#,
            r#"[["content-length-range",-1,10]]"#,
            r#"[["content-length-range","a",10]]"#,
            r#"[{"key":["a"]}]"#,
        ] {
            assert!(matches!(policy(conditions), Err(PolicyFault::Malformed(_))), "{conditions}");
        }
        for json in ["", "[]", "{}", r#"{"conditions":[]}"#, r#"{"expiration":"tomorrow","conditions":[]}"#] {
            assert!(matches!(Policy::parse(json.as_bytes()), Err(PolicyFault::Malformed(_))), "{json}");
        }
    }
}
