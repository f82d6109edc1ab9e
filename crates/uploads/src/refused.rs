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
    /// The site does not take uploads in parts.
    NoMultipart,
    /// The id is not one of ours, or was changed.
    ForgedId,
    /// It was begun too long ago.
    Expired,
    /// Somebody else began it.
    OtherOwner,
    /// The request names another key than the id does.
    OtherKey,
    /// The store does not know it: it was completed or aborted.
    Gone,
    /// Parts have the numbers from 1 to `most`.
    PartNumber {
        number: u32,
        most: u32,
    },
    /// The store has no such part, or another one.
    OtherParts {
        number: u32,
    },
    /// A part that is not the last is below the store's least size.
    PartTooSmall,
    /// Parts are missing.
    Incomplete {
        size: u64,
        declared: u64,
    },
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
            Self::NoMultipart => "no_multipart",
            Self::ForgedId => "upload_id_forged",
            Self::Expired => "upload_expired",
            Self::OtherOwner => "upload_of_another",
            Self::OtherKey => "upload_other_key",
            Self::Gone => "upload_gone",
            Self::PartNumber { .. } => "upload_part_number",
            Self::OtherParts { .. } => "upload_other_parts",
            Self::PartTooSmall => "upload_part_too_small",
            Self::Incomplete { .. } => "upload_incomplete",
        }
    }

    /// What the client sees.
    pub fn public_code(&self) -> &'static str {
        match self {
            Self::BadRequest(_)
            | Self::PartNumber { .. }
            | Self::OtherParts { .. }
            | Self::PartTooSmall
            | Self::Incomplete { .. } => "bad_request",
            Self::Path(_) => "bad_path",
            Self::TooLarge { .. } => "too_large",
            Self::TypeNotAllowed => "type_not_allowed",
            Self::NoUploads | Self::OtherPath | Self::ForgedId | Self::OtherOwner | Self::OtherKey => "forbidden",
            Self::NoMultipart | Self::Expired | Self::Gone => "not_found",
            Self::CredentialsEnd => "origin_away",
            Self::Signing => "origin_failed",
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_)
            | Self::Path(_)
            | Self::PartNumber { .. }
            | Self::OtherParts { .. }
            | Self::PartTooSmall
            | Self::Incomplete { .. } => 400,
            Self::NoUploads | Self::OtherPath | Self::ForgedId | Self::OtherOwner | Self::OtherKey => 403,
            Self::NoMultipart | Self::Expired | Self::Gone => 404,
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
            Self::NoMultipart => {
                write!(
                    f,
                    "this site takes no uploads in parts: its configuration has neither `[uploads]` nor `[links]`"
                )
            }
            Self::ForgedId | Self::OtherOwner | Self::OtherKey => write!(f, "this is no upload of yours"),
            Self::Expired => write!(f, "the upload was begun too long ago; begin again"),
            Self::Gone => write!(f, "there is no such upload any more; begin again"),
            Self::PartNumber { number, most } => write!(f, "there is no part {number}; parts are 1 to {most}"),
            Self::OtherParts { number } => write!(f, "the bucket does not have part {number} as it is named"),
            Self::PartTooSmall => write!(f, "a part that is not the last has less than 5 MiB"),
            Self::Incomplete { size, declared } => write!(f, "the parts are {size} bytes, and the file has {declared}"),
        }
    }
}
