//! POST forms: from the fields before the file to a permission, or a refusal. Pure: fields, keys and time in.
//!
//! "Authenticating Requests in Browser-Based Uploads Using POST (AWS Signature Version 4)" of the S3 API reference. The
//! fifteen minutes of other requests do not apply: a form lives until its policy expires.

use crate::authentication::not_version_4;
use crate::digest::{Algorithm, Announced};
use crate::given::check_metadata;
use crate::key::ObjectKey;
use crate::keys::Keys;
use crate::object::{ObjectHeaders, Precondition};
use crate::policy::{Fields, Policy, PolicyFault};
use crate::vault::{Address, Terms};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Uri};
use s3s::{S3Result, s3_error};
use secrecy::ExposeSecret as _;
use std::ops::RangeInclusive;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::macros::format_description;

/// The form before its file.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) fields: Fields,
    /// What the file part calls its file, with whatever path the browser added.
    pub(crate) filename: Option<String>,
}

/// An upload that a signed policy allows. Only [`Form::permit`] makes one.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) at: Address,
    pub(crate) sizes: RangeInclusive<u64>,
    pub(crate) terms: Terms,
    pub(crate) success: Success,
}

/// How the form wants to hear that it worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Success {
    NoContent,
    Ok,
    Created,
    Redirect(String),
}

impl Form {
    pub(crate) fn permit(mut self, bucket: &str, keys: &Keys, now: OffsetDateTime) -> S3Result<Permitted> {
        let policy = self.signed_policy(bucket, keys)?;
        if self.fields.get("bucket").is_some_and(|named| named != bucket) {
            return Err(PolicyFault::Unmet("the bucket of the form is not that of the address".to_owned()).into());
        }
        self.fields.insert("bucket".to_owned(), bucket.to_owned());
        let key = self.fields.get("key").ok_or_else(|| s3_error!(InvalidArgument, "The form lacks the field key"))?;
        let key = key.replace("${filename}", self.base_name());
        self.fields.insert("key".to_owned(), key.clone());
        policy.check(&self.fields, now)?;

        no_unknown_promise(&self.fields)?;
        Ok(Permitted {
            at: Address { bucket: bucket.to_owned(), key: ObjectKey::parse(key)? },
            sizes: policy.sizes(),
            terms: Terms {
                headers: kept_headers(&self.fields)?,
                announced: announced(&self.fields),
                precondition: Precondition::None,
            },
            success: success(&self.fields),
        })
    }

    fn signed_policy(&self, bucket: &str, keys: &Keys) -> S3Result<Policy> {
        if self.fields.contains_key("awsaccesskeyid") || self.fields.contains_key("signature") {
            return Err(not_version_4());
        }
        let field = |name: &'static str| {
            let value = self.fields.get(name).map(String::as_str);
            value.ok_or_else(|| s3_error!(AccessDenied, "The form lacks the field {name}"))
        };
        let (policy, signature) = (field("policy")?, field("x-amz-signature")?);
        if field("x-amz-algorithm")? != "AWS4-HMAC-SHA256" {
            return Err(not_version_4());
        }
        let mut scope = field("x-amz-credential")?.rsplitn(5, '/');
        let scope = [scope.next(), scope.next(), scope.next(), scope.next(), scope.next()];
        let [Some("aws4_request"), Some("s3"), Some(region), Some(date), Some(access_key)] = scope else {
            return Err(s3_error!(InvalidArgument, "x-amz-credential is not KEY/DATE/REGION/s3/aws4_request"));
        };
        if region != keys.region {
            return Err(s3_error!(InvalidArgument, "The region of x-amz-credential must be {}", keys.region));
        }
        let known = keys.find(access_key).ok_or_else(|| {
            s3_error!(InvalidAccessKeyId, "The access key you provided does not exist in our records.")
        })?;
        let day = time::Date::parse(date, format_description!("[year][month][day]"));
        let day = day.map_err(|_| s3_error!(InvalidArgument, "The date of x-amz-credential is none"))?;
        let stamp = field("x-amz-date")?;
        if stamp.len() != 16 || !stamp.starts_with(date) {
            return Err(s3_error!(InvalidArgument, "x-amz-date is not of the day of x-amz-credential"));
        }
        let day = SystemTime::from(day.midnight().assume_utc());
        let key = generate_signing_key(known.secret.expose_secret(), day, region, "s3");
        let expected = calculate_signature(key, policy.as_bytes());
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), signature.as_bytes()).map_err(|_| {
            s3_error!(
                SignatureDoesNotMatch,
                "The request signature we calculated does not match the signature you provided."
            )
        })?;

        if !known.may_write(bucket) {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let json = STANDARD.decode(policy).map_err(|_| PolicyFault::Malformed("it is not base64"))?;
        let policy = Policy::parse(&json)?;
        if !policy.names_bucket() {
            return Err(PolicyFault::Malformed("it names no bucket").into());
        }
        Ok(policy)
    }

    /// Old browsers send a path; the text behind its last slash counts.
    fn base_name(&self) -> &str {
        let name = self.filename.as_deref().unwrap_or_default();
        name.rsplit(['/', '\\']).next().unwrap_or(name)
    }
}

