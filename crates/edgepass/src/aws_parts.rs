//! From an understood configuration to what is deployed on AWS: the choices, and the settings that lie beside the functions' code.

use std::time::Duration;

use aws::{Behaviour, Bucket, Deployment, Owner};
use front::{Package, Refresh, SiteSettings, UploadBucket};
use keys::Source;

use crate::config::{self, Config, PostForms};
use crate::trouble::Trouble;

/// A configuration that has `[aws]`.
pub struct Site {
    pub deployment: Deployment,
    refresh_keys: Option<Duration>,
    buckets: Vec<config::Bucket>,
    sources: Vec<Source>,
}

/// What the packages hold of the issuers' keys, in the order of the issuers.
#[derive(Default)]
pub struct SiteKeys {
    /// As JWKs.
    pub sets: Vec<Vec<serde_json::Value>>,
    /// Where the functions fetch them again: for discovery the key set that the document named when it was packed.
    urls: Vec<Option<String>>,
}

impl Site {
    pub fn of(config: Config) -> Result<Self, Trouble> {
        let aws = config.aws.ok_or_else(|| {
            Trouble::usage("the configuration has no section `[aws]`").with_hint("add `[aws]` with `stack = \"…\"`")
        })?;
        check_stateless(config.revocation.is_some(), config.link_secret.is_some(), config.upload_secret.is_some())?;
        let site = SiteSettings {
            origin: config.site.origin,
            apps: config.site.apps,
            carriers: config.carriers,
            issuers: config.issuers.iter().map(|issuer| issuer.settings.clone()).collect(),
            routes: config.routes,
        };
        let bucket = |bucket: &config::Bucket| Bucket {
            name: bucket.name.clone(),
            region: bucket.region.clone(),
            bucket: bucket.bucket.clone(),
            owner: if aws.adopt.contains(&bucket.name) { Owner::Adopted } else { Owner::Stack },
        };
        let deployment =
            Deployment { site, buckets: config.buckets.iter().map(bucket).collect(), choices: aws.choices };
        let sources = config.issuers.into_iter().map(|issuer| issuer.source).collect();
        Ok(Self { deployment, refresh_keys: aws.refresh_keys, buckets: config.buckets, sources })
    }

    /// The buckets, in the order of the configuration.
    pub fn buckets(&self) -> &[config::Bucket] {
        &self.buckets
    }

    /// Every issuer's keys, fetched now where they are published.
    pub async fn keys(&self) -> Result<SiteKeys, Trouble> {
        let mut keys = SiteKeys::default();
        for (source, issuer) in self.sources.iter().zip(&self.deployment.site.issuers) {
            let loaded = keys::load_once(source, &issuer.algorithms).await.map_err(|fault| {
                let hint = "the functions are packed with the keys: publish the set first, or name a file: `jwks_file`";
                Trouble::failed(fault).with_hint(hint)
            })?;
            keys.sets.push(loaded.set.keys().iter().map(authorizer::Key::expose_jwk).collect());
            keys.urls.push(loaded.url);
        }
        Ok(keys)
    }

    /// `site.json` of the function at viewer-request.
    pub fn edge_settings(&self, keys: &SiteKeys, behaviours: &[Behaviour]) -> Result<Vec<u8>, Trouble> {
        let mut package = self.package(keys);
        package.behaviours = behaviours
            .iter()
            .map(|behaviour| front::Behaviour { pattern: behaviour.pattern.clone(), bucket: behaviour.bucket.0 })
            .collect();
        to_json(&package)
    }

    /// `site.json` of the regional function, which signs uploads.
    pub fn regional_settings(&self, keys: &SiteKeys) -> Result<Vec<u8>, Trouble> {
        let mut package = self.package(keys);
        package.buckets = self
            .buckets
            .iter()
            .map(|bucket| UploadBucket {
                name: bucket.bucket.clone(),
                region: bucket.region.clone(),
                endpoint: bucket.upload_endpoint.clone(),
                post: bucket.post == PostForms::Taken,
            })
            .collect();
        to_json(&package)
    }

    fn package(&self, keys: &SiteKeys) -> Package {
        Package {
            site: self.deployment.site.clone(),
            keys: keys.sets.clone(),
            behaviours: Vec::new(),
            buckets: Vec::new(),
            refresh: self.refresh_keys.map(|every| Refresh { seconds: every.as_secs(), urls: keys.urls.clone() }),
        }
    }

    /// On AWS the site is https, and the buckets are S3's own, where S3 keeps them: CloudFront asks there.
    pub fn check_endpoints(&self) -> Result<(), Trouble> {
        let origin = &self.deployment.site.origin;
        if !origin.starts_with("https://") {
            let message = format!("the site's origin is `{origin}`: its cookies would travel in the clear");
            return Err(Trouble::usage(message).with_hint("write `origin = \"https://…\"` in `[site]`"));
        }
        for bucket in &self.buckets {
            let wanted = format!("https://s3.{}.amazonaws.com", bucket.region);
            if bucket.endpoint != wanted || bucket.upload_endpoint != wanted {
                let message = format!("`[bucket.{}]` is not S3's regional endpoint", bucket.name);
                return Err(Trouble::usage(message).with_hint(format!("write `endpoint = \"{wanted}\"`")));
            }
        }
        Ok(())
    }
}

/// What a configuration asks for by sections of their own, and only a gateway does.
fn check_stateless(revocation: bool, links: bool, uploads: bool) -> Result<(), Trouble> {
    let asked = [
        (
            revocation,
            "[revocation]",
            "functions on AWS have no memory that could be told: a revoked token would be honoured",
        ),
        (links, "[links]", "functions on AWS make no links yet"),
        (uploads, "[uploads]", "functions on AWS take no uploads in parts yet; those in one request need no secret"),
    ];
    match asked.into_iter().find(|(there, _, _)| *there) {
        None => Ok(()),
        Some((_, section, why)) => Err(Trouble::usage(format!("`{section}` beside `[aws]`: {why}"))
            .with_hint("remove the section, and give tokens a short life; or serve the site by a gateway")),
    }
}

fn to_json(package: &Package) -> Result<Vec<u8>, Trouble> {
    serde_json::to_vec(package).map_err(Trouble::failed)
}

/// Why AWS would not do what the configuration says, all of it at once.
pub fn refused(faults: &[aws::Fault]) -> Trouble {
    let lines: Vec<_> =
        faults.iter().map(|fault| format!("{fault} [{}]\nhint: {}", fault.code(), fault.hint())).collect();
    Trouble::usage(lines.join("\nerror: "))
}
