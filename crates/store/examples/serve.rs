//! A store on a directory and a port, for trying out clients: `serve DIR ADDR BUCKET`, keys `AK` and `SK`.

use std::io::{Error, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut arg = || args.next().ok_or_else(|| Error::other("usage: serve DIR ADDR BUCKET"));
    let (dir, addr, bucket) = (arg()?, arg()?, arg()?);
    let settings = store::Settings {
        dir: dir.into(),
        region: "us-east-1".into(),
        access_key: "AK".into(),
        secret_key: "SK".into(),
    };
    let store = store::Store::open(settings).map_err(Error::other)?;
    let rule = store::CorsRule {
        allowed_origins: vec!["http://app.localhost".into()],
        allowed_methods: ["GET", "HEAD", "PUT", "POST"].map(String::from).into(),
        allowed_headers: vec!["*".into()],
        expose_headers: vec!["ETag".into(), "Location".into()],
        max_age_seconds: Some(7200),
        ..store::CorsRule::default()
    };
    store.ensure_bucket(&bucket, &[rule]).map_err(Error::other)?;
    let listener = tokio::net::TcpListener::bind(addr).await?;
    println!("ready on {}", listener.local_addr()?);
    store.serve(listener, async { drop(tokio::signal::ctrl_c().await) }).await
}
