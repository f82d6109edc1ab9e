//! `edgepass dev`: store, gateway and demo app on loopback, in one process.
//!
//! The three know each other by address alone: the gateway reaches the store and the app's key set over HTTP, as it would
//! anywhere else.

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::json;
use store::{CorsRule, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cli::Exit;
use crate::config;
use crate::dev_world::{Addresses, BUCKET, Edge, Ports, World};
use crate::gateway_parts::{Sockets, buckets, start};
use crate::stopping::told_to_stop;
use crate::store_files::{REGION, StoreKeys, open_store};
use crate::trouble::{Trouble, say, tell};

/// Run everything on this machine: store, gateway and a demo app
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first start makes keys, a configuration, a bucket and three demo users under DIR; later starts find them again. The \
gateway runs on DIR/edgepass.toml: change its rules and start again. Everything listens on 127.0.0.1 alone. Ctrl-C ends it.

Examples:
  edgepass dev
  edgepass dev --port 9080                  app on 9080, files on 9081, admin on 9082, store on 9083
  edgepass dev --port 0 --json              free ports, and one JSON line that names them")]
pub struct Args {
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "./edgepass-data")]
    dir: PathBuf,
    /// The app's port; files, admin and store take the next three. 0 picks free ones
    #[arg(long, value_name = "P", default_value_t = 8080)]
    port: u16,
    /// Print one JSON line to stdout when all of it answers
    #[arg(long)]
    json: bool,
}

/// How long the parts may take to find each other.
const START: Duration = Duration::from_secs(10);

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let began = Instant::now();
    let runtime = super::runtime()?;
    runtime.block_on(dev(args, began, runtime.handle()))
}

