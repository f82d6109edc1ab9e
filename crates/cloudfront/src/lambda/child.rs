//! A function's process, and what makes sure that it does not outlive us.
//!
//! Each has a process group of its own, and beside it a shell that waits for its standard input to end: that input is a pipe
//! of ours, so it ends when we drop it, and also when we are killed. Then the shell kills the group.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::lambda::Launch;
use crate::limits;
use crate::settings::FunctionOutput;

pub struct Process {
    child: Child,
    watch: Child,
}

impl Process {
    pub fn start(launch: &Launch, api: SocketAddr, output: &FunctionOutput) -> io::Result<Self> {
        let mut child = Command::new(&launch.program)
            .args(&launch.arguments)
            .current_dir(&launch.directory)
            .env_clear()
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let number = child.id().ok_or_else(|| io::Error::other("the process ended at once"))?;
        let watch = Command::new("/bin/sh")
            .args(["-c", "read -r _; kill -s KILL -- \"-$0\"", &number.to_string()])
            .env_clear()
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(lines(stdout, launch.id.clone(), Arc::clone(output)));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(lines(stderr, launch.id.clone(), Arc::clone(output)));
        }
        Ok(Self { child, watch })
    }

    /// Returns when the process has ended by itself.
    pub async fn ended(&mut self) {
        let _ = self.child.wait().await;
    }

    /// Kills it with all that it has started.
    pub async fn kill(mut self) {
        if self.child.id().is_some() {
            // The process is not reaped before the shell is done, so that its number is still its own.
            drop(self.watch.stdin.take());
            let _ = self.watch.wait().await;
            let _ = self.child.kill().await;
        } else {
            let _ = self.watch.kill().await;
        }
    }
}

async fn lines(stream: impl AsyncRead + Unpin, id: String, output: FunctionOutput) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(limits::LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => output(&id, String::from_utf8_lossy(&line).trim_end()),
        }
    }
}
