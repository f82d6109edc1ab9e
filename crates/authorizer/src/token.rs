//! From a token's bytes to a [`Verified`] token: the compact JWS (RFC 7515 section 3.1) read strictly, its issuer found, the
//! issuer's key asked. Whether it is still valid is for later: a verified token can be remembered, times are judged on
//! every request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::UnixTime;
use crate::claims::Claims;
use crate::denied::{Denied, Malformed};
use crate::issuer::{IssuerId, IssuerSettings, Issuers};
use crate::key::{Algorithm, Key, KeySets};
use crate::revocation::RevocableClaim;
use crate::strict_json;

/// The longest token, in bytes: above a cookie's 4 KiB, below the header block's limit.
pub const MAX_TOKEN: usize = 8192;

/// Header members that would choose a key, change the meaning of the payload or demand what is not understood
/// (RFC 7515 section 4.1, RFC 7516, RFC 7797). A token that has one is refused.
const REFUSED_MEMBERS: [&str; 9] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty"];

/// The host's cryptography.
pub trait Signatures {
    /// Whether this key made this signature over this message, by the key's own algorithm. ECDSA signatures are the
    /// fixed-length form of RFC 7518 section 3.4.
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool;
}

/// A token whose signature one of its issuer's keys made.
#[derive(Debug)]
pub struct Verified {
    issuer: IssuerId,
    claims: Claims,
    /// It is good for one request.
    once: bool,
    is_link: bool,
}

/// By what a token can be revoked: its own claims, or for a link those of the token that it was made with.
pub(crate) struct Identity<'t> {
    pub issuer: &'t str,
    pub issued: Option<i64>,
    claims: Option<&'t Map<String, Value>>,
    /// The claims stand there under the names that the configuration gives them.
    flat: bool,
}

impl<'t> Identity<'t> {
    pub fn value(&self, claim: &RevocableClaim) -> Option<&'t Value> {
        let claims = self.claims?;
        if self.flat { claims.get(&claim.name) } else { claim.value(claims) }
    }
}

impl Verified {
    pub fn issuer(&self) -> IssuerId {
        self.issuer
    }

    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    pub fn subject(&self) -> Option<&str> {
        self.claims.subject.as_deref()
    }

    /// Whether it is good for one request alone.
    pub fn is_once(&self) -> bool {
        self.once
    }

    pub fn is_link(&self) -> bool {
        self.is_link
    }

    /// `issuer` is the name of the token's own in the configuration.
    pub(crate) fn identity<'t>(&'t self, issuer: &'t str) -> Identity<'t> {
        if !self.is_link {
            let claims = &self.claims;
            return Identity { issuer, issued: claims.issued, claims: Some(claims.all()), flat: false };
        }
        let of = |name| self.claims.get("of").and_then(|of| of.get(name));
        Identity {
            issuer: of("issuer").and_then(Value::as_str).unwrap_or_default(),
            issued: of("iat").and_then(Value::as_i64),
            claims: of("claims").and_then(Value::as_object),
            flat: true,
        }
    }

    /// The first second at which the token is no longer honoured.
    pub fn expires(&self, issuer: &IssuerSettings) -> Option<UnixTime> {
        let by_age = issuer.max_age.and_then(|age| self.claims.issued.map(|issued| issued.saturating_add(age)));
        let end = match (self.claims.expires, by_age) {
            (Some(expires), Some(by_age)) => expires.min(by_age),
            (Some(expires), None) => expires,
            (None, _) => return None,
        };
        Some(UnixTime(end))
    }

