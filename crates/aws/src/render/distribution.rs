//! The distribution: origins, behaviours, names.

use crate::behaviours::Behaviour;
use crate::judge::Judged;
use crate::settings::{Access, PriceClass};

use super::edge::association;
use super::fill::{fill, quoted};
use super::headers;
use super::names::{BucketNames, of_buckets};

const DISTRIBUTION: &str = include_str!("pieces/distribution.yaml");
const ORIGIN_CONTROL: &str = include_str!("pieces/origin-control.yaml");
const ORIGIN_IDENTITY: &str = include_str!("pieces/origin-identity.yaml");
const BEHAVIOUR: &str = include_str!("pieces/behaviour.yaml");
const ALIAS: &str = include_str!("pieces/certificate-own.yaml");
const NO_ALIAS: &str = include_str!("pieces/certificate-default.yaml");
const LOGGING: &str = include_str!("pieces/logging.yaml");

pub fn distribution(judged: &Judged<'_>) -> String {
    let names = of_buckets(judged);
    let deployment = judged.deployment;
    let served = |number: usize| number == 0 || judged.behaviours.iter().any(|behaviour| behaviour.bucket.0 == number);
    let origin = match deployment.choices.access {
        Access::Control => ORIGIN_CONTROL,
        Access::Identity => ORIGIN_IDENTITY,
    };
    let origins: String = names
        .iter()
        .enumerate()
        .filter(|(number, _)| served(*number))
        .map(|(_, names)| fill(origin, &[("id", &names.origin), ("domain", &names.domain)]))
        .collect();
    let (default, special): (Vec<&Behaviour>, Vec<&Behaviour>) =
        judged.behaviours.iter().partition(|behaviour| behaviour.pattern == "*");
    let default: String = default.iter().map(|one| behaviour(judged, one, &names)).collect();
    let special: String = special
        .iter()
        .map(|one| {
            let body = behaviour(judged, one, &names);
            fill("- PathPattern: @pattern@\n  @body@\n", &[("pattern", &quoted(&one.pattern)), ("body", &body)])
        })
        .collect();
    fill(
        DISTRIBUTION,
        &[
            ("price_class", price_class(deployment.choices.price_class)),
            ("viewer", &viewer(judged)),
            ("logging", &logging(judged)),
            ("origins", &origins),
            ("default", &default),
            ("special", &special),
        ],
    )
}

fn behaviour(judged: &Judged<'_>, behaviour: &Behaviour, names: &[BucketNames]) -> String {
    let origin = names.get(behaviour.bucket.0).map_or("objects", |names| names.origin.as_str());
    fill(
        BEHAVIOUR,
        &[("origin", origin), ("headers", headers::name(behaviour.audience)), ("association", &association(judged))],
    )
}

fn viewer(judged: &Judged<'_>) -> String {
    match (judged.alias, &judged.deployment.choices.certificate) {
        (Some(alias), Some(certificate)) => fill(ALIAS, &[("alias", alias), ("certificate", certificate)]),
        _ => NO_ALIAS.to_owned(),
    }
}

fn logging(judged: &Judged<'_>) -> String {
    judged
        .deployment
        .choices
        .log_bucket
        .as_ref()
        .map_or_else(String::new, |bucket| fill(LOGGING, &[("bucket", bucket)]))
}

pub fn price_class(class: PriceClass) -> &'static str {
    match class {
        PriceClass::Class100 => "PriceClass_100",
        PriceClass::Class200 => "PriceClass_200",
        PriceClass::All => "PriceClass_All",
    }
}
