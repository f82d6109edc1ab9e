//! The binary as scripts use it: what goes to stdout, what to stderr, and the exit codes.
#![cfg(test)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A folder with a copy of the tests' data, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edgepass-commands-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")).unwrap() {
            let from = entry.unwrap().path();
            std::fs::copy(&from, path.join(from.file_name().unwrap())).unwrap();
        }
        Self(path)
    }

    fn run(&self, arguments: &str) -> Ran {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &str, stdin: &str) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_edgepass"))
            .args(arguments.split_whitespace())
            .current_dir(&self.0)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Ran {
            exit: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug)]
struct Ran {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The exit code, stdout, and whether something was said on stderr.
    fn parts(&self) -> (i32, &str, bool) {
        (self.exit.unwrap(), self.stdout.as_str(), !self.stderr.is_empty())
    }
}

#[test]
fn check() {
    let folder = Folder::new("check");
    let good = folder.run("check --config good.toml");
    assert_eq!(good.parts(), (0, "", true));
    assert!(good.stderr.starts_with("good.toml: no mistakes\n"), "{good:?}");
    let named = "credentials = { access_key_env = \"NO_KEY\", secret_key_env = \"NO_SECRET\" }";
    folder.write("named.toml", &folder.read("good.toml").replace("credentials = \"default\"", named));
    let named = folder.run("check --config named.toml");
    assert!(named.stderr.contains("the environment variable `NO_KEY` is not set"), "{named:?}");
    let json = folder.run("check --json --config good.toml");
    assert_eq!(json.parts(), (0, "{\"file\":\"good.toml\",\"mistakes\":[],\"ok\":true,\"warnings\":[]}\n", false));

    folder.write("bad.toml", &folder.read("good.toml").replace("region", "regoin").replace("5m", "5 minutes"));
    let bad = folder.run("check --config bad.toml");
    assert_eq!(bad.parts(), (2, "", true));
    for part in [" --> bad.toml:16:1\n", "16 | regoin = \"us-west-2\"\n", "   | ^^^^^^\n", "2 mistakes in bad.toml\n"] {
        assert!(bad.stderr.contains(part), "{part} {}", bad.stderr);
    }
    let json = folder.run("check --json --config bad.toml");
    assert_eq!((json.exit, json.stderr.as_str()), (Some(2), ""));
    let answer: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&answer["ok"], &answer["mistakes"][1]["line"]), (&Value::from(false), &Value::from(51)));

    assert_eq!(folder.run("check --config gone.toml").parts(), (2, "", true));
    assert_eq!(folder.run("check").parts(), (2, "", true));
    assert_eq!(folder.run("chekc").parts(), (2, "", true));
}

#[test]
fn keys_and_tokens() {
    let folder = Folder::new("tokens");
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let made = folder.run(&format!("keys new --algorithm {algorithm} --out {algorithm}.jwk"));
        assert_eq!(made.parts(), (0, "", true), "{made:?}");
        let set = folder.run(&format!("keys jwks --key {algorithm}.jwk"));
        assert_eq!((set.exit, set.stderr.as_str()), (Some(0), ""));
        let parsed: Value = serde_json::from_str(&set.stdout).unwrap();
        assert_eq!(parsed["keys"][0]["alg"], algorithm);
        assert!(parsed["keys"][0].get("d").is_none());
        folder.write("jwks.json", &set.stdout);
        folder.write("a.toml", &folder.read("good.toml").replace("ES256", algorithm));

        let mint = format!("token mint --config a.toml --issuer app --key {algorithm}.jwk --claim workspace=\"w\"");
        let token = folder.run(&mint);
        assert_eq!((token.exit, token.stderr.as_str()), (Some(0), ""), "{token:?}");
        let seen = folder.run_with("token inspect --config a.toml", &token.stdout);
        assert_eq!(seen.exit, Some(0), "{seen:?}");
        assert!(seen.stdout.contains("in 1 h\n") || seen.stdout.contains("in 59 min"), "{seen:?}");
        assert!(
            seen.stdout.ends_with("valid\n  for the issuer `app`; what it may read and upload is the routes' matter\n")
        );

        let stranger = folder.run_with("token inspect --config good.toml", &token.stdout.replace('.', ".e30."));
        assert_eq!(stranger.exit, if algorithm == "ES256" { Some(3) } else { Some(2) }, "{stranger:?}");
    }
    assert_eq!(folder.run("keys new --out ES256.jwk").parts(), (1, "", true));
}

#[test]
fn secrets() {
    let folder = Folder::new("secrets");
    assert_eq!(folder.run("keys new --algorithm hs256 --out app.secret").parts(), (0, "", true));
    assert_eq!(folder.run("keys jwks --key app.secret").parts(), (2, "", true));
    let config = folder.read("good.toml").replace("jwks_file = \"jwks.json\"", "secret_file = \"app.secret\"");
    folder.write("a.toml", &config.replace("ES256", "HS256"));
    let token = folder.run("token mint --config a.toml --issuer app --expires 8h --claim exp=1");
    assert_eq!(token.exit, Some(0), "{token:?}");
    let seen = folder.run(&format!("token inspect --config a.toml {}", token.stdout));
    assert_eq!(seen.exit, Some(3));
    assert!(seen.stdout.ends_with("not valid\n  the token has expired (token_expired)\n"), "{seen:?}");
    assert!(!seen.stderr.contains(token.stdout.trim()));
}

#[test]
fn wrong_usage() {
    let folder = Folder::new("usage");
    for arguments in [
        "token mint",
        "token mint --config good.toml",
        "token mint --config good.toml --issuer app",
        "token mint --config good.toml --issuer other --key shared.secret",
        "token mint --config good.toml --issuer app --key shared.secret",
        "token mint --key shared.secret --claim novalue",
        "token mint --key shared.secret --claim a={",
        "token mint --key shared.secret --expires never",
        "token inspect",
        "keys new --algorithm none --out x",
        "keys jwks",
    ] {
        let ran = folder.run(arguments);
        assert_eq!(ran.parts(), (2, "", true), "{arguments} {ran:?}");
    }
    for arguments in ["token inspect nonsense", "token mint --key gone.jwk", "keys jwks --key files.pem"] {
        let ran = folder.run(arguments);
        assert_eq!((ran.exit, ran.stdout.as_str()), (Some(1), ""), "{arguments} {ran:?}");
    }
    let mint = folder.run("token mint --key shared.secret --issuer i --audience a --subject s --claim n=1 --claim t=x");
    assert_eq!((mint.exit, mint.stdout.matches('.').count()), (Some(0), 2));
    let help = folder.run("token mint --help");
    assert!(help.exit == Some(0) && help.stdout.contains("Examples:"));
}
