//! Functions: Lambda@Edge by version, CloudFront Functions, and the regional function behind the HTTP API. What AWS refuses at
//! the edge is refused here, too.
//! https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-at-edge-function-restrictions.html

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::fault::Fault;
use crate::limits;
use crate::settings::Settings;
use crate::template::secrets::revealed;
use crate::template::{Found, Section, Templates};

#[derive(Clone, Debug)]
pub struct Lambda {
    /// The logical id.
    pub id: String,
    pub code: PathBuf,
    pub program: Program,
    /// `nodejs22.x`
    pub runtime: String,
    pub timeout: Duration,
    /// Megabytes; told to the function, not enforced.
    pub memory: i64,
    pub region: String,
    /// Secrets among them: never to be written anywhere.
    pub environment: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `index.handler`
    Node { handler: String },
    /// The file `bootstrap`.
    Native,
}

/// A CloudFront Function.
#[derive(Clone, Debug)]
pub struct Script {
    /// The logical id.
    pub id: String,
    pub code: String,
    /// The entries of its key value store: secrets.
    pub key_values: BTreeMap<String, String>,
}

pub fn edge_function(
    templates: &Templates,
    page: usize,
    association: &Section<'_>,
    settings: &Settings,
) -> Result<Lambda, Fault> {
    let arn = association.get("LambdaFunctionARN");
    let version = match templates.named(page, arn.text()?) {
        Some(found) if found.kind == "AWS::Lambda::Version" => found,
        Some(found) => return Err(arn.wrong(format!("is {}; CloudFront takes a version's ARN alone", found.kind))),
        None => return Err(arn.missing(format!("a template with the version `{}`", arn.text()?))),
    };
    if association.get("IncludeBody").flag()? {
        return Err(association.get("IncludeBody").not_emulated("bodies for functions"));
    }
    let properties = templates.properties(version);
    let name = properties.section().get("FunctionName").text()?.to_owned();
    let found = templates.named(version.page, &name).filter(|found| found.kind == "AWS::Lambda::Function");
    let found = found.ok_or_else(|| properties.section().get("FunctionName").wrong("names no function"))?;
    let function = lambda(templates, found, settings)?;
    let properties = templates.properties(found);
    refused_at_the_edge(&properties.section(), &function)?;
    Ok(function)
}

fn refused_at_the_edge(section: &Section<'_>, function: &Lambda) -> Result<(), Fault> {
    let refused = [
        ("DeadLetterConfig", "a dead letter queue"),
        ("ImageConfig", "container images"),
        ("Layers", "layers"),
        ("ReservedConcurrentExecutions", "reserved concurrency"),
        ("VpcConfig", "a VPC"),
    ];
    for (key, what) in refused {
        if !section.get(key).is_empty() {
            return Err(section.get(key).wrong(format!("Lambda@Edge does not take {what}")));
        }
    }
    if !section.get("Environment").get("Variables").is_empty() {
        return Err(section.get("Environment").wrong("Lambda@Edge does not take environment variables"));
    }
    if section.get("Architectures").texts()?.contains(&"arm64") {
        return Err(section.get("Architectures").wrong("Lambda@Edge runs on x86_64 alone"));
    }
    if section.get("TracingConfig").get("Mode").text_or("PassThrough")? == "Active" {
        return Err(section.get("TracingConfig").wrong("Lambda@Edge does not take X-Ray"));
    }
    if section.get("EphemeralStorage").get("Size").number_or(512)? > 512 {
        return Err(section.get("EphemeralStorage").wrong("Lambda@Edge has 512 MB of it at most"));
    }
    if function.timeout > Duration::from_secs(limits::EDGE_TIMEOUT) {
        return Err(section.get("Timeout").wrong("a function at viewer-request has 5 seconds at most"));
    }
    if function.region != "us-east-1" {
        return Err(section.wrong(format!("Lambda@Edge functions are in us-east-1, not in {}", function.region)));
    }
    if function.program == Program::Native {
        return Err(section.get("Runtime").wrong("Lambda@Edge runs Node.js and Python alone"));
    }
    Ok(())
}

