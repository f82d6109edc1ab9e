//! The template in the hands of other tools: each of these files is as thin as its tool lets it be.

use crate::judge::{EDGE_REGION, Judged};

use super::code::File;
use super::fill::{fill, quoted};

const SERVERLESS: &str = include_str!("pieces/serverless.yml");
const SAM: &str = include_str!("pieces/samconfig.toml");
const SAM_ENVIRONMENT: &str = include_str!("pieces/samconfig-environment.toml");
const CDK: &str = include_str!("pieces/cdk-app.js");
const CDK_PACKAGE: &str = include_str!("pieces/cdk-package.json");

/// A stack as these tools see it.
struct Stack {
    /// `-edge` or nothing.
    suffix: &'static str,
    name: String,
    region: String,
    template: &'static str,
    /// The keys of its packages.
    keys: Vec<(&'static str, String)>,
    /// Whether it asks for the ARN of the edge function's version.
    takes_version: bool,
}

/// In the order of deployment.
fn stacks(judged: &Judged<'_>) -> Vec<Stack> {
    let name = &judged.deployment.choices.stack;
    let mut main = Stack {
        suffix: "",
        name: name.clone(),
        region: judged.region.to_owned(),
        template: "template.yaml",
        keys: vec![("RegionalCodeKey", judged.code.regional_key())],
        takes_version: judged.is_split(),
    };
    let Some(key) = judged.code.edge_key() else { return vec![main] };
    if !judged.is_split() {
        main.keys.push(("EdgeCodeKey", key));
        return vec![main];
    }
    let edge = Stack {
        suffix: "-edge",
        name: format!("{name}-edge"),
        region: EDGE_REGION.to_owned(),
        template: "edge.yaml",
        keys: vec![("EdgeCodeKey", key)],
        takes_version: false,
    };
    vec![edge, main]
}

pub fn serverless(judged: &Judged<'_>) -> Vec<File> {
    let file = |stack: &Stack| {
        let name = format!("serverless{}.yml", stack.suffix);
        let parameter = |key: &str, value: &str| format!("- ParameterKey: {key}\n  ParameterValue: {value}\n");
        let mut parameters = parameter("CodeBucket", "${param:codeBucket}");
        if stack.takes_version {
            parameters.push_str(&parameter("EdgeFunctionVersionArn", "${param:edgeFunctionVersionArn}"));
        }
        for (key, value) in &stack.keys {
            parameters.push_str(&parameter(key, value));
        }
        let config = if stack.suffix.is_empty() { String::new() } else { format!(" --config {name}") };
        let more = if stack.takes_version { " --param=\"edgeFunctionVersionArn=ARN\"" } else { "" };
        let values = [
            ("stack", stack.name.as_str()),
            ("region", &stack.region),
            ("template", stack.template),
            ("parameters", &parameters),
            ("config", &config),
            ("more", more),
        ];
        File::open(&name, fill(SERVERLESS, &values))
    };
    stacks(judged).iter().map(file).collect()
}

pub fn sam(judged: &Judged<'_>) -> Vec<File> {
    let mut how = String::new();
    let mut environments = String::new();
    for stack in stacks(judged) {
        let environment = if stack.suffix.is_empty() { "default" } else { "edge" };
        how.push_str(&format!("#   sam deploy --config-env {environment}\n"));
        let bucket = format!("YOUR-BUCKET-IN-{}", stack.region.to_uppercase());
        let mut parameters = vec![format!("CodeBucket={bucket}")];
        if stack.takes_version {
            parameters.push("EdgeFunctionVersionArn=ARN".to_owned());
        }
        parameters.extend(stack.keys.iter().map(|(key, value)| format!("{key}={value}")));
        let parameters: String = parameters.iter().map(|parameter| format!("{},\n", quoted(parameter))).collect();
        let values = [
            ("environment", environment),
            ("template", stack.template),
            ("stack", &stack.name),
            ("region", &stack.region),
            ("bucket", &bucket),
            ("parameters", &parameters),
        ];
        environments.push_str(&fill(SAM_ENVIRONMENT, &values));
    }
    vec![File::open("samconfig.toml", fill(SAM, &[("how", &how), ("environments", &environments)]))]
}

pub fn cdk(judged: &Judged<'_>) -> Vec<File> {
    let mut how = "//   npm install\n".to_owned();
    let mut includes = String::new();
    for stack in stacks(judged) {
        let version = if stack.takes_version { " --parameters EdgeFunctionVersionArn=ARN" } else { "" };
        how.push_str(&format!(
            "//   npx aws-cdk@2 deploy {} --app \"node app.js\" --parameters CodeBucket=YOUR-BUCKET{version}\n",
            stack.name
        ));
        let keys: String = stack.keys.iter().map(|(key, value)| format!("  {key}: {},\n", quoted(value))).collect();
        includes.push_str(&format!(
            "include({}, {}, {}, {{\n{keys}}});\n",
            quoted(&stack.name),
            quoted(&stack.region),
            quoted(stack.template)
        ));
    }
    vec![
        File::open("cdk/app.js", fill(CDK, &[("how", &how), ("stacks", &includes)])),
        File::open("cdk/package.json", fill(CDK_PACKAGE, &[("stack", &judged.deployment.choices.stack)])),
    ]
}
