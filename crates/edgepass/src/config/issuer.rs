//! `[issuer.x]`: who may sign tokens, with which keys, and how much a token of theirs can grant.

use std::path::Path;
use std::time::Duration;

use authorizer::{Action, Algorithm, IssuerSettings};
use keys::Source;
use toml::de::DeValue;

use super::faults::{Faults, Mistake, Place};
use super::files::{file_mistake, path_in};
use super::names::Named;
use super::nearest::suggest;
use super::section::{Node, Section};
use super::settings::Issuer;
use super::units::{duration, seconds};

const LEEWAY: Duration = Duration::from_secs(30);

/// Clocks that differ by more are broken.
const MOST_LEEWAY: Duration = Duration::from_mins(1);

/// An issuer, and the place of its `issuer`. What could not be understood is reported, and stands there as something that
/// makes no other rule look wrong.
pub fn read(named: Named<'_>, dir: &Path, faults: &mut Faults) -> (Place, Issuer) {
    let Named { name, mut section, .. } = named;
    let issuer_node =
        section.require("issuer", "write the `iss` of its tokens: `issuer = \"https://app.example.com\"`", faults);
    let issuer_place = issuer_node.map_or(section.place, |node| node.place);
    let issuer = issuer_node.and_then(|node| node.text("text", faults));
    let audience = section
        .require("audience", "write the `aud` of its tokens: `audience = \"files\"`", faults)
        .and_then(|node| audiences(node, faults));
    let algorithms = section
        .require("algorithms", "list what it signs with: `algorithms = [\"ES256\"]`", faults)
        .and_then(|node| node.parse_list("a list of algorithms", faults, algorithm));
    let may = match section.get("may") {
        None => vec![Action::Read],
        Some(node) => node.parse_list("a list of actions", faults, action).unwrap_or_else(|| Action::ALL.to_vec()),
    };
    let max_age = section.get("max_age").and_then(|node| {
        let age = node.parse("a duration such as \"24h\"", faults, duration)?;
        if age.is_zero() {
            faults.add(node.place, Mistake::new("a `max_age` of nothing honours no token"));
        }
        Some(age)
    });
    let leeway = section.get("leeway").and_then(|node| {
        let leeway = node.parse("a duration such as \"30s\"", faults, duration)?;
        if leeway > MOST_LEEWAY {
            faults.add(node.place, Mistake::new("a leeway above 60s honours expired tokens for too long"));
        }
        Some(leeway)
    });
    let once = section.get("one_time").and_then(|node| node.boolean(faults)).unwrap_or(false);
    let source = source(&mut section, issuer, algorithms.as_deref(), dir, faults);
    section.close(faults);
    let settings = IssuerSettings {
        name: name.to_owned(),
        issuer: issuer.unwrap_or_default().to_owned(),
        audiences: audience.unwrap_or_default(),
        algorithms: algorithms.unwrap_or_default(),
        may,
        max_age: max_age.map(seconds),
        leeway: seconds(leeway.unwrap_or(LEEWAY)),
        once,
        links: false,
    };
    (issuer_place, Issuer { settings, source: source.unwrap_or(Source::JwksUrl(String::new())) })
}

/// One audience, or a list of which a token names one.
fn audiences(node: Node<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    match node.value {
        DeValue::Array(_) => node.parse_list("a list of texts", faults, |text| Ok(text.to_owned())),
        _ => node.text("text", faults).map(|text| vec![text.to_owned()]),
    }
}

