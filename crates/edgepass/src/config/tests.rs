//! Configurations with mistakes, and what is said of them. The cases are data: `tests/data/mistakes.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use authorizer::Action;
use front::Carrier;

use super::settings::{Http, Listen};
use super::*;

const GOOD: &str = include_str!("../../tests/data/good.toml");
const MISTAKES: &str = include_str!("../../tests/data/mistakes.toml");
/// The configuration of the reference, whole.
const EXAMPLE: &str = include_str!("../../tests/data/example.toml");

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/edgepass.toml")
}

fn read(text: &str) -> Result<Config, Diagnostics> {
    parse(text, &file())
}

/// The mistakes, each as `line:column message`.
fn mistakes(text: &str) -> Vec<String> {
    let dir = format!("{}/", file().parent().unwrap().display());
    let Err(diagnostics) = read(text) else {
        return Vec::new();
    };
    let said = |diagnostic: &diagnostic::Diagnostic| {
        let position = diagnostic.position.as_ref().unwrap();
        format!("{}:{} {}", position.line, position.column, diagnostic.mistake.message.replace(&dir, ""))
    };
    diagnostics.list.iter().map(said).collect()
}

#[test]
fn every_case() {
    assert_eq!(mistakes(GOOD), [""; 0]);
    let table: toml::Table = MISTAKES.parse().unwrap();
    let cases = table["case"].as_array().unwrap();
    assert!(cases.len() > 60);
    let mut wrong = Vec::new();
    for case in cases {
        let (from, to) = (case["replace"].as_str().unwrap(), case["by"].as_str().unwrap());
        let says: Vec<_> = case["says"].as_array().unwrap().iter().map(|said| said.as_str().unwrap()).collect();
        assert!(GOOD.contains(from), "{from}");
        let said = mistakes(&GOOD.replacen(from, to, 1));
        if said != says {
            wrong.push(format!("{from} -> {to}\n  wanted {says:?}\n  said   {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn six_mistakes_at_once() {
    let text = GOOD
        .replace("0.0.0.0:80", "0.0.0.0")
        .replace("region =", "regoin =")
        .replace("[\"ES256\"]", "[\"ES265\"]")
        .replace("{file:uuid}", "{file:guid}")
        .replace("anyone = true", "anyone = \"yes\"")
        .replace("256 MiB", "256 Megs");
    assert_eq!(
        mistakes(&text),
        [
            "3:8 `0.0.0.0` is not an address and a port",
            "16:1 unknown key `regoin` in [bucket.main]",
            "24:15 unknown algorithm `ES265`",
            "33:8 unknown placeholder type `guid`",
            "46:38 text where true or false is wanted",
            "50:10 `256 Megs` is not a size",
        ]
    );
}

#[test]
fn the_example_of_the_reference() {
    let config = read(EXAMPLE).unwrap();
    assert_eq!(
        config.listen,
        Listen {
            https: Some("0.0.0.0:443".parse().unwrap()),
            http3: true,
            http: Some(Http { address: "0.0.0.0:80".parse().unwrap(), role: HttpRole::Redirect }),
            admin: Some("127.0.0.1:9300".parse().unwrap()),
        }
    );
    assert_eq!(config.site.origin, "https://files.example.com");
    let bucket = &config.buckets[0];
    assert_eq!(
        (bucket.name.as_str(), bucket.bucket.as_str(), bucket.post),
        ("main", "acme-user-files", PostForms::Taken)
    );
    assert_eq!(bucket.upload_endpoint, bucket.endpoint);
    let issuer = &config.issuers[0];
    assert_eq!((issuer.settings.max_age, issuer.settings.leeway), (Some(86_400), 30));
    assert_eq!(issuer.settings.may, Action::ALL);
    assert!(matches!(&issuer.source, keys::Source::JwksUrl(url) if url.ends_with("jwks.json")));
    assert_eq!(
        config.carriers,
        [Carrier::Header, Carrier::Cookie("edgepass".to_owned()), Carrier::Query("authorization".to_owned())]
    );
    assert_eq!(config.rules.routes().map(|(_, route)| route.name).collect::<Vec<_>>(), ["files", "public"]);
    assert_eq!((config.cache.memory, config.cache.ttl), (256 << 20, Duration::from_mins(5)));
    let disk = config.cache.disk.unwrap();
    assert_eq!((disk.path, disk.size), ("/var/cache/edgepass".into(), 50 << 30));
    assert_eq!(config.tls.unwrap().pairs[0].key, file().with_file_name("files.key"));
}

#[test]
fn who_serves_on_http() {
    let with = |https: bool, http: &str, origin: &str, terminated: bool| {
        let mut text = GOOD.replace("0.0.0.0:80", http).replace("https://files.example.com", origin);
        if !https {
            text = text
                .replace("https = \"0.0.0.0:443\"\n", "")
                .replace("[tls]\ncertificate = \"files.pem\"\nkey = \"files.key\"\n", "");
        }
        if terminated {
            text = text.replace("[listen]\n", "[listen]\ntls = \"terminated\"\n");
        }
        read(&text).ok().and_then(|config| config.listen.http).map(|http| http.role)
    };
    let site = "https://files.example.com";
    assert_eq!(with(true, "0.0.0.0:80", site, false), Some(HttpRole::Redirect));
    assert_eq!(with(true, "127.0.0.1:80", site, false), Some(HttpRole::Serve));
    assert_eq!(with(false, "127.0.0.1:80", site, false), Some(HttpRole::Serve));
    assert_eq!(with(false, "[::1]:80", "http://localhost:80", false), None, "browsers leave the port out");
    assert_eq!(with(false, "[::1]:8081", "http://localhost:8081", false), Some(HttpRole::Serve));
    assert_eq!(with(false, "0.0.0.0:8081", "http://localhost:8081", false), Some(HttpRole::Serve));
    assert_eq!(with(false, "0.0.0.0:80", site, true), Some(HttpRole::Serve));
    assert_eq!(with(true, "0.0.0.0:80", site, true), None);
    assert_eq!(with(false, "0.0.0.0:80", site, false), None);
    assert_eq!(with(false, "0.0.0.0:80", "http://files.example.com", false), None);
}

#[test]
fn discovery() {
    let source = |issuer: &str, discovery: &str| {
        let text = GOOD
            .replace("issuer = \"https://app.example.com\"", &format!("issuer = \"{issuer}\""))
            .replace("jwks_file = \"jwks.json\"", &format!("discovery = {discovery}"));
        read(&text).map(|config| config.issuers[0].source.clone()).map_err(|diagnostics| diagnostics.to_string())
    };
    let found = |document: &str, issuer: &str| {
        Ok(keys::Source::Discovery { document: document.to_owned(), issuer: issuer.to_owned() })
    };
    let (plain, slash) = ("https://idp.example/t", "https://idp.example/t/");
    let well_known = "https://idp.example/t/.well-known/openid-configuration";
    assert_eq!(source(plain, "true"), found(well_known, plain));
    assert_eq!(source(slash, "true"), found(well_known, slash));
    let explicit = "https://idp.example/.well-known/oauth-authorization-server/t";
    assert_eq!(source(plain, &format!("\"{explicit}\"")), found(explicit, plain));
    for (issuer, words) in [
        ("app", "not an absolute URL"),
        ("http://idp.example", "on loopback only"),
        ("https://idp.example?tenant=1", "the URL holds a query"),
    ] {
        let said = source(issuer, "true").unwrap_err();
        assert!(said.contains("`discovery = true` takes the `issuer` for a URL") && said.contains(words), "{said}");
    }
}

#[test]
fn the_directory_for_what_outlives_the_process() {
    assert_eq!(read(GOOD).unwrap().state, None);
    let config = read(&GOOD.replace("[token]", "[state]\ndirectory = \"kept/state\"\n\n[token]")).unwrap();
    assert_eq!(config.state, Some(file().with_file_name("kept/state")));
}

#[test]
fn the_rarer_keys() {
    let text = GOOD
        .replace("credentials = \"default\"", "credentials = { access_key_file = \"id.txt\", secret_key_file = \"shared.secret\" }\nupload_endpoint = \"http://localhost:9000\"\npost = false")
        .replace("jwks_file = \"jwks.json\"\nalgorithms = [\"ES256\"]", "secret_file = \"shared.secret\"\nalgorithms = [\"HS256\"]\nleeway = \"0s\"")
        .replace("types = [\"image/*\"]", "types = [\"image/*\"], expires = \"1h\"")
        .replace("[token]\nfrom = [\"header\", \"query:authorization\"]\n", "")
        .replace("[cache]\nmemory = \"256 MiB\"\nttl = \"5m\"\n", "");
    let config = read(&text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let bucket = &config.buckets[0];
    assert_eq!((bucket.upload_endpoint.as_str(), bucket.post), ("http://localhost:9000", PostForms::NotTaken));
    let key = bucket.credentials.read(|_| None).unwrap().unwrap();
    assert_eq!(key.access_key, "id");
    assert_eq!(config.issuers[0].settings.leeway, 0);
    assert_eq!(config.carriers, token::default());
    assert_eq!(config.cache, cache::DEFAULT);
    let upload = config.rules.routes().find_map(|(_, route)| route.upload.map(|upload| upload.life));
    assert_eq!(upload, Some(3600));
}

#[test]
fn as_people_and_machines_read_it() {
    let diagnostics = read(&GOOD.replace("region =", "\tregoin =")).unwrap_err();
    let file = file();
    assert_eq!(
        diagnostics.to_string(),
        format!(
            "error: unknown key `regoin` in [bucket.main]\n  --> {}:16:2\n   |\n16 | \tregoin = \"us-west-2\"\n   | \t^^^^^^\n\
             hint: did you mean `region`?\n\n1 mistake in {}\n",
            file.display(),
            file.display()
        )
    );
    let json = diagnostics.to_json();
    assert_eq!((&json["ok"], &json["mistakes"][0]["line"]), (&false.into(), &16.into()));
    assert_eq!(json["mistakes"][0]["hint"], "did you mean `region`?");
}

/// Whatever the text: an answer, and no place outside it.
#[test]
fn no_text_is_too_broken() {
    for at in 0..GOOD.len() {
        if let Err(diagnostics) = read(&GOOD[..at]) {
            assert!(!diagnostics.list.is_empty(), "{at}");
            let lines = GOOD[..at].matches('\n').count() + 1;
            let within = |found: &diagnostic::Diagnostic| found.position.as_ref().is_some_and(|at| at.line <= lines);
            assert!(diagnostics.list.iter().all(within), "{at}");
        }
    }
    for text in [
        "\u{feff}",
        "\r\n",
        "\0",
        "[",
        "[[",
        "[[route]]",
        "route = 1",
        "bucket = [1]",
        "é = é",
        "a.b.c = { d = [ { e",
        "[listen]\n[listen]",
    ] {
        let diagnostics = read(text).unwrap_err();
        assert!(!diagnostics.list.is_empty() && !diagnostics.to_string().is_empty(), "{text:?}");
    }
    let deep = format!("a = {}1{}", "[".repeat(5000), "]".repeat(5000));
    assert!(read(&deep).is_err());
}

#[test]
fn http3_goes_with_https() {
    let with = |wish: &str| GOOD.replace("[listen]\n", &format!("[listen]\nhttp3 = {wish}\n"));
    assert!(read(GOOD).unwrap().listen.http3);
    assert!(!read(&with("false")).unwrap().listen.http3);
    assert_eq!(mistakes(&with("\"no\"")), ["2:9 text where true or false is wanted"]);
    let alone = GOOD.replace("https = \"0.0.0.0:443\"\n", "http3 = true\n");
    assert!(mistakes(&alone).contains(&"2:9 `http3` is of no use without `https`".to_owned()));
}

/// What the schema calls the table of a title.
fn definition(title: &str) -> &str {
    match title {
        "" => "",
        "[[tls.certificates]]" => "certificate",
        "`credentials`" => "credentials",
        "a rule of `allow`" => "rule",
        "`upload`" => "upload",
        "`disk`" => "disk",
        title if title.starts_with("[[route]]") => "route",
        title => title.trim_start_matches('[').split(['.', ']']).next().unwrap(),
    }
}

/// The schema has exactly the keys that the parser asks for.
#[test]
fn the_schema_knows_what_the_parser_knows() {
    let whole = include_str!("../../tests/data/whole.toml");
    assert_eq!(mistakes(whole), [""; 0]);
    assert_eq!(mistakes(GOOD), [""; 0]);
    for (from, to) in [
        ("credentials = \"default\"", "credentials = { access_key_file = \"id.txt\", secret_key_file = \"id.txt\" }"),
        ("credentials = \"default\"", "credentials = { access_key_env = \"A\", secret_key_env = \"B\" }"),
        ("[token]", "[uploads]\nsecret_file = \"shared.secret\"\n\n[token]"),
    ] {
        assert_eq!(mistakes(&GOOD.replace(from, to)), [""; 0]);
    }
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/reference/edgepass.schema.json")).unwrap();
    let keys = |table: &serde_json::Value| -> BTreeSet<String> {
        table["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    let mut known: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let asked = section::asked::all();
    for (title, asked) in &asked {
        known.entry(definition(title)).or_default().extend(asked.iter().map(|key| (*key).to_owned()));
    }
    let definitions = schema["definitions"].as_object().unwrap();
    let mut written: BTreeMap<&str, BTreeSet<String>> =
        definitions.iter().map(|(name, table)| (name.as_str(), keys(table))).collect();
    // Its keys are the user's to choose.
    assert_eq!(written.remove("roles"), Some(BTreeSet::new()));
    written.insert("", keys(&schema));
    assert_eq!(written, known);
}

/// Every key says what it means; those that may be left out and stand for something say what.
#[test]
fn the_schema_describes_every_key() {
    fn look(at: &str, table: &serde_json::Value, wrong: &mut Vec<String>) {
        for (key, value) in table["properties"].as_object().into_iter().flatten() {
            if value["$ref"].is_null() && value["description"].as_str().is_none_or(str::is_empty) {
                wrong.push(format!("{at}.{key}"));
            }
        }
    }
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/reference/edgepass.schema.json")).unwrap();
    let mut wrong = Vec::new();
    look("", &schema, &mut wrong);
    for (name, table) in schema["definitions"].as_object().unwrap() {
        assert!(table["description"].is_string(), "{name}");
        look(name, table, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn what_will_trouble_visitors_is_no_mistake() {
    let warnings = |text: &str| -> Vec<String> {
        let dir = format!("{}/", file().parent().unwrap().display());
        let config = read(text).unwrap();
        config.warnings.iter().map(|warning| warning.mistake.message.replace(&dir, "")).collect()
    };
    let named = GOOD.replace("name = \"public\"", "name = \"public\"\nhosts = [\"other.example.org\"]");
    assert!(
        warnings(&named).contains(&"no certificate is for `other.example.org`: browsers warn of the site".to_owned()),
        "{:?}",
        warnings(&named)
    );
    assert!(!warnings(GOOD).iter().any(|warning| warning.contains("`files.example.com`")), "{:?}", warnings(GOOD));
}
