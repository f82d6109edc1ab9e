//! Cache policies, origin request policies and response headers policies: of the template, or managed ones that are known.
//! https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html

use http::{HeaderName, HeaderValue};

use crate::fault::Fault;
use crate::policy::{CachePolicy, CorsHeaders, FixedHeader, OriginRequestPolicy, ResponseHeadersPolicy, Selection};
use crate::template::{Properties, Section, Templates};

const YEAR: i64 = 31_536_000;
const DAY: i64 = 86_400;

pub fn cache_policy(templates: &Templates, page: usize, id: &Section<'_>) -> Result<CachePolicy, Fault> {
    let Some(properties) = own(templates, page, id, "AWS::CloudFront::CachePolicy")? else {
        let (min, default, max) = match id.text()? {
            "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" => (0, 0, 0),
            "658327ea-f89d-4fab-a63d-7e88639e58f6" => (1, DAY, YEAR),
            other => return Err(id.not_emulated(unknown(other, "CachingDisabled and CachingOptimized"))),
        };
        let none = || Selection::None;
        return Ok(CachePolicy { min, default, max, headers: none(), cookies: none(), queries: none() });
    };
    let config = properties.section().get("CachePolicyConfig");
    config
        .only(&["MinTTL", "DefaultTTL", "MaxTTL", "ParametersInCacheKeyAndForwardedToOrigin"], &["Name", "Comment"])?;
    let key = config.get("ParametersInCacheKeyAndForwardedToOrigin");
    key.only(
        &["HeadersConfig", "CookiesConfig", "QueryStringsConfig"],
        // Objects are served as they are stored, so that the encodings a viewer accepts make no difference.
        &["EnableAcceptEncodingGzip", "EnableAcceptEncodingBrotli"],
    )?;
    let policy = CachePolicy {
        min: config.get("MinTTL").number_or(0)?,
        default: config.get("DefaultTTL").number_or(DAY)?,
        max: config.get("MaxTTL").number_or(YEAR)?,
        headers: selection(&key.get("HeadersConfig"), "HeaderBehavior", "Headers")?,
        cookies: selection(&key.get("CookiesConfig"), "CookieBehavior", "Cookies")?,
        queries: selection(&key.get("QueryStringsConfig"), "QueryStringBehavior", "QueryStrings")?,
    };
    let ordered = 0 <= policy.min && policy.min <= policy.default && policy.default <= policy.max;
    if ordered { Ok(policy) } else { Err(config.wrong("MinTTL, DefaultTTL and MaxTTL must not fall in this order")) }
}

pub fn origin_request_policy(
    templates: &Templates,
    page: usize,
    id: &Section<'_>,
) -> Result<OriginRequestPolicy, Fault> {
    if !id.is_there() {
        return Ok(OriginRequestPolicy::none());
    }
    let words = |words: &[&str]| Selection::Only(words.iter().map(|word| (*word).to_owned()).collect());
    let Some(properties) = own(templates, page, id, "AWS::CloudFront::OriginRequestPolicy")? else {
        let (headers, cookies, queries) = match id.text()? {
            "216adef6-5c7f-47e4-b989-5492eafa07d3" => (Selection::All, Selection::All, Selection::All),
            "b689b0a8-53d0-40ab-baf2-68738e2966ac" => {
                (Selection::AllBut(vec!["host".into()]), Selection::All, Selection::All)
            }
            "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf" => (
                words(&["origin", "access-control-request-headers", "access-control-request-method"]),
                Selection::None,
                Selection::None,
            ),
            "59781a5b-3903-41f3-afcb-af62929ccde1" => (words(&["origin"]), Selection::None, Selection::None),
            other => {
                let known = "AllViewer, AllViewerExceptHostHeader, CORS-S3Origin and CORS-CustomOrigin";
                return Err(id.not_emulated(unknown(other, known)));
            }
        };
        return Ok(OriginRequestPolicy { headers, cookies, queries });
    };
    let config = properties.section().get("OriginRequestPolicyConfig");
    config.only(&["HeadersConfig", "CookiesConfig", "QueryStringsConfig"], &["Name", "Comment"])?;
    Ok(OriginRequestPolicy {
        headers: selection(&config.get("HeadersConfig"), "HeaderBehavior", "Headers")?,
        cookies: selection(&config.get("CookiesConfig"), "CookieBehavior", "Cookies")?,
        queries: selection(&config.get("QueryStringsConfig"), "QueryStringBehavior", "QueryStrings")?,
    })
}

pub fn response_headers_policy(
    templates: &Templates,
    page: usize,
    id: &Section<'_>,
) -> Result<Option<ResponseHeadersPolicy>, Fault> {
    if !id.is_there() {
        return Ok(None);
    }
    let Some(properties) = own(templates, page, id, "AWS::CloudFront::ResponseHeadersPolicy")? else {
        return Err(id.not_emulated(format!("the managed response headers policy `{}`: write your own", id.text()?)));
    };
    let config = properties.section().get("ResponseHeadersPolicyConfig");
    config.only(
        &["CorsConfig", "SecurityHeadersConfig", "CustomHeadersConfig", "RemoveHeadersConfig"],
        &["Name", "Comment", "ServerTimingHeadersConfig"],
    )?;
    let mut fixed = security_headers(&config.get("SecurityHeadersConfig"))?;
    for item in config.get("CustomHeadersConfig").get("Items").items() {
        let value = item.get("Value").text_or("")?;
        fixed.push(fixed_header(&item, &header_name(&item.get("Header"))?, value)?);
    }
    let removed = config.get("RemoveHeadersConfig").get("Items");
    let removed = removed.items().map(|item| header_name(&item.get("Header"))).collect::<Result<_, _>>()?;
    Ok(Some(ResponseHeadersPolicy { cors: cors(&config.get("CorsConfig"))?, fixed, removed }))
}

