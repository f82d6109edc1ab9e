//! The three kinds of policy of a behaviour, and what each decides. Pure.

mod response;
mod selection;
mod ttl;

pub use response::{CorsHeaders, FixedHeader, ResponseHeadersPolicy, apply};
pub use selection::{Asked, Selection, cookies, pairs};
pub use ttl::lifetime;

/// What stands in a cache's key beside the object, and how long an object is fresh, in seconds.
#[derive(Clone, Debug)]
pub struct CachePolicy {
    pub min: i64,
    pub default: i64,
    pub max: i64,
    pub headers: Selection,
    pub cookies: Selection,
    pub queries: Selection,
}

/// What goes to the origin beside what stands in the key.
#[derive(Clone, Debug)]
pub struct OriginRequestPolicy {
    pub headers: Selection,
    pub cookies: Selection,
    pub queries: Selection,
}

impl OriginRequestPolicy {
    pub fn none() -> Self {
        Self { headers: Selection::None, cookies: Selection::None, queries: Selection::None }
    }
}
