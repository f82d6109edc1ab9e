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

/// Where the configurations are, each with its rows beside it.
const SITES: [&str; 2] = ["", "more/"];

/// Every row of a site with its file's name.
fn rows_of(site: &str) -> Vec<(String, Table)> {
    let mut rows = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(directory().join(site))
        .unwrap()
        .map(|entry| PathBuf::from(entry.unwrap().file_name()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "toml"))
        .map(|file| file.into_os_string().into_string().unwrap())
        .filter(|file| file != "site.toml")
        .collect();
    files.sort();
    for file in files {
        let file = format!("{site}{file}");
        let table: Table = read(&file).parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        for row in table["case"].as_array().unwrap() {
            rows.push((file.clone(), row.as_table().unwrap().clone()));
        }
    }
    rows
}

fn rows() -> Vec<(String, Table)> {
    SITES.into_iter().flat_map(rows_of).collect()
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixTime(i64::try_from(since.as_secs()).unwrap())
}

#[test]
fn every_row_gets_its_answer() {
    let sites = SITES.map(site::Site::read);
    let (mut asked, mut left, mut failures) = (0, 0, Vec::new());
    let rows = sites.iter().flat_map(|site| rows_of(site.directory).into_iter().map(move |row| (site, row)));
    for (site, (file, row)) in rows {
        if row.get("only").is_some_and(|only| only.as_str() == Some("gateway")) {
            left += 1;
            continue;
        }
        asked += 1;
        let answer = ask::ask(site, &row, now());
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

/// Whether a row can expect it. The match is whole, so that a new refusal has to be put somewhere.
fn can_be_a_row(denied: Denied) -> bool {
    match denied {
        Denied::TokenMissing
        | Denied::Malformed(_)
        | Denied::AlgorithmNotAllowed
        | Denied::UnknownIssuer
        | Denied::UnknownKey(_)
        | Denied::BadSignature
        | Denied::AudienceMismatch
        | Denied::NoExpiry
        | Denied::NoIssuedAt
        | Denied::IssuedInFuture
        | Denied::NotYetValid
        | Denied::Expired
        | Denied::TooOld
        | Denied::NoTokenId
        | Denied::NotRememberedHere
        | Denied::NoRoute
        | Denied::NoRule(_)
        | Denied::IssuerMayNot(_)
        | Denied::PathNotCovered
        | Denied::MethodNotCovered
        | Denied::OutsideTimes
        | Denied::AddressNotCovered
        | Denied::KeyTooLong => true,
        // A gateway that remembers tokens has to have seen it; somebody has to revoke first, through the admin listener; another
        // program has to answer, or not to; the site has to make a link first. `tests/decisions` has them, and the black-box
        // tests of whoever remembers.
        Denied::Used
        | Denied::Revoked
        | Denied::HookRefused
        | Denied::HookAway
        | Denied::HookUnknown
        | Denied::LinkNotCovered
        | Denied::LinkIsNoToken
        | Denied::TokenIsNoLink => false,
    }
}

/// There is a row for every fact that can fail, but for those that need a host's memory or another program.
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
        Denied::MethodNotCovered,
        Denied::OutsideTimes,
        Denied::AddressNotCovered,
        Denied::KeyTooLong,
        Denied::NoTokenId,
        Denied::Used,
        Denied::NotRememberedHere,
        Denied::Revoked,
        Denied::HookRefused,
        Denied::HookAway,
        Denied::HookUnknown,
        Denied::LinkNotCovered,
        Denied::LinkIsNoToken,
        Denied::TokenIsNoLink,
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
    let denied = denied.into_iter().filter(|denied| can_be_a_row(*denied)).map(Denied::code);
    let codes = malformed.map(Malformed::code).into_iter().chain(denied).chain(paths.map(PathFault::code));
    for code in codes {
        assert!(reasons.contains(code), "no row expects `{code}`");
    }
}