fn no_unknown_promise(fields: &Fields) -> S3Result<()> {
    let private = ["private", "bucket-owner-full-control"];
    if fields.get("acl").is_some_and(|acl| !private.contains(&acl.as_str())) {
        return Err(s3_error!(AccessControlListNotSupported, "The bucket does not allow ACLs"));
    }
    let unknown = |name: &str, value: &str| {
        name.starts_with("x-amz-server-side-encryption")
            || name.starts_with("x-amz-object-lock")
            || matches!(name, "tagging" | "x-amz-tagging" | "x-amz-website-redirect-location")
            || (name == "x-amz-storage-class" && value != "STANDARD")
    };
    match fields.iter().find(|(name, value)| unknown(name, value)) {
        Some((name, _)) => Err(s3_error!(NotImplemented, "The field {name} is not implemented")),
        None => Ok(()),
    }
}

fn kept_headers(fields: &Fields) -> S3Result<ObjectHeaders> {
    let kept = |name: &str| match fields.get(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) if HeaderValue::from_str(value).is_ok() => Ok(Some(value.clone())),
        Some(_) => Err(s3_error!(InvalidArgument, "The field {name} cannot stand in a header")),
    };
    let mut headers = ObjectHeaders {
        content_type: kept("content-type")?,
        content_disposition: kept("content-disposition")?,
        content_encoding: kept("content-encoding")?,
        content_language: kept("content-language")?,
        cache_control: kept("cache-control")?,
        expires: kept("expires")?,
        ..ObjectHeaders::default()
    };
    for (field, value) in fields {
        let Some(name) = field.strip_prefix("x-amz-meta-").filter(|name| !name.is_empty()) else { continue };
        let unfit = || s3_error!(InvalidArgument, "The field {field} cannot be a header");
        HeaderName::try_from(field).map_err(|_| unfit())?;
        if value.chars().any(char::is_control) {
            return Err(unfit());
        }
        headers.metadata.insert(name.to_owned(), value.clone());
    }
    check_metadata(&headers.metadata)?;
    Ok(headers)
}

fn announced(fields: &Fields) -> Announced {
    let sums = fields.iter().filter_map(|(name, sum)| Some((Algorithm::from_header(name)?, sum.clone())));
    Announced { md5: fields.get("content-md5").cloned(), checksums: sums.collect() }
}

/// What makes no sense counts as absent, as in S3.
fn success(fields: &Fields) -> Success {
    let redirect = fields.get("success_action_redirect").or_else(|| fields.get("redirect"));
    if let Some(to) = redirect.filter(|to| is_address(to)) {
        return Success::Redirect(to.clone());
    }
    match fields.get("success_action_status").map(String::as_str) {
        Some("200") => Success::Ok,
        Some("201") => Success::Created,
        _ => Success::NoContent,
    }
}