/// The function that an integration or an API's target names. API Gateway needs leave to call it.
pub fn regional_function(
    templates: &Templates,
    page: usize,
    target: &Section<'_>,
    settings: &Settings,
) -> Result<Lambda, Fault> {
    let found = templates.named(page, target.text()?).filter(|found| found.kind == "AWS::Lambda::Function");
    let found = found.ok_or_else(|| target.wrong("names no function"))?;
    let mut allowed = false;
    for permission in templates.of_kind("AWS::Lambda::Permission") {
        let properties = templates.properties(permission);
        let section = properties.section();
        let names = templates.named(permission.page, section.get("FunctionName").text()?);
        let principal = section.get("Principal").text()?;
        allowed |= names.is_some_and(|named| named.id == found.id) && principal == "apigateway.amazonaws.com";
    }
    if !allowed {
        return Err(target.wrong("no AWS::Lambda::Permission lets API Gateway invoke the function"));
    }
    lambda(templates, found, settings)
}

fn lambda(templates: &Templates, found: Found<'_>, settings: &Settings) -> Result<Lambda, Fault> {
    let properties = templates.properties(found);
    let section = properties.section();
    let code = settings.functions.get(found.id);
    let runtime = section.get("Runtime").text()?;
    let program = if runtime.starts_with("nodejs") {
        Program::Node { handler: section.get("Handler").text()?.to_owned() }
    } else if runtime.starts_with("provided") {
        Program::Native
    } else {
        return Err(section.get("Runtime").not_emulated(format!("`{runtime}`")));
    };
    let timeout = section.get("Timeout").number_or(i64::try_from(limits::DEFAULT_TIMEOUT).unwrap_or(3))?;
    let variables = section.get("Environment").get("Variables");
    let variable = |key: &str| Ok((key.to_owned(), revealed(&variables.get(key), &settings.secrets)?));
    Ok(Lambda {
        id: found.id.to_owned(),
        code: code.cloned().ok_or_else(|| section.missing("the directory with the function's code"))?,
        program,
        runtime: runtime.to_owned(),
        timeout: Duration::from_secs(u64::try_from(timeout).map_err(|_| section.get("Timeout").wrong("is negative"))?),
        memory: section.get("MemorySize").number_or(128)?,
        region: templates.region(found.page).to_owned(),
        environment: variables.keys().map(variable).collect::<Result<_, _>>()?,
    })
}

pub fn script(
    templates: &Templates,
    page: usize,
    association: &Section<'_>,
    settings: &Settings,
) -> Result<Script, Fault> {
    let arn = association.get("FunctionARN");
    let found = templates.named(page, arn.text()?).filter(|found| found.kind == "AWS::CloudFront::Function");
    let found = found.ok_or_else(|| arn.wrong("names no AWS::CloudFront::Function"))?;
    let properties = templates.properties(found);
    let section = properties.section();
    let config = section.get("FunctionConfig");
    config.only(&["KeyValueStoreAssociations", "Runtime"], &["Comment"])?;
    if config.get("Runtime").text()? != "cloudfront-js-2.0" {
        return Err(config.get("Runtime").not_emulated("other than `cloudfront-js-2.0`"));
    }
    if !section.get("AutoPublish").flag()? {
        return Err(section.get("AutoPublish").wrong("a function that is not published cannot be associated"));
    }
    let code = section.get("FunctionCode").text()?;
    if code.len() > limits::SCRIPT {
        return Err(section.get("FunctionCode").wrong(format!("is {} bytes; 10 KB are the most", code.len())));
    }
    let mut key_values = BTreeMap::new();
    for (number, item) in config.get("KeyValueStoreAssociations").items().enumerate() {
        if number > 0 {
            return Err(item.wrong("a function has one key value store at most"));
        }
        let arn = item.get("KeyValueStoreARN");
        let id = templates.named(page, arn.text()?).ok_or_else(|| arn.wrong("names no key value store"))?.id;
        let entries = settings.key_values.get(id);
        key_values = entries.cloned().ok_or_else(|| arn.missing(format!("the entries of `{id}`")))?;
    }
    Ok(Script { id: found.id.to_owned(), code: code.to_owned(), key_values })
}