fn source(
    section: &mut Section<'_>,
    issuer: Option<&str>,
    algorithms: Option<&[Algorithm]>,
    dir: &Path,
    faults: &mut Faults,
) -> Option<Source> {
    let keys = ["jwks_url", "discovery", "jwks_file", "secret_file"];
    let mut given: Vec<_> = keys.into_iter().filter_map(|key| section.get(key).map(|node| (key, node))).collect();
    given.sort_by_key(|(_, node)| node.place);
    let Some((key, node)) = given.first().copied() else {
        let message = format!("{} has no keys: one of `{}` is missing", section.title, keys.join("`, `"));
        let hint = "add `jwks_url = \"https://…/.well-known/jwks.json\"`";
        faults.missing(section.place, "jwks_url", Mistake::new(message).hint(hint));
        return None;
    };
    for (other, _) in given.iter().skip(1) {
        let mistake =
            Mistake::new(format!("`{other}` beside `{key}`")).hint("an issuer has exactly one source of keys");
        faults.add(section.place_of(other), mistake);
    }
    check_kind(section, key, algorithms, faults);
    let source = match key {
        "discovery" => discovery(node, issuer, faults)?,
        "jwks_url" => Source::JwksUrl(node.text("a URL", faults)?.to_owned()),
        "jwks_file" => Source::JwksFile(path_in(dir, node.text("a path", faults)?)),
        _ => Source::SecretFile(path_in(dir, node.text("a path", faults)?)),
    };
    let load = source.load(algorithms.unwrap_or(&Algorithm::ALL));
    faults.keep(node.place, load.map_err(|error| file_mistake(&error)))?;
    Some(source)
}

/// `true`, for the document at the issuer's well-known place; or the document's URL.
fn discovery(node: Node<'_>, issuer: Option<&str>, faults: &mut Faults) -> Option<Source> {
    let wanted = "true, or the document's URL,";
    match node.value {
        DeValue::Boolean(true) => {
            let found = Source::discovery(issuer?).map_err(|error| {
                Mistake::new(format!("`discovery = true` takes the `issuer` for a URL: {error}"))
                    .hint("name the document itself: `discovery = \"https://…/.well-known/openid-configuration\"`")
            });
            faults.keep(node.place, found)
        }
        DeValue::Boolean(false) => {
            let mistake = Mistake::new("`discovery = false` says nothing").hint("remove it");
            faults.add(node.place, mistake);
            None
        }
        DeValue::String(_) => {
            let document = node.text(wanted, faults)?.to_owned();
            Some(Source::Discovery { document, issuer: issuer?.to_owned() })
        }
        _ => node.wrong_type(wanted, faults),
    }
}

/// A shared secret is for one HMAC algorithm alone, and that for nothing else: a public key must never pass for a secret.
fn check_kind(section: &Section<'_>, key: &str, algorithms: Option<&[Algorithm]>, faults: &mut Faults) {
    let secret = key == "secret_file";
    if secret && algorithms.is_some_and(|algorithms| algorithms.len() > 1) {
        let mistake = Mistake::new("several algorithms for one secret: a key has one").hint("keep one of them");
        faults.add(section.place_of("algorithms"), mistake);
        return;
    }
    let Some(wrong) = algorithms.unwrap_or_default().iter().find(|algorithm| algorithm.is_symmetric() != secret) else {
        return;
    };
    let mistake = if secret {
        Mistake::new(format!("`{wrong}` needs public keys, and `secret_file` holds a shared secret"))
            .hint("use `jwks_url`, `discovery` or `jwks_file`, or `algorithms = [\"HS256\"]`")
    } else {
        Mistake::new(format!("`{wrong}` needs a shared secret, which does not belong in a key set"))
            .hint("use `secret_file`, or sign with ES256")
    };
    faults.add(section.place_of("algorithms"), mistake);
}

fn algorithm(text: &str) -> Result<Algorithm, Mistake> {
    Algorithm::parse(text).ok_or_else(|| {
        let known = Algorithm::ALL.map(Algorithm::as_str);
        if text == "Ed448" {
            return Mistake::new("`Ed448` is not supported").hint("EdDSA with Ed25519 is: `algorithms = [\"EdDSA\"]`");
        }
        let mistake = Mistake::new(format!("unknown algorithm `{text}`"));
        match known.into_iter().find(|name| name.eq_ignore_ascii_case(text)) {
            Some(name) => mistake.hint(format!("did you mean `{name}`?")),
            None => mistake.hint(format!("known are `{}`", known.join("`, `"))),
        }
    })
}

pub fn action(text: &str) -> Result<Action, Mistake> {
    Action::parse(text).ok_or_else(|| Mistake {
        message: format!("unknown action `{text}`"),
        hint: suggest(text, Action::ALL.map(Action::as_str)),
    })
}
