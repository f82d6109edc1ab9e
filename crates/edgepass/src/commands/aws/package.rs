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
    #[command(flatten)]
    packing: Packing,
}

/// From which configuration, out of what, where to.
#[derive(Debug, clap::Args)]
pub struct Packing {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = "./edgepass-aws")]
    pub out: PathBuf,
    /// Where `./build-aws` put edgepass.wasm and bootstrap
    #[arg(long, value_name = "DIR")]
    parts: Option<PathBuf>,
}

impl Packing {
    pub fn site(&self) -> Result<Site, Trouble> {
        Site::of(config::load(&self.config)?)
    }

    pub fn packages(&self, site: &Site) -> Result<Packages, Trouble> {
        let parts = Parts::find(self.parts.as_deref())?;
        crate::commands::runtime()?.block_on(Packages::make(site, &parts))
    }

    /// Writes the zips, and says where they are.
    pub fn write(&self, packages: &Packages) -> Result<(), Trouble> {
        make_dir(&self.out)?;
        packages.write(&self.out)?;
        packages.files().iter().try_for_each(|(name, _)| say(self.out.join(name).display()))
    }
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let site = args.packing.site()?;
    let packages = args.packing.packages(&site)?;
    args.packing.write(&packages)?;
    for (name, zip) in packages.files() {
        tell(format_args!("{name}: {} bytes", zip.bytes.len()));
    }
    Ok(Exit::Done)
}

pub fn make_dir(dir: &Path) -> Result<(), Trouble> {
    std::fs::create_dir_all(dir).map_err(|error| Trouble::failed(format_args!("`{}`: {error}", dir.display())))
}
