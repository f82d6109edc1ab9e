//! An entry's head in bytes. These two functions are the only ones that know the form: whoever changes what a head or an entry
//! holds, or what the headers in it mean, gives [`FORM`] another number, and what was written before is a miss.

use http::{HeaderName, HeaderValue};

use super::bytes::{Reader, put_short, small};
use super::limits;
use crate::freshness::{Lifetime, Stale};
use crate::object::{Entry, Head};

const FORM: u8 = 2;

/// Another version of the program may give the same object other headers.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// What is on disk of an entry beside its bytes.
#[derive(Debug)]
pub struct Stored {
    pub head: Head,
    pub lifetime: Lifetime,
}

/// None where it is too long to be written.
pub fn encode(entry: &Entry) -> Option<Vec<u8>> {
    // Whoever adds a field has to say here what becomes of it.
    let Head { etag, size, last_modified, date, age, cache_control, expires, varies, headers } = &entry.head;
    let Lifetime { made, confirmed, fresh_until, asking_until, error_until, stale } = &entry.lifetime;
    let mut bytes = Vec::with_capacity(512);
    bytes.push(FORM);
    put_short(&mut bytes, PROGRAM.as_bytes())?;
    for time in [made, confirmed, fresh_until, asking_until, error_until] {
        bytes.extend_from_slice(&time.to_le_bytes());
    }
    bytes.push(u8::from(*stale == Stale::Never));
    bytes.push(u8::from(*varies));
    bytes.extend_from_slice(&size.to_le_bytes());
    for number in [last_modified, date, age] {
        bytes.push(u8::from(number.is_some()));
        bytes.extend_from_slice(&number.unwrap_or(0).to_le_bytes());
    }
    for value in [etag, cache_control, expires] {
        bytes.push(u8::from(value.is_some()));
        put_short(&mut bytes, value.as_ref().map_or(&[], HeaderValue::as_bytes))?;
    }
    bytes.extend_from_slice(&small(headers.len()).to_le_bytes());
    for (name, value) in headers {
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
    let lifetime = Lifetime {
        made: reader.i64()?,
        confirmed: reader.i64()?,
        fresh_until: reader.i64()?,
        asking_until: reader.i64()?,
        error_until: reader.i64()?,
        stale: if reader.byte()? == 1 { Stale::Never } else { Stale::Acceptable },
    };
    let varies = reader.byte()? == 1;
    let size = reader.u64()?;
    let mut number = || Some((reader.byte()? == 1, reader.i64()?));
    let numbers = [number()?, number()?, number()?];
    let [last_modified, date, age] = numbers.map(|(there, number)| there.then_some(number));
    let mut value = || Some((reader.byte()? == 1, HeaderValue::from_bytes(reader.short()?).ok()?));
    let values = [value()?, value()?, value()?];
    let [etag, cache_control, expires] = values.map(|(there, value)| there.then_some(value));
    let mut headers = Vec::new();
    for _ in 0..reader.u32()? {
        let name = HeaderName::from_bytes(reader.short()?).ok()?;
        headers.push((name, HeaderValue::from_bytes(reader.short()?).ok()?));
    }
    let head = Head { etag, size, last_modified, date, age, cache_control, expires, varies, headers };
    reader.is_empty().then_some(Stored { head, lifetime })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use bytes::Bytes;

    use super::*;
    use crate::object::ObjectId;

    #[test]
    fn what_is_written_is_read() {
        for full in [false, true] {
            let value = HeaderValue::from_static("max-age=60");
            let headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_bytes(b"text/\xff").unwrap())];
            let head = Head {
                etag: full.then(|| HeaderValue::from_static("\"v\"")),
                size: 7 << 40,
                last_modified: full.then_some(-5),
                date: full.then_some(1_800_000_000),
                age: full.then_some(3),
                cache_control: full.then(|| value.clone()),
                expires: full.then(|| HeaderValue::from_static("0")),
                varies: full,
                headers: if full { headers.clone() } else { Vec::new() },
            };
            let stale = if full { Stale::Never } else { Stale::Acceptable };
            let lifetime =
                Lifetime { made: 1, confirmed: 2, fresh_until: 99, asking_until: 100, error_until: i64::MAX, stale };
            let id = ObjectId { bucket: 0, key: "k".into() };
            let (body, rested) = (Some(Bytes::new()), AtomicI64::new(0));
            let entry = Entry { id, head: head.clone(), lifetime, kept: true, body, rested };
            let bytes = encode(&entry).unwrap();
            let stored = decode(&bytes).unwrap();
            assert_eq!(format!("{:?}", stored.head), format!("{head:?}"));
            assert_eq!(stored.lifetime, lifetime);
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
