//! Answers that are wrong in every way: each is refused whole, and the last good set stays.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::limits::{FETCH_WITHIN, MAX_BODY};

#[tokio::test]
async fn the_last_good_set_outlives_bad_answers() {
    let elsewhere = Provider::start(Answer::Set(TWO)).await;
    let text = |text: &str| Answer::Text(text.to_owned());
    let cases = [
        (Answer::Status(StatusCode::INTERNAL_SERVER_ERROR), "status is 500"),
        (Answer::Status(StatusCode::CREATED), "status is 201"),
        (Answer::Redirect(elsewhere.url()), "status is 302"),
        (Answer::Text(" ".repeat(MAX_BODY + 1)), "more than 262144 bytes"),
        (text("<html>"), "not one strict JSON object"),
        (text("{\"keys\":[]}"), "no key of one of the issuer's algorithms"),
        (text(r#"{"keys":[{"kty":"oct","k":"AA"}]}"#), "does not belong in a published key set"),
        (
            text(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#),
            "a point of small order",
        ),
    ];
    for (answer, error) in cases {
        let provider = Provider::start(Answer::Set(ONE)).await;
        let keyring = provider.keyring().await;
        provider.now_answers(answer);
        keyring.refresh_unknown(0).await;
        assert_eq!((keys(&keyring), keyring.generation(0)), (1, 2), "{error}");
        let status = status(&keyring);
        assert!(status.last_error.as_ref().is_some_and(|found| found.contains(error)), "{error}: {status:?}");
        assert_eq!((status.keys, status.failures), (1, 1));
    }
    assert_eq!(elsewhere.asked(), 0);
}

/// A server that writes these bytes over and over, a while apart, whatever it is asked; gives its URL.
async fn drip(head: &'static str, bytes: Vec<u8>, apart: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut question = [0; 1024];
                let _ = stream.read(&mut question).await;
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(&bytes).await.is_ok() {
                    tokio::time::sleep(apart).await;
                }
            });
        }
    });
    url
}

/// What a first fetch from there ends with, and after how long.
async fn outcome(url: String) -> (String, Duration) {
    let start = Instant::now();
    let keyring = keyring_of(Source::JwksUrl(url), None);
    until("an end", FETCH_WITHIN * 2, || status(&keyring).failures > 0).await;
    (status(&keyring).last_error.unwrap(), start.elapsed())
}

#[tokio::test]
async fn answers_without_an_end() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    let fast = drip(head, vec![b' '; 65_536], Duration::ZERO).await;
    let (error, after) = outcome(fast).await;
    assert!(error.contains("more than 262144 bytes") && after < Duration::from_secs(4), "{error} {after:?}");
    let slow = drip(head, b" ".to_vec(), Duration::from_millis(100)).await;
    let slow_head = drip("HTTP/1.1 200 OK\r\n", b"x: y\r\n".to_vec(), Duration::from_millis(100)).await;
    let ((body, after_body), (head, after_head)) = tokio::join!(outcome(slow), outcome(slow_head));
    for (error, after) in [(body, after_body), (head, after_head)] {
        assert!(error.contains("within 5 seconds"), "{error}");
        assert!((4900..9000).contains(&after.as_millis()), "{after:?}");
    }
    let fast_head = drip("HTTP/1.1 200 OK\r\n", b"x: y\r\n".repeat(10_000), Duration::ZERO).await;
    let (error, after) = outcome(fast_head).await;
    assert!(error.contains("no answer") && after < Duration::from_secs(4), "{error} {after:?}");
}

#[tokio::test]
async fn no_answer_at_all() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (error, _) = outcome(format!("http://{address}/")).await;
    assert!(error.contains("connection refused"), "{error}");
    // A server that does not speak TLS, and says so with every byte that it has.
    let url = drip("HTTP/1.1 400 Bad Request\r\n\r\n", b"no".to_vec(), Duration::from_millis(50)).await;
    let (error, _) = outcome(url.replace("http://", "https://")).await;
    assert!(error.starts_with("no answer: ") || error.contains("certificate authorities"), "{error}");
    let url = drip("SSH-2.0-x\r\n", b"no".to_vec(), Duration::from_millis(50)).await;
    let (error, _) = outcome(url).await;
    assert!(error.starts_with("no answer: "), "{error}");
}

#[tokio::test]
async fn what_is_said_of_a_fault_is_short_and_on_one_line() {
    let id = format!("\u{1b}[31m\n{}", "x".repeat(10_000));
    let key = ONE[0].replace("\"kid\":\"1\"", &format!("\"kid\":{}", serde_json::json!(id)));
    let provider = Provider::start(Answer::Text(format!("{{\"keys\":[{key},{key}]}}"))).await;
    let (error, _) = outcome(provider.url()).await;
    assert!(error.contains("share the `kid`") && error.chars().count() == 300, "{error}");
    assert!(!error.chars().any(char::is_control));
}
