//! `edgepass aws dev`: the demo through a local CloudFront, which is made from the rendered template and runs the packaged code.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use aws_credential_types::Credentials;
use clap::ValueEnum;
use cloudfront::{Settings, Store, Template};
use secrecy::ExposeSecret;
use tokio::sync::watch;
use uuid::Uuid;
use zip::ZipArchive;

use super::package::make_dir;
use crate::aws_packages::{Edge, Packages, Parts, write_file};
use crate::aws_parts::{Site, refused};
use crate::cli::Exit;
use crate::commands::dev::{access_log, bind, cors, greeting, ready_line, serve_app, serve_store};
use crate::config;
use crate::dev_world::{self, BUCKET, World};
use crate::stopping::told_to_stop;
use crate::store_files::{REGION, StoreKeys, open_store};
use crate::trouble::{Trouble, say, tell};

/// Run everything on this machine, with a local CloudFront in the gateway's place
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Renders DIR/edgepass.toml as `aws render` does, and serves what the template says: cache keys, behaviours, headers, the \
packaged functions in Node.js, signing as the origin access control does. Plain http on loopback stands for https. What it \
knows of CloudFront and what not: docs/reference/aws-dev.md. It needs node 20 or newer, and `./build-aws` once.

Examples:
  edgepass aws dev
  edgepass aws dev --form function          a CloudFront Function instead of Lambda@Edge
  edgepass aws dev --port 0 --json          free ports, and one JSON line that names them")]
pub struct Args {
    /// Where everything is kept [default: ./edgepass-aws-dev, or ./edgepass-aws-function-dev]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The app's port; the files take the next one and the store the third after it. 0 picks free ones
    #[arg(long, value_name = "P", default_value_t = 8080)]
    port: u16,
    /// What authorises, where DIR has no configuration yet
    #[arg(long, value_name = "FORM", default_value = "lambda")]
    form: Form,
    /// Print one JSON line to stdout when all of it answers
    #[arg(long)]
    json: bool,
    /// Where `./build-aws` put edgepass.wasm and bootstrap
    #[arg(long, value_name = "DIR")]
    parts: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Lambda,
    Function,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let began = Instant::now();
    let runtime = crate::commands::runtime()?;
    runtime.block_on(dev(args, began, runtime.handle()))
}

async fn dev(args: &Args, began: Instant, runtime: &tokio::runtime::Handle) -> Result<Exit, Trouble> {
    let parts = Parts::find(args.parts.as_deref())?;
    check_node()?;
    let (edge, dir) = match args.form {
        Form::Lambda => (dev_world::Edge::Lambda, "./edgepass-aws-dev"),
        Form::Function => (dev_world::Edge::Function, "./edgepass-aws-function-dev"),
    };
    let ([app_socket, files_socket, admin_socket, store_socket], ports) = bind(args.port)?;
    drop(admin_socket); // there is no gateway to administer
    let world = World::open(args.dir.as_deref().unwrap_or(Path::new(dir)), ports, edge)?;
    let (store, store_keys) = open_store(&world.store_dir())?;
    store.ensure_bucket(BUCKET, &[cors(&world.addresses)]).map_err(Trouble::failed)?;
    let (stop, stopping) = watch::channel(false);
    let store = serve_store(store, store_socket, stopping.clone())?;
    let app = serve_app(&world, app_socket, stopping)?;

    let site = Site::of(config::load(&world.config)?)?;
    let packages = Packages::make(&site, &parts).await?;
    let settings = settings(&site, &packages, &world, &store_keys)?;
    let cloudfront = cloudfront::start(settings, files_socket, runtime).map_err(Trouble::failed)?;
    if args.json {
        let mut line = ready_line(&world, &store_keys)?;
        if let Some(members) = line.as_object_mut() {
            members.remove("admin");
        }
        say(line)?;
    } else {
        let beside = format!("aws      {}   what is deployed", world.aws_dir().display());
        tell(greeting(&world, began.elapsed(), &beside));
    }

    told_to_stop().await;
    if !args.json {
        tell("\nstopping");
    }
    stop.send_replace(true);
    cloudfront.stop().await;
    app.await.map_err(Trouble::failed)?.map_err(Trouble::failed)?;
    store.await.map_err(Trouble::failed)?.map_err(Trouble::failed)?;
    Ok(Exit::Done)
}

