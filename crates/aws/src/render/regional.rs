//! The function behind `/_edgepass/*`, its role, and the API before it.

use crate::judge::Judged;
use crate::settings::{Encryption, Owner};

use super::buckets::sub;
use super::fill::{fill, list};
use super::names::of_buckets;

const REGIONAL: &str = include_str!("pieces/regional.yaml");
const UPLOADS: &str = include_str!("pieces/regional-uploads.yaml");
const KEY: &str = include_str!("pieces/regional-key.yaml");

pub fn regional(judged: &Judged<'_>) -> String {
    let names = of_buckets(judged);
    let mut objects = Vec::new();
    let mut encrypts = false;
    for (served, names) in judged.buckets.iter().zip(&names) {
        encrypts |= !served.uploads.is_empty() && uses_key(judged, served.bucket.owner);
        objects.extend(served.uploads.iter().map(|keys| sub(&format!("{}/{keys}", names.arn))));
    }
    let uploads = if objects.is_empty() { String::new() } else { fill(UPLOADS, &[("objects", &list(&objects))]) };
    let key = match &judged.deployment.choices.encryption {
        Encryption::OwnKey if encrypts => fill(KEY, &[("key", "!GetAtt ObjectsKey.Arn")]),
        Encryption::Key(key) if encrypts => fill(KEY, &[("key", key)]),
        _ => String::new(),
    };
    fill(REGIONAL, &[("uploads", &uploads), ("key", &key)])
}

/// A key of the stack's own encrypts the stack's buckets alone.
fn uses_key(judged: &Judged<'_>, owner: Owner) -> bool {
    match judged.deployment.choices.encryption {
        Encryption::S3 => false,
        Encryption::OwnKey => owner == Owner::Stack,
        Encryption::Key(_) => true,
    }
}
