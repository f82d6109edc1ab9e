//! Uploads in parts, as far as they are ours to do: begin, list, complete, abort, and find the abandoned. The parts
//! themselves go past us.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::client::{Origin, OriginError, jittered, may_be_the_keys};
use crate::key::{encode_key, encode_value};
use crate::limits;
use crate::sign::{Payload, sign_request};
use crate::xml::{Element, escape};

/// An object that was uploaded in parts has the upload's mark in this header.
pub const MARK: HeaderName = HeaderName::from_static("x-amz-meta-edgepass-upload");

const XML: HeaderValue = HeaderValue::from_static("application/xml");

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadError {
    /// As when reading.
    Origin(OriginError),
    /// The store said no, with this code of S3's.
    Refused { status: u16, code: String },
}

/// A part as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub number: u32,
    pub etag: String,
    pub size: u64,
}

/// An upload that is neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    pub key: String,
    pub id: String,
    /// Unix seconds.
    pub begun: i64,
}

/// Where the next page of open uploads begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadsMarker {
    key: String,
    id: String,
}

pub(crate) struct Asked<'a> {
    pub method: Method,
    /// Empty: the bucket itself.
    pub key: &'a str,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub time: Duration,
}

impl Origin {
    /// The store's id of a new upload. `headers` say what the object will be.
    pub async fn begin_upload(&self, key: &str, headers: HeaderMap) -> Result<String, UploadError> {
        let asked = Asked { method: Method::POST, query: "uploads=".to_owned(), headers, ..Asked::of(key) };
        let root = self.told(&asked, "InitiateMultipartUploadResult").await?;
        root.text_of("UploadId").filter(|id| !id.is_empty()).map(str::to_owned).ok_or(NONSENSE)
    }

    /// Every part that the store has, in the order of their numbers.
    pub async fn list_parts(&self, key: &str, id: &str) -> Result<Vec<Part>, UploadError> {
        let mut parts: Vec<Part> = Vec::new();
        // A page has 1,000 parts, and an upload 10,000.
        for _ in 0..limits::PART_PAGES {
            let after = parts.last().map_or(0, |part| part.number);
            let query = format!("part-number-marker={after}&uploadId={}", encode_value(id));
            let root = self.told(&Asked { query, ..Asked::of(key) }, "ListPartsResult").await?;
            for part in root.all("Part") {
                let part = part_of(part).filter(|part| part.number > parts.last().map_or(0, |last| last.number));
                parts.push(part.ok_or(NONSENSE)?);
            }
            let more = root.text_of("IsTruncated") == Some("true");
            if !more || parts.last().map_or(0, |part| part.number) == after {
                return Ok(parts);
            }
        }
        Err(NONSENSE)
    }

    /// Makes the object of these parts; gives its ETag. S3 may begin to answer 200 and say only then that it failed.
    pub async fn complete_upload(
        &self,
        key: &str,
        id: &str,
        parts: impl Iterator<Item = (u32, &str)>,
        mut headers: HeaderMap,
    ) -> Result<String, UploadError> {
        let mut body = String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        for (number, etag) in parts {
            let etag = escape(etag);
            // writing to a String does not fail
            let _ = write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        }
        body.push_str("</CompleteMultipartUpload>");
        headers.insert(CONTENT_TYPE, XML);
        let query = format!("uploadId={}", encode_value(id));
        let asked =
            Asked { method: Method::POST, query, headers, body: body.into(), time: limits::COMPLETE, ..Asked::of(key) };
        let root = self.told(&asked, "CompleteMultipartUploadResult").await?;
        root.text_of("ETag").map(str::to_owned).ok_or(NONSENSE)
    }

    pub async fn abort_upload(&self, key: &str, id: &str) -> Result<(), UploadError> {
        let query = format!("uploadId={}", encode_value(id));
        self.tell(&Asked { method: Method::DELETE, query, ..Asked::of(key) }).await.map(|_| ())
    }

