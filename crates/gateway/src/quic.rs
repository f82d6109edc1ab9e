//! QUIC (RFC 9000) under HTTP/3: its sockets, its settings and bounds, and who is let in.
//!
//! Each worker has a socket of its own on the same port, and the system gives all packets from one address and port to one of
//! them. A client that moves to another address may so come to another worker, which does not know the connection and says so
//! (a stateless reset, with a key that all workers share): the client begins anew.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use http::HeaderValue;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, Incoming, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::http3;
use crate::limits;
use crate::listen::{Place, Worker, told_to_stop};
use crate::tls::Tls;

/// How long browsers remember that HTTP/3 is spoken here: a day, as RFC 7838 section 3.1 has it where nothing is said.
const REMEMBERED: u32 = 86_400;

/// HTTP/3 beside a listener on TCP.
pub struct Http3 {
    address: SocketAddr,
    /// Of the first worker; it holds the port from the start.
    socket: UdpSocket,
    endpoint: EndpointConfig,
    /// `Alt-Svc` for those who come by TCP.
    pub(crate) alternative: HeaderValue,
}

impl Http3 {
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let alternative = format!("h3=\":{}\"; ma={REMEMBERED}", address.port());
        Ok(Self {
            address,
            socket: bind(address)?,
            endpoint: EndpointConfig::default(),
            alternative: HeaderValue::try_from(alternative).map_err(io::Error::other)?,
        })
    }

    /// The endpoint of one worker, in whose runtime this is called.
    pub(crate) fn endpoint(&self, worker: usize, tls: &Tls) -> io::Result<Endpoint> {
        let socket = if worker == 0 { self.socket.try_clone()? } else { bind(self.address)? };
        let settings = Some(ServerConfig::clone(&tls.quic()));
        Endpoint::new(self.endpoint.clone(), settings, socket, Arc::new(TokioRuntime))
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// What clients may do, and what they are told of it.
pub fn settings(tls: rustls::ServerConfig) -> io::Result<Arc<ServerConfig>> {
    let tls = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(limits::STREAMS.into())
        .max_concurrent_uni_streams(limits::ONE_WAY_STREAMS.into())
        .stream_receive_window(limits::QUIC_STREAM_WINDOW.into())
        .receive_window(limits::QUIC_WINDOW.into())
        .send_window(limits::QUIC_SEND_WINDOW)
        .max_idle_timeout(Some(IdleTimeout::try_from(limits::IDLE).map_err(io::Error::other)?))
        // HTTP/3 here has no use for datagrams (RFC 9221).
        .datagram_receive_buffer_size(None);
    let mut settings = ServerConfig::with_crypto(Arc::new(tls));
    settings
        .transport_config(Arc::new(transport))
        .max_incoming(limits::QUIC_WAITING)
        .incoming_buffer_size(limits::QUIC_WAITING_BYTES)
        .incoming_buffer_size_total(limits::QUIC_WAITING_BYTES_ALL);
    Ok(Arc::new(settings))
}

/// Lets connections in until told to stop, and lets their requests end within a bound.
pub async fn accept(mut worker: Worker, endpoint: Endpoint, tls: Arc<Tls>) {
    let mut handshakes = JoinSet::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                let Some(incoming) = admitted(incoming, handshakes.len()) else { continue };
                let Some(place) = Place::take(&worker.open, &worker.live.load().metrics) else {
                    incoming.refuse();
                    continue;
                };
                let settings = tls.quic();
                handshakes.spawn(async move { handshake(incoming, settings).await.map(|connection| (connection, place)) });
            }
            Some(shaken) = handshakes.join_next() => match shaken {
                Ok(Some((connection, place))) => {
                    let serving = http3::serve(connection, Arc::clone(&worker.live), worker.stop.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Ok(None) | Err(_) => {
                    worker.live.load().metrics.failed_handshakes.inc();
                }
            },
            Some(_) = connections.join_next() => {}
            () = told_to_stop(&mut worker.stop) => break,
        }
    }
    endpoint.set_server_config(None);
    drop(handshakes);
    let deadline = Instant::now() + limits::DRAIN;
    while let Ok(Some(_)) = timeout_at(deadline, connections.join_next()).await {}
    drop(connections);
    endpoint.close(VarInt::from_u32(0), b"");
    // So that the clients hear of it.
    let _ = timeout_at(deadline, endpoint.wait_idle()).await;
}

/// Whoever may shake hands now. Under load, a client first shows that it receives what is sent to its address.
fn admitted(incoming: Incoming, handshakes: usize) -> Option<Incoming> {
    if handshakes >= limits::QUIC_HANDSHAKES {
        incoming.refuse();
        return None;
    }
    if handshakes >= limits::QUIC_UNPROVEN && !incoming.remote_address_validated() && incoming.may_retry() {
        let _ = incoming.retry(); // an error means that it may not, which was asked
        return None;
    }
    Some(incoming)
}

async fn handshake(incoming: Incoming, settings: Arc<ServerConfig>) -> Option<quinn::Connection> {
    let connecting = incoming.accept_with(settings).ok()?;
    timeout(limits::HANDSHAKE, connecting).await.ok()?.ok()
}
