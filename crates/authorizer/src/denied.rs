//! Why not. The precise fact goes to the log, metrics and `explain`; the client learns only its [`PublicCode`].

use std::fmt;

use crate::allowed::Action;

/// What a token's bytes got wrong before any key was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    TooLong,
    NotBearer,
    NotThreeParts,
    Base64,
    HeaderJson,
    ClaimsJson,
    /// A header member that would choose the key or change the meaning: `jwk`, `jku`, `x5u`, `x5c`, `crit`, `b64`, …
    HeaderMember,
    Type,
    KeyId,
    Algorithm,
    ClaimType,
}

/// The first fact that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    TokenMissing,
    Malformed(Malformed),
    AlgorithmNotAllowed,
    UnknownIssuer,
    UnknownKey(crate::IssuerId),
    BadSignature,
    AudienceMismatch,
    NoExpiry,
    NoIssuedAt,
    IssuedInFuture,
    NotYetValid,
    Expired,
    /// Older than the issuer's `max_age`.
    TooOld,
    /// A token that is good for one request, without a `jti` to know it by.
    NoTokenId,
    /// By its id, subject, session, another claim, or by when it was issued.
    Revoked,
    /// A token that is good for one request, and has had it.
    Used,
    /// A token that is good for one request, at a host that keeps no memory of them; or that memory is full.
    NotRememberedHere,
    /// No route has this path.
    NoRoute,
    /// The route has no rule for this action.
    NoRule(Action),
    /// The issuer's ceiling leaves this action out.
    IssuerMayNot(Action),
    /// Rules exist, and this token's claims satisfy none.
    PathNotCovered,
    /// A rule's claims are satisfied, and its circumstances are not.
    MethodNotCovered,
    OutsideTimes,
    AddressNotCovered,
    /// The decision hook said no.
    HookRefused,
    /// The decision hook gave no answer that may be used.
    HookAway,
    /// The decision hook is yet to be asked.
    HookUnknown,
    /// A link to another object, or its rule is gone.
    LinkNotCovered,
    /// A link that came as tokens come.
    LinkIsNoToken,
    /// A token that came as links come.
    TokenIsNoLink,
    /// The key that the path makes is longer than a store takes.
    KeyTooLong,
}

/// What clients see: stable, and telling nothing that helps an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublicCode {
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenRevoked,
    /// It was good for one request.
    TokenUsed,
    Forbidden,
    /// The app's own decision cannot be had now.
    DecisionAway,
}

impl PublicCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenMissing => "token_missing",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::TokenUsed => "token_used",
            Self::Forbidden => "forbidden",
            Self::DecisionAway => "decision_away",
        }
    }

    /// 401 where a fresh token may help, else 403 (RFC 9110 section 15.5); 503 where waiting does.
    pub fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::DecisionAway => 503,
            _ => 401,
        }
    }
}

impl Denied {
    /// The stable name of the fact, for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::TokenMissing => "token_missing",
            Self::Malformed(malformed) => malformed.code(),
            Self::AlgorithmNotAllowed => "token_algorithm_not_allowed",
            Self::UnknownIssuer => "token_unknown_issuer",
            Self::UnknownKey(_) => "token_unknown_key",
            Self::BadSignature => "token_bad_signature",
            Self::AudienceMismatch => "token_audience_mismatch",
            Self::NoExpiry => "token_no_expiry",
            Self::NoIssuedAt => "token_no_issued_at",
            Self::IssuedInFuture => "token_issued_in_future",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Expired => "token_expired",
            Self::TooOld => "token_too_old",
            Self::NoTokenId => "token_no_id",
            Self::Revoked => "token_revoked",
            Self::Used => "token_used",
            Self::NotRememberedHere => "token_not_remembered",
            Self::MethodNotCovered => "method_not_covered",
            Self::OutsideTimes => "outside_times",
            Self::AddressNotCovered => "address_not_covered",
            Self::HookRefused => "hook_refused",
            Self::HookAway => "hook_away",
            Self::HookUnknown => "hook_unknown",
            Self::LinkNotCovered => "link_not_covered",
            Self::LinkIsNoToken => "link_is_no_token",
            Self::TokenIsNoLink => "token_is_no_link",
            Self::NoRoute => "no_route",
            Self::NoRule(_) => "no_rule_for_action",
            Self::IssuerMayNot(_) => "issuer_may_not",
            Self::PathNotCovered => "path_not_covered",
            Self::KeyTooLong => "key_too_long",
        }
    }

    pub fn public(self) -> PublicCode {
        match self {
            Self::TokenMissing => PublicCode::TokenMissing,
            Self::Expired | Self::TooOld => PublicCode::TokenExpired,
            Self::Revoked => PublicCode::TokenRevoked,
            Self::Used => PublicCode::TokenUsed,
            Self::HookAway | Self::HookUnknown | Self::NotRememberedHere => PublicCode::DecisionAway,
            Self::NoRoute
            | Self::NoRule(_)
            | Self::IssuerMayNot(_)
            | Self::PathNotCovered
            | Self::MethodNotCovered
            | Self::OutsideTimes
            | Self::AddressNotCovered
            | Self::HookRefused
            | Self::LinkNotCovered
            | Self::LinkIsNoToken
            | Self::KeyTooLong => PublicCode::Forbidden,
            Self::Malformed(_)
            | Self::AlgorithmNotAllowed
            | Self::UnknownIssuer
            | Self::UnknownKey(_)
            | Self::BadSignature
            | Self::AudienceMismatch
            | Self::NoExpiry
            | Self::NoIssuedAt
            | Self::IssuedInFuture
            | Self::NoTokenId
            | Self::TokenIsNoLink
            | Self::NotYetValid => PublicCode::TokenInvalid,
        }
    }
}

