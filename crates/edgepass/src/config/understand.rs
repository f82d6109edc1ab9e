//! The sections together: which there are, and how they bear on each other.

use std::path::Path;

use authorizer::{RouteSettings, Rules};
use toml::de::DeTable;

use super::diagnostic::Diagnostics;
use super::faults::{Fault, Faults, Mistake, Place};
use super::section::Section;
use super::settings::{Bucket, Config, Http, HttpRole, Issuer, Listen, Site};
use super::{allow, aws, bucket, cache, hook, issuer, listen, names, roles, route, site, state, tls, token, web};

pub fn understand(text: &str, file: &Path) -> Result<Config, Vec<Fault>> {
    let (document, syntax) = DeTable::parse_recoverable(text);
    let mut faults = Faults::default();
    let config = read(document.get_ref(), file, &mut faults);
    let broken: Vec<(Place, Mistake)> = syntax
        .iter()
        .map(|error| (error.span().map(Place::from).unwrap_or_default(), Mistake::new(error.message())))
        .collect();
    if !broken.is_empty() {
        // What a broken line leaves is not judged, nor is anything missing that may stand in it.
        let line = |place: &Place| text.get(..place.start).unwrap_or_default().matches('\n').count();
        let lines: Vec<usize> = broken.iter().map(|(place, _)| line(place)).collect();
        faults.list.retain(|fault| fault.missing.is_none() && !lines.contains(&line(&fault.place)));
    }
    for (place, mistake) in broken {
        faults.add(place, mistake);
    }
    match config {
        Some(config) if faults.list.is_empty() => {
            let warnings = Diagnostics::new(file, text, faults.warnings).list;
            Ok(Config { warnings, ..config })
        }
        _ => Err(faults.list),
    }
}

