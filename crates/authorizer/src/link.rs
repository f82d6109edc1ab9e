//! Links: leave to read one object for a short while, for whoever holds the link. A link is a token that the site itself signs
//! with a secret of its own. It carries the exact path, the rule that allowed it, and by what the token that it was made
//! with can be revoked.

use serde_json::{Map, Value, json};

use crate::UnixTime;
use crate::allowed::{Action, Allowed, Read};
use crate::denied::Denied;
use crate::issuer::IssuerSettings;
use crate::key::Algorithm;
use crate::path::ObjectPath;
use crate::question::Carried;
use crate::revocation::RevocableClaim;
use crate::rule::Row;
use crate::rules::Rules;
use crate::token::Verified;

/// Seconds that a link is good for unless asked otherwise: a browser follows it at once.
pub const LINK_LIFE: i64 = 60;

/// The most seconds that can be asked for: long enough to hand it to another program, too short to publish.
pub const LINK_LIFE_MOST: i64 = 900;

/// The issuer of a site's links. Its one key is a secret for HS256.
pub fn link_issuer(origin: &str) -> IssuerSettings {
    let name = format!("{origin}/_edgepass/links");
    IssuerSettings {
        name: "links".to_owned(),
        issuer: name.clone(),
        audiences: vec![name],
        algorithms: vec![Algorithm::Hs256],
        may: vec![Action::Read],
        max_age: Some(LINK_LIFE_MOST),
        // Nodes that share the secret have clocks of their own.
        leeway: 5,
        once: false,
        links: true,
    }
}

/// What is asked of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkWish {
    /// Seconds.
    pub life: i64,
    /// Saved by the browser rather than shown, under this name if it is not empty.
    pub download: Option<String>,
    /// A new random text where the link is good for one request.
    pub once: Option<String>,
}

impl Rules {
    /// The claims of a link to the object that may be read, and when it ends: with the token that allowed it at the latest.
    /// `None` for what anyone may read, and where links are not set up.
    pub fn link(
        &self,
        allowed: &Allowed<Read>,
        path: &ObjectPath,
        wish: &LinkWish,
        revocable: &[RevocableClaim],
        now: UnixTime,
    ) -> Option<(Map<String, Value>, UnixTime)> {
        let links = self.issuers().all().iter().find(|issuer| issuer.links)?;
        let bearer = allowed.bearer()?;
        let issuer = self.issuers().get(bearer.issuer())?;
        let expires = bearer.expires(issuer)?.0.min(now.0.saturating_add(wish.life.clamp(1, LINK_LIFE_MOST)));
        let named = |claim: &RevocableClaim| {
            claim.value(bearer.claims().all()).map(|value| (claim.name.clone(), value.clone()))
        };
        let mut claims = json!({
            "iss": links.issuer,
            "aud": links.issuer,
            "iat": now.0,
            "exp": expires,
            "path": path.as_str(),
            "rule": [self.route(allowed.route())?.name, allowed.rule(), self.row(allowed.route(), allowed.rule())?.mark],
            "of": {
                "issuer": issuer.name,
                "iat": bearer.claims().issued,
                "claims": revocable.iter().filter_map(named).collect::<Map<_, _>>(),
            },
        });
        let members = claims.as_object_mut()?;
        for (name, value) in
            [("sub", bearer.subject()), ("download", wish.download.as_deref()), ("jti", wish.once.as_deref())]
        {
            if let Some(value) = value {
                members.insert(name.to_owned(), value.into());
            }
        }
        Some((std::mem::take(members), UnixTime(expires)))
    }
}

impl Verified {
    /// Whether it came as such tokens come.
    pub fn check_carried(&self, carried: Carried) -> Result<(), Denied> {
        match (carried, self.is_link()) {
            (Carried::AsLinks, true) | (Carried::AsTokens, false) => Ok(()),
            (Carried::AsTokens, true) => Err(Denied::LinkIsNoToken),
            (Carried::AsLinks, false) => Err(Denied::TokenIsNoLink),
        }
    }

    /// The name to save the object of a link under; empty for its own.
    pub fn download(&self) -> Option<&str> {
        if self.is_link() { self.claims().get("download")?.as_str() } else { None }
    }

    /// Whether this is a link to this path, made by the rule of this number in the route of this name.
    pub(crate) fn links(&self, path: &ObjectPath, route: &str, rule: usize, row: &Row) -> bool {
        let made_by = |value: &Value| *value == json!([route, rule, row.mark]);
        self.is_link()
            && self.claims().get("path").and_then(Value::as_str) == Some(path.as_str())
            && self.claims().get("rule").is_some_and(made_by)
    }
}
