//! The deployment as a Terraform module: the same resources, the facts of the site in `locals.tf`.

use crate::behaviours::{Audience, Behaviour};
use crate::fault::Fault;
use crate::judge::Judged;
use crate::settings::{Access, Encryption, Owner};

use super::code::{File, Viewer};
use super::distribution::price_class;
use super::fill::fill;

const LOCALS: &str = include_str!("pieces/terraform/locals.tf");
const VARIABLES: &str = include_str!("pieces/terraform/variables.tf");
const TEST: &str = include_str!("pieces/terraform/tests/edgepass.tftest.hcl");
/// The same for every site.
const FIXED: [(&str, &str); 5] = [
    ("terraform/main.tf", include_str!("pieces/terraform/main.tf")),
    ("terraform/distribution.tf", include_str!("pieces/terraform/distribution.tf")),
    ("terraform/edge.tf", include_str!("pieces/terraform/edge.tf")),
    ("terraform/regional.tf", include_str!("pieces/terraform/regional.tf")),
    ("terraform/outputs.tf", include_str!("pieces/terraform/outputs.tf")),
];

pub fn module(judged: &Judged<'_>) -> Result<Vec<File>, Vec<Fault>> {
    let mut faults = Vec::new();
    if judged.deployment.choices.access == Access::Identity {
        faults.push(Fault::TerraformForm { what: "origin access identities" });
    }
    let Viewer::Edge(edge_hash) = &judged.code.viewer else {
        faults.push(Fault::TerraformForm { what: "CloudFront Functions" });
        return Err(faults);
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut files: Vec<File> = FIXED.iter().map(|(name, text)| File::open(name, (*text).to_owned())).collect();
    files.push(File::open("terraform/locals.tf", locals(judged, &edge_hash.short(), &edge_hash.base64())));
    files.push(File::open(
        "terraform/variables.tf",
        fill(VARIABLES, &[("stack", &text(&judged.deployment.choices.stack))]),
    ));
    let test = fill(TEST, &[("region", &text(judged.region)), ("region_name", judged.region)]);
    files.push(File::open("terraform/tests/edgepass.tftest.hcl", test));
    Ok(files)
}

fn locals(judged: &Judged<'_>, edge_short: &str, edge_hash: &str) -> String {
    let deployment = judged.deployment;
    let site = &deployment.site;
    let (default, special): (Vec<&Behaviour>, Vec<&Behaviour>) =
        judged.behaviours.iter().partition(|behaviour| behaviour.pattern == "*");
    let special: String = special
        .iter()
        .map(|one| format!("{{ pattern = {}, {} }},\n", text(&one.pattern), target(judged, one)))
        .collect();
    let default: String = default.iter().map(|one| format!("{{ {} }}", target(judged, one))).collect();
    let given_key = match &deployment.choices.encryption {
        Encryption::Key(key) => Some(key.as_str()),
        Encryption::S3 | Encryption::OwnKey => None,
    };
    fill(
        LOCALS,
        &[
            ("region", &text(judged.region)),
            ("apps", &texts(&site.apps)),
            ("buckets", &buckets(judged)),
            ("behaviours", &special),
            ("default", &default),
            ("resource_policy", &text(front::resource_policy(&site.origin, &site.apps))),
            ("alias", &or_null(judged.alias)),
            ("certificate", &or_null(deployment.choices.certificate.as_deref())),
            ("price_class", &text(price_class(deployment.choices.price_class))),
            ("log_bucket", &or_null(deployment.choices.log_bucket.as_deref())),
            ("own_key", if deployment.choices.encryption == Encryption::OwnKey { "true" } else { "false" }),
            ("given_key", &or_null(given_key)),
            ("edge_package", &text(&format!("edge-{edge_short}.zip"))),
            ("edge_package_hash", &text(edge_hash)),
            ("regional_package", &text(&format!("regional-{}.zip", judged.code.regional.short()))),
            ("regional_package_hash", &text(&judged.code.regional.base64())),
        ],
    )
}

fn buckets(judged: &Judged<'_>) -> String {
    judged
        .buckets
        .iter()
        .map(|served| {
            format!(
                "{} = {{\n  bucket  = {}\n  adopted = {}\n  reads   = {}\n  uploads = {}\n}}\n",
                text(&served.bucket.name),
                text(&served.bucket.bucket),
                served.bucket.owner == Owner::Adopted,
                texts(&served.reads),
                texts(&served.uploads),
            )
        })
        .collect()
}

fn target(judged: &Judged<'_>, behaviour: &Behaviour) -> String {
    let bucket = judged.buckets.get(behaviour.bucket.0).map_or("", |served| served.bucket.name.as_str());
    let audience = match behaviour.audience {
        Audience::Private => "private",
        Audience::Public => "public",
        Audience::AnyOrigin => "any_origin",
    };
    format!("bucket = {}, audience = {}", text(bucket), text(audience))
}

fn texts(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| text(item)).collect::<Vec<_>>().join(", "))
}

fn or_null(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), text)
}

/// A text between double quotes; `${` and `%{` would begin a template (HCL native syntax, "quoted templates").
fn text(text: &str) -> String {
    super::fill::quoted(text).replace("${", "$${").replace("%{", "%%{")
}
