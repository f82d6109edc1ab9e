//! Origins: a bucket, or an HTTP API with a function behind it.

use aws_check::glob;
use http::{HeaderName, HeaderValue};

use crate::fault::Fault;
use crate::settings::{Settings, Store};
use crate::template::functions::{Lambda, regional_function};
use crate::template::policies::header_name;
use crate::template::secrets::revealed;
use crate::template::{Section, Templates};

#[derive(Debug)]
pub enum Origin {
    Bucket(BucketOrigin),
    Api(ApiOrigin),
}

#[derive(Clone, Debug)]
pub struct BucketOrigin {
    pub store: Store,
    pub access: Access,
    /// Before every key, without a slash at its end.
    pub path: String,
    /// Patterns of the keys for which the bucket's policy grants CloudFront `s3:GetObject`.
    pub reads: Vec<String>,
    /// Whether it grants `s3:ListBucket`: with that S3 says 404 for what is not there, without it 403.
    pub lists: bool,
}

/// As whom CloudFront asks a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Signed,
    Nobody,
}

#[derive(Clone, Debug)]
pub struct ApiOrigin {
    /// The API's logical id.
    pub id: String,
    pub domain: String,
    pub function: Lambda,
    /// Secrets among them: never to be written anywhere.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

const READ: &[&str] = &[
    "CustomOriginConfig",
    "DomainName",
    "Id",
    "OriginAccessControlId",
    "OriginCustomHeaders",
    "OriginPath",
    "S3OriginConfig",
];

pub fn origin(templates: &Templates, page: usize, section: &Section<'_>, settings: &Settings) -> Result<Origin, Fault> {
    section.only(READ, &["ConnectionAttempts", "ConnectionTimeout", "ResponseCompletionTimeout", "OriginShield"])?;
    if section.get("S3OriginConfig").is_there() {
        return bucket(templates, page, section, settings).map(Origin::Bucket);
    }
    let domain = section.get("DomainName");
    match templates.named(page, domain.text()?) {
        Some(found) if found.kind == "AWS::ApiGatewayV2::Api" => {
            api(templates, page, section, settings).map(Origin::Api)
        }
        Some(found) if found.kind == "AWS::S3::Bucket" => {
            Err(section.get("S3OriginConfig").wrong("is not there, though the origin is a bucket"))
        }
        _ => Err(domain.not_emulated("custom origins other than an AWS::ApiGatewayV2::Api of the templates")),
    }
}

fn bucket(
    templates: &Templates,
    page: usize,
    section: &Section<'_>,
    settings: &Settings,
) -> Result<BucketOrigin, Fault> {
    let domain = section.get("DomainName");
    let text = domain.text()?;
    let id = match templates.named(page, text) {
        Some(found) if found.kind == "AWS::S3::Bucket" && text == format!("${{{}.RegionalDomainName}}", found.id) => {
            found.id
        }
        Some(_) => return Err(domain.not_emulated("other names than a bucket's RegionalDomainName")),
        None => {
            let name = text.split_once(".s3.").map(|(name, _)| name).filter(|_| text.ends_with(".amazonaws.com"));
            name.ok_or_else(|| domain.not_emulated("names that are not `NAME.s3.REGION.amazonaws.com`"))?
        }
    };
    if section.get("OriginCustomHeaders").is_there() {
        return Err(section.get("OriginCustomHeaders").not_emulated("headers for a bucket"));
    }
    let identity = section.get("S3OriginConfig").get("OriginAccessIdentity");
    let control = section.get("OriginAccessControlId");
    if !identity.is_empty() && !control.is_empty() {
        return Err(control.wrong("an origin cannot have an access control and an access identity"));
    }
    let access = if !control.is_empty() {
        signing(templates, page, &control)?
    } else if !identity.is_empty() {
        Access::Signed
    } else {
        Access::Nobody
    };
    let store = settings.stores.get(id);
    Ok(BucketOrigin {
        store: store.cloned().ok_or_else(|| domain.missing(format!("the store that plays the bucket `{id}`")))?,
        access,
        path: section.get("OriginPath").text_or("")?.to_owned(),
        reads: granted(templates, id, "s3:GetObject")?.iter().filter_map(|resource| key_pattern(resource)).collect(),
        lists: !granted(templates, id, "s3:ListBucket")?.is_empty(),
    })
}

fn signing(templates: &Templates, page: usize, control: &Section<'_>) -> Result<Access, Fault> {
    let found =
        templates.named(page, control.text()?).filter(|found| found.kind == "AWS::CloudFront::OriginAccessControl");
    let properties = templates.properties(found.ok_or_else(|| control.wrong("names no access control"))?);
    let config = properties.section().get("OriginAccessControlConfig");
    for (key, wanted) in [("OriginAccessControlOriginType", "s3"), ("SigningProtocol", "sigv4")] {
        if config.get(key).text()? != wanted {
            return Err(config.get(key).not_emulated(format!("other than `{wanted}`")));
        }
    }
    match config.get("SigningBehavior").text()? {
        "always" => Ok(Access::Signed),
        "never" => Ok(Access::Nobody),
        other => Err(config.get("SigningBehavior").not_emulated(format!("`{other}`"))),
    }
}

/// The resources for which some policy of the bucket's allows CloudFront the action. Conditions and refusals are not looked at:
/// that is for the check of templates.
fn granted(templates: &Templates, bucket: &str, action: &str) -> Result<Vec<String>, Fault> {
    let mut resources = Vec::new();
    for found in templates.of_kind("AWS::S3::BucketPolicy") {
        let properties = templates.properties(found);
        let section = properties.section();
        let name = section.get("Bucket").text()?;
        let here = name == bucket || templates.named(found.page, name).is_some_and(|named| named.id == bucket);
        if !here {
            continue;
        }
        for statement in section.get("PolicyDocument").get("Statement").items() {
            let allows = statement.get("Effect").text()? == "Allow";
            let actions = statement.get("Action").texts()?;
            let covers = actions.iter().any(|pattern| glob(pattern.as_bytes(), action.as_bytes()));
            if allows && covers && is_for_cloudfront(&statement.get("Principal"))? {
                resources.extend(statement.get("Resource").texts()?.into_iter().map(ToOwned::to_owned));
            }
        }
    }
    Ok(resources)
}

/// `${Bucket.Arn}/years/*` or `arn:aws:s3:::name/years/*` as `years/*`; none for the bucket itself.
fn key_pattern(resource: &str) -> Option<String> {
    if resource == "*" {
        return Some(resource.to_owned());
    }
    resource.split_once('/').map(|(_, pattern)| pattern.to_owned())
}

/// The service, or by an ARN or a canonical user an access identity; anyone is CloudFront, too.
fn is_for_cloudfront(principal: &Section<'_>) -> Result<bool, Fault> {
    let anyone = principal.text().is_ok_and(|text| text == "*");
    let service = principal.get("Service").texts()?.contains(&"cloudfront.amazonaws.com");
    Ok(anyone || service || principal.get("CanonicalUser").is_there() || principal.get("AWS").is_there())
}

fn api(templates: &Templates, page: usize, section: &Section<'_>, settings: &Settings) -> Result<ApiOrigin, Fault> {
    let domain = section.get("DomainName");
    let found = templates.named(page, domain.text()?).ok_or_else(|| domain.wrong("names no resource"))?;
    let mut headers = Vec::new();
    for item in section.get("OriginCustomHeaders").items() {
        let mut value = HeaderValue::try_from(revealed(&item.get("HeaderValue"), &settings.secrets)?)
            .map_err(|_| item.get("HeaderValue").wrong("is no header's value"))?;
        value.set_sensitive(true);
        headers.push((header_name(&item.get("HeaderName"))?, value));
    }
    if !section.get("OriginPath").is_empty() {
        return Err(section.get("OriginPath").not_emulated("a path before an HTTP API's"));
    }
    Ok(ApiOrigin {
        id: found.id.to_owned(),
        domain: format!("{}.execute-api.{}.amazonaws.com", found.id.to_ascii_lowercase(), templates.region(found.page)),
        function: behind(templates, found.page, found.id, settings)?,
        headers,
    })
}

/// The function that answers the API's `$default` route: by routes and integrations, or by the API's own `Target`.
fn behind(templates: &Templates, page: usize, api: &str, settings: &Settings) -> Result<Lambda, Fault> {
    let found = templates.named(page, &format!("${{{api}}}"));
    let properties =
        templates.properties(found.ok_or_else(|| Fault::Wrong { place: api.to_owned(), what: "is not there".into() })?);
    let api_section = properties.section();
    if api_section.get("ProtocolType").text()? != "HTTP" {
        return Err(api_section.get("ProtocolType").not_emulated("other than `HTTP`"));
    }
    if api_section.get("Target").is_there() {
        return regional_function(templates, page, &api_section.get("Target"), settings);
    }
    one_of(templates, api, "AWS::ApiGatewayV2::Stage", "StageName", "$default")?;
    let route = one_of(templates, api, "AWS::ApiGatewayV2::Route", "RouteKey", "$default")?;
    let target = route.section().get("Target");
    let integration = templates.named(route.page, target.text()?);
    let integration = templates.properties(
        integration
            .filter(|found| found.kind == "AWS::ApiGatewayV2::Integration")
            .ok_or_else(|| target.wrong("names no integration"))?,
    );
    let section = integration.section();
    for (key, wanted) in [("IntegrationType", "AWS_PROXY"), ("PayloadFormatVersion", "2.0")] {
        if section.get(key).text()? != wanted {
            return Err(section.get(key).not_emulated(format!("other than `{wanted}`")));
        }
    }
    regional_function(templates, integration.page, &section.get("IntegrationUri"), settings)
}

/// The one resource of the API's that is of this kind, with this value.
fn one_of(
    templates: &Templates,
    api: &str,
    kind: &str,
    key: &str,
    value: &str,
) -> Result<crate::template::Properties, Fault> {
    let mut wanted = None;
    for found in templates.of_kind(kind) {
        let properties = templates.properties(found);
        let of_api = properties.section().get("ApiId").text()?.to_owned();
        if templates.named(found.page, &of_api).is_none_or(|named| named.id != api) {
            continue;
        }
        if properties.section().get(key).text()? != value {
            return Err(properties.section().get(key).not_emulated(format!("other than `{value}`")));
        }
        wanted = Some(properties);
    }
    wanted.ok_or_else(|| Fault::Wrong { place: api.to_owned(), what: format!("has no {kind} with {key} `{value}`") })
}

impl BucketOrigin {
    pub fn may_read(&self, key: &str) -> bool {
        self.reads.iter().any(|pattern| glob(pattern.as_bytes(), key.as_bytes()))
    }
}
