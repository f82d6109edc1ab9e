//! Keys by way of a discovery document.

use super::provider::document;
use super::*;
use crate::address::Discovered;

fn source(provider: &Provider) -> Source {
    Source::discovery(&provider.origin).unwrap()
}

#[tokio::test]
async fn the_document_says_where_the_keys_are() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = keyring_of(source(&provider), None);
    keyring.refresh_unknown(0).await;
    assert_eq!((keys(&keyring), provider.asked(), provider.asked_for_document()), (1, 1, 1));
    provider.now_answers(Answer::Set(TWO));
    keyring.refresh_unknown(0).await;
    assert_eq!((keys(&keyring), provider.asked(), provider.asked_for_document()), (2, 2, 1), "it is remembered");
    let loaded = crate::load_once(&source(&provider), ALGORITHMS).await.unwrap();
    assert_eq!((loaded.set.keys().len(), loaded.url), (2, Some(provider.url())));
}

#[tokio::test]
async fn keys_that_moved_are_found_again() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let keyring = keyring_of(source(&provider), None);
    keyring.refresh_unknown(0).await;
    provider.now_answers(Answer::Status(StatusCode::GONE));
    provider.now_says(Answer::Text(document(&provider.origin, "/moved.json")));
    provider.now_has_moved(Answer::Set(TWO));
    keyring.refresh_unknown(0).await;
    assert_eq!((keys(&keyring), status(&keyring).failures), (1, 1), "the last good set stays");
    until("the moved set", Duration::from_secs(5), || keys(&keyring) == 2).await;
    assert_eq!((provider.asked_for_document(), status(&keyring).last_error), (2, None));
}

#[tokio::test]
async fn documents_that_are_not_believed() {
    let elsewhere = Provider::start(Answer::Set(TWO)).await;
    let mut cases = vec![
        (Answer::Status(StatusCode::INTERNAL_SERVER_ERROR), "the discovery document: the answer's status is 500"),
        (Answer::Redirect(elsewhere.url()), "status is 302"),
        (Answer::Text(" ".repeat(300_000)), "more than 262144 bytes"),
        (Answer::Text("<html>".to_owned()), "not one strict JSON object"),
        (Answer::Text("{}".to_owned()), "no text `issuer`"),
    ];
    let provider = Provider::start(Answer::Set(ONE)).await;
    let good = document(&provider.origin, "/jwks.json");
    for (old, new, words) in [
        ("\",\"jwks_uri", "/\",\"jwks_uri", "another issuer"),
        ("\"jwks_uri\"", "\"jwks_url\"", "no text `jwks_uri`"),
        ("\"jwks_uri\":\"http://127.0.0.1", "\"jwks_uri\":\"http://idp.example", "on loopback only"),
        ("{\"issuer\"", "{\"jwks_uri\":\"https://a.example\",\"issuer\"", "not one strict JSON object"),
    ] {
        cases.push((Answer::Text(good.replace(old, new)), words));
    }
    for (answer, words) in cases {
        provider.now_says(answer);
        let keyring = keyring_of(source(&provider), None);
        until("a failure", Duration::from_secs(5), || status(&keyring).failures > 0).await;
        let error = status(&keyring).last_error.unwrap();
        assert!(error.starts_with("the discovery document: ") && error.contains(words), "{words}: {error}");
    }
    assert_eq!((provider.asked(), elsewhere.asked()), (0, 0));
}

#[tokio::test]
async fn while_the_document_is_away_the_keys_are_where_it_said() {
    let provider = Provider::start(Answer::Set(ONE)).await;
    let address = Address::of(&source(&provider)).unwrap().unwrap();
    let fetcher = Fetcher::new().unwrap();
    let mut discovered = Discovered::default();
    let first = address.fetch(&fetcher, ALGORITHMS, &mut discovered).await.unwrap();
    assert!(first.complaint.is_none());
    provider.now_answers(Answer::Status(StatusCode::BAD_GATEWAY));
    address.fetch(&fetcher, ALGORITHMS, &mut discovered).await.unwrap_err();
    provider.now_says(Answer::Status(StatusCode::BAD_GATEWAY));
    provider.now_answers(Answer::Set(TWO));
    let good = address.fetch(&fetcher, ALGORITHMS, &mut discovered).await.unwrap();
    assert_eq!(good.set.keys().len(), 2);
    assert!(good.complaint.unwrap().to_string().contains("the discovery document: the answer's status is 502"));
    assert_eq!(provider.asked_for_document(), 2);
}
