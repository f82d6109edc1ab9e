//! Permission as a value: whoever holds an [`Allowed`] has been through the rules.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::routes::RouteId;
use crate::rules::BucketId;
use crate::token::Verified;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Read,
    Upload,
    Delete,
}

impl Action {
    pub const ALL: [Self; 3] = [Self::Read, Self::Upload, Self::Delete];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Upload => "upload",
            Self::Delete => "delete",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An action as a type, so that permission to read can never pass for permission to write.
pub trait Permission {
    const ACTION: Action;
}

#[derive(Debug)]
pub struct Read;
#[derive(Debug)]
pub struct Upload;
#[derive(Debug)]
pub struct Delete;

impl Permission for Read {
    const ACTION: Action = Action::Read;
}
impl Permission for Upload {
    const ACTION: Action = Action::Upload;
}
impl Permission for Delete {
    const ACTION: Action = Action::Delete;
}

/// Leave to do one thing to one object. Made by [`crate::Rules`] alone, and neither copied nor changed afterwards.
#[derive(Debug)]
pub struct Allowed<P: Permission> {
    pub(crate) route: RouteId,
    pub(crate) rule: usize,
    pub(crate) bucket: BucketId,
    pub(crate) key: String,
    /// The token that allowed it; none where a rule says `anyone`.
    pub(crate) bearer: Option<Arc<Verified>>,
    pub(crate) public: bool,
    pub(crate) permission: PhantomData<P>,
}

impl<P: Permission> Allowed<P> {
    pub fn route(&self) -> RouteId {
        self.route
    }

    /// The number of the `allow` row that allowed it, from 0.
    pub fn rule(&self) -> usize {
        self.rule
    }

    pub fn bucket(&self) -> BucketId {
        self.bucket
    }

    /// The object's key in its bucket.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn into_key(self) -> String {
        self.key
    }

    pub fn bearer(&self) -> Option<&Arc<Verified>> {
        self.bearer.as_ref()
    }

    /// Whether the object may be read by anyone at all, anywhere and at any time.
    pub fn is_public(&self) -> bool {
        self.public
    }
}
