//! `edgepass store`: the embedded S3-compatible store alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::Exit;
use crate::gateway_parts::listen;
use crate::stopping::told_to_stop;
use crate::store_files::{ACCESS_KEY_FILE, SECRET_KEY_FILE, open_store};
use crate::trouble::{Trouble, tell};

/// Run the embedded S3-compatible store alone
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first start makes a pair of keys beside the data, in files that only you can read. Addresses are path-style and the \
region is us-east-1.

Example:
  edgepass store --dir ./store --listen 127.0.0.1:9000
  AWS_ACCESS_KEY_ID=$(cat store/access-key) AWS_SECRET_ACCESS_KEY=$(cat store/secret-key) \\
    aws --endpoint-url http://127.0.0.1:9000 --region us-east-1 s3 mb s3://files")]
pub struct Args {
    /// Where the data is; made if it is missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let (store, _) = open_store(&args.dir)?;
        let socket = listen(args.listen)?;
        let address = socket.local_addr().map_err(Trouble::failed)?;
        let socket = super::into_tokio(socket)?;
        let shown = args.dir.display();
        tell(format_args!("the store listens on http://{address}"));
        tell(format_args!("its keys are in {shown}/{ACCESS_KEY_FILE} and {shown}/{SECRET_KEY_FILE}"));
        store.serve(socket, told_to_stop()).await.map_err(Trouble::failed)?;
        Ok(Exit::Done)
    })
}
