//! `edgepass aws package`: the functions' code as zips whose bytes depend on their content alone.

use std::path::{Path, PathBuf};

use crate::aws_packages::{Packages, Parts};
use crate::aws_parts::Site;
use crate::cli::Exit;
use crate::config;
use crate::trouble::{Trouble, say, tell};

/// Write the functions' zips: code, rules and keys
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes edge-HASH.zip (Lambda@Edge) and regional-HASH.zip into DIR. The same configuration and keys give the same bytes. Key \
sets of a `jwks_url` are fetched now and go into the zips; so do shared secrets: keep the zips as you keep those.

Example:
  edgepass aws package --config edgepass.toml --out aws")]
pub struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the zips go
    #[arg(long, value_name = "DIR", default_value = "./edgepass-aws")]
    out: PathBuf,
    /// Where `./build-aws` put edgepass.wasm and bootstrap
    #[arg(long, value_name = "DIR")]
    parts: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let site = Site::of(config::load(&args.config)?)?;
    let parts = Parts::find(args.parts.as_deref())?;
    let packages = crate::commands::runtime()?.block_on(Packages::make(&site, &parts))?;
    make_dir(&args.out)?;
    packages.write(&args.out)?;
    for (name, zip) in packages.files() {
        tell(format_args!("{name}: {} bytes", zip.bytes.len()));
        say(args.out.join(name).display())?;
    }
    Ok(Exit::Done)
}

pub fn make_dir(dir: &Path) -> Result<(), Trouble> {
    std::fs::create_dir_all(dir).map_err(|error| Trouble::failed(format_args!("`{}`: {error}", dir.display())))
}
