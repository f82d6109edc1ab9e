//! Why nothing is rendered: what AWS would refuse, or would take and do otherwise than the configuration says.

use std::fmt;

use crate::function::FunctionFault;
use crate::settings::{Form, Layout};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    StackName { name: String },
    NoBucket,
    BucketName { bucket: String },
    BucketTwice { bucket: String },
    BucketRegion { bucket: String, region: String, wanted: String, layout: Layout },
    RegionNotCovered { region: String },
    IdentityRegion { region: String },
    IdentityWithKms,
    KeyArn { key: String },
    KeyRegion { key: String, region: String },
    KeyForNothing,
    CertificateArn { certificate: String },
    CertificateRegion { certificate: String },
    CertificateSite { origin: String },
    LogBucketName { bucket: String },
    LogBucketIsServed { bucket: String },
    LogsHoldTokens { carrier: String },
    OneTimeTokens { issuer: String },
    Hook { route: String },
    Hosts { route: String },
    UploadsByAddress { route: String },
    Route { route: String },
    BucketNotToldApart { route: String },
    BucketsSharePaths { route: String, pattern: String },
    BucketsShareKeys { route: String, other: String },
    AnyOriginNotToldApart { route: String, pattern: String },
    CodeOfOtherForm { form: Form },
    TerraformForm { what: &'static str },
    Function(FunctionFault),
}

