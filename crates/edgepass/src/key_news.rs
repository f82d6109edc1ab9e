//! Tells the operator on stderr when an issuer's keys can no longer be fetched or remembered, and when they can again.
//!
//! On a thread of its own: a terminal or pipe that takes nothing holds up nobody else.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keys::{Keyring, Status};

use crate::trouble::tell;

/// How often the status is looked at: trouble that is over sooner is not worth a line.
const LOOK: Duration = Duration::from_secs(1);

/// Ends with the keyring.
pub fn tell_changes(keyring: &Arc<Keyring>) {
    let keyring = Arc::downgrade(keyring);
    let watch = move || {
        let mut told: Vec<Status> = Vec::new();
        while let Some(keyring) = keyring.upgrade() {
            let now = keyring.status();
            drop(keyring);
            for (number, status) in now.iter().enumerate() {
                for line in news(told.get(number), status, SystemTime::now()) {
                    tell(line);
                }
            }
            told = now;
            std::thread::sleep(LOOK);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("key-news".into()).spawn(watch) {
        tell(format_args!("warning: trouble with issuers' keys will not be told: {error}"));
    }
}

/// What is new in an issuer's status.
fn news(told: Option<&Status>, now: &Status, time: SystemTime) -> Vec<String> {
    let mut lines = Vec::new();
    let name = &now.issuer;
    let error = |status: &Status| status.last_error.clone();
    match (told.and_then(error), &now.last_error) {
        (before, Some(error)) if before.as_ref() != Some(error) => {
            let state = match (now.failures, now.keys, now.last_success) {
                (0, ..) => "its keys were fetched all the same".to_owned(),
                (_, 0, _) => "it has no keys: its tokens are refused".to_owned(),
                (_, keys, since) => {
                    let age = since.and_then(|since| time.duration_since(since).ok()).unwrap_or_default();
                    format!("its {keys} keys of {} s ago stay in use", age.as_secs())
                }
            };
            lines.push(format!("warning: issuer `{name}`: {} at {}; {state}", error, now.source));
        }
        (Some(_), None) => lines.push(format!("issuer `{name}`: {} keys fetched again", now.keys)),
        _ => {}
    }
    match (told.and_then(|status| status.disk_error.as_ref()), &now.disk_error) {
        (before, Some(error)) if before != Some(error) => lines.push(format!("warning: issuer `{name}`: {error}")),
        (Some(_), None) => lines.push(format!("issuer `{name}`: its keys are remembered again")),
        _ => {}
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_once() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let good = Status {
            issuer: "app".to_owned(),
            source: "https://a.example/k".to_owned(),
            keys: 2,
            last_success: Some(time - Duration::from_secs(90)),
            ..Status::default()
        };
        let away = Status { last_error: Some("no answer".to_owned()), failures: 1, ..good.clone() };
        let still = Status { failures: 2, ..away.clone() };
        let never = Status { keys: 0, last_success: None, ..away.clone() };
        let document = Status { failures: 0, ..away.clone() };
        let disk = Status { disk_error: Some("the keys are not remembered: full".to_owned()), ..good.clone() };
        for (told, now, lines) in [
            (None, &good, vec![]),
            (
                Some(&good),
                &away,
                vec!["warning: issuer `app`: no answer at https://a.example/k; its 2 keys of 90 s ago stay in use"],
            ),
            (Some(&away), &still, vec![]),
            (Some(&still), &good, vec!["issuer `app`: 2 keys fetched again"]),
            (
                None,
                &never,
                vec!["warning: issuer `app`: no answer at https://a.example/k; it has no keys: its tokens are refused"],
            ),
            (
                Some(&good),
                &document,
                vec!["warning: issuer `app`: no answer at https://a.example/k; its keys were fetched all the same"],
            ),
            (Some(&good), &disk, vec!["warning: issuer `app`: the keys are not remembered: full"]),
            (Some(&disk), &disk, vec![]),
            (Some(&disk), &good, vec!["issuer `app`: its keys are remembered again"]),
        ] {
            assert_eq!(news(told, now, time), lines);
        }
    }
}
