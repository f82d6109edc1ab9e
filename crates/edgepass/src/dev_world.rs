//! What `edgepass dev` keeps under its directory: the app's signing key, the demo's people, the configuration.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use authorizer::Algorithm;
use demo::User;
use keys::{SigningError, SigningKey};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::trouble::Trouble;

pub const BUCKET: &str = "files";
pub const TOKEN_LIFE: Duration = Duration::from_hours(8);
const AUDIENCE: &str = "files";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub app: u16,
    pub files: u16,
    pub admin: u16,
    pub store: u16,
}

pub struct Addresses {
    pub app: String,
    pub files: String,
    pub admin: String,
    pub store: String,
}

pub struct World {
    dir: PathBuf,
    pub config: PathBuf,
    pub addresses: Addresses,
    pub users: Vec<User>,
    pub issuer: Arc<Issuer>,
}

/// The app as the signer of its users' tokens.
pub struct Issuer {
    key: SigningKey,
    name: String,
}

/// What stands before the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Gateway,
    /// CloudFront with Lambda@Edge.
    Lambda,
    /// CloudFront with a CloudFront Function, which verifies HS256 alone.
    Function,
}

impl World {
    /// Finds everything again, or makes it.
    pub fn open(dir: &Path, ports: Ports, edge: Edge) -> Result<Self, Trouble> {
        let failed =
            |path: &Path, error: &dyn std::fmt::Display| Trouble::failed(format_args!("`{}`: {error}", path.display()));
        fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
        let dir = fs::canonicalize(dir).map_err(|error| failed(dir, &error))?;
        let origin = |port| format!("http://localhost:{port}");
        let addresses = Addresses {
            app: origin(ports.app),
            files: origin(ports.files),
            admin: origin(ports.admin),
            store: origin(ports.store),
        };
        let (key_file, algorithm) = match edge {
            Edge::Gateway | Edge::Lambda => ("app-key.jwk", Algorithm::Es256),
            Edge::Function => ("app-secret", Algorithm::Hs256),
        };
        let key_file = dir.join(key_file);
        let key = open_key(&key_file, algorithm).map_err(|error| failed(&key_file, &error))?;
        let users_file = dir.join("users.json");
        let users = open_users(&users_file).map_err(|error| failed(&users_file, &error))?;
        let config = dir.join("edgepass.toml");
        write_config(&config, ports, edge).map_err(|error| failed(&config, &error))?;
        let admin_secret = dir.join("admin-secret");
        open_key(&admin_secret, Algorithm::Hs256).map_err(|error| failed(&admin_secret, &error))?;
        let upload_secret = dir.join("upload-secret");
        open_key(&upload_secret, Algorithm::Hs256).map_err(|error| failed(&upload_secret, &error))?;
        let issuer = Arc::new(Issuer { key, name: addresses.app.clone() });
        Ok(Self { dir, config, addresses, users, issuer })
    }

    pub fn store_dir(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// What is rendered and packed for AWS.
    pub fn aws_dir(&self) -> PathBuf {
        self.dir.join("aws")
    }

    pub fn app_dir(&self) -> PathBuf {
        self.dir.join("app")
    }

    pub fn access_log(&self) -> PathBuf {
        self.dir.join("access.log")
    }
}

impl Issuer {
    pub fn jwks(&self) -> String {
        self.key.jwks().to_string()
    }

    /// A files token for this user: the workspace, and the role in it.
    pub fn mint(&self, user: &User) -> Result<String, SigningError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let claims = json!({
            "iss": self.name, "aud": AUDIENCE, "sub": user.name, "jti": Uuid::new_v4().to_string(), "iat": now, "exp": now + TOKEN_LIFE.as_secs(),
            "members": { &user.workspace: user.role },
        });
        match claims {
            Value::Object(claims) => self.key.sign(&claims),
            _ => self.key.sign(&Map::new()),
        }
    }
}

fn open_key(path: &Path, algorithm: Algorithm) -> Result<SigningKey, SigningError> {
    if !path.exists() {
        SigningKey::generate(algorithm)?.save(path)?;
    }
    SigningKey::load(path, Some(algorithm))
}

/// An owner and a reader of one workspace, and an owner of another.
fn open_users(path: &Path) -> std::io::Result<Vec<User>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let [engines, bombe] = [Uuid::new_v4(), Uuid::new_v4()];
            let user = |name, title, workspace: Uuid, workspace_name, role| {
                json!({ "name": name, "title": title, "workspace": workspace.to_string(),
                        "workspace_name": workspace_name, "role": role })
            };
            let users = json!([
                user("ada", "Ada Lovelace", engines, "Analytical Engines", "owner"),
                user("charles", "Charles Babbage", engines, "Analytical Engines", "reader"),
                user("grace", "Grace Hopper", bombe, "Compilers", "owner"),
            ]);
            let text = format!("{users:#}\n");
            write_whole(path, &text)?;
            text
        }
        Err(error) => return Err(error),
    };
    let users: Vec<Map<String, Value>> = serde_json::from_str(&text)?;
    let users: Option<Vec<User>> = users
        .iter()
        .map(|user| {
            let text = |name: &str| user.get(name)?.as_str().map(str::to_owned);
            Some(User {
                name: text("name")?,
                title: text("title")?,
                workspace: text("workspace")?,
                workspace_name: text("workspace_name")?,
                role: text("role")?,
            })
        })
        .collect();
    users.ok_or_else(|| std::io::Error::other("each user has name, title, workspace, workspace_name and role"))
}

