//! Every rule by its code: how grave, what is wrong, why it matters, how to mend it. `docs/reference/aws-check.md` is made from it.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Lets somebody in, gives something away, or does not work.
    Error,
    /// Works, and is one change away from an error, or costs more than it should.
    Warning,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable: for scripts and for lists of what is taken on purpose.
    pub code: &'static str,
    pub severity: Severity,
    /// What is wrong, of any resource.
    pub what: &'static str,
    pub why: &'static str,
    pub mend: &'static str,
}

#[derive(Debug)]
pub struct Group {
    pub title: &'static str,
    pub rules: &'static [Rule],
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

macro_rules! groups {
    ($($title:literal { $($name:ident $severity:ident $what:literal $why:literal $mend:literal)* })*) => {
        /// One constant for each code, of the same name.
        #[allow(non_upper_case_globals)]
        pub mod code {
            $($(pub const $name: &super::Rule = &super::Rule {
                code: stringify!($name),
                severity: super::Severity::$severity,
                what: $what,
                why: $why,
                mend: $mend,
            };)*)*
        }

        pub const GROUPS: &[Group] = &[$(Group {
            title: $title,
            rules: &[$(Rule {
                code: stringify!($name),
                severity: Severity::$severity,
                what: $what,
                why: $why,
                mend: $mend,
            }),*],
        }),*];
    };
}

groups! {
"Buckets" {
bucket_public_acl Error
    "a canned ACL lets everybody read"
    "an ACL is a second door beside the bucket policy: whoever knows a key reads the object straight from S3, without a token"
    "remove `AccessControl`; the bucket policy alone decides"
bucket_public_access_open Error
    "one of the four switches of Block Public Access is off or missing"
    "a switch that is not named is off: one wrong ACL or policy later the files are public"
    "set `BlockPublicAcls`, `BlockPublicPolicy`, `IgnorePublicAcls` and `RestrictPublicBuckets` to true"
bucket_public_access_unsaid Warning
    "the template does not say that public access is blocked"
    "buckets made since April 2023 have it on, older ones do not, and nobody sees here whether it was taken off"
    "add `PublicAccessBlockConfiguration` with all four switches true"
bucket_acls_enabled Error
    "ACLs are enabled (`ObjectOwnership` is not `BucketOwnerEnforced`)"
    "whoever uploads may own the object and set its ACL: it can be public, or unreadable to CloudFront"
    "set `ObjectOwnership: BucketOwnerEnforced`"
bucket_ownership_unsaid Warning
    "the template does not say who owns the objects"
    "buckets made since April 2023 have ACLs disabled, older ones have not, and nobody sees here which it is"
    "add `OwnershipControls` with `ObjectOwnership: BucketOwnerEnforced`"
bucket_cors_any_origin Error
    "the bucket's CORS lets pages of any site upload or delete"
    "any page that a person visits can use a signed upload that it got hold of, from that person's browser"
    "name the app's origins in `AllowedOrigins`"
bucket_not_retained Warning
    "the bucket goes when the stack goes"
    "deleting the stack, or a change that replaces the bucket, deletes it with the files, or fails half-way because it is not empty"
    "add `DeletionPolicy: Retain`"
}
"Bucket and key policies" {
policy_any_principal Error
    "the policy grants something to everybody"
    "everybody who knows a key reads it from S3, without a token"
    "name the principal: `Service: cloudfront.amazonaws.com` with `AWS:SourceArn` of the distribution"
policy_any_distribution Error
    "the policy trusts CloudFront, but not which distribution"
    "anyone can make a distribution in their own account, with this bucket as its origin and no authorizer"
    "add the condition `StringEquals: AWS:SourceArn: arn:aws:cloudfront::ACCOUNT:distribution/ID`"
policy_grants_writes Error
    "the policy lets the distribution write, delete or do everything"
    "the distribution needs to read alone; a behaviour that lets PUT or DELETE through then changes the bucket"
    "grant `s3:GetObject`, and `s3:ListBucket` where 404 is wanted for what is missing"
policy_grants_nothing Error
    "the distribution signs its requests, and no policy lets it in"
    "S3 answers every request with 403"
    "allow `s3:GetObject` on `BUCKET/*` to `Service: cloudfront.amazonaws.com` with `AWS:SourceArn` of the distribution"
list_reachable Error
    "the distribution may list the bucket, and a request for a list gets through to it"
    "`/` or `?list-type=2` shows the names of all files"
    "let a viewer-request function refuse `/` and take queries away, forward no query, or do not grant `s3:ListBucket`"
policy_without_tls_only Warning
    "the bucket policy does not refuse plain http"
    "whoever reads or uploads beside the distribution may do it where the network reads along"
    "add a `Deny` of `s3:*` to `*` with the condition `Bool: aws:SecureTransport: \"false\"`"
kms_with_identity Error
    "objects are encrypted with KMS, and the distribution uses an origin access identity"
    "such an identity cannot use a KMS key: S3 answers every request with 403"
    "use an origin access control"
kms_managed_key Error
    "objects are encrypted with the key `aws/s3`"
    "nobody can let CloudFront use that key: S3 answers every request with 403"
    "encrypt with a key of your own, or with SSE-S3 (`AES256`)"
key_policy_without_distribution Error
    "the key policy does not let the distribution decrypt"
    "S3 answers every request with 403"
    "allow `kms:Decrypt` to `Service: cloudfront.amazonaws.com` with the distribution in a condition"
key_policy_any_distribution Error
    "the key policy trusts CloudFront, but not whose distributions"
    "the key decrypts for distributions of strangers; the bucket policy is all that is left"
    "add the condition `AWS:SourceArn` (or `ArnLike: arn:aws:cloudfront::ACCOUNT:distribution/*`, where the circle of references needs it)"
}
"Origins" {
origin_access_missing Error
    "the S3 origin has neither an origin access control nor an identity"
    "CloudFront asks without a signature: a private bucket answers 403, and one that answers is public"
    "make an `AWS::CloudFront::OriginAccessControl` and set the origin's `OriginAccessControlId`"
origin_access_both Error
    "the S3 origin has an origin access control and an identity"
    "CloudFront refuses such a distribution"
    "set `S3OriginConfig: {OriginAccessIdentity: \"\"}` beside `OriginAccessControlId`"
access_control_signing Error
    "the origin access control does not sign every request"
    "with `never` nothing is signed; with `no-override` a viewer's own Authorization header goes to S3 in place of CloudFront's signature"
    "set `SigningBehavior: always`"
access_control_protocol Error
    "the origin access control does not sign with SigV4"
    "S3 does not take it, and CloudFront refuses the origin access control"
    "set `SigningProtocol: sigv4`"
access_control_origin_type Error
    "the origin access control is for another type of origin"
    "the signature is made for another service, and the origin refuses it"
    "set `OriginAccessControlOriginType` to `s3` for a bucket, to `lambda` for a function URL"
origin_website_endpoint Error
    "the origin is the bucket's website endpoint"
    "website endpoints speak plain http and take no signature: the bucket has to be public"
    "use `!GetAtt Bucket.RegionalDomainName` with an origin access control"
origin_global_endpoint Warning
    "the origin is the bucket's global name, not the regional one"
    "for hours after a bucket is made S3 sends such requests on with a 307, which takes the viewer straight to the bucket, and a 403"
    "use `!GetAtt Bucket.RegionalDomainName`"
origin_other_region Error
    "the origin's name has another region than the bucket"
    "S3 answers every request with a redirect or 403"
    "use the bucket's own regional name"
origin_http Error
    "CloudFront may ask the origin by plain http"
    "tokens and the secret header cross the network where it reads along"
    "set `OriginProtocolPolicy: https-only`"
origin_without_secret Warning
    "the origin takes requests from everybody, not from this distribution alone"
    "whoever finds its address goes around the distribution: its limits, its firewall, its logs"
    "add a secret header in `OriginCustomHeaders` that the function demands, or an origin access control"
secret_in_template Warning
    "a secret header stands in the template in the clear"
    "everybody who may read the template or the stack knows it"
    "use a dynamic reference: `{{resolve:secretsmanager:...}}`"
}
"The distribution" {
tls_minimum_old Error
    "viewers may use TLS 1.0 or 1.1"
    "both are broken and retired (RFC 8996)"
    "set `MinimumProtocolVersion: TLSv1.2_2021` or newer; where none is named it is TLSv1"
certificate_region Error
    "the certificate is not in us-east-1"
    "CloudFront takes certificates from there alone"
    "request the certificate in us-east-1"
logs_with_cookies Error
    "the access log contains cookies"
    "tokens in cookies are then in the log bucket, for whoever reads logs"
    "set `IncludeCookies: false`"
errors_cached Warning
    "refusals or missing files stay in the cache"
    "S3's 403 and 404 stay for this long: a file that was just uploaded is not there"
    "add `CustomErrorResponses` for 403 and 404 with `ErrorCachingMinTTL: 0`; where none is named it is 10 seconds"
}
"Behaviours for objects" {
viewer_http_allowed Error
    "viewers may use plain http"
    "tokens and files cross the network where it reads along"
    "set `ViewerProtocolPolicy` to `redirect-to-https` or `https-only`"
behaviour_open Error
    "nothing asks for a token before objects are served"
    "the distribution may read the bucket, so everybody may"
    "add a viewer-request function that authorises, or `TrustedKeyGroups`"
authorizer_after_cache Error
    "the function runs at the origin's side of the cache, or at the answer"
    "at the origin it is asked on a miss alone: after the first allowed request a hit is served to everybody; at the answer it can refuse nothing"
    "associate it with `viewer-request`"
functions_mixed Error
    "a CloudFront Function and Lambda@Edge share the viewer events of a behaviour"
    "CloudFront refuses such a behaviour"
    "use one kind for viewer-request and viewer-response"
functions_twice Error
    "two functions for one event"
    "CloudFront takes one function for each event of a behaviour"
    "join them into one"
include_body Warning
    "the authorizer gets the request's body"
    "requests for objects have none; the body costs time and is cut at 40 KB"
    "remove `IncludeBody`"
options_not_allowed Error
    "OPTIONS is not allowed"
    "a browser asks before it sends a token in a header, and gets 403: no file loads from another origin"
    "set `AllowedMethods: [GET, HEAD, OPTIONS]`"
options_cached Error
    "answers to OPTIONS are cached without the headers that they depend on"
    "the answer to one site's question is given to another"
    "set `CachedMethods: [GET, HEAD]`, or put `Origin`, `Access-Control-Request-Method` and `Access-Control-Request-Headers` into the cache key"
cached_methods_unknown Error
    "a method is cached that CloudFront does not cache"
    "CloudFront refuses such a behaviour"
    "set `CachedMethods: [GET, HEAD]`"
writes_allowed Error
    "PUT, POST, PATCH or DELETE is let through to the bucket"
    "CloudFront signs them with its own right: whoever the authorizer lets read may then try to write"
    "set `AllowedMethods: [GET, HEAD, OPTIONS]`; uploads go straight to the bucket"
response_headers_missing Warning
    "no response headers policy"
    "without CORS no other origin reads the files; without `nosniff` and a sandbox an uploaded page runs as the site"
    "add a `ResponseHeadersPolicyId`"
}
"Cache key and what the origin gets" {
cache_key_token Error
    "the token in the Authorization header is part of the cache key"
    "every bearer has a cache of their own, and S3 gets the token"
    "take `Authorization` out of the cache policy; the viewer-request function reads it all the same"
cache_key_cookies Error
    "cookies are part of the cache key"
    "every bearer has a cache of their own, and S3 gets the cookies, tokens among them"
    "set `CookieBehavior: none`"
cache_key_query Error
    "the query, or a token in it, is part of the cache key"
    "every bearer has a cache of their own, anyone can make the cache miss, and the token comes into S3's access log"
    "set `QueryStringBehavior: none`"
origin_gets_token Error
    "the bucket gets the viewer's Authorization header"
    "it is not for S3, stands where CloudFront's signature should, and S3 answers 400 or 403"
    "forward no headers, or those of CORS alone"
origin_gets_cookies Error
    "the bucket gets the viewer's cookies"
    "tokens in cookies leave the site for no use"
    "set `CookieBehavior: none`"
origin_gets_query Error
    "the bucket gets the viewer's query"
    "the token comes into S3's access log, and a query changes what S3 does: `list-type`, `versionId`, `response-content-type`"
    "set `QueryStringBehavior: none`"
minimum_ttl Warning
    "CloudFront keeps answers at least this long, whatever the origin says"
    "`private`, `no-store` and `max-age=0` of an object are not heeded, and a deleted file stays"
    "set `MinTTL: 0`"
}
"CORS and response headers" {
cors_any_origin_with_credentials Error
    "every site may read with credentials"
    "CloudFront refuses such a policy, browsers refuse such an answer; and were it taken, every site would read as its visitor"
    "name the app's origins"
cors_any_header_with_credentials Error
    "`*` stands for the headers, with credentials"
    "with credentials browsers take `*` by its letter, and `Authorization` is never meant by it: the token is not sent"
    "name the headers: `Authorization`, `Range`, `If-Range`, `Content-Type`"
cors_origin_not_overridden Error
    "the bucket's CORS headers win over the policy's"
    "the first asker's Access-Control-Allow-Origin is kept with the object and served to other sites, which browsers then refuse"
    "set `OriginOverride: true`"
}
"Functions at the edge" {
edge_not_versioned Error
    "the function is not named by a version"
    "CloudFront takes the ARN of a numbered version; not $LATEST, not an alias"
    "use `!Ref` of an `AWS::Lambda::Version`"
edge_region Error
    "the function is not in us-east-1"
    "CloudFront takes Lambda@Edge functions from there alone"
    "put the function's stack in us-east-1 and pass on the version's ARN"
region_not_asserted Warning
    "the template does not refuse other regions than us-east-1"
    "the function (or certificate) has to be there; elsewhere the stack fails only when it comes to the distribution"
    "add `Rules` with an assertion on `AWS::Region`"
edge_role_trust Error
    "the role does not trust both of Lambda's services"
    "CloudFront cannot replicate the function: the distribution is refused"
    "let `lambda.amazonaws.com` and `edgelambda.amazonaws.com` assume the role"
edge_environment Error
    "the function has environment variables"
    "Lambda@Edge has none: the distribution is refused"
    "put settings into the package"
edge_architecture Error
    "the function is built for arm64"
    "Lambda@Edge runs x86_64 alone"
    "set `Architectures: [x86_64]` or leave it out"
edge_layers Error
    "the function has layers"
    "Lambda@Edge has none: the distribution is refused"
    "put the layer's files into the package"
edge_network Error
    "the function is in a VPC"
    "Lambda@Edge cannot be: the distribution is refused"
    "remove `VpcConfig`"
edge_dead_letters Error
    "the function has a dead letter queue"
    "Lambda@Edge has none: the distribution is refused"
    "remove `DeadLetterConfig`"
edge_tracing Error
    "the function is traced by X-Ray"
    "Lambda@Edge cannot be: the distribution is refused"
    "remove `TracingConfig`"
edge_storage Error
    "the function has more than 512 MB of ephemeral storage"
    "Lambda@Edge has 512 MB"
    "remove `EphemeralStorage`"
edge_image Error
    "the function is a container image"
    "Lambda@Edge takes zip packages alone"
    "package the function as a zip file"
edge_concurrency Error
    "the function has reserved or provisioned concurrency"
    "Lambda@Edge has none: the distribution is refused"
    "remove it"
edge_runtime Error
    "the runtime is neither Node.js nor Python"
    "Lambda@Edge has no others"
    "use nodejs22.x or nodejs24.x"
edge_runtime_retired Error
    "the runtime is retired"
    "AWS refuses new functions with it and updates of old ones"
    "use nodejs22.x, nodejs24.x, or python3.11 to python3.14"
edge_timeout Warning
    "the timeout is longer than 5 seconds at a viewer event"
    "5 seconds was the ceiling for years, and newer text of AWS says 30: an account may refuse it, and nobody waits that long"
    "set `Timeout` to 5 or less"
edge_timeout_refused Error
    "the timeout is longer than 30 seconds"
    "no event of Lambda@Edge may take longer: the distribution is refused"
    "set `Timeout` to 5 or less"
edge_memory Warning
    "the memory is more than 128 MB at a viewer event"
    "128 MB was the ceiling for years, and newer text of AWS lifts it: an account may refuse it"
    "leave `MemorySize` at 128 unless measurements ask for more"
edge_not_retained Warning
    "the function or its version goes with the stack"
    "replicas are deleted hours after the last association: deleting the stack, or an update that replaces the version, fails"
    "add `DeletionPolicy: Retain` to function and version, and delete them hours later"
function_runtime_old Warning
    "the CloudFront Function runs on cloudfront-js-1.0"
    "it has no KeyValueStore, no `Buffer`, no `async`: secrets end up in the code"
    "use cloudfront-js-2.0"
function_too_long Error
    "the CloudFront Function's code is longer than 10 KB"
    "CloudFront refuses it"
    "shorten the code, or use Lambda@Edge"
}
"Endpoints beside the objects" {
function_url_open Error
    "the function URL takes requests from everybody"
    "whoever finds the address calls the function: it is public, whatever the distribution does"
    "set `AuthType: AWS_IAM` with an origin access control, or demand a secret header that the distribution adds"
function_url_unsigned_body Warning
    "CloudFront signs for the function URL, and the behaviour lets bodies through"
    "CloudFront does not hash bodies: the viewer has to send `x-amz-content-sha256`, or Lambda refuses PUT and POST"
    "let the browser send the hash, or use a secret header with an HTTP API in place of signing"
api_token_stripped Error
    "the endpoint does not get the Authorization header"
    "CloudFront takes it away unless a policy forwards it: every request with a token in it is refused"
    "set the origin request policy AllViewerExceptHostHeader, or one with `allExcept: [host]`"
api_host_forwarded Error
    "the endpoint gets the distribution's Host header"
    "API Gateway and function URLs choose the API by it, do not know this name, and answer 403"
    "set the origin request policy AllViewerExceptHostHeader, or one with `allExcept: [host]`"
api_cached Warning
    "answers of the endpoint are cached"
    "an answer made for one bearer is given to the next"
    "set the cache policy CachingDisabled, or one with all TTLs 0"
}
}

/// The rule of that code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    GROUPS.iter().flat_map(|group| group.rules).find(|rule| rule.code == code)
}