    /// The ETag of the object at a key, if it was made by the upload with this mark.
    pub async fn made_by(&self, key: &str, mark: &str) -> Result<Option<String>, UploadError> {
        let answer = self.tell(&Asked { method: Method::HEAD, ..Asked::of(key) }).await;
        let (headers, _) = match answer {
            Err(UploadError::Refused { status: 404, .. }) => return Ok(None),
            answer => answer?,
        };
        let same = headers.get(MARK).is_some_and(|value| value.as_bytes() == mark.as_bytes());
        let etag = headers.get(http::header::ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
        Ok(same.then(|| etag.to_owned()))
    }

    /// A page of the uploads that are neither completed nor aborted, and where the next one begins.
    pub async fn open_uploads(
        &self,
        after: &UploadsMarker,
    ) -> Result<(Vec<OpenUpload>, Option<UploadsMarker>), UploadError> {
        let mut query = format!("max-uploads={}&uploads=", limits::OPEN_UPLOADS_PAGE);
        if !after.key.is_empty() {
            let (key, id) = (encode_value(&after.key), encode_value(&after.id));
            query =
                format!("key-marker={key}&max-uploads={}&upload-id-marker={id}&uploads=", limits::OPEN_UPLOADS_PAGE);
        }
        let root = self.told(&Asked { query, ..Asked::of("") }, "ListMultipartUploadsResult").await?;
        let open = root.all("Upload").filter_map(open_upload).collect();
        let text = |name| root.text_of(name).unwrap_or_default().to_owned();
        let next = UploadsMarker { key: text("NextKeyMarker"), id: text("NextUploadIdMarker") };
        let more = root.text_of("IsTruncated") == Some("true") && !next.key.is_empty() && next != *after;
        Ok((open, more.then_some(next)))
    }

    /// The document that is asked for, or what the store said instead.
    pub(crate) async fn told(&self, asked: &Asked<'_>, name: &str) -> Result<Element, UploadError> {
        let mut wait = limits::BACKOFF;
        for further in (0..=limits::RETRIES).rev() {
            let (_, body) = self.tell(asked).await?;
            match Element::read(&body) {
                Some(root) if root.name == name => return Ok(root),
                // "A 200 OK response can contain either a success or an error" (CompleteMultipartUpload of the Amazon S3
                // API reference).
                Some(root) if root.name == "Error" && (further == 0 || !may_pass(code_of(&root))) => {
                    return Err(UploadError::Refused { status: 200, code: code_of(&root).to_owned() });
                }
                Some(root) if root.name == "Error" => {}
                _ => return Err(NONSENSE),
            }
            tokio::time::sleep(jittered(wait)).await;
            wait *= 4;
        }
        Err(NONSENSE)
    }

    /// Asks, again where that may help, and reads a success whole.
    async fn tell(&self, asked: &Asked<'_>) -> Result<(HeaderMap, Bytes), UploadError> {
        let mut wait = limits::BACKOFF;
        for _ in 0..limits::RETRIES {
            match self.tell_once(asked).await {
                Err(UploadError::Origin(OriginError::Failed | OriginError::Away)) => {}
                answer => return answer,
            }
            tokio::time::sleep(jittered(wait)).await;
            wait *= 4;
        }
        self.tell_once(asked).await
    }

    async fn tell_once(&self, asked: &Asked<'_>) -> Result<(HeaderMap, Bytes), UploadError> {
        let request = self.upload_request(asked).ok_or(NONSENSE)?;
        let exchange = async {
            let response = match self.client.request(request).await {
                Err(error) if error.is_connect() => return Err(UploadError::Origin(OriginError::Away)),
                Err(_) => return Err(UploadError::Origin(OriginError::Failed)),
                Ok(response) => response,
            };
            if may_be_the_keys(response.status()) {
                self.bucket.credentials.refused();
            }
            read(response).await
        };
        timeout(asked.time, exchange).await.unwrap_or(Err(UploadError::Origin(OriginError::Slow)))
    }

    fn upload_request(&self, asked: &Asked<'_>) -> Option<Request<Full<Bytes>>> {
        let mut target = format!("/{}", encode_key(&self.bucket.name));
        if !asked.key.is_empty() {
            target = format!("{target}/{}", encode_key(asked.key));
        }
        if !asked.query.is_empty() {
            target = format!("{target}?{}", asked.query);
        }
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(target);
        let (mut parts, body) = Request::new(Full::new(asked.body.clone())).into_parts();
        parts.uri = uri.build().ok()?;
        parts.method = asked.method.clone();
        parts.headers = asked.headers.clone();
        parts.headers.insert(HOST, self.host.clone());
        let payload = Payload::Bytes(&asked.body);
        sign_request(&mut parts, payload, &self.bucket.region, &self.bucket.credentials.now(), SystemTime::now())?;
        Some(Request::from_parts(parts, body))
    }
}

const NONSENSE: UploadError = UploadError::Origin(OriginError::Nonsense);

impl<'a> Asked<'a> {
    pub(crate) fn of(key: &'a str) -> Self {
        let (query, headers, body) = (String::new(), HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, key, query, headers, body, time: limits::TOLD }
    }
}

async fn read(response: Response<Incoming>) -> Result<(HeaderMap, Bytes), UploadError> {
    let (parts, body) = response.into_parts();
    let limit = if parts.status.is_success() { limits::DOCUMENT } else { limits::ERROR_BODY };
    let bytes = Limited::new(body, limit).collect().await.map(http_body_util::Collected::to_bytes);
    if parts.status.is_success() {
        return bytes.map(|bytes| (parts.headers, bytes)).map_err(|_| UploadError::Origin(OriginError::Failed));
    }
    let said =
        bytes.ok().and_then(|bytes| Element::read(&bytes)).map(|root| code_of(&root).to_owned()).unwrap_or_default();
    Err(match parts.status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => UploadError::Origin(OriginError::Denied),
        StatusCode::NOT_IMPLEMENTED => UploadError::Refused { status: 501, code: said },
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            UploadError::Origin(OriginError::Failed)
        }
        status => UploadError::Refused { status: status.as_u16(), code: said },
    })
}

fn code_of(error: &Element) -> &str {
    error.text_of("Code").unwrap_or_default()
}

fn may_pass(code: &str) -> bool {
    matches!(code, "InternalError" | "SlowDown" | "ServiceUnavailable" | "RequestTimeout")
}

fn part_of(part: &Element) -> Option<Part> {
    let number = part.text_of("PartNumber")?.parse().ok()?;
    Some(Part { number, etag: part.text_of("ETag")?.to_owned(), size: part.text_of("Size")?.parse().ok()? })
}

/// An upload whose time cannot be read is nobody's to abort.
fn open_upload(upload: &Element) -> Option<OpenUpload> {
    let text = |name| upload.text_of(name).map(str::to_owned);
    let begun =
        time::OffsetDateTime::parse(upload.text_of("Initiated")?, &time::format_description::well_known::Rfc3339);
    Some(OpenUpload { key: text("Key")?, id: text("UploadId")?, begun: begun.ok()?.unix_timestamp() })
}
