//! What of a viewer's request is in the cache key, and what the origin gets: cache policies, origin request policies, `ForwardedValues`.

use crate::at::At;
use crate::model::{Behaviour, Policy};

/// Names of headers, cookies or query parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    None,
    These(Vec<String>),
    AllBut(Vec<String>),
    All,
    Unknown,
}

/// Names, and where the template says so.
pub struct Choice<'a> {
    pub at: At<'a>,
    pub names: Names,
}

pub struct Forwarding<'a> {
    pub headers: Choice<'a>,
    pub cookies: Choice<'a>,
    pub query: Choice<'a>,
}

impl Names {
    /// None where it cannot be known.
    pub fn has(&self, name: &str) -> Option<bool> {
        let is_in = |names: &[String]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        match self {
            Self::None => Some(false),
            Self::All => Some(true),
            Self::These(names) => Some(is_in(names)),
            Self::AllBut(names) => Some(!is_in(names)),
            Self::Unknown => None,
        }
    }

    /// All of them, or all but some: whatever a viewer sends.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::All | Self::AllBut(_))
    }

    fn these(names: &[&str]) -> Self {
        Self::These(names.iter().map(|name| (*name).to_owned()).collect())
    }
}

/// What the behaviour's cache policy, or the older `ForwardedValues`, puts into the key. What is in the key the origin gets too.
pub fn cache_key<'a>(behaviour: &Behaviour<'a>) -> Option<Forwarding<'a>> {
    match &behaviour.cache_policy {
        Policy::Own(config) => {
            let parameters = config.get("ParametersInCacheKeyAndForwardedToOrigin")?;
            Some(own(&parameters))
        }
        Policy::Managed(id, at) => {
            let (headers, cookies, query) = managed_cache_policy(id)?;
            Some(everywhere(at, headers, cookies, query))
        }
        Policy::Absent => behaviour.at.get("ForwardedValues").map(|values| legacy(&values)),
        Policy::Unknown => None,
    }
}

/// What the behaviour's origin request policy sends beside the key.
pub fn origin_request<'a>(behaviour: &Behaviour<'a>) -> Option<Forwarding<'a>> {
    match &behaviour.origin_request_policy {
        Policy::Own(config) => Some(own(config)),
        Policy::Managed(id, at) => {
            let (headers, cookies, query) = managed_origin_request_policy(id)?;
            Some(everywhere(at, headers, cookies, query))
        }
        Policy::Absent | Policy::Unknown => None,
    }
}

fn own<'a>(config: &At<'a>) -> Forwarding<'a> {
    Forwarding {
        headers: choice(config, "HeadersConfig", "HeaderBehavior", "Headers"),
        cookies: choice(config, "CookiesConfig", "CookieBehavior", "Cookies"),
        query: choice(config, "QueryStringsConfig", "QueryStringBehavior", "QueryStrings"),
    }
}

fn choice<'a>(config: &At<'a>, section: &str, behaviour: &str, list: &str) -> Choice<'a> {
    let Some(section) = config.get(section) else {
        return Choice { at: config.clone(), names: Names::Unknown };
    };
    let names = match section.text_of(behaviour) {
        Some("none") => Names::None,
        Some("all" | "allViewer" | "allViewerAndWhitelistCloudFront") => Names::All,
        Some("whitelist") => section.get(list).map_or(Names::None, |list| these(&list)),
        Some("allExcept") => match section.get(list).map(|list| these(&list)) {
            Some(Names::These(names)) => Names::AllBut(names),
            Some(_) => Names::Unknown,
            None => Names::All,
        },
        _ => Names::Unknown,
    };
    let at = match names {
        Names::These(_) | Names::AllBut(_) => section.get(list),
        _ => section.get(behaviour),
    };
    Choice { at: at.unwrap_or(section), names }
}

fn these(list: &At<'_>) -> Names {
    let items: Option<Vec<String>> = list.items().iter().map(|item| item.text().map(str::to_owned)).collect();
    match items {
        Some(items) if !list.node.is_unknown() => Names::These(items),
        _ => Names::Unknown,
    }
}

fn legacy<'a>(values: &At<'a>) -> Forwarding<'a> {
    let headers = match values.get("Headers") {
        Some(list) => match these(&list) {
            Names::These(names) if names.iter().any(|name| name == "*") => Choice { at: list, names: Names::All },
            names => Choice { at: list, names },
        },
        None => Choice { at: values.clone(), names: Names::None },
    };
    Forwarding { headers, cookies: legacy_cookies(values), query: legacy_query(values) }
}

