//! Puts a row's question to the decider, as the gateway would, and writes its answer in the form of `expect`.

use std::sync::Arc;

use authorizer::{
    Allowed, Carried, Denied, Method, ObjectPath, PathFault, Permission, Question, Read, UnixTime, Upload, verify,
};
use aws_credential_types::Credentials;
use toml::{Table, Value};
use uploads::{Bucket, Refused, Request, grant, plan};

use crate::crypto::AwsLc;
use crate::forge::{json_of, token};
use crate::site::Site;

enum Refusal {
    Path(PathFault),
    Denied(Denied),
    Upload(Refused),
}

struct Leave {
    route: String,
    bucket: String,
    rule: usize,
    key: String,
}

pub fn ask(site: &Site, row: &Table, now: UnixTime) -> Table {
    let tokens: Vec<String> = row
        .get("tokens")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|described| token(site, described, now))
        .collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let answer = match row.get("action").and_then(Value::as_str).unwrap_or("read") {
        "read" => read(site, row, &tokens, now),
        "upload" => upload(site, row, &tokens, now),
        other => panic!("unknown action {other}"),
    };
    match answer {
        Ok(leave) => Table::from_iter([
            ("allowed".to_owned(), Value::Boolean(true)),
            ("route".to_owned(), Value::String(leave.route)),
            ("bucket".to_owned(), Value::String(leave.bucket)),
            ("rule".to_owned(), Value::Integer(i64::try_from(leave.rule).unwrap())),
            ("key".to_owned(), Value::String(leave.key)),
        ]),
        Err(refusal) => {
            let (status, code, reason) = shown(&refusal);
            Table::from_iter([
                ("status".to_owned(), Value::Integer(i64::from(status))),
                ("code".to_owned(), Value::String(code.to_owned())),
                ("reason".to_owned(), Value::String(reason.to_owned())),
            ])
        }
    }
}

fn shown(refusal: &Refusal) -> (u16, &'static str, &'static str) {
    match refusal {
        Refusal::Path(fault @ PathFault::TooLong) => (414, "uri_too_long", fault.code()),
        Refusal::Path(fault) => (400, "bad_path", fault.code()),
        Refusal::Denied(denied) => (denied.public().status(), denied.public().as_str(), denied.code()),
        Refusal::Upload(refused) => (refused.status(), refused.public_code(), refused.code()),
    }
}

fn read(site: &Site, row: &Table, tokens: &[&str], now: UnixTime) -> Result<Leave, Refusal> {
    let target = row["target"].as_str().unwrap().split('?').next().unwrap();
    let path = ObjectPath::from_target(target).map_err(Refusal::Path)?;
    let method = row.get("method").map_or(Method::Get, |name| Method::parse(name.as_str().unwrap()).unwrap());
    let allowed = allow::<Read>(site, question(host(row), method, &path, tokens, now))?;
    assert_eq!(site.rules.key_in(allowed.route(), &path).as_deref(), Some(allowed.key()));
    Ok(leave(site, &allowed))
}

fn upload(site: &Site, row: &Table, tokens: &[&str], now: UnixTime) -> Result<Leave, Refusal> {
    let body = match row.get("body_json") {
        Some(text) => text.as_str().unwrap().to_owned(),
        None => json_of(&row["body"]).to_string(),
    };
    let request = Request::parse(body.as_bytes()).map_err(|fault| Refusal::Upload(fault.into()))?;
    let plan = plan(&site.rules, request, || [0; 16]).map_err(Refusal::Upload)?;
    let allowed = allow::<Upload>(site, question(host(row), Method::Get, plan.path(), tokens, now))?;
    let mut leave = leave(site, &allowed);
    let bucket = Bucket::new("cases", "us-east-1", "http://localhost:8083", true).unwrap();
    let credentials = Credentials::from_keys("AK", "SK", None);
    let granted = grant(allowed, &plan, &site.rules, &bucket, &credentials, now).map_err(Refusal::Upload)?;
    leave.key = granted.key.replace("00000000-0000-4000-8000-000000000000", "{uuid}");
    Ok(leave)
}

/// The `Host` of the row, in lower case and without port as rows that a decider is asked have it.
fn host(row: &Table) -> &str {
    let headers = row.get("headers").and_then(Value::as_array).into_iter().flatten();
    headers
        .into_iter()
        .find(|header| header[0].as_str() == Some("Host"))
        .map_or("", |header| header[1].as_str().unwrap())
}

fn question<'a>(
    host: &'a str,
    method: Method,
    path: &'a ObjectPath,
    tokens: &'a [&'a str],
    now: UnixTime,
) -> Question<'a> {
    Question { host, path, method, address: Some([203, 0, 113, 178].into()), now, tokens, carried: Carried::AsTokens }
}

fn allow<P: Permission>(site: &Site, question: Question<'_>) -> Result<Allowed<P>, Refusal> {
    let mut verify = |token: &str| verify(token, site.rules.issuers(), &site.keys, &AwsLc).map(Arc::new);
    site.rules.allow(question, &mut verify).map_err(Refusal::Denied)
}

fn leave<P: Permission>(site: &Site, allowed: &Allowed<P>) -> Leave {
    Leave {
        route: site.rules.route(allowed.route()).unwrap().name.to_owned(),
        bucket: site.buckets[allowed.bucket().0].clone(),
        rule: allowed.rule(),
        key: allowed.key().to_owned(),
    }
}
