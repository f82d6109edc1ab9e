//! The body of `POST /_edgepass/uploads`, read strictly: no unknown member, none twice, each of its type and bounded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::refused::BadRequest;

/// The longest name of a file that is looked at, in bytes: systems take 255 characters.
pub const MAX_NAME: usize = 1024;
/// The most `params`: a path has at most 16 placeholders.
const MAX_PARAMS: usize = 16;
/// The longest value of one of `params`, in bytes: a key has 1,024.
pub const MAX_PARAM: usize = 1024;
/// The longest media type, in bytes: RFC 6838 section 4.2 allows 127 for each of its halves.
const MAX_TYPE: usize = 255;
/// The largest integer that every JSON reader takes exactly (RFC 8259 section 6).
const MAX_SIZE: u64 = 1 << 53;

/// What a browser calls a file whose type it does not know is "", which RFC 9110 section 8.3 reads as this.
const UNKNOWN_TYPE: &str = "application/octet-stream";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub route: Option<String>,
    /// Placeholder and text, without control characters.
    pub params: Vec<(String, String)>,
    /// As the browser gave it.
    pub filename: String,
    /// A media type in printable ASCII, without runs of spaces: it is signed as it stands here.
    pub media_type: String,
    /// Bytes.
    pub size: Option<u64>,
    pub checksum: Option<Checksum>,
    pub mode: Option<Mode>,
    /// Bytes of each part but the last, where the client cuts the file.
    pub part_size: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A form, whose policy bounds the size.
    Post,
    /// One request with the size signed.
    Put,
    Multipart,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Put => "put",
            Self::Multipart => "multipart",
        }
    }
}

/// The checksums of S3 that cover an object whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChecksumAlgorithm {
    Sha256,
    Crc32,
    Crc32c,
    Crc64Nvme,
}

impl ChecksumAlgorithm {
    pub const ALL: [Self; 4] = [Self::Sha256, Self::Crc32, Self::Crc32c, Self::Crc64Nvme];

    /// S3's name, as in `ChecksumAlgorithm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA256",
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
        }
    }

    /// The header, or the field of a form.
    pub fn header(self) -> &'static str {
        match self {
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    pub algorithm: ChecksumAlgorithm,
    /// Base64 of exactly as many bytes as the algorithm gives.
    pub value: String,
}

impl Request {
    pub fn parse(body: &[u8]) -> Result<Self, BadRequest> {
        let mut members =
            authorizer::strict_object(body).ok_or_else(|| BadRequest::new("", "is not one strict JSON object"))?;
        let request = Self {
            route: take_text(&mut members, "route", MAX_NAME)?,
            params: take_params(&mut members)?,
            filename: take_text(&mut members, "filename", MAX_NAME)?.ok_or_else(|| missing("filename"))?,
            media_type: take_type(&mut members)?,
            size: take_size(&mut members, "size")?,
            checksum: take_checksum(&mut members)?,
            mode: take_mode(&mut members)?,
            part_size: take_size(&mut members, "part_size")?,
        };
        refuse_rest(&members, "")?;
        Ok(request)
    }
}

fn missing(member: &str) -> BadRequest {
    BadRequest::new(member, "is missing")
}

fn refuse_rest(members: &Map<String, Value>, within: &str) -> Result<(), BadRequest> {
    match members.keys().next() {
        None => Ok(()),
        Some(name) => Err(BadRequest::new(format!("{within}{}", shown(name)), "is not known")),
    }
}

/// A member's name as an error shows it: its beginning, in printable characters.
pub fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

fn take_text(members: &mut Map<String, Value>, name: &str, longest: usize) -> Result<Option<String>, BadRequest> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= longest => Ok(Some(text)),
        Some(Value::String(_)) => Err(BadRequest::new(name, format!("is longer than {longest} bytes"))),
        Some(_) => Err(BadRequest::new(name, "is not a string")),
    }
}

