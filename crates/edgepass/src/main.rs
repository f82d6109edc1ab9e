//! The `edgepass` binary: reads the configuration, makes the parts and joins them. No rule of its own.

mod aws_packages;
mod aws_parts;
mod cli;
mod commands;
mod config;
mod dev_world;
mod gateway_parts;
mod key_news;
mod reload;
mod state;
mod stopping;
mod store_files;
mod trouble;
mod watch;

use std::process::ExitCode;

use clap::Parser;

/// Small short-lived blocks on many threads are most of what a request asks of memory (docs/decisions/mimalloc.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::Cli::parse().run().into()
}
