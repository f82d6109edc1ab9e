//! `edgepass serve`: the gateway.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use gateway::ReloadRequest;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Exit;
use crate::config;
use crate::gateway_parts::{Sockets, buckets, start};
use crate::reload::Reloader;
use crate::stopping::told_to_stop;
use crate::trouble::{Trouble, tell};

/// Serve files: authorise every request, answer from the cache, fetch from the bucket what is missing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The access log, one JSON line a request, goes to stdout. Ctrl-C or SIGTERM ends it: answers under way may take 20 seconds \
more.

SIGHUP, or `edgepass reload`, makes it read the configuration and the files it names again: all of it is taken, or, where \
something is wrong, nothing. Renewed certificates are taken up by themselves.

Example:
  edgepass check --config edgepass.toml && edgepass serve --config edgepass.toml >> access.log")]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let mut config = config::load(&args.config)?;
    if config.listen.https.is_none() && config.listen.http.is_none() {
        return Err(Trouble::usage("the configuration has no `[listen]`: its site is on AWS alone")
            .with_hint("add `[listen]` with `https = \"0.0.0.0:443\"`"));
    }
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let mut hangup = signal(SignalKind::hangup()).map_err(Trouble::failed)?;
        for warning in &config.warnings {
            tell(warning.told("warning", &config.file));
        }
        let sockets = Sockets::bind(&config)?;
        let (site, admin) = (config.site.origin.clone(), config.listen.admin);
        let reloader = Reloader::new(&config);
        let buckets = buckets(&mut config).await?;
        let (reload, requests) = sync_channel(gateway::WAITING_RELOADS);
        let log = Box::new(std::io::stdout());
        let gateway = start(config, buckets, sockets, log, runtime.handle(), Some(reload.clone()))?;
        reloader.start(gateway.control(), requests, runtime.handle().clone()).map_err(Trouble::failed)?;
        tell(format_args!("edgepass serves {site}"));
        if let Some(admin) = admin {
            tell(format_args!("metrics and health: http://{admin}/metrics, /health/ready"));
        }
        let stop = told_to_stop();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(()) = hangup.recv() => {
                    let (answer, _) = tokio::sync::oneshot::channel(); // what comes of it is told on stderr
                    if reload.try_send(ReloadRequest { answer }).is_err() {
                        tell("warning: not reloaded: other reloads are under way");
                    }
                }
            }
        }
        tell("edgepass is stopping");
        tokio::task::spawn_blocking(|| gateway.stop()).await.map_err(Trouble::failed)?;
        Ok(Exit::Done)
    })
}