fn read(document: &DeTable<'_>, file: &Path, faults: &mut Faults) -> Option<Config> {
    let dir = file.parent().unwrap_or(Path::new(""));
    let mut root = Section::new("", Place::default(), document);

    let listen = section(&mut root, "listen", faults).map(|section| listen::read(section, faults));
    let tls = section(&mut root, "tls", faults);
    let tls_place = tls.as_ref().map(|section| section.place);
    let tls = tls.and_then(|section| tls::read(section, dir, faults));
    let site_found = section(&mut root, "site", faults);
    let has_site = site_found.is_some();
    let site = site_found.and_then(|section| site::read(section, faults));
    let carriers =
        section(&mut root, "token", faults).map_or_else(token::default, |section| token::read(section, faults));
    let cache = section(&mut root, "cache", faults).map_or(cache::DEFAULT, |section| cache::read(section, dir, faults));

    let on_aws = section(&mut root, "aws", faults);
    let buckets = names::read("bucket", root.get("bucket"), faults);
    let issuers = names::read("issuer", root.get("issuer"), faults);
    let bucket_names: Vec<&str> = buckets.iter().map(|named| named.name).collect();
    let issuers: Vec<(Place, Issuer)> = issuers.into_iter().map(|named| issuer::read(named, dir, faults)).collect();
    check_same_issuer(&issuers, faults);
    let issuers: Vec<Issuer> = issuers.into_iter().map(|(_, issuer)| issuer).collect();
    let hooks: Vec<_> = names::read("hook", root.get("hook"), faults);
    let hook_names: Vec<&str> = hooks.iter().map(|named| named.name).collect();
    let hooks: Vec<_> = hooks.into_iter().map(|named| hook::read(named, dir, faults)).collect();
    let roles = root.get("roles").map(|node| roles::read(node, faults)).unwrap_or_default();
    let granted: Vec<_> = issuers.iter().flat_map(|issuer| issuer.settings.may.iter().copied()).collect();
    let issuer_names: Vec<&str> = issuers.iter().map(|issuer| issuer.settings.name.as_str()).collect();
    let known = allow::Names { issuers: &issuer_names, hooks: &hook_names, roles: &roles, granted: &granted };
    let routes = root.get("route").map(|node| route::read_all(node, &bucket_names, &known, faults));
    let state = section(&mut root, "state", faults).and_then(|section| state::read_state(section, dir, faults));
    let revocation = section(&mut root, "revocation", faults).map(|section| state::read_revocation(section, faults));
    let links = section(&mut root, "links", faults).map(|section| state::read_secret(section, dir, faults));
    let uploads = section(&mut root, "uploads", faults).map(|section| state::read_secret(section, dir, faults));
    let admin = section(&mut root, "admin", faults).map(|section| state::read_secret(section, dir, faults));

    for (there, key, title, hint) in [
        (
            listen.is_some() || on_aws.is_some(),
            "listen",
            "[listen]",
            "add `[listen]` with `https = \"0.0.0.0:443\"`, or `[aws]` with `stack = \"…\"` for a site on AWS alone",
        ),
        (has_site, "site", "[site]", "add `[site]` with `origin = \"https://files.example.com\"`"),
        (!buckets.is_empty(), "bucket", "[bucket.NAME]", "add `[bucket.main]`: the store that holds the files"),
        (routes.is_some(), "route", "[[route]]", "add a `[[route]]`: without one nothing can be reached"),
    ] {
        if !there && !root.has(key) {
            faults.missing(root.place, key, Mistake::new(format!("no `{title}`")).hint(hint));
        }
    }
    root.close(faults);

    let buckets: Vec<_> =
        buckets.into_iter().map(|named| (named.section.place, bucket::read(named, dir, faults))).collect();
    check_same_bucket(&buckets, faults);
    let on_aws = on_aws.map(|section| aws::read(section, &bucket_names, &issuers, faults));
    let routes = routes.unwrap_or_default();
    let rules = build_rules(&issuers, &routes, faults);
    if listen.as_ref().is_some_and(|typed| typed.terminated.is_some()) {
        route::refuse_addresses(&routes, faults);
    }
    let listen = listen.map(|typed| check_listen(&typed, tls_place, site.as_ref(), faults));
    if let (Some(tls), Some(place), Some((origin, site))) = (&tls, tls_place, &site) {
        let site = Some((web::host_of(&site.origin), *origin));
        tls::warn_names(tls, place, site.into_iter().chain(routes.iter().flat_map(route::Typed::hosts)), faults);
    }
    Some(Config {
        file: file.to_owned(),
        listen: if on_aws.is_some() { listen.unwrap_or_default() } else { listen? },
        tls,
        site: site.map(|(_, site)| site)?,
        buckets: buckets.into_iter().map(|(_, bucket)| bucket).collect::<Option<_>>()?,
        issuers,
        carriers,
        rules: rules?,
        routes: routes.into_iter().map(|typed| typed.settings).collect(),
        cache,
        state,
        revocation,
        hooks: hooks.into_iter().collect::<Option<_>>()?,
        link_secret: match links {
            Some(links) => Some(links?),
            None => None,
        },
        upload_secret: match uploads {
            Some(uploads) => Some(uploads?),
            None => None,
        },
        admin_secret: match admin {
            Some(admin) => Some(admin?),
            None => None,
        },
        aws: match on_aws {
            Some(aws) => Some(aws?),
            None => None,
        },
        warnings: Vec::new(),
    })
}

fn section<'t>(root: &mut Section<'t>, key: &'static str, faults: &mut Faults) -> Option<Section<'t>> {
    let title = format!("[{key}]");
    root.get(key)?.section(title.as_str(), &format!("a section `{title}`"), faults)
}

/// Keys are compared within one section: two for the same bucket would hide that routes reach the same objects.
fn check_same_bucket(buckets: &[(Place, Option<Bucket>)], faults: &mut Faults) {
    for (number, (place, bucket)) in buckets.iter().enumerate() {
        let Some(bucket) = bucket else { continue };
        let same = |other: &&Bucket| other.endpoint == bucket.endpoint && other.bucket == bucket.bucket;
        if let Some(other) = buckets.iter().take(number).filter_map(|(_, other)| other.as_ref()).find(same) {
            let message = format!("`[bucket.{}]` is the same bucket of the same store", other.name);
            faults.add(*place, Mistake::new(message).hint("use one section for it, in all routes"));
        }
    }
}

