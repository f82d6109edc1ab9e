//! Reads of a `site.toml` what a decision needs.

use std::sync::Arc;

use authorizer::{
    Action, Algorithm, AllowSettings, BucketId, Circumstances, ClaimValue, IssuerId, IssuerSettings, Key, KeySet,
    KeySets, Material, Method, Network, RouteSettings, Rules, UnixTime, UploadSettings, Who, parse_jwk_set,
};
use toml::{Table, Value};

use crate::read;

/// The rows keep two minutes away from every edge.
const LEEWAY: i64 = 60;

pub struct Site {
    /// Where it is in `cases/`, with a slash at the end.
    pub directory: &'static str,
    pub rules: Rules,
    pub keys: KeySets,
    pub buckets: Vec<String>,
}

impl Site {
    pub fn read(directory: &'static str) -> Self {
        let site: Table = read(&format!("{directory}site.toml")).parse().unwrap();
        let buckets: Vec<String> = site["bucket"].as_table().unwrap().keys().cloned().collect();
        let (issuers, keys): (Vec<_>, Vec<_>) =
            site["issuer"].as_table().unwrap().iter().map(|(name, table)| issuer(directory, name, table)).unzip();
        let names: Vec<_> = issuers.iter().map(|issuer| issuer.name.clone()).collect();
        let routes: Vec<_> =
            site["route"].as_array().unwrap().iter().map(|table| route(table, &names, &buckets)).collect();
        let rules = Rules::build(issuers, &routes).expect("the site's rules are good");
        Self { directory, rules, keys: KeySets(keys), buckets }
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

/// One text is a list of one.
fn texts(value: &Value) -> Vec<String> {
    value.as_array().map_or_else(|| vec![text(value)], |several| several.iter().map(text).collect())
}

fn issuer(directory: &str, name: &str, table: &Value) -> (IssuerSettings, Arc<KeySet>) {
    let algorithms: Vec<_> = texts(&table["algorithms"]).iter().map(|name| Algorithm::parse(name).unwrap()).collect();
    let keys = if let Some(file) = table.get("jwks_file") {
        parse_jwk_set(read(&format!("{directory}{}", text(file))).as_bytes(), &algorithms).unwrap()
    } else {
        let secret = read(&format!("{directory}{}", text(&table["secret_file"])));
        let secret = secret.strip_suffix('\n').unwrap_or(&secret).as_bytes().to_vec();
        KeySet::new(vec![Key::new(None, algorithms[0], Material::Secret(secret.into())).unwrap()])
    };
    let settings = IssuerSettings {
        name: name.to_owned(),
        issuer: text(&table["issuer"]),
        audiences: texts(&table["audience"]),
        algorithms,
        may: table.get("may").map_or_else(|| vec!["read".to_owned()], texts).iter().map(|name| action(name)).collect(),
        max_age: table.get("max_age").map(|age| hours(age.as_str().unwrap())),
        leeway: LEEWAY,
        once: table.get("one_time").is_some_and(|once| once.as_bool() == Some(true)),
        links: false,
    };
    (settings, Arc::new(keys))
}

fn action(name: &str) -> Action {
    Action::parse(name).unwrap()
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
        hosts: table.get("hosts").map(texts).unwrap_or_default(),
        path: text(&table["path"]),
        bucket: BucketId(buckets.iter().position(|name| Some(name.as_str()) == table["bucket"].as_str()).unwrap()),
        key: table.get("key").map(text),
        allow: table["allow"].as_array().unwrap().iter().map(|row| allow(row, issuers)).collect(),
        upload: table.get("upload").map(upload),
        any_origin: false,
    }
}

fn allow(row: &Value, issuers: &[String]) -> AllowSettings {
    let paths = row.get("paths").map(text);
    let who = if row.get("anyone").is_some_and(|anyone| anyone.as_bool() == Some(true)) {
        Who::Anyone
    } else {
        assert!(paths.is_some() || row.get("claims").is_some(), "the row says who");
        let tests = row.get("claims").and_then(Value::as_table).into_iter().flatten();
        Who::Claims(tests.map(|(name, wanted)| (name.clone(), values(wanted))).collect())
    };
    let issuer = row.get("issuer").map(|name| {
        IssuerId(issuers.iter().position(|known| Some(known.as_str()) == name.as_str()).expect("a known issuer"))
    });
    let circumstances = circumstances(row);
    AllowSettings { issuer, paths, circumstances, ..AllowSettings::new(action(row["action"].as_str().unwrap()), who) }
}

fn circumstances(row: &Value) -> Circumstances {
    const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    assert!(row.get("hours").is_none(), "what a clock says is no row");
    let listed = |name| row.get(name).map(texts);
    let day = |name: String| u8::try_from(WEEK.iter().position(|day| *day == name).expect("a day")).unwrap();
    Circumstances {
        methods: listed("methods").map(|names| names.iter().map(|name| Method::parse(name).unwrap()).collect()),
        from: row.get("from").map(year),
        until: row.get("until").map(year),
        hours: None,
        days: listed("days").map(|names| names.into_iter().map(day).collect()),
        addresses: listed("addresses").map(|ranges| ranges.iter().map(|text| Network::parse(text).unwrap()).collect()),
    }
}

/// The beginning of a year: rows are far from every edge, so that leap days and offsets do not matter.
fn year(time: &Value) -> UnixTime {
    let date = time.as_datetime().unwrap().date.unwrap();
    assert_eq!((date.month, date.day), (1, 1));
    UnixTime((i64::from(date.year) - 1970) * 31_556_952)
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
