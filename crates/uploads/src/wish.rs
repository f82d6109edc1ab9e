//! What Uppy says of a file, in the words of Companion (versions 5 and 6) and of `signRequest` (version 6), read leniently:
//! other members, and metadata that no placeholder of a route wants, are the widget's own.

use authorizer::{Fill, Rules};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::refused::{BadRequest, Refused};
use crate::request::{MAX_NAME, MAX_PARAM, Request, media_type};

/// The most pairs of metadata that are looked at: a form of Uppy's has a few.
const MAX_METADATA: usize = 64;

/// Requests that one call signs: more than Uppy has parts under way.
pub const MAX_BATCH: usize = 100;

/// A file that somebody would like to upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    pub filename: String,
    pub media_type: Option<String>,
    pub size: Option<u64>,
    pub part_size: Option<u64>,
    pub route: Option<String>,
    pub metadata: Vec<(String, String)>,
}

/// The body of `POST /_edgepass/s3/multipart`, and one request of `POST /_edgepass/s3/sign`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    method: Option<String>,
    key: Option<String>,
    upload_id: Option<String>,
    part_number: Option<u32>,
    filename: Option<String>,
    #[serde(alias = "type")]
    content_type: Option<String>,
    size: Option<u64>,
    #[serde(alias = "part_size")]
    part_size: Option<u64>,
    route: Option<String>,
    params: Map<String, Value>,
    metadata: Map<String, Value>,
}

/// What `signRequest` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signable {
    /// An object in one request.
    Object(Wish),
    Begin(Wish),
    /// `size` of this part, where it was said.
    Part {
        id: String,
        number: u32,
        size: Option<u64>,
    },
    List {
        id: String,
    },
    Complete {
        id: String,
    },
    Abort {
        id: String,
    },
}

impl Wish {
    /// The body of `POST /_edgepass/s3/multipart`.
    pub fn of_json(body: &[u8]) -> Result<Self, BadRequest> {
        said::<Said>(serde_json::from_slice(body))?.wish()
    }

    /// The query of `GET /_edgepass/s3/params`, as forms write it (URL Standard, "application/x-www-form-urlencoded").
    pub fn of_query(query: &str) -> Result<Self, BadRequest> {
        let mut said = Said::default();
        for (name, value) in pairs(query).take(MAX_METADATA) {
            let number =
                |value: &str| value.parse().map_err(|_| BadRequest::new("size", "is not a whole number of bytes"));
            match name.as_str() {
                "filename" => said.filename = Some(value),
                "type" => said.content_type = Some(value),
                "size" => said.size = Some(number(&value)?),
                "route" => said.route = Some(value),
                _ => {
                    if let Some(name) = name.strip_prefix("metadata[").and_then(|name| name.strip_suffix(']')) {
                        said.metadata.insert(name.to_owned(), Value::String(value));
                    }
                }
            }
        }
        said.wish()
    }

    /// The strict request that this comes to: of the metadata what a route's placeholders want. Without a route named, the
    /// first name that fits all the placeholders of exactly one.
    pub fn request(&self, rules: &Rules) -> Result<Request, Refused> {
        let named = self
            .route
            .clone()
            .or_else(|| self.meta("route").filter(|name| takes_uploads(rules, name)).map(str::to_owned));
        let takers = || rules.routes().filter_map(|(_, info)| info.upload.map(|upload| (info, upload)));
        let wanted = |name: &str| {
            takers().filter(|(info, _)| named.as_ref().is_none_or(|named| info.name == named)).any(|(info, upload)| {
                info.placeholders.iter().zip(&upload.fill).any(|(known, fill)| known == name && *fill == Fill::Param)
            })
        };
        let params = self.metadata.iter().filter(|(name, _)| wanted(name)).cloned().collect();
        let size = match (self.size, self.meta("size").filter(|_| !wanted("size"))) {
            (Some(size), _) => Some(size),
            (None, Some(text)) => {
                let wrong = || BadRequest::new("metadata.size", "is not a whole number of bytes");
                Some(text.parse().map_err(|_| wrong())?)
            }
            (None, None) => None,
        };
        let media_type = media_type(self.media_type.clone().unwrap_or_default())?;
        let filename = self.filename.clone();
        Ok(Request {
            route: named,
            params,
            filename,
            media_type,
            size,
            checksum: None,
            mode: None,
            part_size: self.part_size,
        })
    }

