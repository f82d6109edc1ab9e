//! POST forms: a policy that binds bucket, key, type, size and time, and the fields that go with it ("POST policy" of the
//! Amazon S3 API reference). Every field of the form has a condition: a form with one more is refused by the store.

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::bucket::Bucket;
use crate::presign::Window;

/// The fields, in the order to send them; the file comes last. `extra` fields are bound like the rest.
pub fn form(
    bucket: &Bucket,
    key: &str,
    size: (u64, u64),
    extra: &[(&str, &str)],
    credentials: &Credentials,
    window: Window,
) -> Option<Vec<(String, String)>> {
    let signed = OffsetDateTime::from(window.signed);
    let date = signed.format(format_description!("[year][month][day]T[hour][minute][second]Z")).ok()?;
    let day = date.get(..8)?;
    let credential = format!("{}/{day}/{}/s3/aws4_request", credentials.access_key_id(), bucket.region());
    let mut fields = vec![("key", key)];
    fields.extend_from_slice(extra);
    fields.extend([
        ("success_action_status", "201"),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", &date),
    ]);
    if let Some(token) = credentials.session_token() {
        fields.push(("x-amz-security-token", token));
    }
    let expiration = OffsetDateTime::from(window.signed.checked_add(window.life)?).format(&Rfc3339).ok()?;
    let policy = STANDARD.encode(policy(bucket.name(), &fields, size, &expiration).to_string());
    let key = generate_signing_key(credentials.secret_access_key(), window.signed, bucket.region(), "s3");
    let signature = calculate_signature(key, policy.as_bytes());
    fields.extend([("policy", policy.as_str()), ("x-amz-signature", &signature)]);
    Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Each field equals what it is here, and the file has from the first to the second of `size` bytes.
fn policy(bucket: &str, fields: &[(&str, &str)], size: (u64, u64), expiration: &str) -> Value {
    let mut conditions = vec![json!({ "bucket": bucket })];
    conditions.extend(fields.iter().map(|(name, value)| json!(["eq", format!("${name}"), value])));
    conditions.push(json!(["content-length-range", size.0, size.1]));
    json!({ "expiration": expiration, "conditions": conditions })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    /// "Examples: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)" of the Amazon S3 API reference.
    #[test]
    fn the_documented_signature() {
        let policy = concat!(
            "{ \"expiration\": \"2015-12-30T12:00:00.000Z\",\r\n  \"conditions\": [\r\n    {\"bucket\": \"sigv4examplebucket\"},\r\n",
            "    [\"starts-with\", \"$key\", \"user/user1/\"],\r\n    {\"acl\": \"public-read\"},\r\n",
            "    {\"success_action_redirect\": \"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html\"},\r\n",
            "    [\"starts-with\", \"$Content-Type\", \"image/\"],\r\n    {\"x-amz-meta-uuid\": \"14365123651274\"},\r\n",
            "    {\"x-amz-server-side-encryption\": \"AES256\"},\r\n    [\"starts-with\", \"$x-amz-meta-tag\", \"\"],\r\n\r\n",
            "    {\"x-amz-credential\": \"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request\"},\r\n",
            "    {\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"},\r\n    {\"x-amz-date\": \"20151229T000000Z\" }\r\n  ]\r\n}"
        );
        let day = SystemTime::UNIX_EPOCH + Duration::from_hours(403_152);
        let key = generate_signing_key(SECRET, day, "us-east-1", "s3");
        assert_eq!(
            calculate_signature(key, STANDARD.encode(policy).as_bytes()),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn every_field_has_its_condition() {
        let bucket = Bucket::new("b", "eu-west-1", "https://s3.example.com", true).unwrap();
        let credentials = Credentials::from_keys("AK", SECRET, Some("session/+=".to_owned()));
        let window = Window {
            signed: SystemTime::UNIX_EPOCH + Duration::from_secs(1_451_347_199),
            life: Duration::from_mins(1),
        };
        let key = "w/\"$x\"/日本 +.png";
        let fields = form(&bucket, key, (3, 4), &[("Content-Type", "image/png")], &credentials, window).unwrap();
        let field =
            |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap();
        let policy: Value = serde_json::from_slice(&STANDARD.decode(field("policy")).unwrap()).unwrap();
        assert_eq!(policy["expiration"], "2015-12-29T00:00:59Z");
        assert_eq!(field("x-amz-date"), "20151228T235959Z");
        assert_eq!(field("x-amz-credential"), "AK/20151228/eu-west-1/s3/aws4_request");
        assert_eq!(field("x-amz-security-token"), "session/+=");
        assert_eq!(field("success_action_status"), "201");
        let conditions = policy["conditions"].as_array().unwrap();
        assert!(conditions.contains(&json!({ "bucket": "b" })));
        assert!(conditions.contains(&json!(["content-length-range", 3, 4])));
        assert!(conditions.contains(&json!(["eq", "$key", key])));
        let unbound = ["policy", "x-amz-signature"];
        for (name, value) in fields.iter().filter(|(name, _)| !unbound.contains(&name.as_str())) {
            assert!(conditions.contains(&json!(["eq", format!("${name}"), value])), "{name}");
        }
        assert_eq!(conditions.len(), fields.len() - unbound.len() + 2);
    }
}
