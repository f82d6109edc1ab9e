//! `[[route]]`: a path, its bucket, who may do what. What the authorizer finds wrong is put back in its place here.

use authorizer::{BucketId, Part, RouteSettings, RuleFault};
use toml::de::DeValue;

use super::allow::{self, Names, Row};
use super::faults::{Faults, Mistake, Place};
use super::nearest::suggest;
use super::section::{Node, Section};
use super::upload;

/// A route as it was typed: enough is understood to judge it.
pub struct Typed {
    pub settings: RouteSettings,
    /// Whether rows were left out because they were not understood.
    incomplete: bool,
    upload_left_out: bool,
    places: Places,
}

impl Typed {
    /// Its hosts, each with its place.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, Place)> {
        self.settings.hosts.iter().map(String::as_str).zip(self.places.hosts.iter().copied())
    }
}

struct Places {
    name: Place,
    hosts: Vec<Place>,
    path: Place,
    key: Place,
    cors: Place,
    upload: Place,
    rows: Vec<RowPlaces>,
    fills: Vec<Place>,
    types: Vec<Place>,
}

struct RowPlaces {
    row: Place,
    claims: Vec<Place>,
    unknown_issuer: bool,
}

/// All routes, in the order of the text.
pub fn read_all(node: Node<'_>, buckets: &[&str], names: &Names<'_>, faults: &mut Faults) -> Vec<Typed> {
    if let DeValue::Table(_) = node.value {
        faults.add(node.place, Mistake::new("one `[route]` where a list is wanted").hint("write `[[route]]`"));
        return Vec::new();
    }
    let nodes = node.list("a list of routes", faults).unwrap_or_default();
    nodes
        .into_iter()
        .filter_map(|node| {
            let section = node.section("[[route]]", "a table", faults)?;
            read(section, buckets, names, faults)
        })
        .collect()
}

fn read(mut section: Section<'_>, buckets: &[&str], names: &Names<'_>, faults: &mut Faults) -> Option<Typed> {
    let name = section.require("name", "name it, for logs and messages: `name = \"files\"`", faults);
    let name = name.and_then(|node| node.text("text", faults)).map(str::to_owned);
    if let Some(name) = &name {
        section.title = format!("[[route]] `{name}`");
    }
    let path = section
        .require("path", "write the paths it serves: `path = \"/{workspace:uuid}/{name...}\"`", faults)
        .and_then(|node| node.text("a path", faults));
    let bucket = section
        .require("bucket", "name the `[bucket.x]` that holds the objects", faults)
        .and_then(|node| node.parse("the name of a bucket", faults, |text| bucket_id(text, buckets)))
        // The rest of the route is judged all the same, in a bucket of its own.
        .unwrap_or(BucketId(usize::MAX - section.place.start));
    let hosts = section.get("hosts");
    let (hosts, host_places) = hosts.map_or_else(Default::default, |node| host_names(node, faults));
    let key = section.get("key").map(|node| node.text("a key such as \"{workspace}/{name}\"", faults));
    let rows = section
        .require("allow", "nobody may do anything: add `allow = [{ action = \"read\", claims = { … } }]`", faults)
        .and_then(|node| node.list("a list of rules", faults));
    let upload_node = section.get("upload");
    let upload = upload_node.and_then(|node| upload::read(node, faults));
    let any_origin = section.get("cors").is_some_and(|node| any_origin(node, faults));

    let understood = rows.is_some();
    let takes_uploads = upload_node.is_some();
    let rows: Vec<Option<Vec<Row>>> =
        rows.unwrap_or_default().into_iter().map(|node| allow::read(node, names, takes_uploads, faults)).collect();
    let incomplete = !understood || rows.iter().any(Option::is_none);
    let upload_left_out = upload_node.is_some() && upload.is_none();
    let rows: Vec<Row> = rows.into_iter().flatten().flatten().collect();
    let places = Places {
        name: section.place_of_value("name"),
        path: section.place_of_value("path"),
        key: section.place_of_value("key"),
        hosts: host_places,
        cors: section.place_of_value("cors"),
        upload: section.place_of("upload"),
        rows: rows
            .iter()
            .map(|row| RowPlaces { row: row.place, claims: row.claims.clone(), unknown_issuer: row.unknown_issuer })
            .collect(),
        fills: upload.as_ref().map(|upload| upload.fills.clone()).unwrap_or_default(),
        types: upload.as_ref().map(|upload| upload.types.clone()).unwrap_or_default(),
    };
    let place = section.place;
    section.close(faults);
    // A route without a name is judged under one that no other has.
    let name = name.unwrap_or_else(|| format!("@{}", place.start));
    Some(Typed {
        settings: RouteSettings {
            name,
            hosts,
            path: path?.to_owned(),
            bucket,
            key: match key {
                Some(key) => Some(key?.to_owned()),
                None => None,
            },
            allow: rows.into_iter().map(|row| row.settings).collect(),
            upload: upload.map(|upload| upload.settings),
            any_origin,
        },
        incomplete,
        upload_left_out,
        places,
    })
}