/// A token's `iss` must lead to one issuer.
fn check_same_issuer(issuers: &[(Place, Issuer)], faults: &mut Faults) {
    for (number, (place, issuer)) in issuers.iter().enumerate() {
        let name = &issuer.settings.issuer;
        let earlier = issuers.iter().take(number).find(|(_, other)| other.settings.issuer == *name && !name.is_empty());
        if let Some((_, other)) = earlier {
            let message = format!("`[issuer.{}]` has the same `issuer`", other.settings.name);
            faults.add(*place, Mistake::new(message).hint("a token's `iss` must lead to one of them"));
        }
    }
}

fn build_rules(issuers: &[Issuer], routes: &[route::Typed], faults: &mut Faults) -> Option<Rules> {
    let issuers = issuers.iter().map(|issuer| issuer.settings.clone()).collect();
    let settings: Vec<RouteSettings> = routes.iter().map(|typed| typed.settings.clone()).collect();
    match Rules::build(issuers, &settings) {
        Ok(rules) => Some(rules),
        Err(found) => {
            route::report(found, routes, faults);
            None
        }
    }
}

fn check_listen(
    typed: &listen::Typed,
    tls: Option<Place>,
    site: Option<&(Place, Site)>,
    faults: &mut Faults,
) -> Listen {
    match (typed.https_place, tls, typed.terminated) {
        (Some(place), None, _) => {
            let hint = "add `[tls]` with `certificate` and `key`";
            faults.missing(place, "tls", Mistake::new("`https` needs a certificate").hint(hint));
        }
        (None, Some(place), _) => {
            let hint = "add `https = \"0.0.0.0:443\"` to `[listen]`, or remove `[tls]`";
            faults.missing(place, "https", Mistake::new("`[tls]` is of no use without `https`").hint(hint));
        }
        (Some(_), _, Some(place)) => {
            let hint = "remove `tls`: it says that somebody in front speaks TLS, and this listener does itself";
            faults.add(place, Mistake::new("`tls = \"terminated\"` beside `https`").hint(hint));
        }
        _ => {}
    }
    let http = match (typed.http, site) {
        (Some((place, address)), Some((_, site))) => {
            let exposed = !address.ip().is_loopback() && typed.terminated.is_none();
            if exposed && web::is_https(&site.origin) {
                if typed.https_place.is_none() {
                    let hint = "add `https` and `[tls]`, or `tls = \"terminated\"` where somebody in front speaks TLS";
                    let message = "nothing is served: `http` only redirects to the site's https";
                    faults.missing(place, "https", Mistake::new(message).hint(hint));
                }
                Some(Http { address, role: HttpRole::Redirect })
            } else {
                if exposed && !web::is_loopback(&site.origin) {
                    let hint = "add `https` and `[tls]`, or `tls = \"terminated\"` where somebody in front speaks TLS";
                    faults.add(place, Mistake::new("tokens and files would cross the network in the clear").hint(hint));
                }
                Some(Http { address, role: HttpRole::Serve })
            }
        }
        _ => None,
    };
    if let (Some((place, true)), None) = (typed.http3, typed.https_place) {
        let hint = "add `https`, or remove `http3`: browsers speak it over TLS alone";
        faults.add(place, Mistake::new("`http3` is of no use without `https`").hint(hint));
    }
    let address = |entry: Option<(Place, _)>| entry.map(|(_, address)| address);
    let http3 = typed.https.is_some() && typed.http3.is_none_or(|(_, wanted)| wanted);
    Listen { https: address(typed.https), http3, http, admin: address(typed.admin) }
}