fn take_params(members: &mut Map<String, Value>) -> Result<Vec<(String, String)>, BadRequest> {
    let params = match members.remove("params") {
        None => return Err(missing("params")),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(BadRequest::new("params", "is not an object")),
    };
    if params.len() > MAX_PARAMS {
        return Err(BadRequest::new("params", format!("has more than {MAX_PARAMS} members")));
    }
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) if text.len() > MAX_PARAM => {
            Err(BadRequest::new(format!("params.{}", shown(&name)), format!("is longer than {MAX_PARAM} bytes")))
        }
        // Forms change line ends in their fields, and the signed key would no longer be the one that is sent.
        Value::String(text) if text.contains(char::is_control) => {
            Err(BadRequest::new(format!("params.{}", shown(&name)), "holds a control character"))
        }
        Value::String(text) => Ok((name, text)),
        _ => Err(BadRequest::new(format!("params.{}", shown(&name)), "is not a string")),
    };
    params.into_iter().map(text).collect()
}

fn take_type(members: &mut Map<String, Value>) -> Result<String, BadRequest> {
    media_type(take_text(members, "type", MAX_TYPE)?.ok_or_else(|| missing("type"))?)
}

/// A media type as it can be signed; what a browser does not know has one too.
pub fn media_type(text: String) -> Result<String, BadRequest> {
    if text.len() > MAX_TYPE {
        return Err(BadRequest::new("type", format!("is longer than {MAX_TYPE} bytes")));
    }
    if text.is_empty() {
        return Ok(UNKNOWN_TYPE.to_owned());
    }
    // Signing folds runs of spaces and trims, and what is signed must be what is sent.
    let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && !text.contains("  ") && text.trim() == text;
    match text.split(';').next().and_then(|essence| essence.split_once('/')) {
        Some((kind, subtype)) if plain && !kind.is_empty() && !subtype.is_empty() => Ok(text),
        _ => Err(BadRequest::new("type", "is not a media type")),
    }
}

fn take_size(members: &mut Map<String, Value>, name: &str) -> Result<Option<u64>, BadRequest> {
    match members.remove(name) {
        None => Ok(None),
        Some(value) => match value.as_u64().filter(|size| *size <= MAX_SIZE) {
            Some(size) => Ok(Some(size)),
            None => Err(BadRequest::new(name, "is not a whole number of bytes")),
        },
    }
}

fn take_checksum(members: &mut Map<String, Value>) -> Result<Option<Checksum>, BadRequest> {
    let mut inner = match members.remove("checksum") {
        None => return Ok(None),
        Some(Value::Object(inner)) => inner,
        Some(_) => return Err(BadRequest::new("checksum", "is not an object")),
    };
    let within = |fault: BadRequest| BadRequest::new(format!("checksum.{}", fault.member), fault.problem);
    let name = take_text(&mut inner, "algorithm", 16).map_err(within)?.ok_or_else(|| missing("checksum.algorithm"))?;
    let value = take_text(&mut inner, "value", 64).map_err(within)?.ok_or_else(|| missing("checksum.value"))?;
    refuse_rest(&inner, "checksum.")?;
    let Some(algorithm) = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name) else {
        let known = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::as_str).join(", ");
        return Err(BadRequest::new("checksum.algorithm", format!("is none of {known}")));
    };
    if STANDARD.decode(&value).is_ok_and(|bytes| bytes.len() == algorithm.length()) {
        Ok(Some(Checksum { algorithm, value }))
    } else {
        Err(BadRequest::new("checksum.value", format!("is not the base64 of {} bytes", algorithm.length())))
    }
}