    /// Audience and times. The memory of verified tokens never shortens this.
    pub fn check(&self, issuer: &IssuerSettings, now: UnixTime) -> Result<(), Denied> {
        let claims = &self.claims;
        if !issuer.audiences.iter().any(|audience| claims.audience.holds(audience)) {
            return Err(Denied::AudienceMismatch);
        }
        let latest = now.0.saturating_add(issuer.leeway);
        let earliest = now.0.saturating_sub(issuer.leeway);
        let expires = claims.expires.ok_or(Denied::NoExpiry)?;
        if claims.not_before.is_some_and(|not_before| not_before > latest) {
            return Err(Denied::NotYetValid);
        }
        if claims.issued.is_some_and(|issued| issued > latest) {
            return Err(Denied::IssuedInFuture);
        }
        if expires <= earliest {
            return Err(Denied::Expired);
        }
        if let Some(max_age) = issuer.max_age {
            let issued = claims.issued.ok_or(Denied::NoIssuedAt)?;
            if issued.saturating_add(max_age) <= earliest {
                return Err(Denied::TooOld);
            }
        }
        if self.once && claims.token_id.is_none() {
            return Err(Denied::NoTokenId);
        }
        Ok(())
    }
}

/// Verifies a token's form, issuer, algorithm and signature.
pub fn verify(
    token: &str,
    issuers: &Issuers,
    keys: &KeySets,
    signatures: &impl Signatures,
) -> Result<Verified, Denied> {
    let malformed = Denied::Malformed;
    if token.is_empty() {
        return Err(malformed(Malformed::NotBearer));
    }
    if token.len() > MAX_TOKEN {
        return Err(malformed(Malformed::TooLong));
    }
    let (message, signature) = token.rsplit_once('.').ok_or(malformed(Malformed::NotThreeParts))?;
    let (header, payload) = message.split_once('.').ok_or(malformed(Malformed::NotThreeParts))?;
    if payload.contains('.') {
        return Err(malformed(Malformed::NotThreeParts));
    }
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed(Malformed::Base64));
    let header = strict_json::object(&decode(header)?).ok_or(malformed(Malformed::HeaderJson))?;
    let (algorithm, key_id) = read_header(&header)?;
    let claims = strict_json::object(&decode(payload)?).ok_or(malformed(Malformed::ClaimsJson))?;
    let claims = Claims::new(claims).ok_or(malformed(Malformed::ClaimType))?;
    let signature = decode(signature)?;

    let (id, issuer) = claims.issuer.as_deref().and_then(|name| issuers.find(name)).ok_or(Denied::UnknownIssuer)?;
    if !issuer.algorithms.contains(&algorithm) {
        return Err(Denied::AlgorithmNotAllowed);
    }
    let key = keys.0.get(id.0).and_then(|set| set.find(key_id, algorithm)).ok_or(Denied::UnknownKey(id))?;
    if key.algorithm() != algorithm {
        return Err(Denied::AlgorithmNotAllowed);
    }
    if !signatures.verify(key, message.as_bytes(), &signature) {
        return Err(Denied::BadSignature);
    }
    let once = issuer.once || (issuer.links && claims.token_id.is_some());
    Ok(Verified { issuer: id, once, is_link: issuer.links, claims })
}

/// The header chooses nothing but which key of the issuer.
fn read_header(header: &Map<String, Value>) -> Result<(Algorithm, Option<&str>), Denied> {
    let malformed = |what| Err(Denied::Malformed(what));
    if REFUSED_MEMBERS.iter().any(|member| header.contains_key(*member)) {
        return malformed(Malformed::HeaderMember);
    }
    if !header.get("typ").is_none_or(is_token_type) {
        return malformed(Malformed::Type);
    }
    let key_id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) if id.len() <= 256 => Some(id.as_str()),
        Some(_) => return malformed(Malformed::KeyId),
    };
    let Some(Value::String(name)) = header.get("alg") else {
        return malformed(Malformed::Algorithm);
    };
    match Algorithm::parse(name) {
        Some(algorithm) => Ok((algorithm, key_id)),
        None => malformed(Malformed::Algorithm),
    }
}

/// Media types are compared without regard to case (RFC 7515 section 4.1.9, RFC 2045 section 5.1).
fn is_token_type(kind: &Value) -> bool {
    const KINDS: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];
    kind.as_str().is_some_and(|name| KINDS.iter().any(|kind| name.eq_ignore_ascii_case(kind)))
}
