//! The distribution: the one of the templates, whole.

use http::StatusCode;

use crate::fault::Fault;
use crate::settings::Settings;
use crate::template::behaviours::{Behaviour, behaviour};
use crate::template::origins::{Origin, origin};
use crate::template::{Section, Templates};

#[derive(Debug)]
pub struct Distribution {
    /// In their order; the default behaviour is the last, with the pattern `*`.
    pub behaviours: Vec<Behaviour>,
    pub origins: Vec<Origin>,
    pub errors: Vec<CustomError>,
    /// What `/` asks for, without a slash before it.
    pub root_object: Option<String>,
}

#[derive(Clone, Debug)]
pub struct CustomError {
    pub status: StatusCode,
    /// Seconds.
    pub ttl: Option<i64>,
    pub page: Option<ErrorPage>,
}

#[derive(Clone, Debug)]
pub struct ErrorPage {
    pub path: String,
    pub status: StatusCode,
}

/// Makes no difference on this machine; a firewall's rules (`WebACLId`) are not read.
const IGNORED: &[&str] = &[
    "Aliases",
    "Comment",
    "Enabled",
    "HttpVersion",
    "IPV6Enabled",
    "Logging",
    "PriceClass",
    "Staging",
    "ViewerCertificate",
    "WebACLId",
];

pub fn distribution(templates: &Templates, settings: &Settings) -> Result<Distribution, Fault> {
    let mut found = templates.of_kind("AWS::CloudFront::Distribution");
    let one = found.next().ok_or_else(|| Fault::Wrong {
        place: "the templates".into(),
        what: "there is no AWS::CloudFront::Distribution".into(),
    })?;
    let properties = templates.properties(one);
    let section = properties.section();
    if found.next().is_some() {
        return Err(section.not_emulated("more than one distribution"));
    }
    section.only(&["DistributionConfig"], &["Tags"])?;
    let config = section.get("DistributionConfig");
    let read = [
        "CacheBehaviors",
        "CustomErrorResponses",
        "DefaultCacheBehavior",
        "DefaultRootObject",
        "Origins",
        "Restrictions",
    ];
    config.only(&read, IGNORED)?;
    if config.get("Restrictions").get("GeoRestriction").get("RestrictionType").text_or("none")? != "none" {
        return Err(config.get("Restrictions").not_emulated("restrictions by country"));
    }
    let page = properties.page;
    let mut names = Vec::new();
    let mut origins = Vec::new();
    for item in config.get("Origins").items() {
        names.push(item.get("Id").text()?);
        origins.push(origin(templates, page, &item, settings)?);
    }
    let mut behaviours = Vec::new();
    for item in config.get("CacheBehaviors").items() {
        let pattern = item.get("PathPattern").text()?;
        behaviours.push(behaviour(templates, page, &item, pattern, &names, settings)?);
    }
    behaviours.push(behaviour(templates, page, &config.get("DefaultCacheBehavior"), "*", &names, settings)?);
    for behaviour in &behaviours {
        if behaviour.cache.max > 0 && matches!(origins.get(behaviour.origin), Some(Origin::Api(_))) {
            let what =
                format!("a cache for an HTTP API's answers: `{}` needs a policy with MaxTTL 0", behaviour.pattern);
            return Err(config.get("CacheBehaviors").not_emulated(what));
        }
    }
    let errors = config.get("CustomErrorResponses");
    Ok(Distribution {
        behaviours,
        origins,
        errors: errors.items().map(|item| custom_error(&item)).collect::<Result<_, _>>()?,
        root_object: Some(config.get("DefaultRootObject").text_or("")?.to_owned()).filter(|name| !name.is_empty()),
    })
}

fn custom_error(section: &Section<'_>) -> Result<CustomError, Fault> {
    section.only(&["ErrorCachingMinTTL", "ErrorCode", "ResponseCode", "ResponsePagePath"], &[])?;
    let status = |key: &str| -> Result<StatusCode, Fault> {
        let number = u16::try_from(section.get(key).number_or(0)?).unwrap_or_default();
        StatusCode::from_u16(number).map_err(|_| section.get(key).wrong("is no status"))
    };
    let path = section.get("ResponsePagePath");
    if path.is_empty() != section.get("ResponseCode").is_empty() {
        return Err(section.wrong("ResponsePagePath and ResponseCode go together"));
    }
    let page = if path.is_empty() {
        None
    } else {
        Some(ErrorPage { path: path.text()?.to_owned(), status: status("ResponseCode")? })
    };
    let ttl = section.get("ErrorCachingMinTTL");
    Ok(CustomError {
        status: status("ErrorCode")?,
        ttl: if ttl.is_there() { Some(ttl.number_or(0)?) } else { None },
        page,
    })
}