/// The functions run in it; without it every request would fail later.
fn check_node() -> Result<(), Trouble> {
    let hint = "install Node.js 20 or newer";
    let version = Command::new("node").arg("--version").output();
    let version = version.map_err(|error| Trouble::failed(format_args!("cannot run node: {error}")).with_hint(hint))?;
    let text = String::from_utf8_lossy(&version.stdout);
    let major = text.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 20) {
        return Ok(());
    }
    Err(Trouble::failed(format_args!("node is `{}`", text.trim())).with_hint(hint))
}

/// Writes what would be deployed under the directory, and makes a CloudFront of just that.
fn settings(site: &Site, packages: &Packages, world: &World, store_keys: &StoreKeys) -> Result<Settings, Trouble> {
    let dir = world.aws_dir();
    make_dir(&dir)?;
    packages.write(&dir)?;
    let files = aws::render(&site.deployment, &packages.code()).map_err(|faults| refused(&faults))?;
    for file in &files {
        write_file(&dir.join(&file.name), file.text.as_bytes(), file.secret)?;
    }
    // The edge's stack first: its outputs are the other's parameters.
    let template = |name: &str, region: &str| {
        let file = files.iter().find(|file| file.name == name)?;
        Some(Template { name: name.to_owned(), text: file.text.clone(), region: region.to_owned() })
    };
    let region = site.buckets().first().map_or(REGION, |bucket| bucket.region.as_str());
    let mut functions =
        BTreeMap::from([("RegionalFunction".to_owned(), unpack(&packages.regional.bytes, &dir.join("regional"))?)]);
    let mut key_values = BTreeMap::new();
    match &packages.edge {
        Edge::Lambda(zip) => {
            functions.insert("EdgeFunction".to_owned(), unpack(&zip.bytes, &dir.join("edge"))?);
        }
        Edge::Function { keys, .. } => {
            let entries = keys.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
            key_values.insert("KeyValueStore".to_owned(), entries.collect());
        }
    }
    let credentials =
        Credentials::new(&store_keys.access_key, store_keys.secret_key.expose_secret(), None, None, "store");
    // As the configuration has it: somebody may stand between the edge and the store.
    let store = |bucket: &config::Bucket| Store {
        endpoint: bucket.endpoint.clone(),
        region: bucket.region.clone(),
        bucket: bucket.bucket.clone(),
        credentials: credentials.clone(),
    };
    let mut stores: BTreeMap<_, _> =
        site.buckets().iter().map(|bucket| (bucket.bucket.clone(), store(bucket))).collect();
    if let Some(first) = site.buckets().first() {
        stores.insert("Bucket".to_owned(), store(first));
    }
    Ok(Settings {
        templates: [template("edge.yaml", "us-east-1"), template("template.yaml", region)]
            .into_iter()
            .flatten()
            .collect(),
        parameters: BTreeMap::from([("CodeBucket".to_owned(), "local".to_owned())]),
        secrets: BTreeMap::from([("OriginSecret".to_owned(), Uuid::new_v4().simple().to_string())]),
        functions,
        key_values,
        stores,
        function_credentials: credentials.clone(),
        node: PathBuf::from("node"),
        log: Box::new(access_log(&world.access_log())?),
        output: Arc::new(|function, line| tell(format_args!("{function}: {line}"))),
    })
}

/// The package as Lambda unpacks it.
fn unpack(zip: &[u8], dir: &Path) -> Result<PathBuf, Trouble> {
    let failed = |error: &dyn std::fmt::Display| Trouble::failed(format_args!("`{}`: {error}", dir.display()));
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|error| failed(&error))?;
    }
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|error| failed(&error))?;
    archive.extract(dir).map_err(|error| failed(&error))?;
    Ok(dir.to_owned())
}
