//! `/_edgepass/s3/…`: the words of Uppy. Companion's routes, `signRequest`, and the two requests that a browser sends to us
//! in place of the bucket. What may be done is decided elsewhere; here are targets, bodies and answers.

use authorizer::UnixTime;
use http::StatusCode;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use uploads::{Begun, Direct, Grant, Refused, SealFault, Seals, StoredPart, Ticket};

use crate::Front;
use crate::answer::Answer;
use crate::refusal::{Code, Refusal};
use crate::session::Bearer;

/// The parameter of the query that carries a ticket.
pub const TICKET: &str = "ticket";

/// The body of a completion: 10,000 parts of about 100 bytes.
pub const COMPLETION_BODY: usize = 1 << 20;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3 {
    /// One file in one request.
    Params,
    Begin,
    Parts,
    SignParts,
    SignPart,
    Complete,
    Abort,
    /// `signRequest`.
    Sign,
    /// What a browser sends to us in place of the bucket, with a ticket and without a token.
    Ticket,
}

/// What stands behind `/_edgepass/s3/`: the methods it takes, and which it is by which.
fn takes(name: &str) -> Option<&'static [(&'static str, S3)]> {
    Some(match name.split('/').collect::<Vec<_>>().as_slice() {
        ["params"] => &[("GET", S3::Params)],
        ["sign"] => &[("POST", S3::Sign)],
        ["object"] => &[("POST", S3::Ticket)],
        ["multipart"] => &[("POST", S3::Begin)],
        ["multipart", _] => &[("GET", S3::Parts), ("DELETE", S3::Abort)],
        ["multipart", _, "batch"] => &[("GET", S3::SignParts)],
        ["multipart", _, "complete"] => &[("POST", S3::Complete)],
        ["multipart", _, _] => &[("GET", S3::SignPart)],
        _ => return None,
    })
}

pub fn methods(name: &str) -> Option<&'static str> {
    Some(match takes(name)? {
        [("GET", _), ("DELETE", _)] => "GET, DELETE, OPTIONS",
        [("GET", _)] => "GET, OPTIONS",
        _ => "POST, OPTIONS",
    })
}

/// None: no such endpoint. An error: not by this method.
pub fn endpoint(method: &str, name: &str) -> Option<Result<S3, Refusal>> {
    let wrong_method = || Refusal::new(Code::MethodNotAllowed, "method_not_allowed");
    let found = takes(name)?.iter().find(|(known, _)| *known == method);
    Some(found.map(|(_, endpoint)| *endpoint).ok_or_else(wrong_method))
}

/// The id of `multipart/ID…`, decoded.
pub fn upload_id(parts: &Parts) -> Result<String, Refusal> {
    let id = segment(parts, 3).and_then(|id| percent_decode_str(id).decode_utf8().ok());
    Ok(id.ok_or(Refused::ForgedId)?.into_owned())
}

/// The number of `multipart/ID/NUMBER`.
pub fn part_number(parts: &Parts) -> Result<u32, Refusal> {
    segment(parts, 4).and_then(number).ok_or_else(|| bad("the part's number is not one"))
}

/// The numbers of `partNumbers=1,2,3`: as many as one call signs.
pub fn part_numbers(parts: &Parts) -> Result<Vec<u32>, Refusal> {
    let listed = parameter(parts, "partNumbers").unwrap_or_default();
    let numbers: Option<Vec<u32>> = listed.split(',').map(number).collect();
    numbers
        .filter(|numbers| numbers.len() <= uploads::MAX_BATCH)
        .ok_or_else(|| bad("`partNumbers` is not a list of 1 to 100 numbers"))
}

/// The text of a parameter of the query, decoded as forms write it.
pub fn parameter(parts: &Parts, name: &str) -> Option<String> {
    uploads::pairs(parts.uri.query()?).find(|(known, _)| known == name).map(|(_, value)| value)
}

fn segment(parts: &Parts, at: usize) -> Option<&str> {
    parts.uri.path().strip_prefix('/')?.split('/').nth(at)
}

