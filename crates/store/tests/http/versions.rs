//! There is one version of an object, called `null`; and of racing writers one wins.

use crate::support::{BUCKET, Site, object};

#[tokio::test]
async fn the_version_is_null() {
    let site = Site::start().await;
    site.put("a", "x").await;
    let ask =
        |method: &str, version: &str| site.ask(method, &format!("{}?versionId={version}", object("a"))).signed().send();
    assert_eq!(ask("GET", "null").await.text(), "x");
    assert_eq!(ask("HEAD", "null").await.status, 200);
    assert_eq!(ask("GET", "other").await.verdict(), "404 NoSuchVersion");
    assert_eq!(ask("GET", "").await.verdict(), "400 InvalidArgument");
    assert_eq!(ask("DELETE", "other").await.verdict(), "404 NoSuchVersion");
    assert_eq!(ask("DELETE", "null").await.status, 204);
    assert_eq!(ask("GET", "null").await.verdict(), "404 NoSuchKey");
}

#[tokio::test]
async fn versions_are_listed_in_pages() {
    let site = Site::start().await;
    for key in ["a", "b/1", "b/2", "c"] {
        site.put(key, "x").await;
    }
    let (mut seen, mut markers) = (Vec::new(), String::new());
    loop {
        let target = format!("/{BUCKET}?delimiter=%2F{markers}&max-keys=1&versions");
        let page = site.ask("GET", &target).signed().send().await;
        assert_eq!(page.status, 200, "{}", page.text());
        seen.extend(page.tags("Key"));
        seen.extend(
            page.text()
                .split_once("<CommonPrefixes><Prefix>")
                .map(|(_, rest)| rest.split_once('<').unwrap().0.to_owned()),
        );
        assert!(page.tags("VersionId").iter().all(|id| id == "null"));
        if page.tag("IsTruncated") == "false" {
            break;
        }
        markers = format!("&key-marker={}", page.tag("NextKeyMarker").replace('/', "%2F"));
        if !page.tag("NextVersionIdMarker").is_empty() {
            markers = format!("{markers}&version-id-marker={}", page.tag("NextVersionIdMarker"));
        }
    }
    assert_eq!(seen, ["a", "b/", "c"]);
    let odd = site.ask("GET", &format!("/{BUCKET}?version-id-marker=null&versions")).signed().send().await;
    assert_eq!(odd.verdict(), "400 InvalidArgument");
}

#[tokio::test]
async fn a_delete_may_have_a_condition() {
    let site = Site::start().await;
    let etag = site.put("a", "x").await.header("etag").to_owned();
    let delete = |key: &str, etag: &str| site.ask("DELETE", &object(key)).header("if-match", etag).signed().send();
    assert_eq!(delete("a", "\"x\"").await.verdict(), "412 PreconditionFailed");
    assert_eq!(delete("none", "*").await.verdict(), "404 NoSuchKey");
    assert_eq!(delete("a", &etag).await.status, 204);

    site.put("b", "x").await;
    site.put("c", "x").await;
    let xml = format!(
        "<Delete><Object><Key>b</Key><ETag>\"x\"</ETag></Object><Object><Key>c</Key><ETag>{etag}</ETag></Object></Delete>"
    );
    let deleted = site.ask("POST", &format!("/{BUCKET}?delete")).body(xml).digested().signed().send().await;
    assert!(deleted.text().contains("<Deleted><Key>c</Key></Deleted>"), "{}", deleted.text());
    assert_eq!(deleted.tag("Code"), "PreconditionFailed");
    assert_eq!((site.get("b").await.status.as_u16(), site.get("c").await.status.as_u16()), (200, 404));
}

/// Creations, replacements and removals by turns: of four that race, one wins.
#[tokio::test]
async fn of_racing_writers_one_wins_in_a_thousand_rounds() {
    let site = Site::start().await;
    let mut etag = String::new();
    for round in 0..1000 {
        let racers = (0..4).map(|racer| {
            let ask = match round % 3 {
                0 => site.ask("PUT", &object("k")).header("if-none-match", "*").body(format!("{round} {racer}")),
                1 => site.ask("PUT", &object("k")).header("if-match", &etag).body(format!("{round} {racer}")),
                _ => site.ask("DELETE", &object("k")).header("if-match", &etag),
            };
            ask.signed().send()
        });
        let answers = futures_util::future::join_all(racers).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status.is_success()).collect();
        assert_eq!(
            won.len(),
            1,
            "round {round}: {:?}",
            answers.iter().map(crate::support::Answer::verdict).collect::<Vec<_>>()
        );
        etag = won[0].header("etag").to_owned();
    }
}
