//! The commands that deploy what has been rendered.

use serde_json::json;

use crate::judge::{EDGE_REGION, Judged, Served};
use crate::settings::{Encryption, Owner};

use super::code::Viewer;
use super::fill::fill;

const README: &str = include_str!("pieces/readme.md");
const KEYS: &str = include_str!("pieces/readme-keys.md");
const ADOPTED: &str = include_str!("pieces/readme-adopted.md");
const GIVEN_KEY: &str = include_str!("pieces/readme-given-key.md");
const LOGS: &str = include_str!("pieces/readme-logs.md");
const REPLICAS: &str = include_str!("pieces/readme-replicas.md");

pub fn readme(judged: &Judged<'_>) -> String {
    let deployment = judged.deployment;
    let (stack, region) = (deployment.choices.stack.as_str(), judged.region);
    let is_function = matches!(judged.code.viewer, Viewer::Function { .. });
    let of_stack = [("stack", stack), ("region", region)];
    let keys = if is_function { fill(KEYS, &of_stack) } else { String::new() };
    let given_key = match &deployment.choices.encryption {
        Encryption::Key(key) => fill(GIVEN_KEY, &[("key", key)]),
        _ => String::new(),
    };
    let logs =
        deployment.choices.log_bucket.as_ref().map_or_else(String::new, |bucket| fill(LOGS, &[("bucket", bucket)]));
    let edge_stack = if judged.is_split() { format!(" --edge-stack {stack}-edge") } else { String::new() };
    fill(
        README,
        &[
            ("stack", stack),
            ("region", region),
            ("files", &files(judged)),
            ("upload", &upload(judged)),
            ("deploy", &deploy(judged)),
            ("keys", &keys),
            ("name_number", if is_function { "4" } else { "3" }),
            ("name", &name(judged)),
            ("adopted", &judged.buckets.iter().map(|served| adopted(judged, served)).collect::<String>()),
            ("given_key", &given_key),
            ("logs", &logs),
            ("edge_stack", &edge_stack),
            ("kept", if deployment.choices.encryption == Encryption::OwnKey { " and their key" } else { "" }),
            ("replicas", &if is_function { String::new() } else { REPLICAS.to_owned() }),
        ],
    )
}

fn files(judged: &Judged<'_>) -> String {
    let mut rows =
        vec![("template.yaml", format!("the stack `{}` in {}", judged.deployment.choices.stack, judged.region))];
    if judged.is_split() {
        let edge = format!("the stack `{}-edge` in {EDGE_REGION}: the edge function", judged.deployment.choices.stack);
        rows.push(("edge.yaml", edge));
    }
    let edge_zip = edge_zip(judged);
    if let Some(zip) = &edge_zip {
        rows.push((zip, "the edge function's package".to_owned()));
    }
    let regional_zip = regional_zip(judged);
    rows.push((&regional_zip, "the regional function's package".to_owned()));
    if matches!(judged.code.viewer, Viewer::Function { .. }) {
        rows.push(("keys.json", "secret: what the KeyValueStore is to hold".to_owned()));
    }
    rows.iter().map(|(name, what)| format!("| `{name}` | {what} |\n")).collect()
}

fn edge_zip(judged: &Judged<'_>) -> Option<String> {
    judged.code.edge_key().map(|key| key.replace("edgepass/", ""))
}

fn regional_zip(judged: &Judged<'_>) -> String {
    judged.code.regional_key().replace("edgepass/", "")
}

fn upload(judged: &Judged<'_>) -> String {
    let copy = |zip: &str, bucket: &str, region: &str| {
        format!("aws s3 cp {zip} \"s3://{bucket}/edgepass/{zip}\" --region {region}\n")
    };
    let mut text = String::new();
    if judged.is_split() {
        text.push_str(&format!("edge_code=YOUR-BUCKET-IN-{EDGE_REGION}\n"));
        text.push_str(&format!("aws s3 mb \"s3://$edge_code\" --region {EDGE_REGION}\n"));
    }
    text.push_str(&format!("code=YOUR-BUCKET-IN-{}\n", judged.region));
    text.push_str(&format!("aws s3 mb \"s3://$code\" --region {}\n", judged.region));
    if let Some(zip) = edge_zip(judged) {
        text.push_str(&copy(&zip, if judged.is_split() { "$edge_code" } else { "$code" }, EDGE_REGION));
    }
    text.push_str(&copy(&regional_zip(judged), "$code", judged.region));
    text
}

fn deploy(judged: &Judged<'_>) -> String {
    let stack = &judged.deployment.choices.stack;
    let mut text = String::new();
    let mut parameters = String::from("CodeBucket=\"$code\"");
    let edge_key = judged.code.edge_key();
    if let Some(key) = edge_key.as_ref().filter(|_| judged.is_split()) {
        let edge_parameters = format!("CodeBucket=\"$edge_code\" EdgeCodeKey={key}");
        text.push_str(&one_deploy(EDGE_REGION, &format!("{stack}-edge"), "edge.yaml", "$edge_code", &edge_parameters));
        text.push_str(&format!(
            "version=$(aws cloudformation describe-stacks --region {EDGE_REGION} --stack-name {stack}-edge \\\n  \
             --query \"Stacks[0].Outputs[?OutputKey=='EdgeFunctionVersionArn'].OutputValue\" --output text)\n"
        ));
        parameters.push_str(" EdgeFunctionVersionArn=\"$version\"");
    } else if let Some(key) = &edge_key {
        parameters.push_str(&format!(" EdgeCodeKey={key}"));
    }
    parameters.push_str(&format!(" RegionalCodeKey={}", judged.code.regional_key()));
    text.push_str(&one_deploy(judged.region, stack, "template.yaml", "$code", &parameters));
    text
}

fn one_deploy(region: &str, stack: &str, template: &str, bucket: &str, parameters: &str) -> String {
    format!(
        "aws cloudformation deploy --region {region} --stack-name {stack} --template-file {template} \\\n  \
         --s3-bucket \"{bucket}\" --s3-prefix edgepass --capabilities CAPABILITY_IAM \\\n  \
         --parameter-overrides {parameters}\n"
    )
}

fn name(judged: &Judged<'_>) -> String {
    judged.alias.map_or_else(
        || {
            "That is the site's name, since there is no certificate for another. Put it into `[site]` as \
             `origin = \"https://…cloudfront.net\"`, render\nand deploy again: our own endpoints refuse pages and cookies of \
             any other origin."
                .to_owned()
        },
        |alias| {
            format!(
                "`{alias}` is to lead there: a `CNAME` record, or at Route 53 an alias record (`A` and `AAAA`, hosted zone \
                 `Z2FDTNDATAQYW2`)."
            )
        },
    )
}

fn adopted(judged: &Judged<'_>, served: &Served<'_>) -> String {
    if served.bucket.owner == Owner::Stack {
        return String::new();
    }
    let (name, region) = (served.bucket.bucket.as_str(), judged.region);
    let apps = &judged.deployment.site.apps;
    let cors = if served.uploads.is_empty() || apps.is_empty() {
        String::new()
    } else {
        let rules = json!({"CORSRules": [{
            "AllowedOrigins": apps, "AllowedMethods": ["POST", "PUT"],
            "AllowedHeaders": ["content-type", "x-amz-checksum-*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 7200,
        }]});
        format!("aws s3api put-bucket-cors --region {region} --bucket {name} --cors-configuration \\\n  '{rules}'\n")
    };
    fill(ADOPTED, &[("name", name), ("region", region), ("cors", &cors)])
}