/// Digits alone: `+7` and `07` are no numbers of parts.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

fn bad(detail: &'static str) -> Refusal {
    Refusal::explained(Code::BadRequest, "upload_bad_request", detail)
}

impl Front {
    /// Who may upload in parts: a bearer whose token is good for more than one request.
    pub fn check_uploader(&self, bearer: &Bearer<'_>) -> Result<(), Refusal> {
        if bearer.verified.is_once() {
            let detail = "a token that is good for one request makes no upload of several";
            return Err(Refusal::explained(Code::Forbidden, "token_for_one_request", detail));
        }
        Ok(())
    }

    /// What was begun under this id. `key` is the client's word for where, if it said one.
    pub fn open_upload(&self, seals: &Seals, id: &str, key: Option<&str>, now: UnixTime) -> Result<Begun, Refusal> {
        let begun = seals.open(id, now).map_err(|fault| Refusal::from(seal_refused(fault)))?;
        match key {
            Some(key) if key != begun.wanted.key() => Err(Refused::OtherKey.into()),
            _ => Ok(begun),
        }
    }

    /// What a ticket allows.
    pub fn open_ticket(&self, seals: &Seals, parts: &Parts, now: UnixTime) -> Result<Ticket, Refusal> {
        let ticket = parameter(parts, TICKET).unwrap_or_default();
        Ok(seals.open_ticket(&ticket, now).map_err(seal_refused)?)
    }

    /// The id that leaves us.
    pub fn seal(&self, seals: &Seals, begun: &Begun) -> Result<String, Refusal> {
        Ok(seals.seal(begun).ok_or(Refused::Signing)?)
    }

    /// The URL to send in place of the bucket's.
    pub fn ticket_url(&self, seals: &Seals, ticket: &Ticket, now: UnixTime) -> Result<String, Refusal> {
        let ticket = seals.ticket(ticket, now).ok_or(Refused::Signing)?;
        Ok(format!("{}/_edgepass/s3/object?{TICKET}={ticket}", self.origin))
    }

    /// The file's own URL, which lasts.
    fn url_of(&self, begun: &Begun) -> String {
        format!("{}{}", self.origin, uploads::encode_path(&begun.wanted.path))
    }

    /// 201 of `POST /_edgepass/uploads` in parts.
    pub fn begun_answer(&self, begun: &Begun, id: &str) -> Answer {
        let wanted = &begun.wanted;
        let path = uploads::encode_path(&wanted.path);
        let body = json!({"mode": "multipart", "upload_id": id, "part_size": wanted.part_size, "path": path,
            "key": wanted.key(), "expires": begun.expires});
        json_answer(StatusCode::CREATED, &body)
    }

    /// Companion's words for it.
    pub fn companion_begun(&self, begun: &Begun, id: &str) -> Answer {
        let wanted = &begun.wanted;
        let body = json!({"key": wanted.key(), "uploadId": id, "bucket": wanted.bucket, "path": uploads::encode_path(&wanted.path),
            "partSize": wanted.part_size, "expires": begun.expires});
        json_answer(StatusCode::OK, &body)
    }

    /// `expires` is a number of seconds from now: Uppy 5 gives the request up after them.
    pub fn companion_grant(&self, grant: &Grant, now: UnixTime) -> Answer {
        let mut body = grant_body(grant);
        if let Some(body) = body.as_object_mut() {
            body.insert("expires".to_owned(), (grant.expires - now.0).into());
        }
        json_answer(StatusCode::OK, &body)
    }

    pub fn companion_part(&self, url: &str, expires: i64, now: UnixTime) -> Answer {
        json_answer(StatusCode::OK, &json!({"url": url, "expires": expires - now.0}))
    }

    pub fn companion_parts(&self, urls: &[(u32, String)]) -> Answer {
        let urls: serde_json::Map<String, Value> =
            urls.iter().map(|(number, url)| (number.to_string(), Value::from(url.as_str()))).collect();
        json_answer(StatusCode::OK, &json!({ "presignedUrls": urls }))
    }

