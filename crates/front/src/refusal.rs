//! A refusal: what the client sees, and for the log the fact behind it and whose fault it is.

use std::borrow::Cow;

use authorizer::{Denied, IssuerId, PathFault, PublicCode};
use http::StatusCode;

#[derive(Debug)]
pub struct Refusal {
    pub code: Code,
    /// The stable name of the fact that failed. Never sent.
    pub reason: &'static str,
    /// For those who write clients of our own endpoints: which part of the request is wrong.
    pub detail: Option<String>,
    /// The issuer that may have published the key which the token names since its keys were read.
    pub unknown_key: Option<IssuerId>,
    /// A decision hook is yet to be asked.
    pub hook_unknown: bool,
}

/// The public codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    BadRequest,
    BadPath,
    TokenConflict,
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenRevoked,
    TokenUsed,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    PreconditionFailed,
    TooLarge,
    UriTooLong,
    TypeNotAllowed,
    RangeUnsatisfiable,
    HeadersTooLarge,
    OriginFailed,
    OriginAway,
    Overloaded,
    OriginSlow,
    NotCached,
    DecisionAway,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Culprit {
    Client,
    Origin,
    Ourselves,
}

impl Code {
    pub const ALL: [Self; 23] = [
        Self::BadRequest,
        Self::BadPath,
        Self::TokenConflict,
        Self::TokenMissing,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenRevoked,
        Self::TokenUsed,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UriTooLong,
        Self::TypeNotAllowed,
        Self::RangeUnsatisfiable,
        Self::HeadersTooLarge,
        Self::OriginFailed,
        Self::OriginAway,
        Self::Overloaded,
        Self::OriginSlow,
        Self::NotCached,
        Self::DecisionAway,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::BadPath => "bad_path",
            Self::TokenConflict => "token_conflict",
            Self::TokenMissing => "token_missing",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::TokenUsed => "token_used",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PreconditionFailed => "precondition_failed",
            Self::TooLarge => "too_large",
            Self::UriTooLong => "uri_too_long",
            Self::TypeNotAllowed => "type_not_allowed",
            Self::RangeUnsatisfiable => "range_unsatisfiable",
            Self::HeadersTooLarge => "headers_too_large",
            Self::OriginFailed => "origin_failed",
            Self::OriginAway => "origin_away",
            Self::Overloaded => "overloaded",
            Self::OriginSlow => "origin_slow",
            Self::NotCached => "not_cached",
            Self::DecisionAway => "decision_away",
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::BadPath | Self::TokenConflict => StatusCode::BAD_REQUEST,
            Self::TokenMissing | Self::TokenInvalid | Self::TokenExpired | Self::TokenRevoked | Self::TokenUsed => {
                StatusCode::UNAUTHORIZED
            }
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::TypeNotAllowed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeUnsatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::OriginFailed => StatusCode::BAD_GATEWAY,
            Self::OriginAway | Self::Overloaded | Self::DecisionAway => StatusCode::SERVICE_UNAVAILABLE,
            // RFC 9111 section 5.2.1.7 asks for it where nothing is kept.
            Self::OriginSlow | Self::NotCached => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub fn culprit(self) -> Culprit {
        match self {
            Self::OriginFailed | Self::OriginAway | Self::OriginSlow | Self::DecisionAway => Culprit::Origin,
            Self::Overloaded => Culprit::Ourselves,
            _ => Culprit::Client,
        }
    }

    /// Seconds after which another try may succeed.
    pub fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Overloaded | Self::DecisionAway => Some("1"),
            Self::OriginAway => Some("5"),
            _ => None,
        }
    }

    fn parse(code: &str) -> Self {
        Self::ALL.into_iter().find(|known| known.as_str() == code).unwrap_or(Self::BadRequest)
    }
}

impl Culprit {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Origin => "origin",
            Self::Ourselves => "ourselves",
        }
    }
}

impl Refusal {
    pub fn new(code: Code, reason: &'static str) -> Self {
        Self { code, reason, detail: None, unknown_key: None, hook_unknown: false }
    }

    pub fn explained(code: Code, reason: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into().into_owned()), ..Self::new(code, reason) }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let code = match denied.public() {
            PublicCode::TokenMissing => Code::TokenMissing,
            PublicCode::TokenInvalid => Code::TokenInvalid,
            PublicCode::TokenExpired => Code::TokenExpired,
            PublicCode::TokenRevoked => Code::TokenRevoked,
            PublicCode::TokenUsed => Code::TokenUsed,
            PublicCode::Forbidden => Code::Forbidden,
            PublicCode::DecisionAway => Code::DecisionAway,
        };
        let unknown_key = if let Denied::UnknownKey(issuer) = denied { Some(issuer) } else { None };
        Self { unknown_key, hook_unknown: denied == Denied::HookUnknown, ..Self::new(code, denied.code()) }
    }
}

impl From<PathFault> for Refusal {
    fn from(fault: PathFault) -> Self {
        let code = if fault == PathFault::TooLong { Code::UriTooLong } else { Code::BadPath };
        Self::new(code, fault.code())
    }
}

impl From<uploads::Refused> for Refusal {
    fn from(refused: uploads::Refused) -> Self {
        Self::explained(Code::parse(refused.public_code()), refused.code(), refused.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_use_our_codes_and_statuses() {
        use uploads::{BadRequest, Refused};
        for refused in [
            Refused::BadRequest(BadRequest::new("size", "is missing")),
            Refused::Path(PathFault::DotSegment),
            Refused::TooLarge { size: 2, limit: 1 },
            Refused::TypeNotAllowed,
            Refused::NoUploads,
            Refused::OtherPath,
            Refused::CredentialsEnd,
            Refused::Signing,
            Refused::NoMultipart,
            Refused::ForgedId,
            Refused::Expired,
            Refused::OtherOwner,
            Refused::OtherKey,
            Refused::Gone,
            Refused::PartNumber { number: 2, most: 1 },
            Refused::OtherParts { number: 1 },
            Refused::PartTooSmall,
            Refused::Incomplete { size: 1, declared: 2 },
        ] {
            let (public, status) = (refused.public_code(), refused.status());
            let refusal = Refusal::from(refused);
            assert_eq!((refusal.code.as_str(), refusal.code.status().as_u16()), (public, status));
        }
    }
}
