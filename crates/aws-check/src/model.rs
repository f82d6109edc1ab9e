//! The distributions of one world, their origins and behaviours, joined to the resources that they name.

use crate::at::At;
use crate::document::Node;
use crate::origins::{self, Bucket, Host};
use crate::patterns::reference;
use crate::worlds::{Resource, World};

pub struct Model<'a> {
    pub world: &'a World<'a>,
    pub distributions: Vec<Distribution<'a>>,
}

pub struct Distribution<'a> {
    /// `DistributionConfig`.
    pub config: At<'a>,
    pub origins: Vec<Origin<'a>>,
    pub behaviours: Vec<Behaviour<'a>>,
}

#[derive(Clone)]
pub struct Origin<'a> {
    pub at: At<'a>,
    pub id: Option<&'a str>,
    pub host: Host,
}

pub struct Behaviour<'a> {
    pub at: At<'a>,
    /// More than one of an origin group; none where they are not known.
    pub origins: Vec<Origin<'a>>,
    pub cache_policy: Policy<'a>,
    pub origin_request_policy: Policy<'a>,
    pub response_headers_policy: Policy<'a>,
}

pub enum Policy<'a> {
    Absent,
    /// The configuration of one that is in the template.
    Own(At<'a>),
    /// By its id, and where it is named.
    Managed(&'a str, At<'a>),
    Unknown,
}

impl World<'_> {
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    pub fn get(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    pub fn is_a(&self, id: &str, kind: &str) -> bool {
        self.get(id).is_some_and(|resource| resource.kind == kind)
    }

    /// The resource that a value names by `Ref` or `Fn::GetAtt`; in an account, by what the account calls it.
    pub fn named(&self, pattern: &str) -> Option<&Resource> {
        let by_id = reference(pattern).and_then(|(id, _)| self.get(id));
        by_id.or_else(|| {
            let physical = |resource: &&Resource| resource.node.get("PhysicalId").and_then(Node::text) == Some(pattern);
            self.resources.iter().find(physical)
        })
    }
}

impl<'a> Model<'a> {
    pub fn new(world: &'a World<'a>) -> Self {
        let distributions = world.of("AWS::CloudFront::Distribution");
        Self { world, distributions: distributions.filter_map(|one| distribution(world, one)).collect() }
    }

    /// With the distribution that each belongs to.
    pub fn behaviours(&self) -> impl Iterator<Item = (&Distribution<'a>, &Behaviour<'a>)> {
        self.distributions.iter().flat_map(|one| one.behaviours.iter().map(move |behaviour| (one, behaviour)))
    }

    pub fn object_behaviours(&self) -> impl Iterator<Item = (&Distribution<'a>, &Behaviour<'a>)> {
        self.behaviours().filter(|(_, behaviour)| behaviour.serves_objects())
    }

    pub fn origins(&self) -> impl Iterator<Item = &Origin<'a>> {
        self.distributions.iter().flat_map(|one| &one.origins)
    }

    /// Whether the bucket holds what a distribution serves. In a template without distributions every bucket may, but
    /// those that take logs.
    pub fn is_served(&self, served: &Bucket) -> bool {
        if !self.distributions.is_empty() {
            return self.origins().any(|origin| origin.bucket() == Some(served));
        }
        !self.world.of("AWS::S3::Bucket").any(|bucket| {
            let target = At::properties(bucket).at(&["LoggingConfiguration", "DestinationBucketName"]);
            target.and_then(|target| target.pattern()).is_some_and(|name| origins::bucket(self.world, name) == *served)
        })
    }

    /// The buckets of the template that hold what a distribution serves.
    pub fn buckets(&self) -> impl Iterator<Item = At<'a>> {
        let world: &'a World<'a> = self.world;
        world.of("AWS::S3::Bucket").filter(|one| self.is_served(&Bucket::Here(one.id.clone()))).map(At::properties)
    }
}

fn distribution<'a>(world: &'a World<'a>, resource: &'a Resource) -> Option<Distribution<'a>> {
    let config = At::properties(resource).get("DistributionConfig")?;
    let origins: Vec<Origin<'a>> = config.list("Origins").into_iter().map(|at| origin(world, at)).collect();
    let all = config.get("DefaultCacheBehavior").into_iter().chain(config.list("CacheBehaviors"));
    let behaviours = all.map(|at| behaviour(world, &config, &origins, at)).collect();
    Some(Distribution { config, origins, behaviours })
}

fn origin<'a>(world: &World<'_>, at: At<'a>) -> Origin<'a> {
    let domain = at.get("DomainName").and_then(|domain| domain.pattern());
    let host = domain.map_or(Host::Unknown, |domain| origins::host(world, domain));
    Origin { id: at.get("Id").and_then(|id| id.pattern()), host, at }
}