impl Malformed {
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NotBearer => "token_not_bearer",
            Self::NotThreeParts => "token_not_three_parts",
            Self::Base64 => "token_base64",
            Self::HeaderJson => "token_header_json",
            Self::ClaimsJson => "token_claims_json",
            Self::HeaderMember => "token_header_member",
            Self::Type => "token_type",
            Self::KeyId => "token_key_id",
            Self::Algorithm => "token_algorithm",
            Self::ClaimType => "token_claim_type",
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenMissing => write!(f, "no token"),
            Self::Malformed(malformed) => write!(f, "{malformed}"),
            Self::AlgorithmNotAllowed => write!(f, "the token's `alg` is not its key's"),
            Self::UnknownIssuer => write!(f, "no issuer of this configuration has the token's `iss`"),
            Self::UnknownKey(_) => write!(f, "the issuer has no key of the token's `kid`"),
            Self::BadSignature => write!(f, "the signature does not match"),
            Self::AudienceMismatch => write!(f, "the token's `aud` does not hold the issuer's audience"),
            Self::NoExpiry => write!(f, "the token has no `exp`"),
            Self::NoIssuedAt => write!(f, "the issuer has a `max_age` and the token no `iat`"),
            Self::IssuedInFuture => write!(f, "the token's `iat` is in the future"),
            Self::NotYetValid => write!(f, "the token's `nbf` is in the future"),
            Self::Expired => write!(f, "the token has expired"),
            Self::TooOld => write!(f, "the token is older than the issuer's `max_age`"),
            Self::NoTokenId => write!(f, "the token is good for one request and has no `jti`"),
            Self::Revoked => write!(f, "the token is revoked"),
            Self::Used => write!(f, "the token was good for one request, and is used up"),
            Self::NotRememberedHere => {
                write!(f, "tokens for one request cannot be remembered here, or no more of them")
            }
            Self::MethodNotCovered => write!(f, "the rule is for another method"),
            Self::OutsideTimes => write!(f, "the rule is for another time"),
            Self::AddressNotCovered => write!(f, "the rule is for other client addresses"),
            Self::HookRefused => write!(f, "the decision hook refused"),
            Self::HookAway => write!(f, "the decision hook gave no answer that may be used"),
            Self::HookUnknown => write!(f, "the decision hook has not been asked yet"),
            Self::LinkNotCovered => write!(f, "the link is for another object, or its rule is gone"),
            Self::LinkIsNoToken => write!(f, "a link is good in its own parameter of the query alone"),
            Self::TokenIsNoLink => write!(f, "the parameter of links carries links alone"),
            Self::NoRoute => write!(f, "no route has this path"),
            Self::NoRule(action) => write!(f, "the route has no rule that allows `{action}`"),
            Self::IssuerMayNot(action) => write!(f, "the token's issuer may not grant `{action}`"),
            Self::KeyTooLong => write!(f, "the object's key would be longer than 1,024 bytes"),
            Self::PathNotCovered => write!(f, "no rule of the route is satisfied by the token's claims"),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the token is too long",
            Self::NotBearer => "the `Authorization` header is not `Bearer` and one token",
            Self::NotThreeParts => "the token is not three parts with dots between",
            Self::Base64 => "a part of the token is not base64url without padding",
            Self::HeaderJson => "the token's header is not one strict JSON object",
            Self::ClaimsJson => "the token's claims are not one strict JSON object",
            Self::HeaderMember => "the token's header holds a member that is refused",
            Self::Type => "the token's `typ` is not `JWT` or `at+jwt`",
            Self::KeyId => "the token's `kid` is not a string of at most 256 bytes",
            Self::Algorithm => "the token's `alg` is not one that is supported",
            Self::ClaimType => "a registered claim of the token has the wrong type",
        })
    }
}
