//! `[tls]`: certificates and keys in files that fit together, and what of them will trouble visitors.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway::{Certificate, Side};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::de::DeValue;

use super::faults::{Faults, Mistake, Place};
use super::files::{file_mistake, path_in};
use super::section::{Node, Section};
use super::settings::{Pair, Tls};
use super::units::duration;

/// A year, as browsers' preload lists want it at least.
const HSTS: Duration = Duration::from_secs(365 * 86_400);

/// Beyond it no browser cares, and a slip of the unit is more likely than the wish.
const MOST_HSTS: Duration = Duration::from_secs(2 * 365 * 86_400);

/// ACME clients renew 30 days ahead, for certificates of 90 days; what is left at 7 has failed several times.
const SOON: i64 = 7 * 86_400;

const HINT: &str = "name PEM files: `certificate = \"files.pem\"`, `key = \"files.key\"`";

/// `[tls]`; all files are read, and each key must be its certificate's.
pub fn read(mut section: Section<'_>, dir: &Path, faults: &mut Faults) -> Option<Tls> {
    let pairs = pairs(&mut section, dir, faults);
    let hsts = section.get("hsts").map_or(Some(HSTS), |node| hsts(node, faults));
    let watch = section.get("watch").and_then(|node| node.boolean(faults)).unwrap_or(true);
    section.close(faults);
    Some(Tls { pairs: pairs?, hsts, watch })
}

/// `certificate` and `key`, or several of them in `certificates`.
fn pairs(section: &mut Section<'_>, dir: &Path, faults: &mut Faults) -> Option<Vec<Pair>> {
    let Some(list) = section.get("certificates") else {
        return pair(section, dir, faults).map(|pair| vec![pair]);
    };
    for key in ["certificate", "key"] {
        if section.get(key).is_some() {
            let mistake = Mistake::new(format!("`{key}` beside `certificates`"));
            faults.add(section.place_of(key), mistake.hint("put it into the list: `[[tls.certificates]]`"));
        }
    }
    let wanted = "a list such as [{ certificate = \"a.pem\", key = \"a.key\" }]";
    let pairs: Vec<Option<Pair>> = list
        .list(wanted, faults)?
        .into_iter()
        .map(|node| {
            let mut section = node.section("[[tls.certificates]]", "a table with `certificate` and `key`", faults)?;
            let pair = pair(&mut section, dir, faults);
            section.close(faults);
            pair
        })
        .collect();
    pairs.into_iter().collect()
}

fn pair(section: &mut Section<'_>, dir: &Path, faults: &mut Faults) -> Option<Pair> {
    let certificate = section.require("certificate", HINT, faults);
    let key = section.require("key", HINT, faults);
    let path = |node: Option<Node<'_>>, faults: &mut Faults| {
        let node = node?;
        let path = node.parse("a path", faults, |text| Ok(path_in(dir, text)))?;
        Some((node.place, path))
    };
    let certificate = path(certificate, faults);
    let key = path(key, faults);
    // Each file is judged by itself, so that one that is missing does not hide what is wrong with the other.
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (one, other) => {
            for (place, path) in one.into_iter().chain(other) {
                faults.keep(place, keys::read_file(&path).map_err(|error| file_mistake(&error)));
            }
            return None;
        }
    };
    match read_pair(&certificate.1, &key.1) {
        Ok(read) => {
            warn_times(certificate.0, &read, faults);
            Some(Pair { certificate: certificate.1, key: key.1, read: Arc::new(read) })
        }
        Err(wrong) => {
            for (side, mistake) in wrong {
                faults.add(if side == Side::Certificate { certificate.0 } else { key.0 }, mistake);
            }
            None
        }
    }
}

/// Reads and judges a certificate and its key as they are now.
pub fn read_pair(certificate: &Path, key: &Path) -> Result<Certificate, Vec<(Side, Mistake)>> {
    let read = |side, path: &Path| keys::read_file(path).map_err(|error| (side, file_mistake(&error)));
    let (chain, private) = match (read(Side::Certificate, certificate), read(Side::Key, key)) {
        (Ok(chain), Ok(private)) => (chain, private),
        (chain, private) => return Err([chain.err(), private.err()].into_iter().flatten().collect()),
    };
    Certificate::read(certificate, &chain, &private).map_err(|fault| {
        let mistake = Mistake { message: fault.message(certificate, key), hint: fault.hint().map(str::to_owned) };
        vec![(fault.side(), mistake)]
    })
}

/// How long browsers shall ask this host by https alone (RFC 6797); `false`: nothing is said of it.
fn hsts(node: Node<'_>, faults: &mut Faults) -> Option<Duration> {
    let wanted = "a duration such as \"365d\", or false,";
    match node.value {
        DeValue::Boolean(false) => None,
        DeValue::Boolean(true) => node.wrong_type(wanted, faults),
        _ => {
            let given = node.parse(wanted, faults, duration)?;
            if given > MOST_HSTS {
                let mistake = Mistake::new("browsers are told for two years at most");
                faults.add(node.place, mistake.hint("write \"365d\""));
            }
            Some(given)
        }
    }
}

/// An expired certificate is no mistake: visitors are warned by their browsers, and without a listener they have nothing at all.
fn warn_times(place: Place, certificate: &Certificate, faults: &mut Faults) {
    for mistake in time_troubles(certificate, now()) {
        faults.warn(place, mistake);
    }
}

/// What is wrong with a certificate's times, and with what stands beside it in its file.
pub fn time_troubles(certificate: &Certificate, now: i64) -> Vec<Mistake> {
    let file = certificate.file.display();
    let mut troubles = Vec::new();
    if certificate.expires <= now {
        let message = format!("`{file}` expired on {}: browsers warn of the site", day(certificate.expires));
        troubles.push(Mistake::new(message).hint("renew it; the gateway starts with it all the same"));
    } else if certificate.begins > now {
        troubles.push(Mistake::new(format!("`{file}` is not valid before {}", day(certificate.begins))));
    } else if certificate.expires - now < SOON {
        troubles.push(Mistake::new(format!("`{file}` expires on {}", day(certificate.expires))));
    }
    troubles
}

/// Hosts that no certificate is for, and certificates that stand alone. `hosts` with their places.
pub fn warn_names<'h>(tls: &Tls, place: Place, hosts: impl Iterator<Item = (&'h str, Place)>, faults: &mut Faults) {
    let all = || tls.pairs.iter().map(|pair| &pair.read);
    for (host, place) in hosts.filter(|(host, _)| !all().any(|certificate| certificate.covers(host))) {
        let names: Vec<_> = all().flat_map(|certificate| certificate.names.iter().map(String::as_str)).collect();
        let mistake = Mistake::new(format!("no certificate is for `{host}`: browsers warn of the site"));
        let names = if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) };
        faults.warn(place, mistake.hint(format!("the certificates' names: {names}")));
    }
    for certificate in all().filter(|certificate| certificate.lacks_issuer) {
        let message = format!("`{}` holds one certificate and not the one that issued it", certificate.file.display());
        let hint = "clients need all up to a root that they know: of certbot's files take `fullchain.pem`";
        faults.warn(place, Mistake::new(message).hint(hint));
    }
}

/// RFC 3339, in UTC.
pub fn day(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(&Rfc3339).ok());
    time.unwrap_or_else(|| format!("second {seconds} of 1970"))
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Tls {
    pub fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.pairs.iter().map(|pair| Arc::clone(&pair.read)).collect()
    }
}
