//! The app over real sockets.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const ANALYTICAL: &str = "8f2b4c1e-6d3a-4f0b-9c7e-1a2b3c4d5e6f";
const CRYSTAL: &str = "1c9d8e7f-2b3a-4c5d-8e9f-0a1b2c3d4e5f";

struct Running {
    port: u16,
    dir: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v))
    }
}

fn user(name: &str, workspace: &str) -> demo::User {
    demo::User {
        name: name.to_owned(),
        title: name.to_owned(),
        workspace: workspace.to_owned(),
        workspace_name: "W".to_owned(),
        role: "owner".to_owned(),
    }
}

impl Running {
    async fn start(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("edgepass-demo-app-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self::start_in(dir).await
    }

    async fn start_in(dir: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let settings = demo::Settings {
            origin: format!("http://localhost:{port}"),
            files_origin: "http://localhost:1".to_owned(),
            connect: vec!["http://localhost:2".to_owned()],
            users: vec![user("ada", ANALYTICAL), user("charles", ANALYTICAL), user("linus", CRYSTAL)],
            jwks: r#"{"keys":[]}"#.to_owned(),
            token_life: Duration::from_mins(1),
            data_dir: dir.clone(),
            config: "edgepass.toml".to_owned(),
            mint: Arc::new(|user| format!("token-of-{}", user.name)),
        };
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(demo::serve(listener, settings, async {
            let _ = stopped.await;
        }));
        Self { port, dir, stop: Some(stop), served }
    }

    async fn stop(mut self) -> PathBuf {
        let _ = self.stop.take().unwrap().send(());
        self.served.await.unwrap().unwrap();
        self.dir
    }

    async fn raw(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text).await;
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str, headers: &str) -> Answer {
        let port = self.port;
        self.raw(&format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n{headers}\r\n")).await
    }

    async fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let (port, length) = (self.port, body.len());
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nhost: localhost:{port}\r\norigin: http://localhost:{port}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
        .await
    }

    async fn delete(&self, path: &str, headers: &str) -> Answer {
        let port = self.port;
        self.raw(&format!("DELETE {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n{headers}\r\n"))
            .await
    }

