//! Asks every row of `cases/` of the decider and lists the rows that it answers otherwise. The rows' format is in
//! `cases/README.md`; what they expect is not taken from here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod ask;
mod crypto;
mod edges;
mod forge;
mod site;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use authorizer::{Action, Denied, IssuerId, Malformed, PathFault, UnixTime};
use toml::{Table, Value};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../cases")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(directory().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every row with its file's name.
fn rows() -> Vec<(String, Table)> {
    let mut rows = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| PathBuf::from(entry.unwrap().file_name()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "toml"))
        .map(|file| file.into_os_string().into_string().unwrap())
        .filter(|file| file != "site.toml")
        .collect();
    files.sort();
    for file in files {
        let table: Table = read(&file).parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        for row in table["case"].as_array().unwrap() {
            rows.push((file.clone(), row.as_table().unwrap().clone()));
        }
    }
    rows
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixTime(i64::try_from(since.as_secs()).unwrap())
}

#[test]
fn every_row_gets_its_answer() {
    let site = site::Site::read();
    let (mut asked, mut left, mut failures) = (0, 0, Vec::new());
    for (file, row) in rows() {
        if row.get("only").is_some_and(|only| only.as_str() == Some("gateway")) {
            left += 1;
            continue;
        }
        asked += 1;
        let answer = ask::ask(&site, &row, now());
        let expected = row["expect"].as_table().unwrap();
        let differs = expected.iter().any(|(member, value)| answer.get(member) != Some(value));
        if differs {
            failures.push(format!("{file}: {}\n    expected {expected}\n    got      {answer}", row["name"]));
        }
    }
    assert!(failures.is_empty(), "{} of {asked} rows fail:\n{}", failures.len(), failures.join("\n"));
    println!("{asked} rows answered, {left} left to the gateway");
}

#[test]
fn names_are_unique_and_members_known() {
    const MEMBERS: [&str; 10] =
        ["name", "only", "action", "method", "target", "headers", "body", "body_json", "tokens", "expect"];
    let mut names = BTreeSet::new();
    for (file, row) in rows() {
        let name = row["name"].as_str().unwrap().to_owned();
        assert!(row.keys().all(|member| MEMBERS.contains(&member.as_str())), "{file}: {name}");
        assert!(names.insert(name.clone()), "{file}: `{name}` is taken");
    }
}

/// There is a row for every fact that can fail.
#[test]
fn every_refusal_has_a_row() {
    let malformed = [
        Malformed::TooLong,
        Malformed::NotBearer,
        Malformed::NotThreeParts,
        Malformed::Base64,
        Malformed::HeaderJson,
        Malformed::ClaimsJson,
        Malformed::HeaderMember,
        Malformed::Type,
        Malformed::KeyId,
        Malformed::Algorithm,
        Malformed::ClaimType,
    ];
    let denied = [
        Denied::TokenMissing,
        Denied::AlgorithmNotAllowed,
        Denied::UnknownIssuer,
        Denied::UnknownKey(IssuerId(0)),
        Denied::BadSignature,
        Denied::AudienceMismatch,
        Denied::NoExpiry,
        Denied::NoIssuedAt,
        Denied::IssuedInFuture,
        Denied::NotYetValid,
        Denied::Expired,
        Denied::TooOld,
        Denied::NoRoute,
        Denied::NoRule(Action::Read),
        Denied::IssuerMayNot(Action::Read),
        Denied::PathNotCovered,
    ];
    let paths = [
        PathFault::NotAbsolute,
        PathFault::TooLong,
        PathFault::BadEscape,
        PathFault::EncodedSlash,
        PathFault::Backslash,
        PathFault::Nul,
        PathFault::NotUtf8,
        PathFault::EmptySegment,
        PathFault::DotSegment,
    ];
    let reasons: BTreeSet<String> = rows()
        .iter()
        .filter_map(|(_, row)| row["expect"].get("reason").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let codes =
        malformed.map(Malformed::code).into_iter().chain(denied.map(Denied::code)).chain(paths.map(PathFault::code));
    for code in codes {
        assert!(reasons.contains(code), "no row expects `{code}`");
    }
}