fn bucket_id(text: &str, buckets: &[&str]) -> Result<BucketId, Mistake> {
    if buckets.is_empty() {
        // That there is none at all is reported once, not for every route; nothing is served either way.
        return Ok(BucketId(0));
    }
    buckets.iter().position(|name| *name == text).map(BucketId).ok_or_else(|| Mistake {
        message: format!("unknown bucket `{text}`"),
        hint: suggest(text, buckets.iter().copied()).or_else(|| Some(format!("add a section `[bucket.{text}]`"))),
    })
}

fn host_names(node: Node<'_>, faults: &mut Faults) -> (Vec<String>, Vec<Place>) {
    let nodes = node.list("a list of hosts such as [\"files.example.com\"]", faults).unwrap_or_default();
    let read = nodes.into_iter().filter_map(|node| Some((node.text("a host", faults)?.to_owned(), node.place)));
    read.unzip()
}

fn any_origin(node: Node<'_>, faults: &mut Faults) -> bool {
    let read = node.parse("\"*\"", faults, |text| match text {
        "*" => Ok(()),
        other => Err(Mistake::new(format!("`{other}` where \"*\" is wanted"))
            .hint("list pages' origins in `apps` of `[site]`; they hold for every route")),
    });
    read.is_some()
}

/// Reports what the authorizer found, except what only seems wrong because something was left out.
pub fn report(found: Vec<RuleFault>, routes: &[Typed], faults: &mut Faults) {
    for RuleFault { route, part, message, hint } in found {
        let Some(typed) = routes.get(route) else {
            continue;
        };
        let only_seems = match part {
            Part::Upload | Part::Cors => typed.incomplete,
            Part::Allow(row) => {
                typed.places.rows.get(row).is_some_and(|row| row.unknown_issuer) || typed.upload_left_out
            }
            _ => false,
        };
        if !only_seems {
            faults.add(typed.places.of(part), Mistake { message, hint });
        }
    }
}

/// Behind somebody who has terminated TLS, all requests come from one address.
pub fn refuse_addresses(routes: &[Typed], faults: &mut Faults) {
    for typed in routes {
        for (number, row) in typed.settings.allow.iter().enumerate() {
            if row.circumstances.addresses.is_some() {
                let mistake =
                    Mistake::new("`addresses` beside `tls = \"terminated\"`: only the proxy's address is seen");
                let hint = "let the proxy judge addresses, or let the gateway speak TLS";
                faults.add(typed.places.of(Part::Allow(number)), mistake.hint(hint));
            }
        }
    }
}

impl Places {
    fn of(&self, part: Part) -> Place {
        let row = |number: usize| self.rows.get(number);
        match part {
            Part::Name => self.name,
            Part::Host(number) => self.hosts.get(number).copied().unwrap_or(self.name),
            Part::Path => self.path,
            Part::Key => self.key,
            Part::Cors => self.cors,
            Part::Upload => self.upload,
            Part::Allow(number) => row(number).map_or(self.name, |places| places.row),
            Part::Claim(number, claim) => {
                row(number).and_then(|places| places.claims.get(claim)).copied().unwrap_or(self.name)
            }
            Part::Fill(number) => self.fills.get(number).copied().unwrap_or(self.upload),
            Part::Type(number) => self.types.get(number).copied().unwrap_or(self.upload),
        }
    }
}
