//! One file a command, with its arguments and a `run`.

mod admin;
pub mod aws;
pub mod check;
mod check_live;
pub mod dev;
pub mod explain;
mod explain_text;
pub mod keys;
pub mod reload;
pub mod revoke;
pub mod schema;
pub mod serve;
pub mod store;
pub mod token;
mod token_inspect;
mod token_mint;

use std::net::TcpListener;

use tokio::runtime::{Builder, Runtime};

use crate::trouble::Trouble;

/// What goes on beside the requests: fetches, keys, the store and the app of `dev`.
fn runtime() -> Result<Runtime, Trouble> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Trouble::failed(format_args!("cannot start: {error}")))
}

/// A bound socket for the current runtime.
fn into_tokio(socket: TcpListener) -> Result<tokio::net::TcpListener, Trouble> {
    socket.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(socket)).map_err(Trouble::failed)
}
