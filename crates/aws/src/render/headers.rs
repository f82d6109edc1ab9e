//! The cache policies, and the headers of every answer.

use crate::behaviours::Audience;
use crate::judge::Judged;

use super::fill::{fill, list, quoted};

const HEADERS: &str = include_str!("pieces/response-headers.yaml");
const CORS: &str = include_str!("pieces/response-cors.yaml");
const PRIVATE_CACHE: &str = include_str!("pieces/cache-private.yaml");
const PUBLIC_CACHE: &str = include_str!("pieces/cache-public.yaml");

pub fn policies(judged: &Judged<'_>) -> String {
    let mut text = include_str!("pieces/cache-policies.yaml").to_owned();
    for audience in [Audience::Private, Audience::Public, Audience::AnyOrigin] {
        if judged.behaviours.iter().any(|behaviour| behaviour.audience == audience) {
            text.push_str(&response_headers(judged, audience));
        }
    }
    text
}

/// The logical id of the policy.
pub fn name(audience: Audience) -> &'static str {
    match audience {
        Audience::Private => "PrivateResponseHeaders",
        Audience::Public => "PublicResponseHeaders",
        Audience::AnyOrigin => "AnyOriginResponseHeaders",
    }
}

fn response_headers(judged: &Judged<'_>, audience: Audience) -> String {
    let site = &judged.deployment.site;
    let (why, slug, cache, resource_policy) = match audience {
        Audience::Private => (
            "For those whom the rules allow.",
            "private",
            PRIVATE_CACHE,
            front::resource_policy(&site.origin, &site.apps),
        ),
        Audience::Public => ("What anyone may read.", "public", PUBLIC_CACHE, "cross-origin"),
        Audience::AnyOrigin => {
            ("What anyone may read, on pages of any origin.", "any-origin", PUBLIC_CACHE, "cross-origin")
        }
    };
    let (origins, credentials) = match audience {
        // With credentials no origin can be `*` (Fetch standard, "CORS protocol and credentials").
        Audience::AnyOrigin => (vec!["*".to_owned()], "false"),
        Audience::Private | Audience::Public => (site.apps.clone(), "true"),
    };
    let cors = if origins.is_empty() {
        String::new()
    } else {
        let origins = list(origins.iter().map(|origin| quoted(origin)));
        fill(CORS, &[("origins", &origins), ("credentials", credentials)])
    };
    fill(
        HEADERS,
        &[
            ("why", why),
            ("id", name(audience)),
            ("slug", slug),
            ("cors", &cors),
            ("cache", cache),
            ("resource_policy", resource_policy),
        ],
    )
}
