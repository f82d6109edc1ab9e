//! Questions of CloudFront: each is decided, what passes is one object's encoded key, without a signature nothing passes but
//! what anyone may read, and no token stands in an answer or a log line.

use std::sync::LazyLock;

use authorizer::{ObjectPath, UnixTime};
use edge::{Decision, Edge, Question};
use http::{HeaderName, HeaderValue};
use uploads::encode_path;

use crate::site::{NOW, No, SITE, Yes};

static EDGE: LazyLock<Edge> = LazyLock::new(|| Edge::open(SITE.as_bytes()).expect("the site can be read"));

pub fn event(data: &[u8]) {
    for now in [NOW, UnixTime(NOW.0 + 3 * 3600)] {
        let decision = EDGE.decide(data, now, &Yes);
        look_at(&decision);
        assert_eq!(EDGE.decide(data, now, &Yes), decision, "the same question, the same answer");
        silent(data, &decision);
        if let Decision::Pass { uri, .. } = EDGE.decide(data, now, &No) {
            assert!(["/public/", "/times/"].iter().any(|start| uri.starts_with(start)), "{uri}");
        }
    }
}

fn look_at(decision: &Decision) {
    match decision {
        Decision::Pass { uri, bucket } => {
            let path = ObjectPath::from_target(uri).expect("a key is a path");
            assert_eq!(encode_path(path.as_str()), *uri);
            assert_eq!(*bucket == 1, uri.starts_with("/years/"));
        }
        Decision::Answer { response, log } => {
            assert!(response.status.parse::<u16>().is_ok_and(|status| (200..600).contains(&status)));
            for (name, values) in &response.headers {
                assert!(name.parse::<HeaderName>().is_ok());
                assert!(values.iter().all(|value| HeaderValue::from_str(&value.value).is_ok()));
            }
            let line = log.as_ref().map(|log| serde_json::from_str::<serde_json::Value>(log));
            assert!(line.is_none_or(|line| line.is_ok()));
        }
    }
}

/// A token that stands in the header alone.
fn silent(data: &[u8], decision: &Decision) {
    let Ok(question) = serde_json::from_slice::<Question>(data) else { return };
    let Some(fields) = question.headers.get("authorization") else { return };
    let token = fields.first().and_then(|field| field.value.get(7..)).unwrap_or_default().trim();
    let others = question.headers.iter().filter(|(name, _)| *name != "authorization");
    let mut elsewhere = others.flat_map(|(_, fields)| fields).map(|field| field.value.as_str());
    let alone = ![question.uri.as_str(), &question.id, &question.querystring].iter().any(|text| text.contains(token))
        && !elsewhere.any(|text| text.contains(token));
    if token.len() >= 24 && token.contains('.') && alone {
        let said = serde_json::to_string(decision).expect("a decision is JSON");
        assert!(!said.contains(token), "{said}");
    }
}
