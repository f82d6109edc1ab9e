//! The functions' packages: what `./build-aws` built, with the site's settings beside it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws::{Code, Form, Viewer, Zip};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::Value;

use crate::aws_parts::{Site, refused};
use crate::trouble::{Trouble, tell};

/// The viewer-request function's JavaScript.
const HANDLER: &str = include_str!("../../edge-wasm/lambda/index.mjs");

/// Lambda@Edge takes packages of a viewer-request function up to this size (AWS's older figure, in bytes; the newer is larger).
const MOST_EDGE_ZIP: usize = 1_000_000;

/// Code that does not depend on the site.
pub struct Parts {
    wasm: Vec<u8>,
    bootstrap: Vec<u8>,
}

impl Parts {
    /// From `dir`, or from beside the running program: `target/aws` for `target/release/edgepass`.
    pub fn find(dir: Option<&Path>) -> Result<Self, Trouble> {
        let dir = match dir {
            Some(dir) => dir.to_owned(),
            None => beside_program()?,
        };
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read(&path).map_err(|error| {
                Trouble::failed(format_args!("cannot read `{}`: {error}", path.display()))
                    .with_hint("run `./build-aws` in the sources once, or name its output by `--parts`")
            })
        };
        Ok(Self { wasm: read("edgepass.wasm")?, bootstrap: read("bootstrap")? })
    }
}

fn beside_program() -> Result<PathBuf, Trouble> {
    let program = std::env::current_exe().map_err(Trouble::failed)?;
    let dir = program.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    Ok(dir.join("aws"))
}

/// The code of one site.
pub struct Packages {
    pub edge: Edge,
    pub regional: Zip,
}

/// What runs at viewer-request.
pub enum Edge {
    Lambda(Zip),
    Function { source: String, keys: Vec<(String, SecretString)> },
}

impl Packages {
    /// Reads or fetches the issuers' keys, and packs.
    pub async fn make(site: &Site, parts: &Parts) -> Result<Self, Trouble> {
        let keys = site.keys().await?;
        let regional = zip(&[("bootstrap", &parts.bootstrap), ("site.json", &site.regional_settings(&keys)?)])?;
        let edge = match site.deployment.choices.form {
            Form::LambdaEdge => {
                let behaviours = aws::behaviours(&site.deployment).map_err(|faults| refused(&faults))?;
                let settings = site.edge_settings(&keys, &behaviours)?;
                let files: [(&str, &[u8]); 3] =
                    [("edgepass.wasm", &parts.wasm), ("index.mjs", HANDLER.as_bytes()), ("site.json", &settings)];
                let edge = zip(&files)?;
                if edge.bytes.len() > MOST_EDGE_ZIP {
                    tell(format_args!("warning: the edge function's zip has {} bytes", edge.bytes.len()));
                }
                Edge::Lambda(edge)
            }
            Form::CloudFrontFunction => function(site, &keys.sets)?,
        };
        Ok(Self { edge, regional })
    }

    pub fn code(&self) -> Code {
        let viewer = match &self.edge {
            Edge::Lambda(zip) => Viewer::Edge(zip.hash),
            Edge::Function { source, keys } => Viewer::Function { source: source.clone(), keys: keys.clone() },
        };
        Code { regional: self.regional.hash, viewer }
    }

    /// The zips by their files' names.
    pub fn files(&self) -> Vec<(String, &Zip)> {
        let mut files = Vec::new();
        if let Edge::Lambda(zip) = &self.edge {
            files.push((format!("edge-{}.zip", zip.hash.short()), zip));
        }
        files.push((format!("regional-{}.zip", self.regional.hash.short()), &self.regional));
        files
    }

    /// They may hold shared secrets: for the owner's eyes alone.
    pub fn write(&self, dir: &Path) -> Result<(), Trouble> {
        self.files().iter().try_for_each(|(name, zip)| write_file(&dir.join(name), &zip.bytes, true))
    }
}

fn function(site: &Site, keys: &[Vec<Value>]) -> Result<Edge, Trouble> {
    let function = aws::cloudfront_function(&site.deployment).map_err(|faults| refused(&faults))?;
    let mut store = Vec::new();
    for (name, issuer) in function.store {
        let jwk = keys.get(issuer.0).and_then(|set| set.first());
        let secret = jwk.and_then(|jwk| URL_SAFE_NO_PAD.decode(jwk.get("k")?.as_str()?).ok()).unwrap_or_default();
        let value = aws::store_value(&name, &secret).map_err(|fault| refused(&[fault]))?;
        store.push((name, value));
    }
    Ok(Edge::Function { source: function.code, keys: store })
}

fn zip(files: &[(&str, &[u8])]) -> Result<Zip, Trouble> {
    aws::package(files).map_err(Trouble::failed)
}

pub fn write_file(path: &Path, bytes: &[u8], secret: bool) -> Result<(), Trouble> {
    let failed = |error| Trouble::failed(format_args!("cannot write `{}`: {error}", path.display()));
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    // A file that was there keeps its rights, so a secret one is made anew.
    if secret && path.exists() {
        fs::remove_file(path).map_err(failed)?;
    }
    let mode = if secret { 0o600 } else { 0o644 };
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)
}
