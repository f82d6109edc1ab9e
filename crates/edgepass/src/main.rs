//! The `edgepass` binary: reads the configuration, makes the parts and joins them. No rule of its own.

mod cli;
mod commands;
mod config;
mod dev_world;
mod gateway_parts;
mod stopping;
mod store_files;
mod trouble;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().run().into()
}
