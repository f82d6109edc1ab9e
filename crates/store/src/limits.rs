//! Every limit of the store, in one place, each with its reason.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// S3's own limit for one PUT, POST or part: larger objects need a multipart upload, which ends at 10,000 of these.
pub(crate) const OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// S3's limit for the parts of one upload. All rows of a completed object are read where it is.
pub(crate) const PARTS: u16 = 10_000;
/// S3's limit for every part but the last: a file each, and a row.
pub(crate) const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// An upload that began so long ago and was never completed is abandoned: its parts would take up the disk for ever. Longer
/// than a weekend, so that an interrupted upload of Friday can go on.
pub(crate) const UPLOAD_SECONDS: i64 = 7 * 86_400;
/// So long after an upload began, a repeated completion gets the answer of the first: a retry comes within minutes, and
/// an upload that takes days is repeated soon after its end too.
pub(crate) const COMPLETED_SECONDS: i64 = UPLOAD_SECONDS;
/// Between two looks for abandoned uploads.
pub(crate) const UPLOAD_SWEEP: Duration = Duration::from_hours(1);
/// S3's limit for a key, in bytes of UTF-8.
pub(crate) const KEY_BYTES: usize = 1024;
/// S3's limit for the names and values of `x-amz-meta-*` together.
pub(crate) const METADATA_BYTES: usize = 2 * KIB;
/// S3's limit for the tags of one object, which lie in its row.
pub(crate) const TAGS: usize = 10;
/// S3's limits for a tag's name and value, in characters.
pub(crate) const TAG_NAME: usize = 128;
pub(crate) const TAG_VALUE: usize = 256;
/// The buckets and their CORS rules are kept in memory.
pub(crate) const BUCKETS: usize = 1000;
/// S3's limit for the rules of one bucket: each request may look at them all.
pub(crate) const CORS_RULES: usize = 100;
/// S3's limit for one CORS configuration, kept in memory.
pub(crate) const CORS_BYTES: usize = 64 * KIB;
/// S3's limit for one page of a listing.
pub(crate) const LIST_PAGE: usize = 1000;
/// S3's limit for one `DeleteObjects`: it is one transaction.
pub(crate) const DELETE_BATCH: usize = 1000;
/// XML bodies are held in memory. A full `DeleteObjects` of the longest keys fits, and a completion of 10,000 parts with
/// their SHA-256.
pub(crate) const XML_BYTES: usize = 4 * MIB;
/// S3's limit for the life of a presigned URL: seven days.
pub(crate) const PRESIGN_SECONDS: u64 = 604_800;

/// A connection costs a descriptor and up to a header buffer and a chunk of memory.
pub(crate) const CONNECTIONS: usize = 1024;
/// Requests being answered at once, over all connections (HTTP/2 has many on one).
pub(crate) const REQUESTS: usize = 2048;
/// Streams of one HTTP/2 connection: browsers use a handful.
pub(crate) const HTTP2_STREAMS: u32 = 64;
/// Presigned URLs with a session token stay below 4 KiB, user metadata below 2 KiB.
pub(crate) const HEADER_BYTES: usize = 32 * KIB;
/// Browsers and SDKs send fewer than 40.
pub(crate) const HEADERS: usize = 128;
/// A head that takes longer comes from a broken client or from one that hoards connections.
pub(crate) const HEADER_TIME: Duration = Duration::from_secs(30);
/// No byte of a body in this time: the uploader is gone.
pub(crate) const BODY_STALL: Duration = Duration::from_mins(1);
/// No byte in either direction on a connection that waits for the peer.
pub(crate) const CONNECTION_STALL: Duration = Duration::from_mins(5);
/// Requests in flight may finish in this time once the store is told to stop.
pub(crate) const STOP_TIME: Duration = Duration::from_secs(10);
/// What is read and thrown away of a refused upload, so that the sender sees the refusal and not a reset.
pub(crate) const DRAIN_BYTES: usize = 256 * MIB;
/// The same, in time.
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(30);

/// Unit of reading and writing blobs, and the memory one transfer holds.
pub(crate) const CHUNK_BYTES: usize = 256 * KIB;
/// Bytes written between two syncs of one upload, so that the last one is short.
pub(crate) const UNSYNCED_BYTES: u64 = 64 * 1024 * 1024;
/// A signed `aws-chunked` chunk is held in memory until its signature is checked. SDKs send at most 1 MiB.
pub(crate) const SIGNED_CHUNK_BYTES: u64 = 16 * 1024 * 1024;
/// One line of `aws-chunked` framing.
pub(crate) const CHUNK_LINE_BYTES: usize = KIB;
/// Everything of a POST form before its file is held in memory. S3 allows 20 KB of fields.
pub(crate) const FORM_HEAD_BYTES: usize = 64 * KIB;
/// Fields of a POST form before its file: S3's own number about 20, plus metadata.
pub(crate) const FORM_FIELDS: usize = 100;
/// Idle reader connections kept open to the index.
pub(crate) const IDLE_READERS: usize = 8;
/// Tries to open an object that is replaced again and again under the reader.
pub(crate) const REPLACED_TRIES: usize = 16;
/// Between two looks at the file of keys: a removed key is refused soon, and a request does not wait for the disk.
pub(crate) const KEYS_LOOK: Duration = Duration::from_secs(1);
