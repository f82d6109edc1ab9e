//! What the app answers: sign-in, the files token, the feed. Cookies change nothing without an `Origin` of our own.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes as Buffer;
use http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN, SET_COOKIE};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{self, Answer, Refusal};
use crate::assets::Assets;
use crate::counted::Bytes;
use crate::feed::{Feed, Post, PostedFile};
use crate::sessions::{self, Sessions};
use crate::{Settings, User, limits};

/// A file that nobody made: a path under the other workspace is refused whether or not there is a file at its end.
const UNMADE_FILE: &str = "00000000-0000-4000-8000-000000000000/board-minutes.pdf";

/// Before the id of a post.
const POST: &str = "/api/feed/";

pub struct App {
    settings: Settings,
    assets: Assets,
    host: String,
    sessions: Mutex<Sessions>,
    feed: Arc<Mutex<Feed>>,
    bytes: Arc<Bytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    user: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPost {
    #[serde(default)]
    text: String,
    #[serde(default)]
    files: Vec<PostedFile>,
}

#[derive(Serialize)]
struct Person<'a> {
    name: &'a str,
    title: &'a str,
    workspace: &'a str,
    workspace_name: &'a str,
    role: &'a str,
}

impl<'a> From<&'a User> for Person<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            name: &user.name,
            title: &user.title,
            workspace: &user.workspace,
            workspace_name: &user.workspace_name,
            role: &user.role,
        }
    }
}

impl App {
    pub async fn open(settings: Settings, bytes: Arc<Bytes>) -> io::Result<Self> {
        let dir = settings.data_dir.clone();
        let feed = tokio::task::spawn_blocking(move || Feed::open(&dir)).await.map_err(io::Error::other)??;
        let host = settings.origin.split_once("://").map_or(settings.origin.as_str(), |(_, host)| host).to_owned();
        Ok(Self {
            assets: Assets::new(&settings.files_origin, &settings.connect),
            host,
            sessions: Mutex::default(),
            feed: Arc::new(Mutex::new(feed)),
            bytes,
            settings,
        })
    }

