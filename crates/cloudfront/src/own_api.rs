//! Behaviours with an HTTP API as their origin: what CloudFront sends there, and the function behind it.

use http::StatusCode;
use http::header::HOST;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use time::OffsetDateTime;

use crate::answer::{Answer, From};
use crate::pipeline::{Arrival, Edge};
use crate::policy::Asked;
use crate::template::ApiOrigin;
use crate::{forward, http_api, limits};

impl Edge {
    pub async fn api(&self, arrival: &Arrival<'_>, api: &ApiOrigin, asked: &Asked, incoming: Incoming) -> Answer {
        let Some(Some(function)) = self.behind.get(arrival.behaviour.origin) else {
            return Answer::error(StatusCode::BAD_GATEWAY, From::Error, "the API has no function");
        };
        // API Gateway knows its APIs by `Host`, and answers 403 to another.
        let behaviour = arrival.behaviour;
        if behaviour.cache.headers.takes(HOST.as_str()) || behaviour.request.headers.takes(HOST.as_str()) {
            return http_api::refused(StatusCode::FORBIDDEN, "Forbidden", "the viewer's Host is sent to the API");
        }
        let collected = Limited::new(incoming, limits::BODY).collect();
        let body = match tokio::time::timeout(limits::BODY_WITHIN, collected).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                let why = "the body was cut short, or is larger than the emulator takes";
                return http_api::refused(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long", why);
            }
            Err(_) => return Answer::error(StatusCode::REQUEST_TIMEOUT, From::Error, "the body did not arrive"),
        };
        let mut headers = forward::headers(arrival.behaviour, asked, arrival.id, &arrival.ip);
        for (name, value) in &api.headers {
            headers.insert(name, value.clone());
        }
        let incoming = http_api::Incoming {
            id: arrival.id,
            method: &arrival.parts.method,
            path: &asked.uri,
            query: &forward::query(arrival.behaviour, asked),
            headers: &headers,
            body,
            now: OffsetDateTime::now_utc(),
        };
        let outcome = function.invoke(http_api::event(api, &incoming).to_string().into()).await;
        if let Err(failure) = &outcome {
            (self.output)(function.id(), &format!("the function failed: {failure:?}"));
        }
        http_api::answer(&arrival.parts.method, outcome)
    }
}
