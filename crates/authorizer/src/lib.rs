//! Decides who may do what to which object.
//!
//! Pure: nothing here waits, reads a clock, rolls dice or touches a file, so the same code answers in the gateway, at
//! Lambda@Edge and in the tests. The host passes in `now` and the verification of signatures ([`Signatures`]).
//!
//! The way through: a request target becomes an [`ObjectPath`]; a token becomes a [`Verified`] one (whatever the time);
//! [`Rules`] put both and `now` together and answer with an [`Allowed`] value, which nothing else can make, or with the
//! fact that failed ([`Denied`]).

mod allowed;
mod build;
mod circumstances;
mod claims;
mod clashes;
mod cors;
mod denied;
mod explain;
mod issuer;
mod jwk;
mod key;
mod link;
mod mark;
mod path;
mod pattern;
mod question;
mod revocation;
mod routes;
mod rule;
mod rules;
mod strict_json;
mod template;
mod token;
mod upload;

pub use allowed::{Action, Allowed, Delete, Permission, Read, Upload};
pub use build::{Part, RuleFault};
pub use circumstances::{Circumstances, Hours, Method, Network, Unmet};
pub use claims::{Audience, Claims};
pub use cors::{AllowedOrigin, Cors, PREFLIGHT_MAX_AGE};
pub use denied::{Denied, Malformed, PublicCode};
pub use explain::{RowTrace, TokenTrace, Trace};
pub use issuer::{IssuerId, IssuerSettings, Issuers};
pub use jwk::{JwkFault, baked_key_set, parse_jwk_set};
pub use key::{Algorithm, Curve, Key, KeyFault, KeySet, KeySets, Material};
pub use link::{LINK_LIFE, LINK_LIFE_MOST, LinkWish, link_issuer};
pub use mark::{ByMark, Mark, Marks, Sought, decimal};
pub use path::{MAX_PATH, ObjectPath, PathFault};
pub use pattern::{Kind, Pattern, PatternFault, Relation};
pub use question::{Carried, Evidence, HookAnswer, HookId, HookQuestion, Question};
pub use revocation::{RevocableClaim, Revocation, RevocationSet};
pub use routes::{RouteId, RouteSettings};
pub use rule::{AllowSettings, ClaimValue, RowFact, Who};
pub use rules::{BucketId, Placed, RouteInfo, Rules};
pub use strict_json::object as strict_object;
pub use token::{MAX_TOKEN, Signatures, Verified, verify};
pub use upload::{Fill, TypePattern, UploadRules, UploadSettings};

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct UnixTime(pub i64);
