//! One page of the open uploads of a bucket: by key, those of one key in the order of their beginnings. As with objects, a
//! common prefix is passed over by one seek.

use crate::buckets;
use crate::digest::Promise;
use crate::fault::Fault;
use crate::listing::{Wanted, past_all_with};
use crate::uploads::UploadId;
use rusqlite::{Connection, params};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) uploads: Vec<Listed>,
    pub(crate) common_prefixes: Vec<String>,
    /// The key or common prefix this page ends with, and the id of its upload, where there is more behind it.
    pub(crate) next: Option<(String, Option<UploadId>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) id: UploadId,
    /// Seconds since 1970.
    pub(crate) started: i64,
    pub(crate) promise: Promise,
}

/// `wanted.after` is the key marker; `after_id` continues within the uploads of that key.
pub(crate) fn page(
    connection: &Connection,
    bucket: &str,
    wanted: &Wanted,
    after_id: Option<&UploadId>,
) -> Result<Page, Fault> {
    let bucket = buckets::id(connection, bucket)?;
    let mut page = Page::default();
    let mut last: Option<(String, Option<UploadId>)> = None;
    let (mut start_key, mut start_id) = match (wanted.marker(), after_id) {
        (Some(key), Some(id)) => (key.as_bytes().to_vec(), id.as_str().to_owned()),
        _ => (wanted.start(), String::new()),
    };
    if wanted.most == 0 {
        return Ok(page);
    }
    let mut statement = connection.prepare_cached(
        "SELECT key, id, started, promise FROM upload
         WHERE bucket = ?1 AND (key, id) > (?2, ?3) AND content IS NULL ORDER BY key, id",
    )?;
    'seek: loop {
        let mut rows = statement.query(params![bucket, start_key, start_id])?;
        while let Some(row) = rows.next()? {
            let key = String::from_utf8(row.get(0)?).map_err(|_| Fault::Corrupt("key"))?;
            if !key.starts_with(&wanted.prefix) {
                return Ok(page);
            }
            if page.uploads.len().saturating_add(page.common_prefixes.len()) == wanted.most {
                page.next = last;
                return Ok(page);
            }
            if let Some(prefix) = wanted.folded(&key) {
                page.common_prefixes.push(prefix.to_owned());
                last = Some((prefix.to_owned(), None));
                (start_key, start_id) = (past_all_with(prefix), String::new());
                continue 'seek;
            }
            let (id, promise): (String, String) = (row.get(1)?, row.get(3)?);
            let promise = serde_json::from_str(&promise).map_err(|_| Fault::Corrupt("upload"))?;
            let id = UploadId::asked(id);
            last = Some((key.clone(), Some(id.clone())));
            page.uploads.push(Listed { key, id, started: row.get(2)?, promise });
        }
        return Ok(page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, ChecksumKind};
    use crate::index::Index;
    use crate::key::ObjectKey;
    use crate::listing::Position;
    use crate::object::ObjectHeaders;
    use crate::testing::TempDir;
    use crate::uploads;
    use crate::vault::Address;

    const PROMISE: Promise = Promise { algorithm: Algorithm::Crc64Nvme, kind: ChecksumKind::FullObject };

    #[test]
    fn pages_lead_through_all_uploads() {
        let dir = TempDir::new();
        let index = Index::open(&dir.path().join("index.sqlite")).unwrap();
        let keys = ["a", "a", "b/1", "b/1", "b/2", "c", "c/x", "d"];
        index
            .write(|tx| {
                buckets::create(tx, "bucket", 0)?;
                for (ms, key) in (1..).zip(keys) {
                    let at = Address { bucket: "bucket".into(), key: ObjectKey::parse(key).unwrap() };
                    uploads::create(tx, &at, &UploadId::new(ms), &ObjectHeaders::default(), PROMISE, 7)?;
                }
                Ok(())
            })
            .unwrap();
        let explain = "EXPLAIN QUERY PLAN SELECT key, id, started, promise FROM upload
                       WHERE bucket = 1 AND (key, id) > (x'61', '0') AND content IS NULL ORDER BY key, id";
        let plan: String = index.read(|c| Ok(c.query_row(explain, [], |row| row.get(3))?)).unwrap();
        assert!(plan.contains("upload_open (bucket=? AND (key,id)>(?,?))"), "{plan}");
        for (delimiter, expected) in [
            (None, vec!["a", "a", "b/1", "b/1", "b/2", "c", "c/x", "d"]),
            (Some("/"), vec!["a", "a", "b/", "c", "c/", "d"]),
        ] {
            for most in 1..9 {
                let (mut seen, mut after, mut after_id) = (Vec::new(), Position::Start, None);
                loop {
                    let delimiter = delimiter.map(str::to_owned);
                    let wanted = Wanted { prefix: String::new(), delimiter, after, most };
                    let page = index.read(|c| page(c, "bucket", &wanted, after_id.as_ref())).unwrap();
                    let mut texts: Vec<String> = page.uploads.iter().map(|upload| upload.key.clone()).collect();
                    texts.extend(page.common_prefixes);
                    texts.sort();
                    assert!(texts.len() <= most);
                    seen.extend(texts);
                    let Some((key, id)) = page.next else { break };
                    (after, after_id) = (Position::Behind(key), id);
                }
                assert_eq!(seen, expected, "{delimiter:?} {most}");
            }
        }
    }
}
