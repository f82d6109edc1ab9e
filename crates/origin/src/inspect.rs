//! What a store says, in its own words, for whoever sets one up. Nothing is written there.

use std::error::Error;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use tokio::time::timeout;

use crate::client::{Origin, Version, Wanted};
use crate::limits;
use crate::multipart::Asked;
use crate::xml::Element;

#[derive(Debug)]
pub struct Said {
    pub status: StatusCode,
    /// S3's code of an error, such as `NoSuchKey`.
    pub code: Option<String>,
    pub headers: HeaderMap,
}

impl Origin {
    /// Asks for the first byte of an object, once.
    pub async fn look_at(&self, key: &str) -> Result<Said, String> {
        let wanted = Wanted::Piece { first: 0, length: 1 };
        self.send(self.request(key, &wanted, &Version::Any).ok_or("the request cannot be signed")?).await
    }

    /// The bucket's first key; none where it is empty, or may not be listed.
    pub async fn any_key(&self) -> Option<String> {
        let asked = Asked { query: "list-type=2&max-keys=1".to_owned(), ..Asked::of("") };
        let page = self.told(&asked, "ListBucketResult").await.ok()?;
        page.child("Contents").and_then(|first| first.text_of("Key")).map(str::to_owned)
    }

    /// Sends a request as it is, once.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Said, String> {
        let said = async {
            let (parts, body) = self.client.request(request).await.map_err(|error| innermost(&error))?.into_parts();
            let body = Limited::new(body, limits::ERROR_BODY).collect().await;
            let root = body.ok().and_then(|body| Element::read(&body.to_bytes()));
            let code = root.and_then(|root| root.text_of("Code").map(str::to_owned));
            Ok(Said { status: parts.status, code, headers: parts.headers })
        };
        timeout(limits::TOLD, said)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} seconds", limits::TOLD.as_secs())))
    }
}

/// The cause that says something: the outer errors of a client are all alike.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