fn legacy_cookies<'a>(values: &At<'a>) -> Choice<'a> {
    let Some(cookies) = values.get("Cookies") else {
        return Choice { at: values.clone(), names: Names::None };
    };
    let names = match cookies.text_of("Forward") {
        Some("none") => Names::None,
        Some("all") => Names::All,
        Some("whitelist") => cookies.get("WhitelistedNames").map_or(Names::None, |list| these(&list)),
        _ => Names::Unknown,
    };
    Choice { at: cookies.get("Forward").unwrap_or(cookies), names }
}

fn legacy_query<'a>(values: &At<'a>) -> Choice<'a> {
    let Some(query) = values.get("QueryString") else {
        return Choice { at: values.clone(), names: Names::None };
    };
    let names = match (query.node.boolean(), values.get("QueryStringCacheKeys")) {
        (Some(false), _) => Names::None,
        (Some(true), None) => Names::All,
        (Some(true), Some(keys)) if keys.items().is_empty() && !keys.node.is_unknown() => Names::All,
        // The origin gets the whole query; these are in the key.
        (Some(true), Some(keys)) => these(&keys),
        (None, _) => Names::Unknown,
    };
    Choice { at: query, names }
}

fn everywhere<'a>(at: &At<'a>, headers: Names, cookies: Names, query: Names) -> Forwarding<'a> {
    let choice = |names| Choice { at: at.clone(), names };
    Forwarding { headers: choice(headers), cookies: choice(cookies), query: choice(query) }
}

/// Whether the policy of that id is one of CloudFront's own, which every account has.
pub fn is_managed(id: &str) -> bool {
    managed_cache_policy(id).is_some() || managed_origin_request_policy(id).is_some()
}

/// Headers, cookies, query. <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html>
fn managed_cache_policy(id: &str) -> Option<(Names, Names, Names)> {
    Some(match id {
        // CachingDisabled, CachingOptimized, CachingOptimizedForUncompressedObjects
        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        | "658327ea-f89d-4fab-a63d-7e88639e58f6"
        | "b2884449-e4de-46a7-ac36-70bc7f1ddd6d" => (Names::None, Names::None, Names::None),
        // Amplify
        "2e54312d-136d-493c-8eb9-b001f22f67d2" => {
            (Names::these(&["Authorization", "CloudFront-Viewer-Country", "Host"]), Names::All, Names::All)
        }
        // Elemental-MediaPackage
        "08627262-05a9-4f76-9ded-b50ca2e3a84f" => {
            (Names::these(&["Origin"]), Names::None, Names::these(&["aws.manifestfilter", "start", "end", "m"]))
        }
        // UseOriginCacheControlHeaders, and with -QueryStrings
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65" => (Names::these(OF_ORIGIN_HEADERS), Names::All, Names::None),
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe" => (Names::these(OF_ORIGIN_HEADERS), Names::All, Names::All),
        _ => return None,
    })
}

const OF_ORIGIN_HEADERS: &[&str] = &["Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];

/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html>
fn managed_origin_request_policy(id: &str) -> Option<(Names, Names, Names)> {
    Some(match id {
        // AllViewer, AllViewerAndCloudFrontHeaders-2022-06
        "216adef6-5c7f-47e4-b989-5492eafa07d3" | "33f36d7e-f396-46d9-90e0-52428a34d9dc" => {
            (Names::All, Names::All, Names::All)
        }
        // AllViewerExceptHostHeader
        "b689b0a8-53d0-40ab-baf2-68738e2966ac" => (Names::AllBut(vec!["host".into()]), Names::All, Names::All),
        // CORS-CustomOrigin
        "59781a5b-3903-41f3-afcb-af62929ccde1" => (Names::these(&["Origin"]), Names::None, Names::None),
        // CORS-S3Origin
        "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf" => {
            let headers = ["Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method"];
            (Names::these(&headers), Names::None, Names::None)
        }
        // UserAgentRefererHeaders
        "acba4595-bd28-49b8-b9fe-13317c0390fa" => (Names::these(&["User-Agent", "Referer"]), Names::None, Names::None),
        // HostHeaderOnly
        "bf0718e1-ba1e-49d1-88b1-f726733018ae" => (Names::these(&["Host"]), Names::None, Names::None),
        _ => return None,
    })
}
