//! Answers of AWS's APIs in the shapes that CloudFormation has for the same things.

use serde_json::{Map, Value as Json, json};

/// `GetDistributionConfig`: lists without their `Quantity`, and CloudFormation's names.
pub fn distribution(config: &Json) -> Json {
    let mut config = config.clone();
    for behaviour in behaviours(&mut config) {
        // `CachedMethods` stand inside `AllowedMethods`.
        let cached = behaviour.pointer("/AllowedMethods/CachedMethods").cloned();
        if let (Some(cached), Some(behaviour)) = (cached, behaviour.as_object_mut()) {
            behaviour.insert("CachedMethods".into(), cached);
        }
    }
    let groups = config.pointer("/OriginGroups/Items").cloned();
    let mut config = plain(&config);
    if let (Some(Json::Array(groups)), Some(config)) = (groups, config.as_object_mut()) {
        let groups: Vec<Json> = groups.iter().map(origin_group).collect();
        config.insert("OriginGroups".into(), json!({ "Items": groups }));
    }
    for origin in config.get_mut("Origins").and_then(Json::as_array_mut).into_iter().flatten() {
        rename(origin, &[("CustomHeaders", "OriginCustomHeaders")]);
    }
    if let Some(certificate) = config.get_mut("ViewerCertificate") {
        let names = [("ACMCertificateArn", "AcmCertificateArn"), ("IAMCertificateId", "IamCertificateId")];
        rename(certificate, &names);
    }
    hide_secrets(&mut config);
    config
}

fn behaviours(config: &mut Json) -> Vec<&mut Json> {
    let Some(config) = config.as_object_mut() else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in config.iter_mut() {
        match key.as_str() {
            "DefaultCacheBehavior" => found.push(value),
            "CacheBehaviors" => found.extend(value.get_mut("Items").and_then(Json::as_array_mut).into_iter().flatten()),
            _ => {}
        }
    }
    found
}

fn origin_group(group: &Json) -> Json {
    json!({ "Id": group.get("Id"), "Members": { "Items": group.pointer("/Members/Items") } })
}

/// The values of headers that the distribution adds are not needed, and secret.
fn hide_secrets(config: &mut Json) {
    for origin in config.get_mut("Origins").and_then(Json::as_array_mut).into_iter().flatten() {
        for header in origin.get_mut("OriginCustomHeaders").and_then(Json::as_array_mut).into_iter().flatten() {
            if let Some(header) = header.as_object_mut() {
                header.remove("HeaderValue");
            }
        }
    }
}

/// `{Quantity: 2, Items: [a, b]}` is `[a, b]`, wherever it stands.
pub fn plain(json: &Json) -> Json {
    match json {
        Json::Object(object) if object.get("Quantity").is_some_and(Json::is_number) => match object.get("Items") {
            Some(items) => plain(items),
            None => json!([]),
        },
        Json::Object(object) => Json::Object(object.iter().map(|(key, value)| (key.clone(), plain(value))).collect()),
        Json::Array(items) => Json::Array(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}

fn rename(json: &mut Json, names: &[(&str, &str)]) {
    let Some(object) = json.as_object_mut() else { return };
    for (from, to) in names {
        if let Some(value) = object.remove(*from) {
            object.insert((*to).to_owned(), value);
        }
    }
}

/// `GetFunctionConfiguration`: without what is empty, which CloudFormation would not have at all, and without values of variables.
pub fn function(configuration: &Json) -> Json {
    let mut properties = Map::new();
    let names = ["FunctionName", "Runtime", "Role", "Timeout", "MemorySize", "PackageType", "Architectures"];
    for key in names.into_iter().chain(["Layers", "TracingConfig", "EphemeralStorage", "DeadLetterConfig"]) {
        if let Some(value) = configuration.get(key) {
            properties.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(Json::Object(variables)) = configuration.pointer("/Environment/Variables") {
        let names: Map<String, Json> = variables.keys().map(|name| (name.clone(), Json::String("…".into()))).collect();
        properties.insert("Environment".into(), json!({ "Variables": names }));
    }
    if configuration.pointer("/VpcConfig/SubnetIds").and_then(Json::as_array).is_some_and(|ids| !ids.is_empty()) {
        properties.insert("VpcConfig".into(), json!({ "SubnetIds": configuration.pointer("/VpcConfig/SubnetIds") }));
    }
    Json::Object(properties)
}

/// `GetBucketCors`.
pub fn cors(answer: &Json) -> Json {
    json!({ "CorsRules": answer.get("CORSRules") })
}

/// `GetBucketEncryption`.
pub fn encryption(answer: &Json) -> Json {
    let rules = answer.pointer("/ServerSideEncryptionConfiguration/Rules").and_then(Json::as_array);
    let rules: Vec<Json> = rules
        .into_iter()
        .flatten()
        .map(|rule| json!({ "ServerSideEncryptionByDefault": rule.get("ApplyServerSideEncryptionByDefault") }))
        .collect();
    json!({ "ServerSideEncryptionConfiguration": rules })
}

/// `GetBucketAcl`: the canned ACL that comes closest, where strangers are granted something.
pub fn canned_acl(answer: &Json) -> Option<&'static str> {
    let grants = answer.get("Grants").and_then(Json::as_array)?;
    let to = |group: &str| {
        let uris = grants.iter().filter_map(|grant| grant.pointer("/Grantee/URI")).filter_map(Json::as_str);
        uris.into_iter().any(|uri| uri.ends_with(group))
    };
    if to("/AllUsers") { Some("PublicRead") } else { to("/AuthenticatedUsers").then_some("AuthenticatedRead") }
}

/// A policy that stands as text in the answer: `{"Policy": "{…}"}`.
pub fn policy(answer: &Json) -> Option<Json> {
    serde_json::from_str(answer.get("Policy")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_lose_their_quantity() {
        let json = json!({ "A": { "Quantity": 0 }, "B": { "Quantity": 1, "Items": [{ "C": { "Quantity": 1, "Items": [2] } }] } });
        assert_eq!(plain(&json), json!({ "A": [], "B": [{ "C": [2] }] }));
    }

    #[test]
    fn a_distribution_gets_the_names_of_cloudformation() {
        let config = json!({
            "DefaultCacheBehavior": { "AllowedMethods": {
                "Quantity": 2, "Items": ["GET", "HEAD"], "CachedMethods": { "Quantity": 1, "Items": ["GET"] } } },
            "CacheBehaviors": { "Quantity": 0 },
            "OriginGroups": { "Quantity": 1, "Items": [{ "Id": "g", "Members": { "Quantity": 1, "Items": [{ "OriginId": "o" }] } }] },
            "Origins": { "Quantity": 1, "Items": [{ "Id": "o", "CustomHeaders": {
                "Quantity": 1, "Items": [{ "HeaderName": "x-secret", "HeaderValue": "s" }] } }] },
            "ViewerCertificate": { "ACMCertificateArn": "arn" },
        });
        assert_eq!(
            distribution(&config),
            json!({
                "DefaultCacheBehavior": { "AllowedMethods": ["GET", "HEAD"], "CachedMethods": ["GET"] },
                "CacheBehaviors": [],
                "OriginGroups": { "Items": [{ "Id": "g", "Members": { "Items": [{ "OriginId": "o" }] } }] },
                "Origins": [{ "Id": "o", "OriginCustomHeaders": [{ "HeaderName": "x-secret" }] }],
                "ViewerCertificate": { "AcmCertificateArn": "arn" },
            })
        );
    }
}
