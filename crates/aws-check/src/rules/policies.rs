//! Bucket policies.

use super::Rule;
use crate::at::At;
use crate::document::Node;
use crate::finding::Finding;
use crate::forwarding::{Names, cache_key, origin_request};
use crate::model::{Authorisation, Behaviour, Distribution, Model};
use crate::origins::{Bucket, bucket};
use crate::patterns::fits;
use crate::statements::{Principal, Statement, statements};
use crate::table::code;

pub const RULES: &[Rule] = &[any_principal, any_distribution, writes, grants_nothing, lists, tls_only];

pub struct BucketPolicy<'a> {
    pub bucket: Bucket,
    pub document: At<'a>,
    pub statements: Vec<Statement<'a>>,
}

/// The policies of buckets that hold what a distribution serves.
pub fn policies<'a>(model: &Model<'a>) -> Vec<BucketPolicy<'a>> {
    let world = model.world;
    let policy = |resource| {
        let properties = At::properties(resource);
        let bucket = bucket(world, properties.get("Bucket")?.pattern()?);
        let document = properties.get("PolicyDocument")?;
        model.is_served(&bucket).then(|| BucketPolicy { bucket, statements: statements(&document), document })
    };
    world.of("AWS::S3::BucketPolicy").filter_map(policy).collect()
}

fn each_statement(model: &Model<'_>, mut judge: impl FnMut(&Statement<'_>)) {
    for policy in policies(model) {
        policy.statements.iter().for_each(&mut judge);
    }
}

fn any_principal(model: &Model<'_>, findings: &mut Vec<Finding>) {
    each_statement(model, |statement| {
        let anybody = statement.is_for(|principal| principal == Principal::Anybody);
        if statement.effect == Some("Allow") && anybody && !statement.is_narrowed() {
            let at = statement.at.get("Principal").unwrap_or_else(|| statement.at.clone());
            findings.push(at.finding(code::policy_any_principal, "everybody is allowed, without a condition"));
        }
    });
}

fn any_distribution(model: &Model<'_>, findings: &mut Vec<Finding>) {
    each_statement(model, |statement| {
        let cloudfront = statement.is_for_cloudfront();
        if statement.effect == Some("Allow") && cloudfront && !statement.is_narrowed() {
            let message = "every distribution of every account is allowed";
            let at = statement.at.get("Condition").or_else(|| statement.at.get("Principal"));
            findings.push(at.unwrap_or_else(|| statement.at.clone()).finding(code::policy_any_distribution, message));
        }
    });
}

/// The principals by which CloudFront comes.
fn comes(principal: Principal<'_>) -> bool {
    principal.is_cloudfront() || principal.is_identity()
}

fn writes(model: &Model<'_>, findings: &mut Vec<Finding>) {
    each_statement(model, |statement| {
        let writing = ["s3:PutObject", "s3:DeleteObject", "s3:PutObjectAcl", "s3:PutBucketPolicy"];
        if !statement.is_for(comes) || statement.effect != Some("Allow") {
            return;
        }
        for action in statement.at.get("Action").map(|action| action.one_or_more()).unwrap_or_default() {
            let Some(wild) = action.pattern() else { continue };
            if writing.iter().any(|action| fits(wild, action)) {
                findings.push(action.finding(code::policy_grants_writes, format!("`{wild}` lets CloudFront write")));
            }
        }
    });
}

