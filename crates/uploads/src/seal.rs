//! Seals: what has been begun or may be begun, in a text that only the holders of the site's secret can make. Nothing is
//! kept here: every gateway with the secret can go on, and a restart loses nothing.
//!
//! `base64url(version || kind || JSON || HMAC-SHA256)`. It hides nothing, and holds nothing of a token: the owner is a digest.

use std::fmt;

use authorizer::{UnixTime, Verified};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::request::Checksum;

/// The longest seal that is looked at, in bytes: the parts of the longest one have bounds that come to less.
pub const MAX_SEAL: usize = 6000;

/// How long a bearer has to bring a ticket, in seconds: a widget sends it at once, and again when the store was busy.
pub const TICKET_LIFE: i64 = 120;

/// The longest id of a store's own: S3's have about 130 bytes.
pub const MAX_STORE_ID: usize = 1024;

const VERSION: u8 = 1;
const MAC_BYTES: usize = 32;

/// What a bearer was allowed to upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The name of the bucket in the store.
    #[serde(rename = "b")]
    pub bucket: String,
    #[serde(rename = "r")]
    pub route: String,
    /// Decoded.
    #[serde(rename = "p")]
    pub path: String,
    /// Left out where it is the path without its first slash.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(rename = "o")]
    pub owner: Owner,
    /// Bytes of the whole file, where they were said.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(rename = "x")]
    pub max_size: u64,
    #[serde(rename = "q")]
    pub part_size: u64,
    /// None: the request that begins says it.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

impl Wanted {
    /// With this key.
    #[must_use]
    pub fn at(mut self, key: &str) -> Self {
        self.key = (self.path.strip_prefix('/') != Some(key)).then(|| key.to_owned());
        self
    }

    pub fn key(&self) -> &str {
        let of_path = || self.path.strip_prefix('/').unwrap_or_default();
        self.key.as_deref().unwrap_or_else(of_path)
    }
}

/// An upload that the store knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The store's own id of it.
    #[serde(rename = "i")]
    pub store_id: String,
    /// In the object's metadata: by it a repeated completion finds its own object again.
    #[serde(rename = "n")]
    pub mark: String,
    #[serde(rename = "a")]
    pub at: i64,
    /// Unix seconds; from then on it counts as abandoned.
    #[serde(rename = "e")]
    pub expires: i64,
    #[serde(rename = "w")]
    pub wanted: Wanted,
}

/// What a request without a token may do once it comes, soon: whoever got it had leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ticket {
    #[serde(rename = "b")]
    Begin(Wanted),
    #[serde(rename = "c")]
    Complete(Begun),
}

#[derive(Serialize, Deserialize)]
struct Dated<T> {
    #[serde(rename = "d")]
    until: i64,
    #[serde(rename = "v")]
    what: T,
}

/// Who began: a digest of the token's issuer and subject, or of the whole token where it names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner([u8; 16]);

impl Owner {
    pub fn of(verified: &Verified, token: &str) -> Self {
        let claims = verified.claims();
        match (&claims.issuer, &claims.subject) {
            (Some(issuer), Some(subject)) => Self::digest(&[b"subject", issuer.as_bytes(), subject.as_bytes()]),
            _ => Self::digest(&[b"token", token.as_bytes()]),
        }
    }

    fn digest(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut owner = [0; 16];
        for (place, byte) in owner.iter_mut().zip(digest.finalize()) {
            *place = byte;
        }
        Self(owner)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealFault {
    /// Not one of ours, or changed since.
    Forged,
    Expired,
}

/// The keys that seal.
#[derive(Clone)]
pub struct Seals {
    uploads: Hmac<Sha256>,
    tickets: Hmac<Sha256>,
}

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seals(…)")
    }
}

impl Seals {
    /// From a secret that serves nothing else.
    pub fn new(secret: &[u8; 32]) -> Self {
        let derived = |purpose: &[u8]| keyed(&keyed(secret).chain_update(purpose).finalize().into_bytes());
        Self { uploads: derived(b"edgepass: an upload's id"), tickets: derived(b"edgepass: an upload's ticket") }
    }

    pub fn seal(&self, begun: &Begun) -> Option<String> {
        close(&self.uploads, b'u', begun)
    }

    pub fn open(&self, text: &str, now: UnixTime) -> Result<Begun, SealFault> {
        let begun: Begun = open(&self.uploads, b'u', text)?;
        if begun.expires <= now.0 { Err(SealFault::Expired) } else { Ok(begun) }
    }

    pub fn ticket(&self, what: &Ticket, now: UnixTime) -> Option<String> {
        close(&self.tickets, b't', &Dated { until: now.0.saturating_add(TICKET_LIFE), what })
    }

