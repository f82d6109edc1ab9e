//! Uploads by HTML form (`POST /bucket`, `multipart/form-data`): the fields are read first, then judged, and only then
//! is the file read, into a draft and with the policy's size limit running. Fields behind the file are ignored.

use crate::digest::Digests;
use crate::error_body::escape;
use crate::fault::Fault;
use crate::form::{Form, Success};
use crate::keys::Keys;
use crate::limits;
use crate::object::Object;
use crate::policy::Fields;
use crate::receive::{self, BodyFault};
use crate::request_body::RequestBody;
use crate::upload::checksum_headers;
use crate::vault::{Address, Vault};
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::header::{CONTENT_TYPE, ETAG, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use http_body::Body as _;
use multer::{Field, Multipart};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{Body, HttpResponse, S3Error, S3Result, StdError, s3_error};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use time::OffsetDateTime;

/// Unreserved characters and the slash stay as they are.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
const QUERY: &AsciiSet = &PATH.add(b'/');

pub(crate) fn is_form(request: &Parts) -> bool {
    let content_type = request.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let form = b"multipart/form-data";
    content_type.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form))
}

pub(crate) async fn accept(
    vault: &Arc<Vault>,
    keys: &Keys,
    bucket: &str,
    request: &Parts,
    body: RequestBody,
) -> S3Result<HttpResponse> {
    let content_type = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|_| malformed("it has no boundary"))?;
    let allowance = Arc::new(AtomicUsize::new(limits::FORM_HEAD_BYTES));
    let mut parts = Multipart::new(paced(body, Arc::clone(&allowance)), boundary);
    let (fields, mut file) = head(&mut parts).await?;
    let form = Form { fields, filename: file.file_name().map(str::to_owned) };

    let permitted = form.permit(bucket, keys, OffsetDateTime::now_utc())?;
    if vault.cors(bucket).is_none() {
        return Err(Fault::NoSuchBucket.into());
    }
    allowance.store(usize::MAX, Ordering::Relaxed);
    let digests = Digests::of(permitted.terms.announced.checksums.keys().copied());
    let bytes = Box::pin(stream::poll_fn(move |cx| {
        Pin::new(&mut file).poll_next(cx).map_err(|error| -> StdError { innermost(error) })
    }));
    let received = receive::receive(&vault.blobs, bytes, digests, permitted.sizes).await?;
    let at = permitted.at.clone();
    let object = vault.put(at, received, permitted.terms).await?;
    answer(request, &permitted.at, &object, &permitted.success)
}

/// The fields, and the file behind them.
async fn head(parts: &mut Multipart<'static>) -> S3Result<(Fields, Field<'static>)> {
    let mut fields = Fields::new();
    loop {
        let field = parts.next_field().await.map_err(form_fault)?;
        let mut field =
            field.ok_or_else(|| s3_error!(InvalidArgument, "POST requires exactly one file upload per request."))?;
        let name = field.name().unwrap_or_default().to_ascii_lowercase();
        if name == "file" {
            return Ok((fields, field));
        }
        let mut value = Vec::new();
        while let Some(bytes) = field.chunk().await.map_err(form_fault)? {
            value.extend_from_slice(&bytes);
        }
        let value = String::from_utf8(value).map_err(|_| malformed("a field is not UTF-8"))?;
        if fields.insert(name, value).is_some() {
            return Err(s3_error!(InvalidArgument, "POST requires exactly one value for a field"));
        }
        if fields.len() > limits::FORM_FIELDS {
            return Err(too_much_before_file());
        }
    }
}

/// More before the file than the allowance.
#[derive(Debug)]
struct TooMuchBeforeFile;

impl std::fmt::Display for TooMuchBeforeFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("too much before the file")
    }
}

impl std::error::Error for TooMuchBeforeFile {}

/// `multer` takes all that is there before it looks at it. So it gets small pieces, one at a time, and in all no more
/// than the allowance.
fn paced(
    body: RequestBody,
    allowance: Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Bytes, StdError>> + Send + 'static {
    const PIECE: usize = 32 * 1024;
    let mut body = Box::pin(body);
    let mut rest = Bytes::new();
    let mut rested = false;
    stream::poll_fn(move |cx: &mut Context<'_>| {
        if !std::mem::replace(&mut rested, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while rest.is_empty() {
            match body.as_mut().poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(frame))) => rest = frame.into_data().unwrap_or_default(),
            }
        }
        rested = false;
        let piece = rest.split_to(rest.len().min(PIECE));
        let left = allowance.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Some(Err(TooMuchBeforeFile.into())));
        }
        if left != usize::MAX {
            allowance.store(left.saturating_sub(piece.len()), Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(piece)))
    })
}

fn form_fault(error: multer::Error) -> S3Error {
    match error {
        multer::Error::StreamReadFailed(error) if error.is::<TooMuchBeforeFile>() => too_much_before_file(),
        multer::Error::StreamReadFailed(error) => BodyFault::Broken(error).into(),
        _ => malformed("the parts do not read"),
    }
}

fn innermost(error: multer::Error) -> StdError {
    match error {
        multer::Error::StreamReadFailed(error) => error,
        other => other.into(),
    }
}

fn too_much_before_file() -> S3Error {
    s3_error!(MaxPostPreDataLengthExceededError, "Your POST request fields preceding the upload file were too large.")
}

fn malformed(what: &'static str) -> S3Error {
    s3_error!(MalformedPOSTRequest, "The body of your POST request is not well-formed multipart/form-data: {what}")
}

fn answer(request: &Parts, at: &Address, object: &Object, success: &Success) -> S3Result<HttpResponse> {
    let key = at.key.as_str();
    let etag = format!("\"{}\"", object.etag);
    let authority = request.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = authority.or_else(|| request.uri.authority().map(http::uri::Authority::as_str));
    let path = format!("/{}/{}", at.bucket, utf8_percent_encode(key, PATH));
    let location = authority.map_or_else(|| path.clone(), |authority| format!("http://{authority}{path}"));

    let mut response = HttpResponse::new(Body::empty());
    *response.headers_mut() = checksum_headers(object);
    let mut place = location.clone();
    match success {
        Success::NoContent => *response.status_mut() = StatusCode::NO_CONTENT,
        Success::Ok => {}
        Success::Created => {
            *response.status_mut() = StatusCode::CREATED;
            let xml = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{}</Location><Bucket>{}</Bucket>\
                 <Key>{}</Key><ETag>{}</ETag></PostResponse>",
                escape(&location),
                escape(&at.bucket),
                escape(key),
                escape(&etag)
            );
            *response.body_mut() = Body::from(xml);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        }
        Success::Redirect(to) => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            let (to, fragment) = to.split_once('#').map_or((to.as_str(), None), |(to, fragment)| (to, Some(fragment)));
            let sign = if to.contains('?') { '&' } else { '?' };
            let [bucket, key, etag] =
                [at.bucket.as_str(), key, &etag].map(|text| utf8_percent_encode(text, QUERY).to_string());
            place = format!("{to}{sign}bucket={bucket}&key={key}&etag={etag}");
            if let Some(fragment) = fragment {
                place = format!("{place}#{fragment}");
            }
        }
    }
    for (name, value) in [(ETAG, etag), (LOCATION, place)] {
        let value = HeaderValue::try_from(value).map_err(|_| s3_error!(InvalidArgument, "Host is not a host"))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