async fn dev(args: &Args, began: Instant, runtime: &tokio::runtime::Handle) -> Result<Exit, Trouble> {
    let ([app_socket, files_socket, admin_socket, store_socket], ports) = bind(args.port)?;
    let world = World::open(&args.dir, ports, Edge::Gateway)?;
    let (store, store_keys) = open_store(&world.store_dir())?;
    store.ensure_bucket(BUCKET, &[cors(&world.addresses)]).map_err(Trouble::failed)?;
    let mut config = config::load(&world.config)?;

    let (stop, stopping) = watch::channel(false);
    let store = serve_store(store, store_socket, stopping.clone())?;
    let app = serve_app(&world, app_socket, stopping)?;
    let sockets = Sockets { doors: vec![door(files_socket)?], admin: Some(admin_socket) };
    let buckets = buckets(&mut config).await?;
    let gateway = start(config, buckets, sockets, Box::new(access_log(&world.access_log())?), runtime, None)?;
    while !gateway.is_ready() {
        if began.elapsed() > START {
            return Err(Trouble::failed("the gateway did not get the app's keys")
                .with_hint("see the key set's address in the configuration"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    if args.json {
        say(ready_line(&world, &store_keys)?)?;
    } else {
        tell(greeting(&world, began.elapsed(), &format!("admin    {}/metrics", world.addresses.admin)));
    }

    told_to_stop().await;
    if !args.json {
        tell("\nstopping");
    }
    stop.send_replace(true);
    tokio::task::spawn_blocking(|| gateway.stop()).await.map_err(Trouble::failed)?;
    app.await.map_err(Trouble::failed)?.map_err(Trouble::failed)?;
    store.await.map_err(Trouble::failed)?.map_err(Trouble::failed)?;
    Ok(Exit::Done)
}

/// Four sockets on loopback: this port and the next three, or free ones.
pub fn bind(port: u16) -> Result<([TcpListener; 4], Ports), Trouble> {
    let socket = |offset: u16| {
        let port = if port == 0 {
            0
        } else {
            port.checked_add(offset).ok_or_else(|| Trouble::usage("the port is too large"))?
        };
        crate::gateway_parts::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(|trouble| {
            trouble.with_hint(
                "another `edgepass dev` may be running; `--port 9080` takes other ports, `--port 0` free ones",
            )
        })
    };
    let sockets = [socket(0)?, socket(1)?, socket(2)?, socket(3)?];
    let [app, files, admin, store] = &sockets;
    let ports = Ports { app: port_of(app)?, files: port_of(files)?, admin: port_of(admin)?, store: port_of(store)? };
    Ok((sockets, ports))
}

fn port_of(socket: &TcpListener) -> Result<u16, Trouble> {
    Ok(socket.local_addr().map_err(Trouble::failed)?.port())
}

fn door(socket: TcpListener) -> Result<gateway::Door, Trouble> {
    socket.set_nonblocking(true).map_err(Trouble::failed)?;
    Ok(gateway::Door { socket, tls: None, listener: gateway::Listener::Serves, http3: None })
}

pub fn cors(addresses: &Addresses) -> CorsRule {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    CorsRule {
        id: None,
        allowed_origins: vec![addresses.app.clone()],
        allowed_methods: words(&["GET", "HEAD", "PUT", "POST", "DELETE"]),
        allowed_headers: words(&["*"]),
        expose_headers: words(&["ETag", "Location"]),
        max_age_seconds: Some(7200),
    }
}

pub type Served = JoinHandle<std::io::Result<()>>;

pub fn serve_store(store: Arc<Store>, socket: TcpListener, stop: watch::Receiver<bool>) -> Result<Served, Trouble> {
    let socket = super::into_tokio(socket)?;
    Ok(tokio::spawn(store.serve(socket, turned(stop))))
}

pub fn serve_app(world: &World, socket: TcpListener, stop: watch::Receiver<bool>) -> Result<Served, Trouble> {
    let socket = super::into_tokio(socket)?;
    let issuer = Arc::clone(&world.issuer);
    let settings = demo::Settings {
        origin: world.addresses.app.clone(),
        files_origin: world.addresses.files.clone(),
        connect: vec![world.addresses.store.clone()],
        users: world.users.clone(),
        jwks: issuer.jwks(),
        token_life: crate::dev_world::TOKEN_LIFE,
        data_dir: world.app_dir(),
        config: world.config.display().to_string(),
        mint: Arc::new(move |user| {
            issuer.mint(user).unwrap_or_else(|error| {
                tell(format_args!("cannot sign a token for {}: {error}", user.name));
                String::new() // which the gateway refuses
            })
        }),
    };
    Ok(tokio::spawn(demo::serve(socket, settings, turned(stop))))
}

pub async fn turned(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // an error means that everything is ending
}

pub fn access_log(path: &Path) -> Result<std::fs::File, Trouble> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|error| Trouble::failed(format_args!("cannot write `{}`: {error}", path.display())))
}

pub fn ready_line(world: &World, store_keys: &StoreKeys) -> Result<serde_json::Value, Trouble> {
    let users = world
        .users
        .iter()
        .map(|user| {
            let token = world.issuer.mint(user).map_err(Trouble::failed)?;
            Ok(json!({ "name": user.name, "workspace": user.workspace, "role": user.role, "token": token }))
        })
        .collect::<Result<Vec<_>, Trouble>>()?;
    let Addresses { app, files, admin, store } = &world.addresses;
    Ok(json!({
        "app": app, "files": files, "admin": admin, "config": world.config.display().to_string(),
        "s3": {
            "endpoint": store, "region": REGION, "bucket": BUCKET,
            "access_key": store_keys.access_key, "secret_key": store_keys.secret_key.expose_secret(),
        },
        "users": users,
    }))
}

/// `beside` is a line about what else there is.
pub fn greeting(world: &World, took: Duration, beside: &str) -> String {
    let Addresses { app, files, store, .. } = &world.addresses;
    let (bold, plain) = if std::io::stderr().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let people: Vec<_> =
        world.users.iter().map(|user| format!("{} ({} of {})", user.name, user.role, user.workspace_name)).collect();
    format!(
        "\n  {bold}Edgepass is ready{plain} in {} ms\n\n  \
         {bold}app{plain}      {bold}{app}{plain}   open this one\n  \
         files    {files}\n  {beside}\n  store    {store}   bucket `{BUCKET}`\n  \
         config   {}\n  log      {}\n\n  \
         Try: sign in as {}, drop a photo into the page, then open the app in a\n  \
         private window as somebody else. Or ask as a stranger:\n\n    curl -i {files}/00000000-0000-4000-8000-000000000000/00000000-0000-4000-8000-000000000000/a.jpg\n\n  \
         Users: {}\n  Ctrl-C ends it.\n",
        took.as_millis(),
        world.config.display(),
        world.access_log().display(),
        world.users.first().map_or("anyone", |user| user.name.as_str()),
        people.join(", "),
    )
}
