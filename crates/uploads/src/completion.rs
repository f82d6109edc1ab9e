//! The end of an upload in parts: what the client says it has sent, what the store has, and whether that is the file that
//! was allowed.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;

use crate::parts::MAX_PARTS;
use crate::refused::{BadRequest, Refused};
use crate::seal::Wanted;

/// A part that the client names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Named {
    #[serde(rename = "PartNumber")]
    pub number: u32,
    #[serde(rename = "ETag")]
    pub etag: String,
}

/// A part that the store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPart {
    pub number: u32,
    /// As the store writes it, quotes included.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// The body of a completion as Companion takes it: `{"parts":[{"PartNumber":1,"ETag":"…"}]}`.
pub fn parts_of_json(body: &[u8]) -> Result<Vec<Named>, BadRequest> {
    #[derive(Deserialize)]
    struct Completion {
        parts: Vec<Named>,
    }
    let completion: Completion = serde_json::from_slice(body)
        .map_err(|_| BadRequest::new("parts", "is not a list of `PartNumber` and `ETag`"))?;
    in_order(completion.parts)
}

/// The body of a completion as S3 takes it: `CompleteMultipartUpload`. Only elements and texts are understood.
pub fn parts_of_xml(body: &[u8]) -> Result<Vec<Named>, BadRequest> {
    let wrong = || BadRequest::new("", "is not a `CompleteMultipartUpload` of S3");
    let mut reader = Reader::from_reader(body);
    let mut open: Vec<Vec<u8>> = Vec::new();
    let (mut text, mut number, mut etag) = (String::new(), None, None);
    let mut parts = Vec::new();
    loop {
        match reader.read_event().map_err(|_| wrong())? {
            Event::Start(element) => {
                // CompleteMultipartUpload, Part, PartNumber: nothing lies deeper.
                if open.len() == 3 || parts.len() > MAX_PARTS as usize {
                    return Err(wrong());
                }
                open.push(element.local_name().as_ref().to_vec());
                text.clear();
            }
            Event::Text(event) => text.push_str(&event.decode().map_err(|_| wrong())?),
            Event::GeneralRef(event) => text.push(character(&event.decode().map_err(|_| wrong())?).ok_or_else(wrong)?),
            Event::End(_) => {
                let path: Vec<&[u8]> = open.iter().map(Vec::as_slice).collect();
                match path.as_slice() {
                    [b"CompleteMultipartUpload", b"Part", b"PartNumber"] => {
                        number = Some(text.trim().parse().map_err(|_| wrong())?);
                    }
                    [b"CompleteMultipartUpload", b"Part", b"ETag"] => etag = Some(text.trim().to_owned()),
                    [b"CompleteMultipartUpload", b"Part"] => {
                        let (number, etag) = (number.take().ok_or_else(wrong)?, etag.take().ok_or_else(wrong)?);
                        parts.push(Named { number, etag });
                    }
                    // A part's checksums: what it is was signed, and the store has checked it.
                    [b"CompleteMultipartUpload"] | [b"CompleteMultipartUpload", b"Part", _] => {}
                    _ => return Err(wrong()),
                }
                open.pop();
            }
            Event::Eof if open.is_empty() => return in_order(parts),
            Event::Decl(_) | Event::Comment(_) => {}
            _ => return Err(wrong()),
        }
    }
}

