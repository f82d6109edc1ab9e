//! The last good set on disk: begun with while the provider is away, and never in the way.

use std::fs;

use super::*;

async fn written(folder: &Folder, words: &str) {
    let file = folder.path("app.json");
    until("the set on disk", Duration::from_secs(5), || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains(words))
    })
    .await;
}

#[tokio::test]
async fn a_restart_while_the_provider_is_away() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let folder = Folder::new("remember");
    for source in [Source::JwksUrl(provider.url()), Source::discovery(&provider.origin).unwrap()] {
        provider.now_answers(Answer::Set(ONE));
        let keyring = keyring_of(source.clone(), Some(&folder.path("")));
        keyring.refresh_unknown(0).await;
        written(&folder, "\"1\"").await;
        drop(keyring);

        provider.now_answers(Answer::Hang);
        let again = keyring_of(source.clone(), Some(&folder.path("")));
        let begun = status(&again);
        assert_eq!((keys(&again), begun.keys, begun.failures, &begun.disk_error), (1, 1, 0, &None));
        assert!(begun.last_success.is_some());
        drop(again);

        // The provider is back with other keys: these are taken, and remembered.
        provider.now_answers(Answer::Set(TWO));
        let back = keyring_of(source.clone(), Some(&folder.path("")));
        until("the new set", Duration::from_secs(5), || keys(&back) == 2).await;
        written(&folder, "P-256").await;
        drop(back);
        assert!(fs::read_to_string(folder.path("app.json")).unwrap().contains("P-256"));
        fs::remove_file(folder.path("app.json")).unwrap();
    }
}

#[tokio::test]
async fn the_set_of_another_url_is_not_begun_with() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let folder = Folder::new("other");
    let keyring = keyring_of(Source::JwksUrl(provider.url()), Some(&folder.path("")));
    keyring.refresh_unknown(0).await;
    written(&folder, "\"1\"").await;
    let other = Source::JwksUrl(format!("{}/moved.json", provider.origin));
    let keyring = keyring_of(other, Some(&folder.path("")));
    assert_eq!(keys(&keyring), 0);
    let said = status(&keyring).disk_error.unwrap();
    assert!(said.contains("another URL") && said.contains("app.json"), "{said}");
}

#[tokio::test]
async fn trouble_with_the_directory_stops_nothing() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let folder = Folder::new("trouble");
    // Where a directory should be there is a file; a directory where the file should be; a device that is full.
    let file = folder.write("file", b"x");
    let taken = folder.path("taken");
    fs::create_dir_all(taken.join("app.json")).unwrap();
    for dir in [file, taken, "/dev/full".into(), "/proc/1/edgepass".into()] {
        let keyring = keyring_of(Source::JwksUrl(provider.url()), Some(&dir));
        keyring.refresh_unknown(0).await;
        assert_eq!(keys(&keyring), 1, "{}", dir.display());
        until("the trouble", Duration::from_secs(5), || status(&keyring).disk_error.is_some()).await;
        let status = status(&keyring);
        assert!(status.disk_error.as_ref().unwrap().contains(&dir.display().to_string()), "{status:?}");
        assert_eq!((status.keys, status.failures, status.last_error), (1, 0, None));
    }
}