    pub fn open_ticket(&self, text: &str, now: UnixTime) -> Result<Ticket, SealFault> {
        let dated: Dated<Ticket> = open(&self.tickets, b't', text)?;
        if dated.until <= now.0 { Err(SealFault::Expired) } else { Ok(dated.what) }
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    // Both of our kinds of keys are shorter than the block of 64 bytes, which then holds them whole.
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    Hmac::new(&block.into())
}

fn close(key: &Hmac<Sha256>, kind: u8, what: &impl Serialize) -> Option<String> {
    let mut bytes = vec![VERSION, kind];
    serde_json::to_writer(&mut bytes, what).ok()?;
    let mac = key.clone().chain_update(&bytes).finalize().into_bytes();
    bytes.extend_from_slice(&mac);
    let text = URL_SAFE_NO_PAD.encode(bytes);
    (text.len() <= MAX_SEAL).then_some(text)
}

/// The MAC is compared in constant time, before anything of the rest is read.
fn open<T: DeserializeOwned>(key: &Hmac<Sha256>, kind: u8, text: &str) -> Result<T, SealFault> {
    let forged = SealFault::Forged;
    if text.len() > MAX_SEAL {
        return Err(forged);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| forged)?;
    let (message, mac) = bytes.len().checked_sub(MAC_BYTES).and_then(|at| bytes.split_at_checked(at)).ok_or(forged)?;
    key.clone().chain_update(message).verify_slice(mac).map_err(|_| forged)?;
    let json = message.strip_prefix(&[VERSION, kind]).ok_or(forged)?;
    serde_json::from_slice(json).map_err(|_| forged)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    pub fn wanted() -> Wanted {
        let owner = Owner::digest(&[b"subject", b"i", b"ada"]);
        let text = str::to_owned;
        let wanted = Wanted {
            bucket: text("files"),
            route: text("files"),
            path: text("/w/f/é.png"),
            key: None,
            owner,
            size: Some(7),
            max_size: 1000,
            part_size: 5 << 20,
            media_type: Some(text("image/png")),
            checksum: None,
        };
        wanted.at("w/f/é.png")
    }

    fn begun() -> Begun {
        Begun { store_id: "2~abc".to_owned(), mark: "0".repeat(32), at: NOW.0, expires: NOW.0 + 10, wanted: wanted() }
    }

    #[test]
    fn what_was_sealed_comes_back() {
        let seals = Seals::new(&[7; 32]);
        let text = seals.seal(&begun()).unwrap();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(seals.open(&text, NOW), Ok(begun()));
        assert_eq!(begun().wanted.key(), "w/f/é.png");
        assert_eq!(wanted().at("other").key(), "other");
        assert_eq!(seals.open(&text, UnixTime(NOW.0 + 10)), Err(SealFault::Expired));
        let ticket = seals.ticket(&Ticket::Begin(wanted()), NOW).unwrap();
        assert_eq!(seals.open_ticket(&ticket, NOW), Ok(Ticket::Begin(wanted())));
        assert_eq!(seals.open_ticket(&ticket, UnixTime(NOW.0 + TICKET_LIFE)), Err(SealFault::Expired));
    }

    #[test]
    fn nothing_else_opens() {
        let seals = Seals::new(&[7; 32]);
        let text = seals.seal(&begun()).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(seals.open(&URL_SAFE_NO_PAD.encode(changed), NOW), Err(SealFault::Forged), "{at}");
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..at]);
            assert_eq!(seals.open(&cut, NOW), Err(SealFault::Forged));
        }
        assert_eq!(Seals::new(&[8; 32]).open(&text, NOW), Err(SealFault::Forged), "another site's");
        assert_eq!(seals.open_ticket(&text, NOW), Err(SealFault::Forged), "an id is no ticket");
        let ticket = seals.ticket(&Ticket::Complete(begun()), NOW).unwrap();
        assert_eq!(seals.open(&ticket, NOW), Err(SealFault::Forged), "a ticket is no id");
        for bad in ["", "A", "????", &"A".repeat(MAX_SEAL + 1), &format!("{text}=")] {
            assert_eq!(seals.open(bad, NOW), Err(SealFault::Forged), "{bad}");
        }
    }

    #[test]
    fn the_longest_fits() {
        let path = format!("/{}", "\u{1}".repeat(1024));
        let longest = Wanted { path, media_type: Some("x".repeat(255)), ..wanted() };
        let begun = Begun { store_id: "x".repeat(MAX_STORE_ID), wanted: longest.clone(), ..begun() };
        // Control characters are six bytes each in JSON; such a path is too long for a seal, and then there is none.
        assert_eq!(Seals::new(&[7; 32]).seal(&begun), None);
        let begun = Begun { wanted: Wanted { path: format!("/{}", "é".repeat(512)), ..longest }, ..begun };
        assert!(Seals::new(&[7; 32]).seal(&begun).is_some_and(|text| text.len() < 4500));
    }

    /// RFC 4231 section 4.3, test case 2.
    #[test]
    fn the_documented_hmac() {
        let mac = keyed(b"Jefe").chain_update(b"what do ya want for nothing?").finalize().into_bytes();
        let documented = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00,
            0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(mac.as_slice(), documented);
    }

    #[test]
    fn owners_are_told_apart() {
        let owner = |parts: &[&[u8]]| Owner::digest(parts);
        assert_ne!(owner(&[b"subject", b"a", b"bc"]), owner(&[b"subject", b"ab", b"c"]));
        assert_ne!(owner(&[b"subject", b"a", b"b"]), owner(&[b"token", b"a", b"b"]));
    }
}