/// Writes the configuration if it is missing; if it is there, what people have changed stays, and only the ports follow.
fn write_config(path: &Path, ports: Ports, edge: Edge) -> std::io::Result<()> {
    let old = match fs::read_to_string(path) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let new = match &old {
        Some(old) => with_ports(old, ports),
        None => with_ports(&template(edge), ports),
    };
    if old.is_some_and(|old| old == new) {
        return Ok(());
    }
    write_whole(path, &new)
}

fn template(edge: Edge) -> String {
    match edge {
        Edge::Gateway => format!("{TEMPLATE}{ON_GATEWAY}"),
        Edge::Lambda => format!("{}{ON_AWS}", TEMPLATE.replace(GATEWAY_WORDS, EDGE_WORDS)),
        Edge::Function => {
            let secret = "secret_file = \"app-secret\"\nalgorithms = [\"HS256\"]";
            let text = TEMPLATE.replace(GATEWAY_WORDS, EDGE_WORDS).replace(APP_KEYS, secret);
            format!("{text}{ON_AWS}form = \"function\"\n")
        }
    }
}

const GATEWAY_WORDS: &str = "`edgepass dev`, which runs its gateway on this file";
const EDGE_WORDS: &str = "`edgepass aws dev`, which makes its CloudFront from this file";
const APP_KEYS: &str = "jwks_url = \"http://localhost:8080/.well-known/jwks.json\"\nalgorithms = [\"ES256\"]";
const ON_GATEWAY: &str = "
[uploads]                           # what uploads in parts are sealed with
secret_file = \"upload-secret\"
";
const ON_AWS: &str = "
[aws]                               # `edgepass aws render` deploys from here; docs/reference/aws.md
stack = \"dev-files\"
";

/// The first line names the ports that the text has.
const PORTS: &str = "# ports: ";

fn with_ports(text: &str, ports: Ports) -> String {
    let new = [ports.app, ports.files, ports.admin, ports.store];
    let Some((first, rest)) = text.split_once('\n') else {
        return text.to_owned();
    };
    let old: Option<Vec<u16>> =
        first.strip_prefix(PORTS).map(|list| list.split(' ').filter_map(|port| port.parse().ok()).collect());
    let Some(old) = old.filter(|old| old.len() == new.len()) else {
        return text.to_owned();
    };
    // By way of names, so that one change does not undo another.
    let mut rest = rest.to_owned();
    for host in ["localhost:", "127.0.0.1:"] {
        for (number, port) in old.iter().enumerate() {
            rest = rest.replace(&format!("{host}{port}\""), &format!("{host}@{number}\""));
            rest = rest.replace(&format!("{host}{port}/"), &format!("{host}@{number}/"));
        }
        for (number, port) in new.iter().enumerate() {
            rest = rest.replace(&format!("{host}@{number}"), &format!("{host}{port}"));
        }
    }
    let list: Vec<_> = new.iter().map(u16::to_string).collect();
    format!("{PORTS}{}\n{rest}", list.join(" "))
}

/// In one piece or not at all.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

const TEMPLATE: &str = include_str!("dev_template.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_edge_has_its_text() {
        assert!(template(Edge::Lambda).contains(EDGE_WORDS) && template(Edge::Lambda).contains(APP_KEYS));
        let function = template(Edge::Function);
        assert!(function.contains("secret_file") && !function.contains("jwks_url") && function.contains("form = "));
    }

    #[test]
    fn ports_follow_and_the_rest_stays() {
        let first = with_ports(TEMPLATE, Ports { app: 9080, files: 9081, admin: 9082, store: 9083 });
        assert!(first.contains("\"http://localhost:9081\"") && first.contains("\"127.0.0.1:9082\""));
        assert!(!first.contains("808"));
        let mine = first.replace("ttl = \"5m\"", "ttl = \"1m\"");
        // Each port becomes another's old one.
        let moved = with_ports(&mine, Ports { app: 9081, files: 9080, admin: 9083, store: 9082 });
        assert!(moved.contains("origin = \"http://localhost:9080\"") && moved.contains("ttl = \"1m\""));
        let back = with_ports(&moved, Ports { app: 9080, files: 9081, admin: 9082, store: 9083 });
        assert_eq!(back, mine);
        assert_eq!(with_ports("[site]\n", Ports { app: 1, files: 2, admin: 3, store: 4 }), "[site]\n");
    }
}
