//! Good templates have no findings; each mistake of `mistakes.toml` is found at its place, with its code, and nothing else is.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // the helpers of a test fail the test

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use aws_check::table::GROUPS;
use aws_check::{Document, Finding, check};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes")
}

fn good(name: &str) -> String {
    let path = folder().join("good").join(format!("{name}.yaml"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn findings(text: &str) -> Vec<Finding> {
    check(&Document::parse(text).unwrap_or_else(|error| panic!("{error}")))
}

#[derive(Debug)]
struct Mistake {
    name: String,
    on: String,
    patches: Vec<(String, String)>,
    /// Code and line.
    expect: Vec<(String, String)>,
    when: Option<String>,
}

fn mistakes() -> Vec<Mistake> {
    let text = fs::read_to_string(folder().join("mistakes.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    table["mistake"].as_array().unwrap().iter().map(|row| mistake(row.as_table().unwrap())).collect()
}

fn mistake(row: &toml::Table) -> Mistake {
    let text = |key: &str| row.get(key).map(|value| value.as_str().unwrap().to_owned());
    let times = row.get("repeat").map_or(1, |value| usize::try_from(value.as_integer().unwrap()).unwrap());
    let first = (text("find").unwrap(), text("replace").unwrap().repeat(times));
    let second = text("and_find").zip(text("and_replace"));
    let pair = |pair: &toml::Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned());
    Mistake {
        name: text("name").unwrap(),
        on: text("on").unwrap(),
        patches: [first].into_iter().chain(second).collect(),
        expect: row["expect"].as_array().unwrap().iter().map(pair).collect(),
        when: text("where"),
    }
}

fn patched(mistake: &Mistake) -> String {
    mistake.patches.iter().fold(good(&mistake.on), |text, (find, replace)| {
        assert_eq!(text.matches(find).count(), 1, "{}: `find` has to stand there once", mistake.name);
        text.replace(find, replace)
    })
}

fn line_of(text: &str, finding: &Finding) -> String {
    let place = finding.place.unwrap();
    let line = text.lines().nth(place.line - 1).unwrap();
    assert!(place.column <= line.chars().count(), "{finding}: column {} of `{line}`", place.column);
    line.trim().to_owned()
}

#[test]
fn good_templates_are_clean() {
    for entry in fs::read_dir(folder().join("good")).unwrap() {
        let path = entry.unwrap().path();
        let found = findings(&fs::read_to_string(&path).unwrap());
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

#[test]
fn each_mistake_is_found_at_its_place_and_nothing_else() {
    let mistakes = mistakes();
    let mut wrong = Vec::new();
    for mistake in &mistakes {
        let text = patched(mistake);
        let found = findings(&text);
        let mut pairs: Vec<_> =
            found.iter().map(|finding| (finding.code().to_owned(), line_of(&text, finding))).collect();
        let mut expect = mistake.expect.clone();
        pairs.sort();
        expect.sort();
        let when = mistake.when.is_some() || found.iter().any(|finding| finding.when.is_some());
        if pairs != expect || (when && found.iter().any(|finding| finding.when != mistake.when)) {
            let whens: Vec<_> = found.iter().filter_map(|finding| finding.when.as_deref()).collect();
            wrong.push(format!(
                "{}\n  found  {pairs:?} {whens:?}\n  expect {expect:?} {:?}",
                mistake.name, mistake.when
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), mistakes.len(), wrong.join("\n"));
}

/// The same through JSON, whose places are others.
#[test]
fn mistakes_are_found_in_json_too() {
    for mistake in mistakes() {
        let document = Document::parse(&patched(&mistake)).unwrap();
        let json = serde_json::to_string_pretty(&document.root().to_json()).unwrap();
        let codes = |found: Vec<Finding>| {
            let mut codes: Vec<_> = found.iter().map(Finding::code).collect();
            codes.sort_unstable();
            codes
        };
        assert_eq!(codes(findings(&json)), codes(check(&document)), "{}", mistake.name);
    }
}

/// An account alone tells them; tried in `tests/live`.
const OF_ACCOUNTS: [&str; 1] = ["origin_other_region"];

#[test]
fn every_code_has_a_mistake() {
    let tried: BTreeSet<String> =
        mistakes().into_iter().flat_map(|mistake| mistake.expect).map(|(code, _)| code).collect();
    let codes: BTreeSet<String> =
        GROUPS.iter().flat_map(|group| group.rules).map(|rule| rule.code.to_owned()).collect();
    let tried: BTreeSet<String> = tried.into_iter().chain(OF_ACCOUNTS.map(str::to_owned)).collect();
    assert_eq!(codes.difference(&tried).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(codes.len(), GROUPS.iter().map(|group| group.rules.len()).sum::<usize>());
}
