//! `edgepass store`: the embedded S3-compatible store alone, its keys, and its verification.

mod key;
mod verify;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::Exit;
use crate::gateway_parts::listen;
use crate::stopping::told_to_stop;
use crate::store_files::{ACCESS_KEY_FILE, SECRET_KEY_FILE, open_store};
use crate::trouble::{Trouble, tell};

/// Run the embedded S3-compatible store alone
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
The first start makes a pair of keys beside the data, in files that only you can read. Addresses are path-style and the \
region is us-east-1.

Example:
  edgepass store --dir ./store --listen 127.0.0.1:9000
  AWS_ACCESS_KEY_ID=$(cat store/access-key) AWS_SECRET_ACCESS_KEY=$(cat store/secret-key) \\
    aws --endpoint-url http://127.0.0.1:9000 --region us-east-1 s3 mb s3://files"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the data is; made if it is missing
    #[arg(long, value_name = "DIR", required = true)]
    dir: Option<PathBuf>,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR", required = true)]
    listen: Option<SocketAddr>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(subcommand)]
    Key(key::Command),
    Verify(verify::Args),
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    match (&args.command, &args.dir, args.listen) {
        (Some(Command::Key(command)), ..) => key::run(command),
        (Some(Command::Verify(args)), ..) => verify::run(args),
        (None, Some(dir), Some(address)) => serve(dir, address),
        (None, ..) => Err(Trouble::usage("the store needs --dir and --listen")),
    }
}

fn serve(dir: &std::path::Path, address: SocketAddr) -> Result<Exit, Trouble> {
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let (store, _) = open_store(dir)?;
        let socket = listen(address)?;
        let address = socket.local_addr().map_err(Trouble::failed)?;
        let socket = super::into_tokio(socket)?;
        let shown = dir.display();
        tell(format_args!("the store listens on http://{address}"));
        tell(format_args!("its keys are in {shown}/{ACCESS_KEY_FILE} and {shown}/{SECRET_KEY_FILE}"));
        store.serve(socket, told_to_stop()).await.map_err(Trouble::failed)?;
        Ok(Exit::Done)
    })
}