    pub async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        // Another name for this address (127.0.0.1, or a stranger's that resolves here) has other cookies and another origin.
        if head.headers.get(HOST).is_none_or(|host| host.as_bytes() != self.host.as_bytes()) {
            return Ok(answer::redirect(&format!("{}{path}", self.settings.origin)));
        }
        let outcome = match (&head.method, path) {
            (&Method::GET | &Method::HEAD, _) => self.get(path, &head.headers),
            (&Method::POST, "/api/sign-in" | "/api/sign-out" | "/api/feed") => {
                self.post(path, &head.headers, body).await
            }
            (&Method::DELETE, _) if path.starts_with(POST) => self.delete(path, &head.headers).await,
            (_, "/api/sign-in" | "/api/sign-out") => Err(Refusal::WrongMethod { allow: "POST" }),
            (_, "/api/feed") => Err(Refusal::WrongMethod { allow: "GET, HEAD, POST" }),
            _ if path.starts_with(POST) => Err(Refusal::WrongMethod { allow: "DELETE" }),
            _ => Err(Refusal::WrongMethod { allow: "GET, HEAD" }),
        };
        Ok(outcome.unwrap_or_else(Refusal::answer))
    }

    fn get(&self, path: &str, headers: &HeaderMap) -> Result<Answer, Refusal> {
        match path {
            "/.well-known/jwks.json" => Ok(self.jwks()),
            "/api/config" => Ok(self.config()),
            "/api/bytes" => Ok(self.counted()),
            "/api/me" => Ok(answer::json(StatusCode::OK, &Person::from(self.user(headers)?))),
            "/api/token" => Ok(self.token(self.user(headers)?)),
            "/api/feed" => Ok(self.feed(self.user(headers)?)),
            "/api/other" => self.other(self.user(headers)?),
            "/api/sign-in" | "/api/sign-out" => Err(Refusal::WrongMethod { allow: "POST" }),
            _ => self.assets.answer(path, headers).ok_or(Refusal::NotFound),
        }
    }

    async fn post(&self, path: &str, headers: &HeaderMap, body: Incoming) -> Result<Answer, Refusal> {
        self.require_our_page(headers)?;
        match path {
            "/api/sign-in" => self.sign_in(&read(headers, body).await?),
            "/api/sign-out" => Ok(self.sign_out(headers)),
            _ => {
                let user = self.user(headers)?;
                self.add_post(user, read(headers, body).await?).await
            }
        }
    }

    /// The post alone: its files stay in the bucket, at their addresses.
    async fn delete(&self, path: &str, headers: &HeaderMap) -> Result<Answer, Refusal> {
        self.require_our_page(headers)?;
        let user = self.user(headers)?;
        let id = path.strip_prefix(POST).unwrap_or_default().to_owned();
        let feed = Arc::clone(&self.feed);
        let (workspace, author) = (user.workspace.clone(), user.name.clone());
        tokio::task::spawn_blocking(move || {
            let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
            let post = feed.of(&workspace).find(|post| post.id == id).ok_or(Refusal::NotFound)?;
            if post.author != author {
                return Err(Refusal::NotYours);
            }
            feed.delete(&workspace, &id).map_err(|_| Refusal::Ourselves)
        })
        .await
        .map_err(|_| Refusal::Ourselves)??;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    fn require_our_page(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let ours = headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes() == self.settings.origin.as_bytes());
        if ours { Ok(()) } else { Err(Refusal::ForeignOrigin) }
    }

    fn user(&self, headers: &HeaderMap) -> Result<&User, Refusal> {
        let id = session_id(headers).ok_or(Refusal::NotSignedIn)?;
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let name = sessions.user(id, Instant::now()).ok_or(Refusal::NotSignedIn)?;
        self.settings.users.iter().find(|user| user.name == name).ok_or(Refusal::NotSignedIn)
    }

    fn sign_in(&self, asked: &SignIn) -> Result<Answer, Refusal> {
        let user = self.settings.users.iter().find(|user| user.name == asked.user).ok_or(Refusal::NoSuchUser)?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let id = sessions.start(&user.name, Instant::now()).ok_or(Refusal::Ourselves)?;
        let mut answer = answer::json(StatusCode::OK, &Person::from(user));
        self.set_cookie(&mut answer, &id, limits::SESSION_LIFE.as_secs())?;
        Ok(answer)
    }

    fn sign_out(&self, headers: &HeaderMap) -> Answer {
        if let Some(id) = session_id(headers) {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).end(id);
        }
        let mut answer = answer::empty(StatusCode::NO_CONTENT);
        let _ = self.set_cookie(&mut answer, "", 0);
        answer
    }

    fn set_cookie(&self, answer: &mut Answer, value: &str, max_age: u64) -> Result<(), Refusal> {
        let secure = if self.settings.origin.starts_with("https://") { "; Secure" } else { "" };
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{secure}", sessions::COOKIE);
        answer.headers_mut().insert(SET_COOKIE, HeaderValue::from_str(&cookie).map_err(|_| Refusal::Ourselves)?);
        Ok(())
    }

    fn jwks(&self) -> Answer {
        let mut answer = answer::of(StatusCode::OK, "application/json", Buffer::from(self.settings.jwks.clone()));
        answer.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        answer
    }

    fn config(&self) -> Answer {
        let users: Vec<Person<'_>> = self.settings.users.iter().map(Person::from).collect();
        answer::json(
            StatusCode::OK,
            &json!({
                "files": self.settings.files_origin, "users": users, "config": self.settings.config,
                "post_chars": limits::POST_CHARS, "post_files": limits::POST_FILES,
            }),
        )
    }

    fn token(&self, user: &User) -> Answer {
        let token = (self.settings.mint)(user);
        answer::json(StatusCode::OK, &json!({ "token": token, "expires_in": self.settings.token_life.as_secs() }))
    }

    fn feed(&self, user: &User) -> Answer {
        let feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        let posts: Vec<&Post> = feed.of(&user.workspace).collect();
        answer::json(StatusCode::OK, &json!({ "posts": posts }))
    }

    async fn add_post(&self, user: &User, new: NewPost) -> Result<Answer, Refusal> {
        check(user, &new)?;
        let post = Post {
            id: sessions::random_id().ok_or(Refusal::Ourselves)?,
            workspace: user.workspace.clone(),
            author: user.name.clone(),
            at: milliseconds_now(),
            text: new.text,
            files: new.files,
        };
        let feed = Arc::clone(&self.feed);
        let kept = post.clone();
        tokio::task::spawn_blocking(move || feed.lock().unwrap_or_else(PoisonError::into_inner).add(kept))
            .await
            .map_err(|_| Refusal::Ourselves)?
            .map_err(|_| Refusal::Ourselves)?;
        Ok(answer::json(StatusCode::CREATED, &post))
    }

    /// The stable URL of a file in somebody else's workspace. An app can give it away: knowing it opens nothing.
    fn other(&self, user: &User) -> Result<Answer, Refusal> {
        let stranger =
            self.settings.users.iter().find(|other| other.workspace != user.workspace).ok_or(Refusal::NotFound)?;
        let feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        let made = feed.of(&stranger.workspace).find_map(|post| post.files.first()).map(|file| file.path.clone());
        let exists = made.is_some();
        let path = made.unwrap_or_else(|| format!("/{}/{UNMADE_FILE}", stranger.workspace));
        let url = format!("{}{path}", self.settings.files_origin);
        Ok(answer::json(
            StatusCode::OK,
            &json!({ "url": url, "workspace": stranger.workspace, "workspace_name": stranger.workspace_name, "exists": exists }),
        ))
    }

    fn counted(&self) -> Answer {
        answer::json(StatusCode::OK, &json!({ "received": self.bytes.received(), "sent": self.bytes.sent() }))
    }
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(COOKIE).iter().find_map(|cookies| sessions::from_cookies(cookies.to_str().ok()?))
}

