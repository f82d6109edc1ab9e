//! The demo web app that `edgepass dev` serves: a shared board for a team's files.
//!
//! It plays the *user's* app. It signs people in, hands each a files token and keeps a feed of posts that hold stable
//! file URLs. It knows nothing of the gateway, the bucket or the store beyond two origins to name in its page, and not one
//! byte of a file passes it: `GET /api/bytes` counts every byte on its sockets to prove that.

mod answer;
mod assets;
mod counted;
mod feed;
mod limits;
mod routes;
mod sessions;

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::counted::{Bytes, Counted};
use crate::routes::App;

/// Somebody who can sign in. There are no passwords: it is a demo on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Short and unique: the name in `POST /api/sign-in` and the token's subject.
    pub name: String,
    /// As people read it, such as `Ada Lovelace`.
    pub title: String,
    /// UUID of the workspace: the first segment of its files' paths.
    pub workspace: String,
    pub workspace_name: String,
    /// `owner` or `editor` may upload, `reader` may not.
    pub role: String,
}

/// Signs a files token for a user.
pub type Mint = Arc<dyn Fn(&User) -> String + Send + Sync>;

#[derive(Clone)]
pub struct Settings {
    /// Origin under which browsers reach this app, such as `http://localhost:8080`. Requests for another host are sent there.
    pub origin: String,
    /// Origin of the stable file URLs.
    pub files_origin: String,
    /// Further origins that the page may talk to: the bucket that takes uploads.
    pub connect: Vec<String>,
    pub users: Vec<User>,
    /// JSON Web Key Set, served at `/.well-known/jwks.json`.
    pub jwks: String,
    /// How long a token from [`Settings::mint`] lives.
    pub token_life: Duration,
    /// Where the feed is kept. Made when it is not there.
    pub data_dir: PathBuf,
    /// The gateway's configuration, as `edgepass explain` is told it in the page's hints.
    pub config: String,
    pub mint: Mint,
}

/// Serves the app until `stop` resolves, then lets running answers end (for at most two seconds).
///
/// Fails when the feed in `data_dir` cannot be opened. A connection's own trouble ends that connection only.
pub async fn serve(listener: TcpListener, settings: Settings, stop: impl Future<Output = ()>) -> io::Result<()> {
    let bytes = Arc::new(Bytes::default());
    let app = Arc::new(App::open(settings, Arc::clone(&bytes)).await?);
    let free = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits::HEADERS_WITHIN).max_buf_size(limits::HEADER_BYTES);

    let mut stop = pin!(stop);
    loop {
        let next = async {
            let permit = Arc::clone(&free).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, or the peer left already: neither gets better by asking again at once.
            tokio::time::sleep(limits::AFTER_FAILED_ACCEPT).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let stream = TokioIo::new(Counted::new(stream, Arc::clone(&bytes)));
        let app = Arc::clone(&app);
        let service = hyper::service::service_fn(move |request| {
            let app = Arc::clone(&app);
            async move { app.answer(request).await }
        });
        let connection = graceful.watch(http.serve_connection(stream, service));
        tokio::spawn(async move {
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(limits::STOP_WITHIN, graceful.shutdown()).await;
    Ok(())
}
