//! `edgepass store key`: pairs of keys beside the first one.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use store::{Access, StoredKey};

use crate::cli::Exit;
use crate::store_files::{new_access_key, new_secret_key};
use crate::trouble::{Trouble, say};

/// Pairs of keys beside the first one; a running store takes a change up within a second
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a pair, and print it
    New {
        /// The store's directory
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// For GET and HEAD alone
        #[arg(long)]
        read_only: bool,
        /// For this bucket alone
        #[arg(long, value_name = "NAME")]
        bucket: Option<String>,
    },
    /// List the access keys, with what they may
    List {
        /// The store's directory
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
    /// Remove a pair
    Remove {
        /// The store's directory
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The access key of the pair
        #[arg(value_name = "ACCESS_KEY")]
        access_key: String,
    },
}

pub fn run(command: &Command) -> Result<Exit, Trouble> {
    match command {
        Command::New { dir, read_only, bucket } => {
            let access = if *read_only { Access::ReadOnly } else { Access::ReadWrite };
            let key = StoredKey {
                access_key: new_access_key(),
                secret: new_secret_key().into(),
                access,
                bucket: bucket.clone(),
            };
            let (access_key, secret) = (key.access_key.clone(), key.secret.clone());
            store::add_key(there(dir)?, key).map_err(Trouble::failed)?;
            say(format_args!("AWS_ACCESS_KEY_ID={access_key}"))?;
            say(format_args!("AWS_SECRET_ACCESS_KEY={}", secret.expose_secret()))?;
        }
        Command::List { dir } => {
            for key in store::keys(there(dir)?).map_err(Trouble::failed)? {
                let bucket = key.bucket.unwrap_or_else(|| "all buckets".to_owned());
                say(format_args!("{} {} {bucket}", key.access_key, key.access.name()))?;
            }
        }
        Command::Remove { dir, access_key } => {
            store::remove_key(there(dir)?, access_key).map_err(Trouble::failed)?;
        }
    }
    Ok(Exit::Done)
}

fn there(dir: &Path) -> Result<&Path, Trouble> {
    if dir.join("index.sqlite").exists() {
        return Ok(dir);
    }
    Err(Trouble::failed(format_args!("`{}` is not the directory of a store", dir.display())))
}