    pub fn companion_list(&self, parts: &[StoredPart]) -> Answer {
        let parts: Vec<_> =
            parts.iter().map(|part| json!({"PartNumber": part.number, "ETag": part.etag, "Size": part.size})).collect();
        json_answer(StatusCode::OK, &Value::Array(parts))
    }

    pub fn companion_made(&self, begun: &Begun) -> Answer {
        let wanted = &begun.wanted;
        let body = json!({"location": self.url_of(begun), "key": wanted.key(), "bucket": wanted.bucket,
            "path": uploads::encode_path(&wanted.path)});
        json_answer(StatusCode::OK, &body)
    }

    pub fn companion_aborted(&self) -> Answer {
        json_answer(StatusCode::OK, &json!({}))
    }

    /// As S3 answers CreateMultipartUpload.
    pub fn begun_xml(&self, begun: &Begun, id: &str) -> Answer {
        let wanted = &begun.wanted;
        xml("InitiateMultipartUploadResult", &[("Bucket", &wanted.bucket), ("Key", wanted.key()), ("UploadId", id)])
    }

    /// As S3 answers CompleteMultipartUpload. The place is the file's own URL.
    pub fn made_xml(&self, begun: &Begun, etag: &str) -> Answer {
        let wanted = &begun.wanted;
        let members =
            [("Location", &*self.url_of(begun)), ("Bucket", &wanted.bucket), ("Key", wanted.key()), ("ETag", etag)];
        xml("CompleteMultipartUploadResult", &members)
    }

    /// The answer to `signRequest`: one, or a list as it was asked.
    pub fn signed_answer(&self, mut signed: Vec<Value>, form: uploads::Form) -> Answer {
        let body = match form {
            uploads::Form::One => signed.pop().unwrap_or_default(),
            uploads::Form::List => Value::Array(signed),
        };
        json_answer(StatusCode::OK, &body)
    }
}

/// `{url, key, …}` of one request that is signed.
pub fn signed(url: &str, key: &str) -> Value {
    json!({ "url": url, "key": key })
}

/// The same of a file in one request.
pub fn grant_body(grant: &Grant) -> Value {
    serde_json::to_value(grant).unwrap_or_default()
}

/// What a browser sends to the bucket itself, by what it asks for.
pub fn direct(signable: &uploads::Signable) -> Option<(&str, Direct)> {
    Some(match signable {
        uploads::Signable::Part { id, number, size } => (id, Direct::Part { number: *number, size: *size }),
        uploads::Signable::List { id } => (id, Direct::List),
        uploads::Signable::Abort { id } => (id, Direct::Abort),
        _ => return None,
    })
}

fn seal_refused(fault: SealFault) -> Refused {
    match fault {
        SealFault::Forged => Refused::ForgedId,
        SealFault::Expired => Refused::Expired,
    }
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    Answer::Json { status, body: format!("{body}\n"), cookies: Vec::new() }
}

fn xml(root: &str, members: &[(&str, &str)]) -> Answer {
    let member = |(name, text): &(&str, &str)| format!("<{name}>{}</{name}>", uploads::escape_xml(text));
    let members = members.iter().map(member).collect::<Vec<_>>().concat();
    Answer::Xml {
        body: format!("{XML_START}<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{members}</{root}>\n"),
    }
}

const XML_START: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// How a refusal is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusalForm {
    #[default]
    Ours,
    /// With `message`, which Uppy shows.
    Companion,
    /// As S3 does.
    Xml,
}

/// The form for whoever asks at this target.
pub fn refusal_form(parts: &Parts) -> RefusalForm {
    match parts.uri.path().strip_prefix("/_edgepass/s3/") {
        Some("object") => RefusalForm::Xml,
        Some(_) => RefusalForm::Companion,
        None => RefusalForm::Ours,
    }
}