fn is_address(text: &str) -> bool {
    let scheme = text.parse::<Uri>().ok().and_then(|uri| uri.scheme_str().map(str::to_owned));
    HeaderValue::from_str(text).is_ok() && matches!(scheme.as_deref(), Some("http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
    const CREDENTIAL: &str = "AK/20261122/us-east-1/s3/aws4_request";

    fn keys() -> Keys {
        Keys::new("AK".into(), "SK".into(), "us-east-1".into(), "no such directory/keys".into())
    }

    fn sign(policy: &str) -> String {
        let key = generate_signing_key("SK", SystemTime::from(NOW), "us-east-1", "s3");
        calculate_signature(key, policy.as_bytes())
    }

    fn form(extra: &[(&str, &str)]) -> Form {
        let policy = STANDARD.encode(
            r#"{"expiration":"2026-11-29T12:00:00Z","conditions":[{"bucket":"b"},["starts-with","$key","u/"],
                ["content-length-range",1,10],["starts-with","$Content-Type","image/"],["starts-with","$x-amz-meta-a",""],
                {"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":"AK/20261122/us-east-1/s3/aws4_request"},
                {"x-amz-date":"20261122T000000Z"},["starts-with","$success_action_redirect",""],
                ["starts-with","$success_action_status",""]]}"#,
        );
        let mut fields = Fields::new();
        for (name, value) in [
            ("key", "u/${filename}"),
            ("content-type", "image/png"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", CREDENTIAL),
            ("x-amz-date", "20261122T000000Z"),
            ("x-amz-signature", &sign(&policy)),
            ("policy", &policy),
        ]
        .iter()
        .chain(extra)
        {
            fields.insert((*name).to_owned(), (*value).to_owned());
        }
        Form { fields, filename: Some("C:\\docs\\a.png".into()) }
    }

    fn code(form: Form) -> String {
        match form.permit("b", &keys(), NOW) {
            Ok(_) => "permitted".into(),
            Err(error) => error.code().as_str().to_owned(),
        }
    }

    #[test]
    fn a_signed_form_is_permitted_long_after_it_was_made() {
        let permitted = form(&[("x-amz-meta-a", "é")]).permit("b", &keys(), NOW + time::Duration::days(6)).unwrap();
        assert_eq!(permitted.at.key.as_str(), "u/a.png");
        assert_eq!(permitted.sizes, 1..=10);
        assert_eq!(permitted.success, Success::NoContent);
        assert_eq!(permitted.terms.headers.content_type.as_deref(), Some("image/png"));
        assert_eq!(permitted.terms.headers.metadata["a"], "é");
    }

    #[test]
    fn forged_forms_are_refused() {
        let edited =
            STANDARD.encode(r#"{"expiration":"2036-11-29T12:00:00Z","conditions":[["starts-with","$key",""]]}"#);
        let other_day = "AK/20261121/us-east-1/s3/aws4_request";
        for (extra, expected) in [
            (&[][..], "permitted"),
            (&[("key", "v/a")], "AccessDenied"),
            (&[("key", "../u/a")], "AccessDenied"),
            (&[("content-type", "text/html")], "AccessDenied"),
            (&[("acl", "private")], "AccessDenied"),
            (&[("bucket", "c")], "AccessDenied"),
            (&[("policy", &edited)], "SignatureDoesNotMatch"),
            (&[("policy", "e30=")], "SignatureDoesNotMatch"),
            (&[("policy", "e30="), ("x-amz-signature", &sign("e30="))], "InvalidPolicyDocument"),
            (&[("policy", &edited), ("x-amz-signature", &sign(&edited))], "InvalidPolicyDocument"),
            (&[("x-amz-signature", "")], "SignatureDoesNotMatch"),
            (&[("x-amz-signature", &"0".repeat(64))], "SignatureDoesNotMatch"),
            (&[("x-amz-credential", other_day)], "InvalidArgument"),
            (&[("x-amz-credential", other_day), ("x-amz-date", "20261121T000000Z")], "SignatureDoesNotMatch"),
            (&[("x-amz-credential", "AK/20261122/eu-west-1/s3/aws4_request")], "InvalidArgument"),
            (&[("x-amz-credential", "AK/20261122/us-east-1/sts/aws4_request")], "InvalidArgument"),
            (&[("x-amz-credential", "XX/20261122/us-east-1/s3/aws4_request")], "InvalidAccessKeyId"),
            (&[("x-amz-date", "20261122T000001Z")], "AccessDenied"),
            (&[("x-amz-algorithm", "AWS4-HMAC-SHA1")], "InvalidRequest"),
            (&[("awsaccesskeyid", "AK"), ("signature", "x")], "InvalidRequest"),
            (&[("x-amz-meta-a", "a\r\nb")], "InvalidArgument"),
        ] {
            assert_eq!(code(form(extra)), expected, "{extra:?}");
        }
        let mut anonymous = form(&[]);
        anonymous.fields.remove("policy");
        assert_eq!(code(anonymous), "AccessDenied");
        assert_eq!(form(&[]).permit("c", &keys(), NOW).unwrap_err().code().as_str(), "AccessDenied");
        let late = form(&[]).permit("b", &keys(), NOW + time::Duration::days(7));
        assert_eq!(late.unwrap_err().code().as_str(), "AccessDenied");
    }

    #[test]
    fn only_web_addresses_are_redirected_to() {
        for (to, expected) in [
            ("https://app/ok?a=b", Success::Redirect("https://app/ok?a=b".into())),
            ("javascript:alert(1)", Success::Created),
            ("/relative", Success::Created),
            ("https://app/\r\nx: y", Success::Created),
        ] {
            let form = form(&[("success_action_redirect", to), ("success_action_status", "201")]);
            assert_eq!(form.permit("b", &keys(), NOW).unwrap().success, expected);
        }
    }
}