impl Fault {
    /// Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::StackName { .. } => "aws_stack_name",
            Self::NoBucket => "aws_no_bucket",
            Self::BucketName { .. } => "aws_bucket_name",
            Self::BucketTwice { .. } => "aws_bucket_twice",
            Self::BucketRegion { .. } => "aws_bucket_region",
            Self::RegionNotCovered { .. } => "aws_region_not_covered",
            Self::IdentityRegion { .. } => "aws_identity_region",
            Self::IdentityWithKms => "aws_identity_with_kms",
            Self::KeyArn { .. } => "aws_key_arn",
            Self::KeyRegion { .. } => "aws_key_region",
            Self::KeyForNothing => "aws_key_for_nothing",
            Self::CertificateArn { .. } => "aws_certificate_arn",
            Self::CertificateRegion { .. } => "aws_certificate_region",
            Self::CertificateSite { .. } => "aws_certificate_site",
            Self::LogBucketName { .. } => "aws_log_bucket_name",
            Self::LogBucketIsServed { .. } => "aws_log_bucket_is_served",
            Self::LogsHoldTokens { .. } => "aws_logs_hold_tokens",
            Self::OneTimeTokens { .. } => "aws_one_time_tokens",
            Self::Hook { .. } => "aws_hook",
            Self::Hosts { .. } => "aws_hosts",
            Self::UploadsByAddress { .. } => "aws_uploads_by_address",
            Self::Route { .. } => "aws_route",
            Self::BucketNotToldApart { .. } => "aws_bucket_not_told_apart",
            Self::BucketsSharePaths { .. } => "aws_buckets_share_paths",
            Self::BucketsShareKeys { .. } => "aws_buckets_share_keys",
            Self::AnyOriginNotToldApart { .. } => "aws_any_origin_not_told_apart",
            Self::CodeOfOtherForm { .. } => "aws_code_of_other_form",
            Self::TerraformForm { .. } => "aws_terraform_form",
            Self::Function(fault) => fault.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::StackName { .. } => "write 1 to 32 lower-case letters, digits and hyphens, a letter first".into(),
            Self::NoBucket => "describe it in a section `[bucket.NAME]`".into(),
            Self::OneTimeTokens { .. } => "give its tokens a short life instead, or serve the site by a gateway".into(),
            Self::Hook { .. } => {
                "put what the hook decides into the token's claims, or serve the site by a gateway".into()
            }
            Self::Hosts { .. } => "give each host a configuration and a stack of its own".into(),
            Self::UploadsByAddress { .. } => {
                "keep `addresses` to rules that read, or serve the site by a gateway".into()
            }
            Self::BucketName { .. } | Self::LogBucketName { .. } => {
                "S3 takes 3 to 63 lower-case letters, digits, hyphens and dots, a letter or digit at both ends".into()
            }
            Self::BucketTwice { .. } => "name it once, and give its routes this one bucket".into(),
            Self::BucketRegion { layout: Layout::One, .. } => {
                "Lambda@Edge lives in us-east-1: use `layout = \"split\"`, which puts the rest where the bucket is"
                    .into()
            }
            Self::BucketRegion { layout: Layout::Split, .. } => {
                "a stack reaches one region: serve the other bucket by a stack of its own".into()
            }
            Self::RegionNotCovered { .. } => "use a region of the standard partition, or the gateway".into(),
            Self::IdentityRegion { .. } | Self::IdentityWithKms => "use `access = \"oac\"`".into(),
            Self::KeyArn { .. } => {
                "write `arn:aws:kms:REGION:ACCOUNT:key/ID`; an alias cannot be named in a policy".into()
            }
            Self::KeyRegion { region, .. } => {
                format!("S3 takes keys of the bucket's region alone: use one of {region}")
            }
            Self::KeyForNothing => "give the ARN of the key that the buckets use already, if they do".into(),
            Self::CertificateArn { .. } => "write `arn:aws:acm:us-east-1:ACCOUNT:certificate/ID`".into(),
            Self::CertificateRegion { .. } => "request or import it again in us-east-1".into(),
            Self::CertificateSite { .. } => "the site's `origin` is `https://` and the certificate's host name".into(),
            Self::LogBucketIsServed { .. } => {
                "name another bucket: logs are written by ACL, which a bucket of files does not have".into()
            }
            Self::LogsHoldTokens { carrier } => {
                format!("remove `query:{carrier}` from `from` in `[token]`, or leave out `log_bucket`")
            }
            Self::Route { .. } => "see `edgepass check`".into(),
            Self::BucketNotToldApart { .. } => {
                "begin its path with a literal of its own, like `/years/{year}`, or serve it from the first bucket"
                    .into()
            }
            Self::BucketsSharePaths { .. } | Self::AnyOriginNotToldApart { .. } => {
                "begin the paths of one of them with another literal, or narrow the placeholders of the other by types"
                    .into()
            }
            Self::BucketsShareKeys { .. } => {
                "begin the keys of one of them with a literal that the other's cannot begin with".into()
            }
            Self::CodeOfOtherForm { .. } => "give the code of the same form".into(),
            Self::TerraformForm { .. } => "use the CloudFormation template".into(),
            Self::Function(fault) => fault.hint(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StackName { name } => write!(f, "`{name}` cannot begin the names of what is made"),
            Self::NoBucket => write!(f, "there is no bucket to serve"),
            Self::OneTimeTokens { issuer } => {
                write!(
                    f,
                    "tokens of the issuer `{issuer}` are good for one request, and functions on AWS remember none"
                )
            }
            Self::Hook { route } => {
                write!(f, "a rule of the route `{route}` asks a decision hook, and functions on AWS ask nobody")
            }
            Self::Hosts { route } => {
                write!(
                    f,
                    "the route `{route}` is for certain hosts, and a distribution serves its paths at all of its own"
                )
            }
            Self::UploadsByAddress { route } => write!(
                f,
                "a rule of the route `{route}` lets in uploads by the client's address, which the regional function does not see"
            ),
            Self::BucketName { bucket } | Self::LogBucketName { bucket } => {
                write!(f, "`{bucket}` is not a bucket's name")
            }
            Self::BucketTwice { bucket } => write!(f, "the bucket `{bucket}` is there twice"),
            Self::BucketRegion { bucket, region, wanted, .. } => {
                write!(f, "the bucket `{bucket}` is in {region}, and its stack is in {wanted}")
            }
            Self::RegionNotCovered { region } => write!(f, "{region} has no CloudFront of the standard partition"),
            Self::IdentityRegion { region } => write!(f, "origin access identities do not work in {region}"),
            Self::IdentityWithKms => write!(f, "an origin access identity cannot read objects encrypted with KMS"),
            Self::KeyArn { key } => write!(f, "`{key}` is not the ARN of a KMS key"),
            Self::KeyRegion { key, .. } => write!(f, "the key `{key}` is in another region than the buckets"),
            Self::KeyForNothing => write!(f, "a new key would be made, and every bucket is there already"),
            Self::CertificateArn { certificate } => write!(f, "`{certificate}` is not the ARN of an ACM certificate"),
            Self::CertificateRegion { certificate } => {
                write!(f, "the certificate `{certificate}` is not in us-east-1, where CloudFront looks for it")
            }
            Self::CertificateSite { origin } => write!(f, "a certificate cannot serve `{origin}`"),
            Self::LogBucketIsServed { bucket } => write!(f, "logs would be written to `{bucket}`, which is served"),
            Self::LogsHoldTokens { carrier } => {
                write!(f, "CloudFront's logs hold queries, and tokens travel in `?{carrier}=`")
            }
            Self::Route { route } => write!(f, "the path of the route `{route}` cannot be read"),
            Self::BucketNotToldApart { route } => write!(
                f,
                "CloudFront cannot tell the paths of the route `{route}` from the first bucket's: they begin with a placeholder"
            ),
            Self::BucketsSharePaths { route, pattern } => {
                write!(
                    f,
                    "CloudFront takes every path `{pattern}` from one bucket, and the route `{route}` has some in another"
                )
            }
            Self::BucketsShareKeys { route, other } => write!(
                f,
                "the routes `{route}` and `{other}` can have the same key in two buckets, and CloudFront's cache knows keys alone"
            ),
            Self::AnyOriginNotToldApart { route, pattern } => write!(
                f,
                "`cors = \"*\"` of the route `{route}` cannot hold: CloudFront serves every path `{pattern}` with the same headers"
            ),
            Self::CodeOfOtherForm { form } => write!(f, "the code is not that of {form:?}"),
            Self::TerraformForm { what } => write!(f, "the Terraform module does not have {what}"),
            Self::Function(fault) => fault.fmt(f),
        }
    }
}