/// S3's own error, for a browser that takes us for the bucket.
pub fn refusal_xml(refusal: &Refusal, id: &str) -> String {
    let code = match (refusal.code, refusal.reason) {
        (Code::TooLarge, _) => "EntityTooLarge",
        (Code::Forbidden, _) => "AccessDenied",
        (Code::NotFound, _) => "NoSuchUpload",
        (Code::PreconditionFailed, _) => "PreconditionFailed",
        (_, "upload_other_parts") => "InvalidPart",
        (_, "upload_part_too_small") => "EntityTooSmall",
        (Code::OriginAway | Code::OriginSlow | Code::Overloaded, _) => "ServiceUnavailable",
        (Code::OriginFailed, _) => "InternalError",
        _ => "InvalidRequest",
    };
    let (code, message, id) =
        (uploads::escape_xml(code), uploads::escape_xml(&message(refusal)), uploads::escape_xml(id));
    format!("{XML_START}<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>\n")
}

/// For people: the detail where there is one.
pub fn message(refusal: &Refusal) -> String {
    refusal.detail.clone().unwrap_or_else(|| refusal.code.as_str().replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(target: &str) -> Parts {
        http::Request::get(target).body(()).unwrap().into_parts().0
    }

    #[test]
    fn every_target() {
        for (method, name, expected) in [
            ("GET", "params", S3::Params),
            ("POST", "sign", S3::Sign),
            ("POST", "object", S3::Ticket),
            ("POST", "multipart", S3::Begin),
            ("GET", "multipart/x", S3::Parts),
            ("DELETE", "multipart/x", S3::Abort),
            ("GET", "multipart/x/batch", S3::SignParts),
            ("POST", "multipart/x/complete", S3::Complete),
            ("GET", "multipart/x/7", S3::SignPart),
        ] {
            assert_eq!(endpoint(method, name).unwrap().map_err(|refusal| refusal.reason), Ok(expected), "{name}");
            assert!(methods(name).unwrap().contains(method));
            assert!(endpoint("PUT", name).unwrap().is_err(), "{name}");
        }
        assert!(endpoint("GET", "multipart/x/7/8").is_none() && endpoint("GET", "other").is_none());
    }

    #[test]
    fn what_targets_hold() {
        assert_eq!(upload_id(&parts("/_edgepass/s3/multipart/a%2Bb?key=c")).unwrap(), "a+b");
        assert_eq!(part_number(&parts("/_edgepass/s3/multipart/a/17?key=c")).unwrap(), 17);
        for bad in ["0x1", "+1", "01", "-1", "", "99999999999"] {
            assert!(part_number(&parts(&format!("/_edgepass/s3/multipart/a/{bad}"))).is_err(), "{bad}");
        }
        let numbers = |query: &str| part_numbers(&parts(&format!("/_edgepass/s3/multipart/a/batch?{query}"))).ok();
        assert_eq!(numbers("key=x&partNumbers=1,2,30"), Some(vec![1, 2, 30]));
        assert_eq!(numbers("partNumbers=1%2C2"), Some(vec![1, 2]));
        let many = vec!["1"; 101].join(",");
        for bad in ["", "partNumbers=", "partNumbers=1,,2", "partNumbers=a", &format!("partNumbers={many}")] {
            assert_eq!(numbers(bad), None, "{bad}");
        }
        assert_eq!(parameter(&parts("/x?key=a+b%2Bc"), "key").as_deref(), Some("a b+c"));
    }

    #[test]
    fn errors_as_s3_writes_them() {
        let refusal = Refusal::from(Refused::TooLarge { size: 2, limit: 1 });
        let written = refusal_xml(&refusal, "7");
        assert!(
            written.contains("<Code>EntityTooLarge</Code><Message>2 bytes; at most 1 are taken</Message>"),
            "{written}"
        );
        assert_eq!(refusal_form(&parts("/_edgepass/s3/object?ticket=x")), RefusalForm::Xml);
        assert_eq!(refusal_form(&parts("/_edgepass/s3/sign")), RefusalForm::Companion);
        assert_eq!(refusal_form(&parts("/_edgepass/uploads")), RefusalForm::Ours);
    }
}