    async fn sign_in(&self, name: &str) -> String {
        let answer = self.post("/api/sign-in", "", &format!(r#"{{"user":"{name}"}}"#)).await;
        assert_eq!(answer.status, 200);
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with("demo_session=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
        format!("cookie: {}\r\n", cookie.split(';').next().unwrap())
    }
}

#[tokio::test]
async fn nothing_without_signing_in_and_nothing_after_signing_out() {
    let app = Running::start("sign").await;
    for path in ["/api/me", "/api/token", "/api/feed", "/api/other"] {
        assert_eq!(app.get(path, "").await.status, 401, "{path}");
    }
    let ada = app.sign_in("ada").await;
    assert_eq!(app.get("/api/token", &ada).await.body, r#"{"expires_in":60,"token":"token-of-ada"}"#);
    assert_eq!(app.get("/api/token", &ada).await.header("cache-control"), Some("no-store"));
    assert_eq!(app.post("/api/sign-out", &ada, "{}").await.status, 204);
    assert_eq!(app.get("/api/token", &ada).await.status, 401);
    assert_eq!(app.post("/api/sign-in", "", r#"{"user":"mallory"}"#).await.status, 404);
}

#[tokio::test]
async fn a_foreign_page_changes_nothing() {
    let app = Running::start("foreign").await;
    let port = app.port;
    for origin in ["origin: http://evil.example\r\n", "origin: null\r\n", ""] {
        let request = format!(
            "POST /api/sign-in HTTP/1.1\r\nhost: localhost:{port}\r\n{origin}connection: close\r\n\
             content-type: application/json\r\ncontent-length: 14\r\n\r\n{{\"user\":\"ada\"}}"
        );
        assert_eq!(app.raw(&request).await.status, 403, "{origin:?}");
    }
    let rebound = app.raw("GET /api/config HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").await;
    assert_eq!(rebound.status, 307);
    assert_eq!(rebound.header("location"), Some(format!("http://localhost:{port}/api/config").as_str()));
    let form = format!(
        "POST /api/sign-in HTTP/1.1\r\nhost: localhost:{port}\r\norigin: http://localhost:{port}\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: 14\r\n\r\n{{\"user\":\"ada\"}}"
    );
    assert_eq!(app.raw(&form).await.status, 415);
}

#[tokio::test]
async fn posts_belong_to_a_workspace_and_survive_a_restart() {
    let app = Running::start("posts").await;
    let (ada, linus) = (app.sign_in("ada").await, app.sign_in("linus").await);
    let post = format!(
        r#"{{"text":"<b>hi</b>","files":[{{"path":"/{ANALYTICAL}/f/a%20b.png","name":"a b.png","type":"image/png","size":7}}]}}"#
    );
    assert_eq!(app.post("/api/feed", &ada, &post).await.status, 201);
    assert_eq!(app.post("/api/feed", &linus, &post).await.status, 400, "a path of another workspace");
    for body in ["{}", r#"{"text":"  "}"#, r#"{"text":1}"#, r#"{"text":"x","more":1}"#, "{"] {
        assert_eq!(app.post("/api/feed", &ada, body).await.status, 400, "{body}");
    }
    assert_eq!(app.get("/api/feed", &linus).await.body, r#"{"posts":[]}"#);
    let other = app.get("/api/other", &linus).await.body;
    assert!(other.contains(&format!("http://localhost:1/{ANALYTICAL}/f/a%20b.png")), "{other}");

    let again = Running::start_in(app.stop().await).await;
    let ada = again.sign_in("ada").await;
    assert!(again.get("/api/feed", &ada).await.body.contains("<b>hi</b>"));
}

#[tokio::test]
async fn a_post_is_deleted_by_its_author_alone() {
    let app = Running::start("delete").await;
    let [ada, charles, linus] = [app.sign_in("ada").await, app.sign_in("charles").await, app.sign_in("linus").await];
    assert_eq!(app.post("/api/feed", &ada, r#"{"text":"mine"}"#).await.status, 201);
    let feed = app.get("/api/feed", &charles).await.body;
    let id = feed.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let origin = format!("origin: http://localhost:{}\r\n", app.port);
    for (headers, status) in [
        (ada.clone(), 403), // no `Origin`: it may be another site's page
        (origin.clone(), 401),
        (format!("{origin}{charles}"), 403),
        (format!("{origin}{linus}"), 404),
        (format!("{origin}{ada}"), 204),
        (format!("{origin}{ada}"), 404),
    ] {
        assert_eq!(app.delete(&format!("/api/feed/{id}"), &headers).await.status, status, "{headers}");
    }
    assert_eq!(app.get("/api/feed", &ada).await.body, r#"{"posts":[]}"#);
    let again = Running::start_in(app.stop().await).await;
    let ada = again.sign_in("ada").await;
    assert_eq!(again.get("/api/feed", &ada).await.body, r#"{"posts":[]}"#);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let app = Running::start("bounded").await;
    let ada = app.sign_in("ada").await;
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(app.post("/api/feed", &ada, &long).await.status, 413);
    let text = format!(r#"{{"text":"{}"}}"#, "x".repeat(6001));
    assert_eq!(app.post("/api/feed", &ada, &text).await.status, 400);
}

#[tokio::test]
async fn assets_are_revalidated_and_the_worker_may_serve_the_whole_app() {
    let app = Running::start("assets").await;
    let worker = app.get("/files-sw.js?edgepass=%7B%7D", "").await;
    assert_eq!((worker.status, worker.header("cache-control")), (200, Some("no-cache")));
    assert_eq!(worker.header("x-content-type-options"), Some("nosniff"));
    let known = format!("if-none-match: {}\r\n", worker.header("etag").unwrap());
    assert_eq!(app.get("/files-sw.js", &known).await.status, 304);
    assert_eq!(app.get("/.well-known/jwks.json", "").await.body, r#"{"keys":[]}"#);
    assert_eq!(app.get("/nothing", "").await.status, 404);
    let wrong = app
        .raw(&format!("DELETE /api/feed HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n", app.port))
        .await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD, POST")));
}

#[tokio::test]
async fn every_byte_is_counted() {
    let app = Running::start("bytes").await;
    let counted = |body: &str| -> (u64, u64) {
        let number = |name: &str| {
            let (_, rest) = body.split_once(&format!("\"{name}\":")).unwrap();
            rest.split([',', '}']).next().unwrap().parse().unwrap()
        };
        (number("received"), number("sent"))
    };
    let before = counted(&app.get("/api/bytes", "").await.body);
    let page = app.get("/", "").await;
    let after = counted(&app.get("/api/bytes", "").await.body);
    assert!(after.1 - before.1 >= page.body.len() as u64);
    assert!(after.0 > before.0);
}
