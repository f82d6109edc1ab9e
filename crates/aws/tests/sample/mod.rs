//! A site to deploy, and its variants: what the tests of this crate and the linters look at.

use authorizer::{
    Action, Algorithm, AllowSettings, BucketId, ClaimValue, IssuerSettings, RouteSettings, UploadSettings, Who,
};
use aws::{Access, Bucket, Choices, Code, Deployment, Encryption, Form, Hash, Layout, Owner, PriceClass, Viewer};
use front::{Carrier, SiteSettings};

pub const CERTIFICATE: &str = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";
pub const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";

/// One bucket, in us-east-1, in one stack.
pub fn one() -> Deployment {
    Deployment {
        site: SiteSettings {
            origin: "https://files.example.com".to_owned(),
            apps: vec!["https://app.example.com".to_owned(), "https://admin.example.com".to_owned()],
            carriers: vec![Carrier::Header, Carrier::Cookie("edgepass".to_owned())],
            issuers: vec![IssuerSettings {
                name: "app".to_owned(),
                issuer: "https://app.example.com".to_owned(),
                audiences: vec!["files".to_owned()],
                algorithms: vec![Algorithm::Hs256],
                may: vec![Action::Read, Action::Upload],
                leeway: 30,
                once: false,
                links: false,
                max_age: Some(86_400),
            }],
            routes: vec![files()],
        },
        buckets: vec![bucket("main", "us-east-1", Owner::Stack)],
        choices: Choices { price_class: PriceClass::Class100, ..Choices::of("acme-files") },
    }
}

/// The same deployment, with other choices.
pub fn chosen(mut deployment: Deployment, choose: impl FnOnce(&mut Choices)) -> Deployment {
    choose(&mut deployment.choices);
    deployment
}

/// The bucket elsewhere, the edge function's stack apart.
pub fn split() -> Deployment {
    let buckets = vec![bucket("main", "eu-central-1", Owner::Stack)];
    chosen(Deployment { buckets, ..one() }, |choices| choices.layout = Layout::Split)
}

/// Two buckets, and routes for anyone.
pub fn several() -> Deployment {
    let mut deployment = split();
    deployment.buckets.push(bucket("year-books", "eu-central-1", Owner::Stack));
    deployment.site.routes.extend([
        route("years", "/years/{year:int}/{name...}", 1, member()),
        route("public", "/public/{name...}", 0, Who::Anyone),
        RouteSettings { any_origin: true, ..route("fonts", "/public/fonts/{name...}", 0, Who::Anyone) },
        route("drafts", "/public/drafts/{name...}", 0, member()),
        route("logo", "/logo.svg", 0, Who::Anyone),
    ]);
    deployment
}

pub fn bucket(name: &str, region: &str, owner: Owner) -> Bucket {
    Bucket { name: name.to_owned(), region: region.to_owned(), bucket: format!("acme-{name}-files"), owner }
}

pub fn route(name: &str, path: &str, bucket: usize, who: Who) -> RouteSettings {
    RouteSettings {
        hosts: Vec::new(),
        name: name.to_owned(),
        path: path.to_owned(),
        bucket: BucketId(bucket),
        key: None,
        allow: vec![AllowSettings::new(Action::Read, who)],
        upload: None,
        any_origin: false,
    }
}

pub fn member() -> Who {
    Who::Claims(vec![("role".to_owned(), vec![ClaimValue::Text("member".to_owned())])])
}

fn files() -> RouteSettings {
    let of_workspace = Who::Claims(vec![("workspace".to_owned(), vec![ClaimValue::Text("{workspace}".to_owned())])]);
    let mut files = route("files", "/{workspace:uuid}/{file:uuid}/{name...}", 0, of_workspace.clone());
    files.key = Some("{workspace}/{file}/{name}".to_owned());
    files.allow.push(AllowSettings::new(Action::Upload, of_workspace));
    files.upload = Some(UploadSettings {
        fill: vec![("file".to_owned(), "{uuid}".to_owned()), ("name".to_owned(), "{filename}".to_owned())],
        max_size: 20 << 20,
        types: vec!["image/*".to_owned()],
        life: 900,
    });
    files
}

/// Stands for the code of any deployment.
pub fn code(form: Form) -> Code {
    let viewer = match form {
        Form::LambdaEdge => Viewer::Edge(Hash::of(b"edge")),
        Form::CloudFrontFunction => Viewer::Function {
            source: "// Refuses everything.\nfunction handler(event) {\n  return { statusCode: 403 };\n}\n".to_owned(),
            keys: vec![("app".to_owned(), "0123456789abcdef0123456789abcdef".into())],
        },
    };
    Code { regional: Hash::of(b"regional"), viewer }
}

/// Every variant that the linters look at.
pub fn variants() -> Vec<(&'static str, Deployment)> {
    let adopted = vec![bucket("main", "eu-central-1", Owner::Adopted)];
    let everything = chosen(several(), |choices| {
        choices.certificate = Some(CERTIFICATE.to_owned());
        choices.log_bucket = Some("acme-logs".to_owned());
        choices.encryption = Encryption::OwnKey;
        choices.price_class = PriceClass::All;
    });
    vec![
        ("one", one()),
        ("one-identity", chosen(one(), |choices| choices.access = Access::Identity)),
        ("split", split()),
        ("split-identity", chosen(split(), |choices| choices.access = Access::Identity)),
        ("own-key", chosen(one(), |choices| choices.encryption = Encryption::OwnKey)),
        ("given-key", chosen(split(), |choices| choices.encryption = Encryption::Key(KEY.to_owned()))),
        ("adopted", Deployment { buckets: adopted.clone(), ..split() }),
        (
            "adopted-given-key",
            chosen(Deployment { buckets: adopted, ..split() }, |choices| {
                choices.encryption = Encryption::Key(KEY.to_owned());
            }),
        ),
        (
            "own-name",
            chosen(one(), |choices| {
                choices.certificate = Some(CERTIFICATE.to_owned());
                choices.log_bucket = Some("acme-logs".to_owned());
            }),
        ),
        ("several", several()),
        ("everything", everything),
        ("function", chosen(split(), |choices| choices.form = Form::CloudFrontFunction)),
        ("function-several", chosen(several(), |choices| choices.form = Form::CloudFrontFunction)),
    ]
}
