//! The names of a bucket's resources, and how a template speaks of the bucket: of one that it makes by reference, of one that is
//! there already by name.

use crate::judge::{Judged, Served};
use crate::settings::Owner;

pub struct BucketNames {
    /// What tells this bucket's resources from the first one's, whose names have nothing appended.
    pub suffix: String,
    /// Of its origin in the distribution.
    pub origin: String,
    /// In `!Sub`.
    pub arn: String,
    /// A value.
    pub domain: String,
    /// A value for `Bucket:`.
    pub reference: String,
}

impl BucketNames {
    pub fn logical(&self) -> String {
        format!("Bucket{}", self.suffix)
    }
}

pub fn of_buckets(judged: &Judged<'_>) -> Vec<BucketNames> {
    let mut taken: Vec<String> = Vec::new();
    judged
        .buckets
        .iter()
        .enumerate()
        .map(|(number, served)| {
            let mut suffix = if number == 0 { String::new() } else { words(&served.bucket.name) };
            // `BucketPolicy` is the first bucket's policy; two names may differ in their punctuation alone.
            if suffix.starts_with("Policy") || taken.contains(&suffix) {
                suffix = format!("{number}{suffix}");
            }
            taken.push(suffix.clone());
            names(served, number, suffix)
        })
        .collect()
}

fn names(served: &Served<'_>, number: usize, suffix: String) -> BucketNames {
    let name = &served.bucket.bucket;
    let origin = if number == 0 { "objects".to_owned() } else { format!("objects-{}", served.bucket.name) };
    match served.bucket.owner {
        Owner::Stack => {
            let logical = format!("Bucket{suffix}");
            BucketNames {
                suffix,
                origin,
                arn: format!("${{{logical}.Arn}}"),
                domain: format!("!GetAtt {logical}.RegionalDomainName"),
                reference: format!("!Ref {logical}"),
            }
        }
        Owner::Adopted => BucketNames {
            suffix,
            origin,
            arn: format!("arn:${{AWS::Partition}}:s3:::{name}"),
            domain: format!("{name}.s3.{}.amazonaws.com", served.bucket.region),
            reference: name.clone(),
        },
    }
}

/// `user-files` becomes `UserFiles`.
fn words(name: &str) -> String {
    let parts = name.split(|character: char| !character.is_ascii_alphanumeric());
    parts
        .map(|part| {
            let mut letters = part.chars();
            letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}
