//! An app on a real socket that answers in every way an app can.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hook::{HookSettings, HookUrl};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub enum Reply {
    /// 200 with this body.
    Says(&'static str),
    /// 200 with these header lines, each with its end, and this body.
    With(&'static str, &'static str),
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// The first bytes, then the others again and again at this pace.
    Drips(&'static [u8], &'static [u8], Duration),
    Hangs,
    /// Says this when the gate opens.
    Waits(watch::Receiver<bool>, &'static str),
}

pub struct Request {
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    /// Of its connection, from 1.
    pub number: usize,
}

impl Request {
    pub fn input(&self) -> Value {
        serde_json::from_slice::<Value>(&self.body).unwrap()["input"].take()
    }
}

pub struct App {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Arc<Request>>>>,
}

type Answers = dyn Fn(&Request) -> Reply + Send + Sync;

impl App {
    pub async fn start(answers: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = Self { address: listener.local_addr().unwrap(), connections: Arc::default(), seen: Arc::default() };
        let (seen, connections) = (app.seen.clone(), app.connections.clone());
        let answers: Arc<Answers> = Arc::new(answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, seen.clone(), answers.clone()));
            }
        });
        app
    }

    pub fn settings(&self, name: &str) -> HookSettings {
        let url = format!("http://{}/ask?code=7", self.address);
        HookSettings::new(name.to_owned(), HookUrl::parse(&url).unwrap())
    }

    pub fn asked(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn last(&self) -> Arc<Request> {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Arc<Request>>>>, answers: Arc<Answers>) {
    let mut stream = BufReader::new(stream);
    for number in 1.. {
        let Some(request) = read(&mut stream, number).await else {
            return;
        };
        let request = Arc::new(request);
        seen.lock().unwrap().push(request.clone());
        let mut says = async |headers: &str, body: &str| {
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{headers}\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).await
        };
        let written = match answers(&request) {
            Reply::Says(body) => says("", body).await,
            Reply::With(headers, body) => says(headers, body).await,
            Reply::Waits(mut gate, body) => {
                gate.wait_for(|open| *open).await.unwrap();
                says("", body).await
            }
            Reply::Raw(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Drips(first, drip, pace) => {
                let mut written = stream.write_all(first).await;
                while written.is_ok() {
                    tokio::time::sleep(pace).await;
                    written = stream.write_all(drip).await;
                }
                written
            }
            // Until the client goes.
            Reply::Hangs => stream.read_u8().await.map(drop),
        };
        if written.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>, number: usize) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let split = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<_, _> = lines.iter().skip(1).filter_map(split).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { line: lines.swap_remove(0), headers, body, number })
}
