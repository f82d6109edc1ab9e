//! An account by recorded answers: the good one has no findings, and each change of an answer is found.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // the helpers of a test fail the test

use std::collections::BTreeMap;

use aws_check::live::{AwsError, AwsFault, Report, Target, live};
use serde_json::{Value as Json, json};

const ID: &str = "E2QWRUHAPOMQZL";

fn account() -> BTreeMap<String, Json> {
    serde_json::from_str(include_str!("account.json")).unwrap()
}

fn refused(words: &[&str], code: &str) -> AwsError {
    let call = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    AwsError { call, fault: AwsFault::Refused { code: code.into(), words: String::new() } }
}

/// An answer that is text is the code of an error.
fn judge(account: &BTreeMap<String, Json>, target: Target<'_>) -> Result<Report, AwsError> {
    live(target, &|words| match account.get(&words.join(" ")) {
        Some(Json::String(code)) => Err(refused(words, code)),
        Some(answer) => Ok(answer.clone()),
        None => panic!("not asked before: {}", words.join(" ")),
    })
}

fn codes(report: &Report) -> Vec<String> {
    let mut codes: Vec<_> =
        report.findings.iter().map(|finding| format!("{} {}", finding.code(), finding.whereabouts())).collect();
    codes.sort();
    codes
}

#[test]
fn a_good_account_is_clean() {
    for target in [Target::Distribution(ID), Target::Stack { name: "files", region: Some("eu-central-1") }] {
        let report = judge(&account(), target).unwrap();
        assert_eq!(codes(&report), Vec::<String>::new());
        assert_eq!(report.unread, []);
        assert_eq!(report.distributions, [ID]);
    }
}

/// A row of `changes.toml`.
struct Change {
    call: String,
    /// A JSON pointer into the answer; empty for the whole answer.
    way: String,
    value: Json,
    found: Vec<String>,
}

fn changes() -> Vec<Change> {
    let table: toml::Table = include_str!("changes.toml").parse().unwrap();
    let row = |row: &toml::Value| {
        let text = |key: &str| row.get(key).map(|value| value.as_str().unwrap().to_owned());
        let found = row["found"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
        Change {
            call: text("call").unwrap(),
            way: text("way").unwrap_or_default(),
            value: serde_json::from_str(&text("value").unwrap()).unwrap(),
            found: found.collect(),
        }
    };
    table["change"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn each_change_of_the_account_is_found() {
    for Change { call, way, value, found } in changes() {
        let mut account = account();
        let answers: Vec<_> = account.iter_mut().filter(|(words, _)| words.starts_with(&call)).collect();
        assert_eq!(answers.len(), 1, "{call}");
        for (_, answer) in answers {
            let (parent, key) = way.rsplit_once('/').unwrap_or_default();
            match answer.pointer_mut(parent) {
                Some(Json::Object(object)) if !way.is_empty() => {
                    object.insert(key.to_owned(), value.clone());
                }
                Some(Json::Array(items)) => items[key.parse::<usize>().unwrap()] = value.clone(),
                _ => *answer = value.clone(),
            }
        }
        let report = judge(&account, Target::Distribution(ID)).unwrap();
        assert_eq!(codes(&report), found, "{call} {way}");
        let told = format!("{report:?}");
        assert!(!told.contains("s3cr3t") && !told.contains("correct horse"), "{told}");
        assert_eq!(report.unread, [], "{call}");
    }
}

#[test]
fn what_is_denied_is_not_judged_but_said() {
    let mut account = account();
    for (words, answer) in &mut account {
        if !words.starts_with("cloudfront get-distribution-config") && !words.starts_with("cloudformation") {
            *answer = json!("AccessDenied");
        }
    }
    let report = judge(&account, Target::Distribution(ID)).unwrap();
    assert_eq!(codes(&report), Vec::<String>::new());
    let calls: Vec<_> = report.unread.iter().map(|error| error.call.as_str()).collect();
    assert_eq!(calls.len(), 11, "{calls:?}");
}

#[test]
fn without_the_distribution_there_is_an_error() {
    let mut account = account();
    account.insert(format!("cloudfront get-distribution-config --id {ID}"), json!("AccessDenied"));
    let error = judge(&account, Target::Distribution(ID)).unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"));
    let error = judge(&account, Target::Stack { name: "empty", region: None }).unwrap_err();
    assert_eq!(error.code(), Some("NoDistribution"));
}
