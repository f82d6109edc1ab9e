//! An entry's head in bytes. These two functions are the only ones that know the form: whoever changes what a head or an entry
//! holds, or what the headers in it mean, gives [`FORM`] another number, and what was written before is a miss.

use http::{HeaderName, HeaderValue};

use super::bytes::{Reader, put_short, small};
use super::limits;
use crate::object::{Entry, Head};

const FORM: u8 = 1;

/// Another version of the program may give the same object other headers.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// What is on disk of an entry beside its bytes.
#[derive(Debug)]
pub struct Stored {
    pub head: Head,
    pub fresh_until: i64,
}

/// None where it is too long to be written.
pub fn encode(entry: &Entry) -> Option<Vec<u8>> {
    let head = &entry.head;
    let mut bytes = Vec::with_capacity(512);
    bytes.push(FORM);
    put_short(&mut bytes, PROGRAM.as_bytes())?;
    bytes.extend_from_slice(&entry.fresh_until.to_le_bytes());
    bytes.extend_from_slice(&head.size.to_le_bytes());
    put_short(&mut bytes, head.etag.as_bytes())?;
    match head.last_modified {
        None => bytes.push(0),
        Some(seconds) => {
            bytes.push(1);
            bytes.extend_from_slice(&seconds.to_le_bytes());
        }
    }
    match &head.cache_control {
        None => bytes.push(0),
        Some(value) => {
            bytes.push(1);
            put_short(&mut bytes, value.as_bytes())?;
        }
    }
    bytes.extend_from_slice(&small(head.headers.len()).to_le_bytes());
    for (name, value) in &head.headers {
        put_short(&mut bytes, name.as_str().as_bytes())?;
        put_short(&mut bytes, value.as_bytes())?;
    }
    (bytes.len() <= limits::HEAD).then_some(bytes)
}

/// None for what another program wrote, or nobody.
pub fn decode(bytes: &[u8]) -> Option<Stored> {
    let mut reader = Reader(bytes);
    if reader.byte()? != FORM || reader.short()? != PROGRAM.as_bytes() {
        return None;
    }
    let (fresh_until, size) = (reader.i64()?, reader.u64()?);
    let etag = HeaderValue::from_bytes(reader.short()?).ok()?;
    let last_modified = if reader.byte()? == 1 { Some(reader.i64()?) } else { None };
    let cache_control = if reader.byte()? == 1 { Some(HeaderValue::from_bytes(reader.short()?).ok()?) } else { None };
    let mut headers = Vec::new();
    for _ in 0..reader.u32()? {
        let name = HeaderName::from_bytes(reader.short()?).ok()?;
        headers.push((name, HeaderValue::from_bytes(reader.short()?).ok()?));
    }
    let head = Head { etag, size, last_modified, cache_control, headers };
    reader.is_empty().then_some(Stored { head, fresh_until })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::object::ObjectId;

    #[test]
    fn what_is_written_is_read() {
        for full in [false, true] {
            let value = HeaderValue::from_static("max-age=60");
            let headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_bytes(b"text/\xff").unwrap())];
            let head = Head {
                etag: HeaderValue::from_static("\"v\""),
                size: 7 << 40,
                last_modified: full.then_some(-5),
                cache_control: full.then(|| value.clone()),
                headers: if full { headers.clone() } else { Vec::new() },
            };
            let id = ObjectId { bucket: 0, key: "k".into() };
            let body = Some(Bytes::new());
            let entry = Entry { id, head: head.clone(), fresh_until: 99, kept: true, body };
            let bytes = encode(&entry).unwrap();
            let stored = decode(&bytes).unwrap();
            assert_eq!(format!("{:?}", stored.head), format!("{head:?}"));
            assert_eq!(stored.fresh_until, 99);
            for end in 0..bytes.len() {
                assert!(decode(&bytes[..end]).is_none(), "{end}");
            }
            for byte in 0..4 {
                let mut other = bytes.clone();
                other[byte] ^= 1;
                assert!(decode(&other).is_none(), "another form, another program");
            }
        }
    }
}
