//! Judges a deployment as a whole: every fault at once, or what the templates are written from.

use authorizer::Pattern;
use front::Carrier;

use crate::behaviours::{Behaviour, behaviours};
use crate::fault::Fault;
use crate::render::Code;
use crate::settings::{Access, Bucket, Deployment, Encryption, Form, Layout, Owner};

/// The longest stack name with which the names that Lambda is given still begin with it whole: 64 less what CloudFormation
/// appends, less `-edge`.
const LONGEST_STACK_NAME: usize = 32;

/// Regions that came after origin access identities were frozen ("Restrict access to an Amazon S3 origin": OAC is for "all AWS
/// Regions, including opt-in Regions launched after December 2022").
const WITHOUT_IDENTITIES: [&str; 8] = [
    "ap-east-2",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "il-central-1",
    "mx-central-1",
];

pub const EDGE_REGION: &str = "us-east-1";

/// A deployment without faults.
#[derive(Debug)]
pub struct Judged<'a> {
    pub deployment: &'a Deployment,
    pub code: &'a Code,
    pub behaviours: Vec<Behaviour>,
    pub buckets: Vec<Served<'a>>,
    /// Of the main stack.
    pub region: &'a str,
    /// The host of the certificate.
    pub alias: Option<&'a str>,
}

/// A bucket, and what of it the routes reach: beginnings of keys, each ending with `*` unless it is a whole key.
#[derive(Debug)]
pub struct Served<'a> {
    pub bucket: &'a Bucket,
    pub reads: Vec<String>,
    pub uploads: Vec<String>,
}

impl Judged<'_> {
    /// Whether the edge function has a stack of its own.
    pub fn is_split(&self) -> bool {
        self.deployment.choices.form == Form::LambdaEdge && self.deployment.choices.layout == Layout::Split
    }
}

pub fn judge<'a>(deployment: &'a Deployment, code: &'a Code) -> Result<Judged<'a>, Vec<Fault>> {
    let mut faults = Vec::new();
    if !is_stack_name(&deployment.choices.stack) {
        faults.push(Fault::StackName { name: deployment.choices.stack.clone() });
    }
    let region = judge_buckets(deployment, &mut faults);
    judge_encryption(deployment, region, &mut faults);
    let alias = judge_certificate(deployment, &mut faults);
    judge_logs(deployment, &mut faults);
    judge_rules(deployment, &mut faults);
    if code.form() != deployment.choices.form {
        faults.push(Fault::CodeOfOtherForm { form: deployment.choices.form });
    }
    let behaviours = behaviours(deployment).unwrap_or_else(|more| {
        faults.extend(more);
        Vec::new()
    });
    if !faults.is_empty() {
        return Err(faults);
    }
    let served = |(number, bucket)| Served {
        bucket,
        reads: key_beginnings(deployment, number, |_| true),
        uploads: key_beginnings(deployment, number, |route| route.upload.is_some()),
    };
    let buckets = deployment.buckets.iter().enumerate().map(served).collect();
    Ok(Judged { deployment, code, behaviours, buckets, region, alias })
}

/// Whether what is made can be named after it.
pub fn is_stack_name(name: &str) -> bool {
    name.len() <= LONGEST_STACK_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_bucket_name(name: &str) -> bool {
    let end = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (3..=63).contains(&name.len())
        && end(name.as_bytes().first())
        && end(name.as_bytes().last())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

/// The region of the main stack, which is that of every bucket.
fn judge_buckets<'a>(deployment: &'a Deployment, faults: &mut Vec<Fault>) -> &'a str {
    let Some(first) = deployment.buckets.first() else {
        faults.push(Fault::NoBucket);
        return EDGE_REGION;
    };
    let wanted = match (deployment.choices.form, deployment.choices.layout) {
        (Form::LambdaEdge, Layout::One) => EDGE_REGION,
        // A CloudFront Function is made from any region.
        (Form::LambdaEdge, Layout::Split) | (Form::CloudFrontFunction, _) => &first.region,
    };
    for (at, bucket) in deployment.buckets.iter().enumerate() {
        let region = &bucket.region;
        if !is_bucket_name(&bucket.bucket) {
            faults.push(Fault::BucketName { bucket: bucket.bucket.clone() });
        }
        if deployment.buckets.iter().take(at).any(|earlier| earlier.bucket == bucket.bucket) {
            faults.push(Fault::BucketTwice { bucket: bucket.bucket.clone() });
        }
        if ["cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"].iter().any(|start| region.starts_with(start)) {
            faults.push(Fault::RegionNotCovered { region: region.clone() });
        } else if region != wanted {
            faults.push(Fault::BucketRegion {
                bucket: bucket.bucket.clone(),
                region: region.clone(),
                wanted: wanted.to_owned(),
                layout: if wanted == first.region { Layout::Split } else { Layout::One },
            });
        }
        if deployment.choices.access == Access::Identity && WITHOUT_IDENTITIES.contains(&region.as_str()) {
            faults.push(Fault::IdentityRegion { region: region.clone() });
        }
    }
    wanted
}

