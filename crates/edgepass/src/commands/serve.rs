//! `edgepass serve`: the gateway.

use std::path::PathBuf;

use crate::cli::Exit;
use crate::config;
use crate::gateway_parts::{Sockets, start};
use crate::stopping::told_to_stop;
use crate::trouble::{Trouble, tell};

/// Serve files: authorise every request, answer from the cache, fetch from the bucket what is missing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The access log, one JSON line a request, goes to stdout. Ctrl-C or SIGTERM ends it: answers under way may take 20 seconds \
more.

Example:
  edgepass check --config edgepass.toml && edgepass serve --config edgepass.toml >> access.log")]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let config = config::load(&args.config)?;
    if config.listen.https.is_none() && config.listen.http.is_none() {
        return Err(Trouble::usage("the configuration has no `[listen]`: its site is on AWS alone")
            .with_hint("add `[listen]` with `https = \"0.0.0.0:443\"`"));
    }
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let sockets = Sockets::bind(&config)?;
        let (site, admin) = (config.site.origin.clone(), config.listen.admin);
        let gateway = start(config, sockets, Box::new(std::io::stdout()), runtime.handle())?;
        tell(format_args!("edgepass serves {site}"));
        if let Some(admin) = admin {
            tell(format_args!("metrics and health: http://{admin}/metrics, /health/ready"));
        }
        told_to_stop().await;
        tell("edgepass is stopping");
        tokio::task::spawn_blocking(|| gateway.stop()).await.map_err(Trouble::failed)?;
        Ok(Exit::Done)
    })
}