fn cors(section: &Section<'_>) -> Result<Option<CorsHeaders>, Fault> {
    if !section.is_there() {
        return Ok(None);
    }
    let words = |key: &str| -> Result<Vec<String>, Fault> {
        Ok(section.get(key).get("Items").texts()?.into_iter().map(ToOwned::to_owned).collect())
    };
    let joined = |key: &str| -> Result<Option<HeaderValue>, Fault> {
        let words = words(key)?;
        if words.is_empty() {
            return Ok(None);
        }
        HeaderValue::try_from(words.join(", ")).map(Some).map_err(|_| section.get(key).wrong("is no header's value"))
    };
    let credentials = section.get("AccessControlAllowCredentials").flag()?;
    let origins = words("AccessControlAllowOrigins")?;
    let methods = words("AccessControlAllowMethods")?;
    for key in ["AccessControlAllowOrigins", "AccessControlAllowHeaders", "AccessControlAllowMethods"] {
        if credentials && words(key)?.iter().any(|word| word == "*") {
            return Err(section.get(key).wrong("`*` does not go with AccessControlAllowCredentials"));
        }
    }
    let methods = if methods.iter().any(|method| method == "ALL") {
        Some(HeaderValue::from_static("GET, DELETE, HEAD, OPTIONS, PATCH, POST, PUT"))
    } else {
        joined("AccessControlAllowMethods")?
    };
    let max_age = section.get("AccessControlMaxAgeSec");
    Ok(Some(CorsHeaders {
        origins,
        credentials,
        methods,
        headers: joined("AccessControlAllowHeaders")?,
        exposed: joined("AccessControlExposeHeaders")?,
        max_age: if max_age.is_there() { Some(max_age.number_or(0)?.into()) } else { None },
        over_origin: section.get("OriginOverride").flag()?,
    }))
}

fn security_headers(section: &Section<'_>) -> Result<Vec<FixedHeader>, Fault> {
    let mut made = Vec::new();
    for key in section.keys() {
        let part = section.get(key);
        let (name, value) = match key {
            "ContentTypeOptions" => ("x-content-type-options", "nosniff".to_owned()),
            "ReferrerPolicy" => ("referrer-policy", part.get("ReferrerPolicy").text()?.to_owned()),
            "FrameOptions" => ("x-frame-options", part.get("FrameOption").text()?.to_owned()),
            "ContentSecurityPolicy" => {
                ("content-security-policy", part.get("ContentSecurityPolicy").text()?.to_owned())
            }
            "StrictTransportSecurity" => ("strict-transport-security", strict_transport(&part)?),
            _ => return Err(part.not_emulated("this header")),
        };
        made.push(fixed_header(&part, &HeaderName::from_static(name), &value)?);
    }
    Ok(made)
}

fn strict_transport(section: &Section<'_>) -> Result<String, Fault> {
    let mut value = format!("max-age={}", section.get("AccessControlMaxAgeSec").number_or(0)?);
    if section.get("IncludeSubdomains").flag()? {
        value.push_str("; includeSubDomains");
    }
    if section.get("Preload").flag()? {
        value.push_str("; preload");
    }
    Ok(value)
}

fn fixed_header(section: &Section<'_>, name: &HeaderName, value: &str) -> Result<FixedHeader, Fault> {
    let value = HeaderValue::try_from(value).map_err(|_| section.wrong("is no header's value"))?;
    Ok(FixedHeader { name: name.clone(), value, over_origin: section.get("Override").flag()? })
}

pub fn header_name(section: &Section<'_>) -> Result<HeaderName, Fault> {
    section.text()?.parse().map_err(|_| section.wrong("is no header's name"))
}

/// `…Behavior`: none, whitelist, all, allExcept, allViewer; and the list that goes with it.
fn selection(section: &Section<'_>, behaviour: &str, list: &str) -> Result<Selection, Fault> {
    let words: Vec<String> = section.get(list).texts()?.into_iter().map(ToOwned::to_owned).collect();
    // Names of headers do not depend on case.
    let words = if list == "Headers" { words.iter().map(|word| word.to_ascii_lowercase()).collect() } else { words };
    match section.get(behaviour).text_or("none")? {
        "none" => Ok(Selection::None),
        "whitelist" => Ok(Selection::Only(words)),
        "all" | "allViewer" => Ok(Selection::All),
        "allExcept" => Ok(Selection::AllBut(words)),
        other => Err(section.get(behaviour).not_emulated(format!("`{other}`"))),
    }
}

/// The policy's properties where it is of a template.
fn own(templates: &Templates, page: usize, id: &Section<'_>, kind: &str) -> Result<Option<Properties>, Fault> {
    match templates.named(page, id.text()?) {
        Some(found) if found.kind == kind => Ok(Some(templates.properties(found))),
        Some(found) => Err(id.wrong(format!("`{}` is {}, not {kind}", found.id, found.kind))),
        None if id.text()?.contains("${") => Err(id.wrong("names no resource of the templates")),
        None => Ok(None),
    }
}

fn unknown(id: &str, known: &str) -> String {
    format!("the managed policy `{id}`; known are {known}")
}
