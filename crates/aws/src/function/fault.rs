//! Why a site cannot have a CloudFront Function.

use std::fmt;

use super::{MAX_CODE, MAX_STORE_KEY, MAX_STORE_VALUE, MIN_SECRET};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionFault {
    /// The issuer's tokens may be signed otherwise than with HS256.
    Algorithm { issuer: String },
    /// The issuer's name cannot be a key of the KeyValueStore.
    StoreKey { issuer: String },
    /// A route or an issuer says what the code does not know.
    Unknown { of: String, what: &'static str },
    /// The rules are no rules.
    Rules { message: String },
    /// The code is too long, by the rules in it.
    Size { bytes: usize, rules: usize },
    /// The secret is too short to sign with or too long for the KeyValueStore.
    Secret { issuer: String, bytes: usize },
}

/// The longest secret whose base64 the store takes.
const MAX_SECRET: usize = MAX_STORE_VALUE / 4 * 3;

impl FunctionFault {
    /// Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Algorithm { .. } => "aws_function_algorithm",
            Self::StoreKey { .. } => "aws_function_store_key",
            Self::Unknown { .. } => "aws_function_unknown",
            Self::Rules { .. } => "aws_function_rules",
            Self::Size { .. } => "aws_function_size",
            Self::Secret { .. } => "aws_function_secret",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Algorithm { .. } => {
                "a CloudFront Function can verify HS256 alone: use `form = \"lambda\"`, or `algorithms = [\"HS256\"]`"
                    .into()
            }
            Self::StoreKey { .. } => "give the section `[issuer.NAME]` a shorter name".into(),
            Self::Unknown { .. } => "use `form = \"lambda\"`".into(),
            Self::Rules { .. } => "see `edgepass check`".into(),
            Self::Size { .. } => "use `form = \"lambda\"`, or fewer and shorter routes".into(),
            Self::Secret { .. } => "48 random bytes are right: `openssl rand 48`".into(),
        }
    }
}

impl fmt::Display for FunctionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm { issuer } => {
                write!(f, "tokens of the issuer `{issuer}` may be signed otherwise than with HS256")
            }
            Self::StoreKey { issuer } => {
                write!(f, "`{issuer}` is not a key of 1 to {MAX_STORE_KEY} bytes for the KeyValueStore")
            }
            Self::Unknown { of, what } => write!(f, "{of} has {what}, which the CloudFront Function does not know"),
            Self::Rules { message } => f.write_str(message),
            Self::Size { bytes, rules } => write!(
                f,
                "the CloudFront Function would have {bytes} bytes, {rules} of them this site's rules, and {MAX_CODE} are taken"
            ),
            Self::Secret { issuer, bytes } => write!(
                f,
                "the secret of the issuer `{issuer}` has {bytes} bytes, and the function takes {MIN_SECRET} to {MAX_SECRET}"
            ),
        }
    }
}
