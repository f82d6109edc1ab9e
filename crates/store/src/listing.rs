//! One page of the keys of a bucket, in the order of their UTF-8 bytes. A page costs the page: a common prefix is passed
//! over by one seek in the index, however many keys it holds.

use crate::buckets;
use crate::fault::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, params};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) prefix: String,
    /// Never empty.
    pub(crate) delimiter: Option<String>,
    pub(crate) after: Position,
    pub(crate) most: usize,
}

/// Where a page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Position {
    #[default]
    Start,
    /// Behind this text; behind all keys it stands for, where it is a common prefix.
    Behind(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// The last key or common prefix of this page, where there is more behind it.
    pub(crate) next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Object { key: String, size: i64, etag: String, modified: i64 },
    CommonPrefix(String),
}

impl Entry {
    fn text(&self) -> &str {
        match self {
            Self::Object { key, .. } => key,
            Self::CommonPrefix(prefix) => prefix,
        }
    }
}

impl Wanted {
    /// The common prefix that `key` is folded into.
    pub(crate) fn folded<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.as_deref()?;
        let rest = key.strip_prefix(self.prefix.as_str())?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }

    /// The text the page begins behind.
    pub(crate) fn marker(&self) -> Option<&str> {
        match &self.after {
            Position::Start => None,
            Position::Behind(text) => Some(text),
        }
    }

    /// The least bytes a key of this page may have.
    pub(crate) fn start(&self) -> Vec<u8> {
        let behind = match &self.after {
            Position::Start => Vec::new(),
            Position::Behind(text) if self.folded(text) == Some(text) => past_all_with(text),
            Position::Behind(text) => past(text),
        };
        behind.max(self.prefix.clone().into_bytes())
    }
}

pub(crate) fn token(next: &str) -> String {
    URL_SAFE_NO_PAD.encode(next)
}

pub(crate) fn position(token: &str) -> Option<Position> {
    let text = URL_SAFE_NO_PAD.decode(token).ok()?;
    Some(Position::Behind(String::from_utf8(text).ok()?))
}

pub(crate) fn page(connection: &Connection, bucket: &str, wanted: &Wanted) -> Result<Page, Fault> {
    let bucket = buckets::id(connection, bucket)?;
    let mut page = Page::default();
    let mut start = wanted.start();
    if wanted.most == 0 {
        return Ok(page);
    }
    let mut statement = connection
        .prepare_cached("SELECT key, size, etag, modified FROM object WHERE bucket = ?1 AND key >= ?2 ORDER BY key")?;
    'seek: loop {
        let mut rows = statement.query(params![bucket, start])?;
        while let Some(row) = rows.next()? {
            let key = String::from_utf8(row.get(0)?).map_err(|_| Fault::Corrupt("key"))?;
            if !key.starts_with(&wanted.prefix) {
                return Ok(page);
            }
            if page.entries.len() == wanted.most {
                page.next = page.entries.last().map(|entry| entry.text().to_owned());
                return Ok(page);
            }
            if let Some(prefix) = wanted.folded(&key) {
                page.entries.push(Entry::CommonPrefix(prefix.to_owned()));
                start = past_all_with(prefix);
                continue 'seek;
            }
            let (size, etag, modified) = (row.get(1)?, row.get(2)?, row.get(3)?);
            page.entries.push(Entry::Object { key, size, etag, modified });
        }
        return Ok(page);
    }
}

/// The least bytes behind this one key.
fn past(key: &str) -> Vec<u8> {
    let mut bytes = key.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The least bytes behind every key that begins so. No byte of UTF-8 is 255, so the last one can grow.
pub(crate) fn past_all_with(prefix: &str) -> Vec<u8> {
    let mut bytes = prefix.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last = last.saturating_add(1);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::BlobId;
    use crate::index::Index;
    use crate::key::ObjectKey;
    use crate::object::{Object, ObjectHeaders, Precondition};
    use crate::objects;
    use crate::testing::TempDir;
    use std::collections::BTreeSet;

    /// A listing as one would write it without an index.
    fn model(keys: &BTreeSet<String>, wanted: &Wanted) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(&wanted.prefix)) {
            let text = wanted.folded(key).unwrap_or(key).to_owned();
            let behind = match &wanted.after {
                Position::Start => true,
                Position::Behind(after) => key > after && text != *after,
            };
            if behind && found.last() != Some(&text) {
                found.push(text);
            }
        }
        found
    }

    fn texts(page: &Page) -> Vec<String> {
        page.entries.iter().map(|entry| entry.text().to_owned()).collect()
    }

    fn words(alphabet: &[&str], longest: u32) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut last = words.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|w| alphabet.iter().map(move |a| format!("{w}{a}"))).collect();
            words.extend(last.clone());
        }
        words
    }

    #[test]
    fn pages_are_those_of_the_model() {
        let dir = TempDir::new();
        let index = Index::open(&dir.path().join("index.sqlite")).unwrap();
        index.write(|tx| buckets::create(tx, "bucket", 0)).unwrap();
        // Every third word over a tiny alphabet, so that there are gaps.
        let keys: BTreeSet<String> = words(&["a", "/", "é"], 4).into_iter().skip(1).step_by(3).collect();
        index
            .write(|tx| {
                for key in &keys {
                    let object = Object {
                        content: BlobId::new(),
                        parts: 0,
                        size: 1,
                        etag: "e".into(),
                        modified: 0,
                        headers: ObjectHeaders::default(),
                    };
                    objects::put(tx, "bucket", &ObjectKey::parse(key.clone()).unwrap(), &object, &Precondition::None)?;
                }
                Ok(())
            })
            .unwrap();

        let affixes = words(&["a", "/", "é"], 2);
        for prefix in &affixes {
            for delimiter in [None, Some("/"), Some("a"), Some("a/")] {
                for after in &affixes {
                    let after = if after.is_empty() { Position::Start } else { Position::Behind(after.clone()) };
                    for most in [1, 2, 1000] {
                        let wanted = Wanted {
                            prefix: prefix.clone(),
                            delimiter: delimiter.map(str::to_owned),
                            after: after.clone(),
                            most,
                        };
                        let all = model(&keys, &wanted);
                        let page = index.read(|c| page(c, "bucket", &wanted)).unwrap();
                        let first: Vec<String> = all.iter().take(most).cloned().collect();
                        assert_eq!(texts(&page), first, "{wanted:?}");
                        assert_eq!(page.next.is_some(), all.len() > most, "{wanted:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn tokens_lead_through_all_pages() {
        let dir = TempDir::new();
        let index = Index::open(&dir.path().join("index.sqlite")).unwrap();
        index.write(|tx| buckets::create(tx, "bucket", 0)).unwrap();
        let empty = Wanted { most: 1, ..Wanted::default() };
        assert_eq!(index.read(|c| page(c, "bucket", &empty)).unwrap(), Page::default());
        assert!(matches!(index.read(|c| page(c, "no", &empty)), Err(Fault::NoSuchBucket)));
        assert_eq!(position(&token("a/é")), Some(Position::Behind("a/é".into())));
        assert_eq!(position("***"), None);
    }
}
