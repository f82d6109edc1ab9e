//! Buckets, their key, and who may read them.

use crate::judge::{Judged, Served};
use crate::settings::{Access, Encryption, Owner};

use super::fill::{fill, list, quoted};
use super::names::{BucketNames, of_buckets};

const BUCKET: &str = include_str!("pieces/bucket.yaml");
const ENCRYPTION: &str = include_str!("pieces/bucket-encryption.yaml");
const CORS: &str = include_str!("pieces/bucket-cors.yaml");
const KEY: &str = include_str!("pieces/key.yaml");
const POLICY: &str = include_str!("pieces/bucket-policy.yaml");
const ADOPTED: &str = include_str!("pieces/bucket-adopted.yaml");
const READ_BY_CONTROL: &str = include_str!("pieces/read-by-control.yaml");
const READ_BY_IDENTITY: &str = include_str!("pieces/read-by-identity.yaml");

pub fn buckets(judged: &Judged<'_>) -> String {
    let mut text = String::new();
    if judged.deployment.choices.encryption == Encryption::OwnKey {
        text.push_str(KEY);
    }
    for (served, names) in judged.buckets.iter().zip(of_buckets(judged)) {
        if served.bucket.owner == Owner::Stack {
            text.push_str(&bucket(judged, served, &names));
        }
        text.push_str(&policy(judged, served, &names));
    }
    text
}

fn bucket(judged: &Judged<'_>, served: &Served<'_>, names: &BucketNames) -> String {
    let encryption = match &judged.deployment.choices.encryption {
        Encryption::S3 => "- ServerSideEncryptionByDefault:\n    SSEAlgorithm: AES256\n".to_owned(),
        Encryption::OwnKey => fill(ENCRYPTION, &[("key", "!GetAtt ObjectsKey.Arn")]),
        Encryption::Key(key) => fill(ENCRYPTION, &[("key", key)]),
    };
    let cors = if served.uploads.is_empty() || judged.deployment.site.apps.is_empty() {
        String::new()
    } else {
        fill(CORS, &[("apps", &list(judged.deployment.site.apps.iter().map(|app| quoted(app))))])
    };
    fill(
        BUCKET,
        &[("id", &names.logical()), ("name", &served.bucket.bucket), ("encryption", &encryption), ("cors", &cors)],
    )
}

fn policy(judged: &Judged<'_>, served: &Served<'_>, names: &BucketNames) -> String {
    let read = match judged.deployment.choices.access {
        Access::Control => READ_BY_CONTROL,
        Access::Identity => READ_BY_IDENTITY,
    };
    let objects = list(served.reads.iter().map(|keys| sub(&format!("{}/{keys}", names.arn))));
    // Nothing leads to a bucket without routes.
    let read = if served.reads.is_empty() {
        String::new()
    } else {
        fill(read, &[("objects", &objects), ("bucket", &sub(&names.arn))])
    };
    let adopted = match served.bucket.owner {
        Owner::Stack => String::new(),
        Owner::Adopted => fill(ADOPTED, &[("name", &served.bucket.bucket)]),
    };
    fill(
        POLICY,
        &[
            ("adopted", &adopted),
            ("suffix", &names.suffix),
            ("bucket", &names.reference),
            ("read", &read),
            ("all", &list([sub(&names.arn), sub(&format!("{}/*", names.arn))])),
        ],
    )
}

pub fn sub(text: &str) -> String {
    format!("!Sub {}", quoted(text))
}
