//! Every limit of the listener and the pipeline, with its reason.

use std::time::Duration;

/// Connections open at one time; beyond it new ones are closed at once. A connection costs a few kilobytes while it rests
/// and a slice of a megabyte at most while a slow reader holds it.
pub const CONNECTIONS: usize = 20_000;

/// From a connection's falling idle to the last byte of its next request's head. It ends idle connections and those that
/// send their head a byte at a time alike.
pub const IDLE: Duration = Duration::from_secs(30);

/// A reader that takes no byte for this long is gone.
pub const WRITE_STALL: Duration = Duration::from_secs(30);

/// For a TLS handshake, which costs us more than the client.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// TLS sessions that can be resumed, of all workers together: some 300 bytes each. Whoever is forgotten shakes hands anew.
pub const TLS_SESSIONS: usize = 4096;

/// Reloads that wait for the one under way. Operators and their scripts send few; beyond it 503.
pub const WAITING_RELOADS: usize = 4;

/// The head of an HTTP/1.1 request: beyond it 431. Above the longest target that is told apart (414), so that it is.
pub const HEAD: usize = 96 << 10;

/// All header fields of an HTTP/2 request, decoded: CloudFront takes 20 KiB.
pub const HEADER_LIST: u32 = 32 << 10;

/// Streams of one HTTP/2 connection at one time.
pub const STREAMS: u32 = 128;

/// Bytes of an answer that wait in one HTTP/2 stream.
pub const SEND_BUFFER: usize = 256 << 10;

/// One HTTP/3 frame other than DATA: twice the header fields that we take, so that those a little too large are told so (431).
pub const FRAME: u64 = 64 << 10;

/// Requests of one HTTP/3 connection whose heads are being read at one time: each may hold a frame.
pub const HEADS: usize = 16;

/// One-way streams that a QUIC client may have open: HTTP/3 has three, and others are refused one by one.
pub const ONE_WAY_STREAMS: u32 = 8;

/// What a QUIC client may send ahead of our reading, on one stream and on all: bodies are small, files go to the bucket.
pub const QUIC_STREAM_WINDOW: u32 = 128 << 10;
pub const QUIC_WINDOW: u32 = 512 << 10;

/// Bytes that a QUIC connection has not acknowledged, or that wait for it: 20 MB/s at a round trip of 50 ms.
pub const QUIC_SEND_WINDOW: u64 = 1 << 20;

/// What is read from a QUIC stream, and written to one, at a time. The latter within `WRITE_STALL`, which is 2 KB/s.
pub const QUIC_READ: usize = 4 << 10;
pub const QUIC_PIECE: usize = 64 << 10;

/// From the last byte's being written to the client's having it: `QUIC_SEND_WINDOW` at 2 KB/s.
pub const LAST_BYTES: Duration = Duration::from_secs(600);

/// QUIC handshakes of one worker at one time: so many before a client has to show that its address is its own (Retry, RFC 9000
/// section 8.1.2), and so many before it is turned away.
pub const QUIC_UNPROVEN: usize = 64;
pub const QUIC_HANDSHAKES: usize = 512;

/// First packets that wait for the worker, and the bytes that clients may send behind them, each and together.
pub const QUIC_WAITING: usize = 256;
pub const QUIC_WAITING_BYTES: u64 = 16 << 10;
pub const QUIC_WAITING_BYTES_ALL: u64 = 1 << 20;

/// For the body of a request to our own endpoints.
pub const JSON_BODY_TIME: Duration = Duration::from_secs(10);

/// The memory of verified tokens: about 30,000 tokens of 600 bytes with their claims.
pub const TOKEN_MEMORY: u64 = 64 << 20;

/// Requests that are under way when the gateway is told to stop may go on for this long.
pub const DRAIN: Duration = Duration::from_secs(20);

/// What waits for the cache's disk when the gateway stops is written within this time, or not at all.
pub const DISK_CLOSE: Duration = Duration::from_secs(5);

/// Between two looks for abandoned uploads at one bucket: half of it to one and a half.
pub const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// From the start to the first look: also a gateway that is replaced every half hour looks.
pub const FIRST_SWEEP: Duration = Duration::from_secs(10);

/// What one look does at most: pages of 1,000 uploads that it reads, and uploads that it aborts.
pub const SWEEP_PAGES: u32 = 20;
pub const SWEEP_ABORTS: u64 = 1000;

/// The access log: lines gather this long before they are written, and so many blocks may wait for a slow disk or pipe.
pub const LOG_INTERVAL: Duration = Duration::from_millis(200);
pub const LOG_BLOCK: usize = 64 << 10;
pub const LOG_WAITING_BLOCKS: usize = 256;