/// The five names of XML, and the numbers (XML 1.0 sections 4.1 and 4.6). Nobody declares others here.
fn character(name: &str) -> Option<char> {
    match name {
        "quot" => Some('"'),
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

fn in_order(parts: Vec<Named>) -> Result<Vec<Named>, BadRequest> {
    if parts.is_empty() {
        return Err(BadRequest::new("parts", "is empty"));
    }
    if parts.len() > MAX_PARTS as usize {
        return Err(BadRequest::new("parts", format!("has more than {MAX_PARTS} entries")));
    }
    if !parts.is_sorted_by(|one, next| one.number < next.number) {
        return Err(BadRequest::new("parts", "is not in the order of `PartNumber`"));
    }
    Ok(parts)
}

/// The parts that make the object, as the store has them. `max_size` is what the route takes now.
pub fn settle(
    wanted: &Wanted,
    max_size: u64,
    named: &[Named],
    stored: Vec<StoredPart>,
) -> Result<Vec<StoredPart>, Refused> {
    let mut stored = stored.into_iter();
    let mut parts = Vec::with_capacity(named.len());
    for named in named {
        let part = stored.by_ref().find(|part| part.number >= named.number);
        let part = part.filter(|part| part.number == named.number && bare(&part.etag) == bare(&named.etag));
        parts.push(part.ok_or(Refused::OtherParts { number: named.number })?);
    }
    let size = parts.iter().fold(0u64, |size, part| size.saturating_add(part.size));
    let limit = max_size.min(wanted.max_size).min(wanted.size.unwrap_or(u64::MAX));
    if size > limit {
        return Err(Refused::TooLarge { size, limit });
    }
    match wanted.size {
        Some(declared) if size < declared => Err(Refused::Incomplete { size, declared }),
        _ => Ok(parts),
    }
}

/// Some clients send an ETag without its quotes.
fn bare(etag: &str) -> &str {
    etag.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::tests::wanted;

    fn named(parts: &[(u32, &str)]) -> Vec<Named> {
        parts.iter().map(|(number, etag)| Named { number: *number, etag: (*etag).to_owned() }).collect()
    }

    #[test]
    fn both_forms() {
        let two = named(&[(1, "\"a\""), (3, "b")]);
        let json = br#"{"parts":[{"PartNumber":1,"ETag":"\"a\"","Size":3},{"PartNumber":3,"ETag":"b"}]}"#;
        assert_eq!(parts_of_json(json), Ok(two.clone()));
        let sent_by_uppy = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>\
            <Part><PartNumber>3</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>";
        assert_eq!(parts_of_xml(sent_by_uppy), Ok(two.clone()));
        let sent_by_sdks =
            b"<?xml version=\"1.0\"?>\n<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n \
            <Part><ETag>&quot;a&#34;</ETag><PartNumber> 1 </PartNumber><ChecksumCRC32>x</ChecksumCRC32></Part>\
            <!-- --><Part><PartNumber>3</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>\n";
        assert_eq!(parts_of_xml(sent_by_sdks), Ok(two));
    }

    #[test]
    fn what_is_no_completion() {
        for bad in ["", "[]", "{}", r#"{"parts":{}}"#, r#"{"parts":[]}"#, r#"{"parts":[{"PartNumber":1}]}"#] {
            assert!(parts_of_json(bad.as_bytes()).is_err(), "{bad}");
        }
        for order in [[2, 1], [1, 1]] {
            let [one, two] = order;
            let body = format!(r#"{{"parts":[{{"PartNumber":{one},"ETag":"a"}},{{"PartNumber":{two},"ETag":"b"}}]}}"#);
            assert_eq!(parts_of_json(body.as_bytes()).unwrap_err().member, "parts", "{body}");
        }
        let part = "<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>";
        for bad in [
            String::new(),
            "x".to_owned(),
            part.to_owned(),
            format!("<CompleteMultipartUpload>{part}"),
            format!("<Other>{part}</Other>"),
            format!("<!DOCTYPE a [<!ENTITY b \"c\">]><CompleteMultipartUpload>{part}</CompleteMultipartUpload>"),
            "<CompleteMultipartUpload/>".to_owned(),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>".to_owned(),
            "<CompleteMultipartUpload><Part><PartNumber>-1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>".to_owned(),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&b;</ETag></Part></CompleteMultipartUpload>".to_owned(),
            "<CompleteMultipartUpload><Part><ETag><a></a></ETag></Part></CompleteMultipartUpload>".to_owned(),
            "<a>".repeat(100_000),
            format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", part.repeat(10_002)),
        ] {
            assert!(parts_of_xml(bad.as_bytes()).is_err(), "{:?}", bad.get(..200.min(bad.len())));
        }
    }

    #[test]
    fn what_is_settled() {
        let stored = || {
            let part = |number, etag: &str, size| StoredPart { number, etag: etag.to_owned(), size };
            vec![part(1, "\"a\"", 5), part(2, "\"x\"", 500), part(3, "\"b\"", 2)]
        };
        let settled = |wanted: &Wanted, parts: &[(u32, &str)]| {
            settle(wanted, 1000, &named(parts), stored()).map(|parts| parts.len()).map_err(|refused| refused.code())
        };
        let sized = wanted();
        assert_eq!(settled(&sized, &[(1, "a"), (3, "\"b\"")]), Ok(2));
        assert_eq!(settled(&sized, &[(1, "a")]), Err("upload_incomplete"));
        assert_eq!(settled(&sized, &[(1, "a"), (2, "x")]), Err("upload_too_large"));
        assert_eq!(settled(&sized, &[(1, "b")]), Err("upload_other_parts"));
        assert_eq!(settled(&sized, &[(4, "b")]), Err("upload_other_parts"));
        let open = Wanted { size: None, ..wanted() };
        assert_eq!(settled(&open, &[(1, "a"), (2, "x")]), Ok(2));
        assert_eq!(settled(&Wanted { max_size: 504, ..open }, &[(1, "a"), (2, "x")]), Err("upload_too_large"));
        let shrunk = settle(&Wanted { size: None, ..wanted() }, 504, &named(&[(1, "a"), (2, "x")]), stored());
        assert_eq!(shrunk, Err(Refused::TooLarge { size: 505, limit: 504 }));
    }
}