fn judge_encryption(deployment: &Deployment, region: &str, faults: &mut Vec<Fault>) {
    if deployment.choices.encryption != Encryption::S3 && deployment.choices.access == Access::Identity {
        faults.push(Fault::IdentityWithKms);
    }
    match &deployment.choices.encryption {
        Encryption::S3 => {}
        Encryption::OwnKey => {
            if deployment.buckets.iter().all(|bucket| bucket.owner == Owner::Adopted) {
                faults.push(Fault::KeyForNothing);
            }
        }
        Encryption::Key(key) => match arn(key, "kms", "key/") {
            None => faults.push(Fault::KeyArn { key: key.clone() }),
            Some(of) if of != region => {
                faults.push(Fault::KeyRegion { key: key.clone(), region: region.to_owned() });
            }
            Some(_) => {}
        },
    }
}

fn judge_certificate<'a>(deployment: &'a Deployment, faults: &mut Vec<Fault>) -> Option<&'a str> {
    let certificate = deployment.choices.certificate.as_ref()?;
    match arn(certificate, "acm", "certificate/") {
        None => faults.push(Fault::CertificateArn { certificate: certificate.clone() }),
        Some(EDGE_REGION) => {}
        Some(_) => faults.push(Fault::CertificateRegion { certificate: certificate.clone() }),
    }
    let origin = &deployment.site.origin;
    let host = origin.strip_prefix("https://").filter(|host| {
        host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    });
    if host.is_none() {
        faults.push(Fault::CertificateSite { origin: origin.clone() });
    }
    host
}

fn judge_logs(deployment: &Deployment, faults: &mut Vec<Fault>) {
    let Some(log_bucket) = &deployment.choices.log_bucket else { return };
    if !is_bucket_name(log_bucket) {
        faults.push(Fault::LogBucketName { bucket: log_bucket.clone() });
    }
    if deployment.buckets.iter().any(|bucket| bucket.bucket == *log_bucket) {
        faults.push(Fault::LogBucketIsServed { bucket: log_bucket.clone() });
    }
    // Standard logs have the viewer's query as it came (`cs-uri-query`), before any function removes a token from it.
    for carrier in &deployment.site.carriers {
        if let Carrier::Query(name) = carrier {
            faults.push(Fault::LogsHoldTokens { carrier: name.clone() });
        }
    }
}

/// Functions on AWS keep no memory between requests, ask nobody, and are one site each.
fn judge_rules(deployment: &Deployment, faults: &mut Vec<Fault>) {
    for issuer in deployment.site.issuers.iter().filter(|issuer| issuer.once) {
        faults.push(Fault::OneTimeTokens { issuer: issuer.name.clone() });
    }
    for route in &deployment.site.routes {
        if route.allow.iter().any(|row| row.hook.is_some()) {
            faults.push(Fault::Hook { route: route.name.clone() });
        }
        if !route.hosts.is_empty() {
            faults.push(Fault::Hosts { route: route.name.clone() });
        }
        let by_address = |row: &authorizer::AllowSettings| {
            row.action != authorizer::Action::Read && row.circumstances.addresses.is_some()
        };
        if route.allow.iter().any(by_address) {
            faults.push(Fault::UploadsByAddress { route: route.name.clone() });
        }
    }
}

/// The region of `arn:aws:SERVICE:REGION:ACCOUNT:KINDid`.
fn arn<'t>(text: &'t str, service: &str, kind: &str) -> Option<&'t str> {
    let (region, rest) = text.strip_prefix("arn:aws:")?.strip_prefix(service)?.strip_prefix(':')?.split_once(':')?;
    let (account, id) = rest.split_once(':')?;
    let id = id.strip_prefix(kind)?;
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && is_id).then_some(region)
}

/// How the keys of a bucket's routes begin, as the end of an ARN: shorter ones take in longer ones.
fn key_beginnings(
    deployment: &Deployment,
    bucket: usize,
    counts: impl Fn(&authorizer::RouteSettings) -> bool,
) -> Vec<String> {
    let routes = deployment.site.routes.iter().filter(|route| route.bucket.0 == bucket && counts(route));
    let mut beginnings: Vec<String> = routes.map(key_beginning).collect();
    beginnings.sort();
    let mut kept: Vec<String> = Vec::new();
    for beginning in beginnings {
        let taken = |kept: &String| {
            kept == &beginning || kept.strip_suffix('*').is_some_and(|start| beginning.starts_with(start))
        };
        if !kept.iter().any(taken) {
            kept.push(beginning);
        }
    }
    kept
}

fn key_beginning(route: &authorizer::RouteSettings) -> String {
    let key = route.key.as_deref().unwrap_or_else(|| route.path.strip_prefix('/').unwrap_or(&route.path));
    let has_placeholders = Pattern::parse(&route.path).is_ok_and(|path| !path.names().is_empty()) && key.contains('{');
    // `*`, `?` and `$` mean something in an ARN of a policy; what is cut off only widens.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/@:+=,!'()&;".contains(&byte);
    let end = key.bytes().position(|byte| !plain(byte)).unwrap_or(key.len());
    let start = key.get(..end).unwrap_or_default();
    if has_placeholders || end < key.len() { format!("{start}*") } else { start.to_owned() }
}