fn take_mode(members: &mut Map<String, Value>) -> Result<Option<Mode>, BadRequest> {
    let Some(name) = take_text(members, "mode", 16)? else {
        return Ok(None);
    };
    match [Mode::Post, Mode::Put, Mode::Multipart].into_iter().find(|mode| mode.as_str() == name) {
        Some(mode) => Ok(Some(mode)),
        None => Err(BadRequest::new("mode", "is none of post, put, multipart")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Request, BadRequest> {
        Request::parse(json.as_bytes())
    }

    #[test]
    fn a_whole_request() {
        let request = parse(
            r#"{"route":"files","params":{"workspace":"w"},"filename":"a.png","type":"image/png","size":3,
            "checksum":{"algorithm":"CRC32C","value":"yZRlqg=="},"mode":"put"}"#,
        )
        .unwrap();
        assert_eq!(request.params, [("workspace".to_owned(), "w".to_owned())]);
        assert_eq!((request.size, request.mode), (Some(3), Some(Mode::Put)));
        assert_eq!(request.checksum.unwrap().algorithm, ChecksumAlgorithm::Crc32c);
        let least = parse(r#"{"params":{},"filename":"","type":""}"#).unwrap();
        assert_eq!((least.size, least.mode, least.checksum, least.route), (None, None, None, None));
        assert_eq!(least.media_type, "application/octet-stream");
        assert!(parse(r#"{"params":{},"filename":"a","type":"video/webm;codecs=vp8,opus"}"#).is_ok());
    }

    /// The member that is named, for each fault.
    #[test]
    fn faults_name_their_member() {
        let base = [("params", "{}"), ("filename", "\"a\""), ("type", "\"a/b\""), ("size", "1")];
        for (name, value, member) in [
            ("params", "", "params"),
            ("params", "[]", "params"),
            ("params", r#"{"a":1}"#, "params.a"),
            ("params", r#"{"a":"x\ny"}"#, "params.a"),
            ("params", r#"{"a":"1","a":"2"}"#, ""),
            ("filename", "", "filename"),
            ("filename", "7", "filename"),
            ("filename", "null", "filename"),
            ("type", "", "type"),
            ("type", "\"image\"", "type"),
            ("type", "\"/png\"", "type"),
            ("type", "\"image/png\\r\\nX: y\"", "type"),
            ("type", "\"image/png;  a=b\"", "type"),
            ("type", "\"image/png \"", "type"),
            ("type", "\"image/pñg\"", "type"),
            ("size", "-1", "size"),
            ("size", "1.5", "size"),
            ("size", "\"1\"", "size"),
            ("size", "9007199254740993", "size"),
            ("size", "null", "size"),
            ("route", "1", "route"),
            ("mode", "\"POST\"", "mode"),
            ("part_size", "\"1\"", "part_size"),
            ("checksum", "\"x\"", "checksum"),
            ("checksum", r#"{"value":"yZRlqg=="}"#, "checksum.algorithm"),
            ("checksum", r#"{"algorithm":"MD5","value":"yZRlqg=="}"#, "checksum.algorithm"),
            ("checksum", r#"{"algorithm":"CRC32C"}"#, "checksum.value"),
            ("checksum", r#"{"algorithm":"CRC32C","value":"yZRlqg"}"#, "checksum.value"),
            ("checksum", r#"{"algorithm":"SHA256","value":"yZRlqg=="}"#, "checksum.value"),
            ("checksum", r#"{"algorithm":"CRC32C","value":"yZRlqg==","x":1}"#, "checksum.x"),
            ("key", "\"a\"", "key"),
        ] {
            let mut members: Vec<_> = base.iter().copied().filter(|(other, _)| *other != name).collect();
            if !value.is_empty() {
                members.push((name, value));
            }
            let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let body = format!("{{{}}}", members.join(","));
            assert_eq!(parse(&body).unwrap_err().member, member, "{body}");
        }
        for body in ["", "[]", "{", "null", "{}x"] {
            assert_eq!(parse(body).unwrap_err().member, "", "{body}");
        }
        let many: Vec<_> = (0..17).map(|n| format!("\"p{n}\":\"\"")).collect();
        let body = format!(r#"{{"params":{{{}}},"filename":"a","type":"a/b"}}"#, many.join(","));
        assert_eq!(parse(&body).unwrap_err().member, "params");
        let body = format!(r#"{{"params":{{}},"filename":"{}","type":"a/b"}}"#, "a".repeat(1025));
        assert_eq!(parse(&body).unwrap_err().member, "filename");
    }
}
