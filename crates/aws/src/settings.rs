//! What is to be deployed: the site, its buckets, and the choices of `[aws]` in the configuration.

use front::SiteSettings;

/// Everything that the forms (CloudFormation, Terraform, CloudFront Function, packages) are made from.
#[derive(Clone, Debug)]
pub struct Deployment {
    pub site: SiteSettings,
    /// In the order of [`authorizer::BucketId`]. The first is the default behaviour's.
    pub buckets: Vec<Bucket>,
    pub choices: Choices,
}

/// How it is deployed: what a person may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Names of what is made start with it: lower-case letters, digits and hyphens.
    pub stack: String,
    pub form: Form,
    pub layout: Layout,
    pub access: Access,
    pub encryption: Encryption,
    /// An ACM certificate in us-east-1 for the host of the site's origin. Without one the site answers at the
    /// distribution's own name.
    pub certificate: Option<String>,
    pub price_class: PriceClass,
    /// A bucket that takes the distribution's standard logs.
    pub log_bucket: Option<String>,
}

impl Choices {
    /// What holds where nothing else is chosen.
    pub fn of(stack: &str) -> Self {
        Self {
            stack: stack.to_owned(),
            form: Form::LambdaEdge,
            layout: Layout::One,
            access: Access::Control,
            encryption: Encryption::S3,
            certificate: None,
            price_class: PriceClass::All,
            log_bucket: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The name in the configuration.
    pub name: String,
    pub region: String,
    /// The name in S3.
    pub bucket: String,
    pub owner: Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The stack makes it, and keeps it when the stack goes.
    Stack,
    /// It is there already; the stack adds the policy alone, and says what else it needs.
    Adopted,
}

/// What authorises at viewer-request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lambda@Edge, Node.js: every algorithm.
    LambdaEdge,
    /// A CloudFront Function with a KeyValueStore: HS256 alone, cheaper, no replicas.
    CloudFrontFunction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One stack in us-east-1, buckets too.
    One,
    /// The edge function's stack in us-east-1, the rest where the bucket is.
    Split,
}

/// As whom CloudFront reads the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Control,
    /// The older origin access identity: no SSE-KMS, not in every region.
    Identity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// SSE-S3, which S3 does by itself.
    S3,
    /// SSE-KMS with a key that the stack makes.
    OwnKey,
    /// SSE-KMS with this key.
    Key(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceClass {
    /// North America, Europe, Israel.
    Class100,
    /// And Asia, Africa, the Middle East.
    Class200,
    All,
}
