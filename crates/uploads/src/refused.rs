//! Why no upload. Each fact has a stable code for logs, and the public code and status that the client sees.

use std::fmt;

use authorizer::PathFault;

/// A member of the request's JSON, and what is wrong with it. The texts are the project's own or the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRequest {
    /// `params.workspace` for a member within a member; empty for the body as a whole.
    pub member: String,
    pub problem: String,
}

impl BadRequest {
    pub fn new(member: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { member: member.into(), problem: problem.into() }
    }
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member.as_str() {
            "" => write!(f, "the body {}", self.problem),
            member => write!(f, "`{member}` {}", self.problem),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    BadRequest(BadRequest),
    /// The path that the placeholders make is none.
    Path(PathFault),
    TooLarge {
        size: u64,
        limit: u64,
    },
    TypeNotAllowed,
    /// No route takes uploads.
    NoUploads,
    /// The leave is for another path, or the path that was composed is another route's.
    OtherPath,
    /// The bucket's credentials end before a grant could be used.
    CredentialsEnd,
    /// The request could not be signed.
    Signing,
}

impl From<BadRequest> for Refused {
    fn from(fault: BadRequest) -> Self {
        Self::BadRequest(fault)
    }
}

impl Refused {
    /// The stable name of the fact, for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "upload_bad_request",
            Self::Path(fault) => fault.code(),
            Self::TooLarge { .. } => "upload_too_large",
            Self::TypeNotAllowed => "upload_type_not_allowed",
            Self::NoUploads => "upload_no_route",
            Self::OtherPath => "upload_other_path",
            Self::CredentialsEnd => "upload_credentials_end",
            Self::Signing => "upload_signing",
        }
    }

    /// What the client sees.
    pub fn public_code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::Path(_) => "bad_path",
            Self::TooLarge { .. } => "too_large",
            Self::TypeNotAllowed => "type_not_allowed",
            Self::NoUploads | Self::OtherPath => "forbidden",
            Self::CredentialsEnd => "origin_away",
            Self::Signing => "origin_failed",
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) | Self::Path(_) => 400,
            Self::NoUploads | Self::OtherPath => 403,
            Self::TooLarge { .. } => 413,
            Self::TypeNotAllowed => 415,
            Self::Signing => 502,
            Self::CredentialsEnd => 503,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest(fault) => write!(f, "{fault}"),
            Self::Path(fault) => write!(f, "{fault}"),
            Self::TooLarge { size, limit } => write!(f, "{size} bytes; at most {limit} are taken"),
            Self::TypeNotAllowed => write!(f, "the route does not take files of this type"),
            Self::NoUploads => write!(f, "no route takes uploads"),
            Self::OtherPath => write!(f, "the path is not the one that was asked for"),
            Self::CredentialsEnd => write!(f, "the bucket's credentials end too soon"),
            Self::Signing => write!(f, "the request to the bucket cannot be signed"),
        }
    }
}