    fn meta(&self, name: &str) -> Option<&str> {
        self.metadata.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn takes_uploads(rules: &Rules, name: &str) -> bool {
    rules.routes().any(|(_, info)| info.name == name && info.upload.is_some())
}

impl Signable {
    /// The body of `POST /_edgepass/s3/sign`: one request, or a list of them.
    pub fn of_json(body: &[u8]) -> Result<(Vec<Self>, Form), BadRequest> {
        let list = body.trim_ascii_start().first() == Some(&b'[');
        let requests: Vec<Said> =
            if list { said(serde_json::from_slice(body))? } else { vec![said(serde_json::from_slice(body))?] };
        if requests.is_empty() || requests.len() > MAX_BATCH {
            return Err(BadRequest::new("", format!("has not 1 to {MAX_BATCH} requests")));
        }
        let form = if list { Form::List } else { Form::One };
        Ok((requests.into_iter().map(Said::signable).collect::<Result<_, _>>()?, form))
    }
}

/// How the answer is written: as the question was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    One,
    List,
}

fn said<T>(read: Result<T, serde_json::Error>) -> Result<T, BadRequest> {
    read.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        BadRequest::new(
            "",
            format!(
                "cannot be read from line {line}, column {column} on: a member is missing, repeated or of another type"
            ),
        )
    })
}

impl Said {
    fn wish(self) -> Result<Wish, BadRequest> {
        // Uppy 6 makes its own key of the file's name, and says nothing else of it.
        let filename = self.filename.or_else(|| self.key.as_deref().map(|key| without_uuid(key).to_owned()));
        let filename = filename.ok_or_else(|| BadRequest::new("filename", "is missing"))?;
        if filename.len() > MAX_NAME {
            return Err(BadRequest::new("filename", format!("is longer than {MAX_NAME} bytes")));
        }
        let pairs = self.metadata.into_iter().chain(self.params).take(MAX_METADATA);
        let metadata = pairs.filter_map(|(name, value)| text(value).map(|value| (name, value)));
        let metadata =
            metadata.filter(|(_, value)| value.len() <= MAX_PARAM && !value.contains(char::is_control)).collect();
        let Self { content_type: media_type, size, part_size, route, .. } = self;
        Ok(Wish { filename, media_type, size, part_size, route, metadata })
    }

    fn signable(mut self) -> Result<Signable, BadRequest> {
        let (method, number, size) = (self.method.take().unwrap_or_default(), self.part_number, self.size);
        Ok(match (method.as_str(), self.upload_id.take(), number) {
            ("PUT", None, None) => Signable::Object(self.wish()?),
            ("POST", None, None) => Signable::Begin(self.wish()?),
            ("PUT", Some(id), Some(number)) => Signable::Part { id, number, size },
            ("GET", Some(id), None) => Signable::List { id },
            ("POST", Some(id), None) => Signable::Complete { id },
            ("DELETE", Some(id), None) => Signable::Abort { id },
            ("PUT", Some(_), None) => return Err(BadRequest::new("partNumber", "is missing")),
            _ => return Err(BadRequest::new("method", "is not one that is signed with these members")),
        })
    }
}

/// Metadata is text; a number or a truth value has one. Nothing else is anything for a path.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The name in a key that Uppy 6 makes: `<uuid>-<name>`.
fn without_uuid(key: &str) -> &str {
    let (Some(uuid), Some(name)) = (key.get(..36), key.get(36..)) else { return key };
    let is_uuid = uuid.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    match name.strip_prefix('-') {
        Some(name) if is_uuid => name,
        _ => key,
    }
}