fn grants_nothing(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let policies = policies(model);
    for (distribution, origin) in model.distributions.iter().flat_map(|one| one.origins.iter().map(move |at| (one, at)))
    {
        let control = !origin.at.lacks_items("OriginAccessControlId");
        let identity = !origin.at.get("S3OriginConfig").is_none_or(|config| config.lacks_items("OriginAccessIdentity"));
        let Some(bucket) = origin.bucket().filter(|_| control || identity) else { continue };
        let of_it: Vec<_> = policies.iter().filter(|policy| policy.bucket == *bucket).collect();
        // A bucket of elsewhere may have its policy elsewhere.
        let elsewhere = matches!(bucket, Bucket::Elsewhere(_)) && of_it.is_empty();
        if elsewhere || of_it.iter().any(|policy| policy.document.node.is_unknown()) {
            continue;
        }
        let lets_in = |statement: &Statement<'_>| {
            statement.allows("s3:GetObject")
                && statement.is_for(|principal| {
                    matches!(principal, Principal::Anybody | Principal::Other)
                        || (control && principal.is_cloudfront() && !names_another(statement, distribution))
                        || (identity && principal.may_be_identity())
                })
        };
        if !of_it.iter().flat_map(|policy| &policy.statements).any(lets_in) {
            let at = of_it.first().map_or(&origin.at, |policy| &policy.document);
            let how =
                if control { "`cloudfront.amazonaws.com` for this distribution" } else { "the origin access identity" };
            findings.push(at.finding(code::policy_grants_nothing, format!("nothing lets {how} read the objects")));
        }
    }
}

/// The statement is for other distributions; known in an account alone, where distributions have their ids.
fn names_another(statement: &Statement<'_>, distribution: &Distribution<'_>) -> bool {
    let Some(id) = distribution.config.resource.node.get("PhysicalId").and_then(Node::text) else { return false };
    let sources = statement.conditions.iter().filter(|condition| condition.key.eq_ignore_ascii_case("aws:SourceArn"));
    let mut arns = sources.flat_map(|condition| &condition.values).peekable();
    arns.peek().is_some() && arns.all(|arn| !fits(arn.rsplit('/').next().unwrap_or(arn), id))
}

fn lists(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for policy in policies(model) {
        let granted = policy.statements.iter().filter(|one| one.allows("s3:ListBucket") && one.is_for(comes));
        for statement in granted {
            let reached = model.object_behaviours().find_map(|(distribution, behaviour)| {
                let of_it = behaviour.origins.iter().any(|origin| origin.bucket() == Some(&policy.bucket));
                if of_it { way_to_a_list(distribution, behaviour) } else { None }
            });
            if let Some(way) = reached {
                let at = statement.at.get("Action").unwrap_or_else(|| statement.at.clone());
                findings.push(at.finding(code::list_reachable, way));
            }
        }
    }
}

/// Queries by which S3 lists rather than reads.
const LISTING: [&str; 6] = ["list-type", "prefix", "delimiter", "versions", "uploads", "marker"];

fn way_to_a_list(distribution: &Distribution<'_>, behaviour: &Behaviour<'_>) -> Option<&'static str> {
    let queries = [cache_key(behaviour), origin_request(behaviour)];
    let lists = |names: &Names| names.is_open() || LISTING.iter().any(|name| names.has(name) == Some(true));
    if queries.iter().flatten().any(|forwarding| lists(&forwarding.query.names)) {
        return Some("a query such as `?list-type=2` gets through to S3");
    }
    let open = matches!(behaviour.authorisation(), Authorisation::Open | Authorisation::AfterCache(_));
    (open && distribution.config.lacks_items("DefaultRootObject")).then_some("nothing keeps `/` from S3")
}

fn tls_only(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let policies = policies(model);
    for policy in &policies {
        // The statements of one bucket may be in two policies of a template, of which one is made.
        let denies = |statement: &Statement<'_>| {
            statement.effect == Some("Deny")
                && statement.conditions.iter().any(|condition| {
                    let key = condition.key.to_ascii_lowercase();
                    matches!(key.as_str(), "aws:securetransport" | "s3:tlsversion")
                })
        };
        let unknown = policy.document.node.is_unknown() || policy.document.lacks("Statement");
        if !unknown && !policy.statements.iter().any(denies) {
            let message = "no statement denies requests without TLS";
            findings.push(policy.document.finding(code::policy_without_tls_only, message));
        }
    }
}