fn behaviour<'a>(world: &'a World<'a>, config: &At<'a>, origins: &[Origin<'a>], at: At<'a>) -> Behaviour<'a> {
    let target = at.get("TargetOriginId").and_then(|target| target.pattern());
    let members = members(config, target);
    let origins =
        origins.iter().filter(|origin| origin.id.is_some() && (origin.id == target || members.contains(&origin.id)));
    let policy = |key: &str, kind: &str, section: &str| policy(world, &at, key, kind, section);
    Behaviour {
        origins: origins.cloned().collect(),
        cache_policy: policy("CachePolicyId", "AWS::CloudFront::CachePolicy", "CachePolicyConfig"),
        origin_request_policy: policy(
            "OriginRequestPolicyId",
            "AWS::CloudFront::OriginRequestPolicy",
            "OriginRequestPolicyConfig",
        ),
        response_headers_policy: policy(
            "ResponseHeadersPolicyId",
            "AWS::CloudFront::ResponseHeadersPolicy",
            "ResponseHeadersPolicyConfig",
        ),
        at,
    }
}

/// The origins of the origin group of that id.
fn members<'a>(config: &At<'a>, target: Option<&str>) -> Vec<Option<&'a str>> {
    let groups = config.at(&["OriginGroups", "Items"]).map(|items| items.items()).unwrap_or_default();
    let Some(group) = groups.iter().find(|group| target.is_some() && group.text_of("Id") == target) else {
        return Vec::new();
    };
    let items = group.at(&["Members", "Items"]).map(|items| items.items()).unwrap_or_default();
    items.iter().map(|member| member.get("OriginId").and_then(|id| id.pattern())).collect()
}

fn policy<'a>(world: &'a World<'a>, behaviour: &At<'a>, key: &str, kind: &str, section: &str) -> Policy<'a> {
    let Some(at) = behaviour.get(key) else {
        return if behaviour.lacks(key) { Policy::Absent } else { Policy::Unknown };
    };
    let Some(pattern) = at.pattern() else { return Policy::Unknown };
    match world.named(pattern).filter(|resource| resource.kind == kind) {
        Some(resource) => At::properties(resource).get(section).map_or(Policy::Unknown, Policy::Own),
        None if at.node.is_unknown() => Policy::Unknown,
        None => Policy::Managed(pattern, at),
    }
}

impl Origin<'_> {
    pub fn bucket(&self) -> Option<&Bucket> {
        match &self.host {
            Host::Bucket(bucket, _) => Some(bucket),
            _ => None,
        }
    }

    pub fn is_bucket(&self) -> bool {
        matches!(self.host, Host::Bucket(..)) || self.at.get("S3OriginConfig").is_some()
    }

    pub fn is_endpoint(&self) -> bool {
        matches!(self.host, Host::Api | Host::FunctionUrl)
    }
}

impl<'a> Behaviour<'a> {
    pub fn serves_objects(&self) -> bool {
        self.origins.iter().any(Origin::is_bucket)
    }

    /// Viewers may use the method. GET and HEAD where nothing is said; None where it cannot be known.
    pub fn allows(&self, method: &str) -> Option<bool> {
        let Some(list) = self.at.get("AllowedMethods") else {
            return self.at.lacks("AllowedMethods").then_some(matches!(method, "GET" | "HEAD"));
        };
        let items = list.items();
        if items.iter().any(|item| item.text() == Some(method)) {
            return Some(true);
        }
        let known = !list.node.is_unknown() && items.iter().all(|item| item.text().is_some());
        known.then_some(false)
    }

    /// The functions of Lambda@Edge and then those of CloudFront, each with its event.
    pub fn functions(&self) -> Vec<Association<'a>> {
        let of = |key: &str, kind: Kind| {
            self.at.list(key).into_iter().map(move |at| Association { event: at.text_of("EventType"), kind, at })
        };
        of("LambdaFunctionAssociations", Kind::LambdaEdge)
            .chain(of("FunctionAssociations", Kind::CloudFrontFunction))
            .collect()
    }

    pub fn authorisation(&self) -> Authorisation<'a> {
        let functions = self.functions();
        if functions.iter().any(|function| function.event == Some("viewer-request"))
            || !self.at.lacks_items("TrustedKeyGroups")
            || !self.at.lacks_items("TrustedSigners")
        {
            return Authorisation::Asked;
        }
        let unknown = |key: &str| !self.at.lacks(key) && self.at.list(key).is_empty() && !self.at.lacks_items(key);
        if unknown("LambdaFunctionAssociations")
            || unknown("FunctionAssociations")
            || functions.iter().any(|function| function.event.is_none())
        {
            return Authorisation::Unknown;
        }
        functions.into_iter().next().map_or(Authorisation::Open, Authorisation::AfterCache)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    LambdaEdge,
    CloudFrontFunction,
}

pub struct Association<'a> {
    pub at: At<'a>,
    pub kind: Kind,
    pub event: Option<&'a str>,
}

/// What stands before the objects of a behaviour.
pub enum Authorisation<'a> {
    /// A function at viewer-request, or CloudFront's own signed URLs and cookies.
    Asked,
    /// A function at another event only.
    AfterCache(Association<'a>),
    Open,
    Unknown,
}