/// JSON only: a form of another site cannot send it without a preflight, which is never granted.
async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Incoming) -> Result<T, Refusal> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media_type.split(';').next().is_none_or(|main| !main.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::WrongMediaType);
    }
    if body.size_hint().lower() > limits::BODY_BYTES as u64 {
        return Err(Refusal::TooLarge);
    }
    let all = Limited::new(body, limits::BODY_BYTES).collect();
    let read = tokio::time::timeout(limits::BODY_WITHIN, all).await.map_err(|_| Refusal::TooSlow)?;
    let text =
        read.map_err(|error| if error.is::<LengthLimitError>() { Refusal::TooLarge } else { Refusal::BadRequest })?;
    serde_json::from_slice(&text.to_bytes()).map_err(|_| Refusal::BadRequest)
}

/// A post names files of its own workspace, within the limits, and says something.
fn check(user: &User, new: &NewPost) -> Result<(), Refusal> {
    let own = format!("/{}/", user.workspace);
    let says_something = !new.text.trim().is_empty() || !new.files.is_empty();
    let bounded = new.text.chars().count() <= limits::POST_CHARS && new.files.len() <= limits::POST_FILES;
    let files_fit = new.files.iter().all(|file| {
        file.path.starts_with(&own)
            && file.path.len() <= limits::PATH_BYTES
            && file.path.bytes().all(|byte| byte.is_ascii_graphic())
            && !file.name.is_empty()
            && file.name.chars().count() <= limits::NAME_CHARS
            && file.media_type.len() <= limits::TYPE_BYTES
    });
    if says_something && bounded && files_fit { Ok(()) } else { Err(Refusal::BadRequest) }
}

fn milliseconds_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
