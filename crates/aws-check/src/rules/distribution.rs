//! The distribution as a whole.

use super::Rule;
use crate::finding::Finding;
use crate::model::{Behaviour, Model};
use crate::patterns::arn_parts;
use crate::table::code;

pub const RULES: &[Rule] = &[tls, certificate, logs, errors];

fn tls(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for distribution in &model.distributions {
        let Some(certificate) = distribution.config.get("ViewerCertificate") else { continue };
        // CloudFront's own certificate has its own minimum.
        if certificate.lacks_items("AcmCertificateArn") && certificate.lacks_items("IamCertificateId") {
            continue;
        }
        if certificate.lacks("MinimumProtocolVersion") {
            let message = "no `MinimumProtocolVersion` is named, which is TLSv1";
            findings.push(certificate.finding(code::tls_minimum_old, message));
        }
        let Some(minimum) = certificate.get("MinimumProtocolVersion") else { continue };
        if let Some(name @ ("SSLv3" | "TLSv1" | "TLSv1_2016" | "TLSv1.1_2016")) = minimum.text() {
            findings.push(minimum.finding(code::tls_minimum_old, format!("`{name}` lets old versions in")));
        }
    }
}

fn certificate(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for distribution in &model.distributions {
        let Some(arn) = distribution.config.at(&["ViewerCertificate", "AcmCertificateArn"]) else { continue };
        let parts = arn_parts(arn.pattern().unwrap_or_default());
        if let ["arn", _, "acm", region, _, ..] = parts.as_slice()
            && *region != "us-east-1"
            && !region.contains("${")
        {
            findings.push(arn.finding(code::certificate_region, format!("the certificate is in `{region}`")));
        }
    }
}

fn logs(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for distribution in &model.distributions {
        let cookies = distribution.config.at(&["Logging", "IncludeCookies"]);
        if let Some(cookies) = cookies.filter(|at| at.node.boolean() == Some(true)) {
            findings.push(cookies.finding(code::logs_with_cookies, "cookies are written to the access log"));
        }
    }
}

/// In seconds; CloudFront's own where nothing is named.
const SHORT: f64 = 10.0;

fn errors(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for distribution in model.distributions.iter().filter(|one| one.behaviours.iter().any(Behaviour::serves_objects)) {
        for response in distribution.config.list("CustomErrorResponses") {
            let Some(status @ ("403" | "404")) = response.text_of("ErrorCode") else { continue };
            let Some(ttl) = response.get("ErrorCachingMinTTL") else { continue };
            if let Some(seconds) = ttl.node.number().filter(|seconds| *seconds > SHORT) {
                let message = format!("the bucket's {status} is kept for {seconds} seconds");
                findings.push(ttl.finding(code::errors_cached, message));
            }
        }
    }
}
