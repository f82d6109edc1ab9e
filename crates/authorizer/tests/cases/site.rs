//! Reads of `cases/site.toml` what a decision needs.

use std::sync::Arc;

use authorizer::{
    Action, Algorithm, AllowSettings, BucketId, ClaimValue, IssuerId, IssuerSettings, Key, KeySet, KeySets, Material,
    RouteSettings, Rules, UploadSettings, Who, parse_jwk_set,
};
use toml::{Table, Value};

use crate::read;

/// The rows keep two minutes away from every edge.
const LEEWAY: i64 = 60;

pub struct Site {
    pub rules: Rules,
    pub keys: KeySets,
    pub buckets: Vec<String>,
}

impl Site {
    pub fn read() -> Self {
        let site: Table = read("site.toml").parse().unwrap();
        let buckets: Vec<String> = site["bucket"].as_table().unwrap().keys().cloned().collect();
        let (issuers, keys): (Vec<_>, Vec<_>) = site["issuer"].as_table().unwrap().iter().map(issuer).unzip();
        let names: Vec<_> = issuers.iter().map(|issuer| issuer.name.clone()).collect();
        let routes: Vec<_> =
            site["route"].as_array().unwrap().iter().map(|table| route(table, &names, &buckets)).collect();
        let rules = Rules::build(issuers, &routes).expect("the site's rules are good");
        Self { rules, keys: KeySets(keys), buckets }
    }

    pub fn issuer(&self, name: &str) -> &IssuerSettings {
        self.rules
            .issuers()
            .all()
            .iter()
            .find(|issuer| issuer.name == name)
            .expect("the key's issuer is one of the site's")
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(text).collect()
}

fn issuer((name, table): (&String, &Value)) -> (IssuerSettings, Arc<KeySet>) {
    let algorithms: Vec<_> = texts(&table["algorithms"]).iter().map(|name| Algorithm::parse(name).unwrap()).collect();
    let keys = if let Some(file) = table.get("jwks_file") {
        parse_jwk_set(read(file.as_str().unwrap()).as_bytes(), &algorithms).unwrap()
    } else {
        let secret = read(table["secret_file"].as_str().unwrap());
        let secret = secret.strip_suffix('\n').unwrap_or(&secret).as_bytes().to_vec();
        KeySet::new(vec![Key::new(None, Algorithm::Hs256, Material::Secret(secret.into())).unwrap()])
    };
    let settings = IssuerSettings {
        name: name.clone(),
        issuer: text(&table["issuer"]),
        audiences: vec![text(&table["audience"])],
        algorithms,
        may: texts(&table["may"]).iter().map(|name| Action::parse(name).unwrap()).collect(),
        max_age: Some(hours(table["max_age"].as_str().unwrap())),
        leeway: LEEWAY,
        once: false,
        links: false,
    };
    (settings, Arc::new(keys))
}

fn hours(text: &str) -> i64 {
    text.strip_suffix('h').unwrap().parse::<i64>().unwrap() * 3600
}

fn bytes(text: &str) -> u64 {
    let (number, unit) = text.split_once(' ').unwrap();
    let unit: u32 = match unit {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        other => panic!("unknown unit {other}"),
    };
    number.parse::<u64>().unwrap() << unit
}

fn route(table: &Value, issuers: &[String], buckets: &[String]) -> RouteSettings {
    RouteSettings {
        name: text(&table["name"]),
        hosts: Vec::new(),
        path: text(&table["path"]),
        bucket: BucketId(buckets.iter().position(|name| Some(name.as_str()) == table["bucket"].as_str()).unwrap()),
        key: table.get("key").map(text),
        allow: table["allow"].as_array().unwrap().iter().map(|row| allow(row, issuers)).collect(),
        upload: table.get("upload").map(upload),
        any_origin: false,
    }
}

fn allow(row: &Value, issuers: &[String]) -> AllowSettings {
    let who = if let Some(claims) = row.get("claims") {
        let tests = claims.as_table().unwrap().iter();
        Who::Claims(tests.map(|(name, wanted)| (name.clone(), values(wanted))).collect())
    } else {
        assert_eq!(row["anyone"].as_bool(), Some(true));
        Who::Anyone
    };
    let issuer = row.get("issuer").map(|name| {
        IssuerId(issuers.iter().position(|known| Some(known.as_str()) == name.as_str()).expect("a known issuer"))
    });
    AllowSettings { issuer, ..AllowSettings::new(Action::parse(row["action"].as_str().unwrap()).unwrap(), who) }
}

fn values(wanted: &Value) -> Vec<ClaimValue> {
    match wanted {
        Value::Array(several) => several.iter().flat_map(values).collect(),
        Value::String(text) => vec![ClaimValue::Text(text.clone())],
        Value::Integer(integer) => vec![ClaimValue::Integer(*integer)],
        Value::Boolean(boolean) => vec![ClaimValue::Boolean(*boolean)],
        other => panic!("{other} is no claim's value"),
    }
}

fn upload(table: &Value) -> UploadSettings {
    let fill = table.get("fill").and_then(Value::as_table);
    UploadSettings {
        fill: fill.into_iter().flatten().map(|(name, fill)| (name.clone(), text(fill))).collect(),
        max_size: bytes(table["max_size"].as_str().unwrap()),
        types: texts(&table["types"]),
        life: 900,
    }
}
