//! Functions at the edge: what Lambda@Edge and CloudFront Functions do not take.

use super::Rule;
use super::buckets::keeps;
use super::edge::{self, Named, edge_functions};
use crate::at::At;
use crate::document::Node;
use crate::finding::Finding;
use crate::model::{Kind, Model};
use crate::patterns::arn_parts;
use crate::table::{self, code};

pub const RULES: &[Rule] = &[
    version,
    region,
    region_asserted,
    role_trust,
    unsupported,
    concurrency_of_versions,
    runtime,
    sizes,
    retained,
    cloudfront_functions,
];

fn associations<'a>(model: &Model<'a>) -> Vec<At<'a>> {
    let functions = model.behaviours().flat_map(|(_, behaviour)| behaviour.functions());
    functions
        .filter(|function| function.kind == Kind::LambdaEdge)
        .filter_map(|function| function.at.get("LambdaFunctionARN"))
        .collect()
}

fn version(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for arn in associations(model) {
        if let Named::Unversioned(_, what) = edge::named(model.world, arn.pattern().unwrap_or_default()) {
            findings.push(arn.finding(code::edge_not_versioned, format!("this is {what}")));
        }
    }
}

fn region(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for arn in associations(model) {
        let parts = arn_parts(arn.pattern().unwrap_or_default());
        if let ["arn", _, "lambda", region, ..] = parts.as_slice()
            && *region != "us-east-1"
            && !region.contains("${")
        {
            findings.push(arn.finding(code::edge_region, format!("the function is in `{region}`")));
        }
    }
}

/// What has to be in us-east-1: the functions, and the certificate of the template.
fn region_asserted(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let certificate = model.distributions.iter().find_map(|distribution| {
        let named = distribution.config.at(&["ViewerCertificate", "AcmCertificateArn"])?.pattern()?;
        model.world.named(named).filter(|resource| resource.kind == "AWS::CertificateManager::Certificate")
    });
    let function = edge_functions(model).first().map(|function| function.at.resource);
    let Some(resource) = function.or(certificate) else { return };
    if resource.place.is_none() {
        return;
    }
    let root = model.world.document.root();
    let regions = |section: &str| root.get(section).map(regions_compared).unwrap_or_default();
    let (asserted, conditional) = (regions("Rules"), regions("Conditions"));
    let at = At::properties(resource);
    if let Some(other) = asserted.first().filter(|_| !asserted.contains(&"us-east-1")) {
        let message = format!("the template's rule wants the stack in `{other}`");
        findings.push(at.finding(code::edge_region, message));
    } else if asserted.is_empty() && !conditional.contains(&"us-east-1") {
        let message = "no rule asserts that `AWS::Region` is us-east-1";
        findings.push(at.finding(code::region_not_asserted, message));
    }
}

/// The regions that `AWS::Region` is compared with, by `Fn::Equals` or `Fn::Contains`.
fn regions_compared(node: &Node) -> Vec<&str> {
    let is_region = |node: &Node| matches!(node.intrinsic(), Some(("Ref", name)) if name.text() == Some("AWS::Region"));
    let items = node.items();
    if items.iter().any(is_region) {
        return items.iter().flat_map(|item| item.items().iter().chain([item])).filter_map(Node::text).collect();
    }
    node.entries().iter().map(|entry| &entry.value).chain(items).flat_map(regions_compared).collect()
}

fn role_trust(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for function in edge_functions(model) {
        let Some(role) = edge::role(model.world, function.at.resource) else { continue };
        for service in ["lambda.amazonaws.com", "edgelambda.amazonaws.com"] {
            if edge::trusts(&role, service) == Some(false) {
                let at = role.get("AssumeRolePolicyDocument").unwrap_or_else(|| role.clone());
                findings.push(at.finding(code::edge_role_trust, format!("`{service}` may not assume the role")));
            }
        }
    }
}

/// Sections that Lambda@Edge does not have at all, in CloudFormation's words and in SAM's.
const UNSUPPORTED: [(&str, &table::Rule); 7] = [
    ("Environment", code::edge_environment),
    ("Layers", code::edge_layers),
    ("VpcConfig", code::edge_network),
    ("DeadLetterConfig", code::edge_dead_letters),
    ("DeadLetterQueue", code::edge_dead_letters),
    ("ReservedConcurrentExecutions", code::edge_concurrency),
    ("ProvisionedConcurrencyConfig", code::edge_concurrency),
];