/// Names and values of a query; what is not UTF-8 is left out.
pub fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let decode =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    query.split('&').filter_map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, decode(value)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::tests::rules;
    use crate::plan::plan;

    const WORKSPACE: &str = "9f0c2d9e-1111-4222-8333-abcdefabcdef";

    fn path(wish: &Wish) -> Result<String, String> {
        let request = wish.request(&rules()).map_err(|refused| refused.to_string())?;
        let planned = plan(&rules(), request, || [0xff; 16]).map_err(|refused| refused.to_string())?;
        Ok(planned.path().as_str().to_owned())
    }

    #[test]
    fn companion() {
        let placed = format!("/{WORKSPACE}/ffffffff-ffff-4fff-bfff-ffffffffffff/a b+.png");
        let body = format!(
            r#"{{"filename":"a b+.png","type":"image/png","metadata":{{"workspace":"{WORKSPACE}","name":"x","size":7,"none":null}}}}"#
        );
        let wish = Wish::of_json(body.as_bytes()).unwrap();
        assert_eq!(path(&wish), Ok(placed.clone()));
        assert_eq!(wish.request(&rules()).unwrap().size, Some(7));
        let query =
            format!("filename=a+b%2B.png&type=image%2Fpng&metadata%5Bworkspace%5D={WORKSPACE}&metadata[name]=x");
        assert_eq!(path(&Wish::of_query(&query).unwrap()), Ok(placed));
        let several = "filename=a&type=a/b&metadata[id]=7&metadata[rest]=x";
        assert!(path(&Wish::of_query(several).unwrap()).unwrap_err().contains("`media` and `more`"));
        let named = format!("{several}&metadata[route]=media&metadata[workspace]={WORKSPACE}");
        assert_eq!(path(&Wish::of_query(&named).unwrap()), Ok("/media/7/in/x".to_owned()));
        assert!(path(&Wish::of_query("filename=a&type=a/b").unwrap()).is_err());
        assert!(Wish::of_query("type=a/b").is_err() && Wish::of_json(b"{}").is_err() && Wish::of_json(b"[]").is_err());
        assert!(Wish::of_query("filename=a&size=-1").is_err());
    }

    #[test]
    fn what_is_signed() {
        let one = |json: &str| Signable::of_json(json.as_bytes()).map(|(mut list, _)| list.remove(0));
        let id = || "u".to_owned();
        assert_eq!(one(r#"{"method":"GET","key":"k","uploadId":"u"}"#), Ok(Signable::List { id: id() }));
        assert_eq!(one(r#"{"method":"DELETE","key":"k","uploadId":"u"}"#), Ok(Signable::Abort { id: id() }));
        assert_eq!(one(r#"{"method":"POST","key":"k","uploadId":"u"}"#), Ok(Signable::Complete { id: id() }));
        let part = r#"{"method":"PUT","key":"k","uploadId":"u","partNumber":3,"expiresIn":9}"#;
        assert_eq!(one(part), Ok(Signable::Part { id: id(), number: 3, size: None }));
        let key = format!("{WORKSPACE}-my film.mp4");
        let Ok(Signable::Begin(wish)) = one(&format!(r#"{{"method":"POST","key":"{key}","params":{{"a":"b"}}}}"#))
        else {
            panic!()
        };
        assert_eq!((wish.filename.as_str(), wish.metadata.len()), ("my film.mp4", 1));
        assert!(matches!(one(r#"{"method":"PUT","key":"k","contentType":"a/b","size":1}"#), Ok(Signable::Object(_))));
        for bad in [
            "{}",
            r#"{"method":"GET","key":"k"}"#,
            r#"{"method":"DELETE","key":"k"}"#,
            r#"{"method":"PUT","uploadId":"u"}"#,
            r#"{"method":"PUT"}"#,
            r#"{"method":"PUT","uploadId":"u","partNumber":-1}"#,
            r#"{"method":"put","key":"k"}"#,
            "[]",
        ] {
            assert!(Signable::of_json(bad.as_bytes()).is_err(), "{bad}");
        }
        let many = |count: usize| format!("[{}]", vec![part; count].join(","));
        assert_eq!(Signable::of_json(many(100).as_bytes()).unwrap().1, Form::List);
        assert!(Signable::of_json(many(101).as_bytes()).is_err());
    }

    #[test]
    fn names_in_keys() {
        assert_eq!(without_uuid(&format!("{WORKSPACE}-a.png")), "a.png");
        for key in ["a.png", "", "é", &format!("{WORKSPACE}x"), &"é".repeat(40), &format!("{}-a", "z".repeat(36))] {
            assert_eq!(without_uuid(key), key);
        }
    }
}
