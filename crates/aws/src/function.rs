//! The authorizer as a CloudFront Function: for sites whose issuers all sign with HS256.
//!
//! The code is `function/viewer-request.js` with the site's rules in it, made small. The secrets are not in it: the function
//! asks its KeyValueStore for them, by the issuers' names. What it can and cannot: docs/decisions/cloudfront-function.md.

mod fault;
mod minify;
mod rules;

use authorizer::{Algorithm, IssuerId, Rules};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use front::SiteSettings;
use secrecy::SecretString;

use crate::behaviours::behaviours;
use crate::fault::Fault;
use crate::settings::Deployment;

pub use fault::FunctionFault;

/// Quotas on CloudFront Functions and on KeyValueStores (Amazon CloudFront Developer Guide), in bytes.
const MAX_CODE: usize = 10_240;
const MAX_STORE_KEY: usize = 512;
const MAX_STORE_VALUE: usize = 1024;

/// RFC 7518 section 3.2, in bytes.
const MIN_SECRET: usize = 32;

const SOURCE: &str = include_str!("function/viewer-request.js");
/// The line of the source that the site's rules take the place of.
const NO_RULES: &str = "const site = {};";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// JavaScript, for the runtime `cloudfront-js-2.0`.
    pub code: String,
    /// The keys of its KeyValueStore, and whose secret each holds: see [`store_value`].
    pub store: Vec<(String, IssuerId)>,
}

/// The function of a deployment, or all that keeps it from being one.
pub fn cloudfront_function(deployment: &Deployment) -> Result<Function, Vec<Fault>> {
    let site = &deployment.site;
    let mut faults: Vec<FunctionFault> = site
        .issuers
        .iter()
        .filter(|issuer| issuer.algorithms != [Algorithm::Hs256])
        .map(|issuer| FunctionFault::Algorithm { issuer: issuer.name.clone() })
        .collect();
    for issuer in &site.issuers {
        if issuer.name.is_empty() || issuer.name.len() > MAX_STORE_KEY {
            faults.push(FunctionFault::StoreKey { issuer: issuer.name.clone() });
        }
    }
    faults.extend(unknown(site));
    if let Err(wrong) = Rules::build(site.issuers.clone(), &site.routes) {
        faults.extend(wrong.into_iter().map(|fault| FunctionFault::Rules { message: fault.message }));
    }
    let behaviours = behaviours(deployment);
    if !faults.is_empty() {
        let others = behaviours.err().unwrap_or_default();
        return Err(faults.into_iter().map(Fault::Function).chain(others).collect());
    }
    let rules = rules::literal(site, &behaviours?);
    let code = minify::minify(&SOURCE.replacen(NO_RULES, &format!("const site = {rules};"), 1));
    if code.len() > MAX_CODE {
        let rules = minify::minify(&rules).len();
        return Err(vec![Fault::Function(FunctionFault::Size { bytes: code.len(), rules })]);
    }
    let store =
        site.issuers.iter().enumerate().map(|(number, issuer)| (issuer.name.clone(), IssuerId(number))).collect();
    Ok(Function { code, store })
}

/// What Lambda@Edge does and this form does not.
fn unknown(site: &SiteSettings) -> Vec<FunctionFault> {
    let mut faults = Vec::new();
    let mut report = |of: String, what| faults.push(FunctionFault::Unknown { of, what });
    for issuer in site.issuers.iter().filter(|issuer| issuer.audiences.len() > 1) {
        report(format!("the issuer `{}`", issuer.name), "several audiences");
    }
    for route in &site.routes {
        let of = || format!("the route `{}`", route.name);
        if route
            .path
            .split('/')
            .any(|segment| segment.contains('{') && !(segment.starts_with('{') && segment.ends_with('}')))
        {
            report(of(), "a placeholder between other text");
        }
        if route.allow.iter().any(|row| row.paths.is_some()) {
            report(of(), "a rule with `paths`");
        }
        if route.allow.iter().any(|row| !row.circumstances.is_empty()) {
            report(of(), "a rule with methods, times or addresses");
        }
    }
    faults
}

/// An issuer's secret as the KeyValueStore holds it: base64.
pub fn store_value(issuer: &str, secret: &[u8]) -> Result<SecretString, Fault> {
    let bytes = secret.len();
    let value = STANDARD.encode(secret);
    if bytes < MIN_SECRET || value.len() > MAX_STORE_VALUE {
        return Err(Fault::Function(FunctionFault::Secret { issuer: issuer.to_owned(), bytes }));
    }
    Ok(value.into())
}

#[cfg(test)]
mod tests;