fn unsupported(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for function in edge_functions(model) {
        for (key, rule) in UNSUPPORTED {
            let Some(section) = function.at.get(key) else { continue };
            let empty = function.at.lacks_items(key) || (key == "Environment" && section.lacks_items("Variables"));
            if !empty && !section.node.is_unknown() {
                findings.push(section.finding(rule, format!("`{key}` is not for functions at the edge")));
            }
        }
        let is = |at: Option<At<'_>>, value: &str| at.is_some_and(|at| at.text() == Some(value));
        let architectures = function.at.list("Architectures");
        if let Some(arm) = architectures.iter().find(|at| at.text() == Some("arm64")) {
            findings.push(arm.finding(code::edge_architecture, "`arm64` is not for functions at the edge"));
        }
        for mode in [function.at.at(&["TracingConfig", "Mode"]), function.at.get("Tracing")].into_iter().flatten() {
            if is(Some(mode.clone()), "Active") {
                findings.push(mode.finding(code::edge_tracing, "X-Ray is not for functions at the edge"));
            }
        }
        let image = function.at.get("PackageType").filter(|at| at.text() == Some("Image"));
        let uri = function.at.at(&["Code", "ImageUri"]).or_else(|| function.at.get("ImageUri"));
        if let Some(image) = image.or(uri) {
            findings.push(image.finding(code::edge_image, "container images are not for functions at the edge"));
        }
    }
}

fn concurrency_of_versions(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for version in versions(model) {
        if let Some(concurrency) = version.get("ProvisionedConcurrencyConfig") {
            let message = "provisioned concurrency is not for functions at the edge";
            findings.push(concurrency.finding(code::edge_concurrency, message));
        }
    }
}

/// The properties of the versions of functions at the edge.
fn versions<'a>(model: &Model<'a>) -> Vec<At<'a>> {
    let world = model.world;
    let functions = edge_functions(model);
    let of_edge = |id: &str| functions.iter().any(|function| function.at.resource.id == id);
    world
        .of("AWS::Lambda::Version")
        .filter(|version| edge::function_of(world, version).is_some_and(|function| of_edge(&function.id)))
        .map(At::properties)
        .collect()
}

fn runtime(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for function in edge_functions(model) {
        let Some(at) = function.at.get("Runtime") else { continue };
        let Some(name) = at.text() else { continue };
        let retired = if let Some(version) = name.strip_prefix("nodejs") {
            // `nodejs20.x`; the first of all had no number.
            version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_none_or(|major| major < 22)
        } else if let Some(version) = name.strip_prefix("python") {
            let minor = version.strip_prefix("3.").and_then(|minor| minor.parse::<u32>().ok());
            minor.is_none_or(|minor| minor < 10)
        } else {
            let message = format!("`{name}` is not for functions at the edge");
            findings.push(at.finding(code::edge_runtime, message));
            continue;
        };
        if retired {
            findings.push(at.finding(code::edge_runtime_retired, format!("`{name}` is retired")));
        }
    }
}

fn sizes(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for function in edge_functions(model) {
        let number = |keys: &[&str]| {
            let at = function.at.at(keys)?;
            let number = at.node.number()?;
            Some((at, number))
        };
        if let Some((at, seconds)) = number(&["Timeout"]) {
            let message = format!("{seconds} seconds");
            if seconds > 30.0 {
                findings.push(at.finding(code::edge_timeout_refused, message));
            } else if seconds > 5.0 && function.at_viewer {
                findings.push(at.finding(code::edge_timeout, message));
            }
        }
        if let Some((at, size)) = number(&["MemorySize"]).filter(|(_, size)| *size > 128.0 && function.at_viewer) {
            findings.push(at.finding(code::edge_memory, format!("{size} MB")));
        }
        if let Some((at, size)) = number(&["EphemeralStorage", "Size"]).filter(|(_, size)| *size > 512.0) {
            findings.push(at.finding(code::edge_storage, format!("{size} MB")));
        }
    }
}

fn retained(model: &Model<'_>, findings: &mut Vec<Finding>) {
    // SAM makes the versions itself.
    let functions = edge_functions(model).into_iter().map(|function| function.at);
    let plain = functions.filter(|at| at.resource.kind == "AWS::Lambda::Function");
    for at in plain.chain(versions(model)).filter(|at| at.resource.place.is_some()) {
        let policy = At::attribute(at.resource, "DeletionPolicy");
        if !policy.as_ref().is_some_and(keeps) {
            let message = "`DeletionPolicy` is not `Retain`";
            findings.push(policy.unwrap_or(at).finding(code::edge_not_retained, message));
        }
    }
}

/// CloudFront's ceiling in bytes.
const FUNCTION_CODE: usize = 10_240;

fn cloudfront_functions(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for function in model.world.of("AWS::CloudFront::Function").map(At::properties) {
        let runtime = function.at(&["FunctionConfig", "Runtime"]);
        if let Some(runtime) = runtime.filter(|at| at.text() == Some("cloudfront-js-1.0")) {
            findings.push(runtime.finding(code::function_runtime_old, "`cloudfront-js-1.0` is the older runtime"));
        }
        let code = function.get("FunctionCode");
        if let Some(code) = code.filter(|at| at.text().is_some_and(|text| text.len() > FUNCTION_CODE)) {
            let length = code.text().map(str::len).unwrap_or_default();
            findings.push(code.finding(code::function_too_long, format!("the code is {length} bytes")));
        }
    }
}
