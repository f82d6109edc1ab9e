//! TLS on our own listener: which certificate a client is shown, and how certificates are replaced while connections go on.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;
use crate::limits;
use crate::quic;

/// The certificates in use. A connection keeps what it began with.
pub struct Tls(ArcSwap<Served>);

struct Served {
    certificates: Vec<Arc<Certificate>>,
    acceptor: TlsAcceptor,
    quic: Arc<quinn::ServerConfig>,
}

impl Tls {
    /// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1. The first certificate is for clients that name no host, or an unknown one.
    pub fn open(certificates: Vec<Arc<Certificate>>) -> io::Result<Self> {
        Ok(Self(ArcSwap::from_pointee(serve(certificates)?)))
    }

    /// Connections that begin from now on see these. Whether anything changed.
    ///
    /// TLS sessions of before are not resumed under other certificates: whoever resumes is shown none, and would go on
    /// trusting one that was withdrawn. Under the same certificates they stay.
    pub fn replace(&self, certificates: Vec<Arc<Certificate>>) -> io::Result<bool> {
        let known = self.0.load();
        let same = known.certificates.len() == certificates.len()
            && known.certificates.iter().zip(&certificates).all(|(known, new)| known.is_same(new));
        if !same {
            self.0.store(Arc::new(serve(certificates)?));
        }
        Ok(!same)
    }

    pub fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.0.load().certificates.clone()
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.0.load().acceptor.clone()
    }

    /// The same certificates for QUIC.
    pub(crate) fn quic(&self) -> Arc<quinn::ServerConfig> {
        Arc::clone(&self.0.load().quic)
    }
}

fn serve(certificates: Vec<Arc<Certificate>>) -> io::Result<Served> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName::new(&certificates)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = ServerSessionMemoryCache::new(limits::TLS_SESSIONS);
    // No 0-RTT, in TLS and in QUIC: a request in it could be sent again by whoever saw it (RFC 8446 section 8).
    config.max_early_data_size = 0;
    let mut quic = config.clone();
    quic.alpn_protocols = vec![b"h3".to_vec()];
    quic.session_storage = ServerSessionMemoryCache::new(limits::TLS_SESSIONS);
    Ok(Served { certificates, acceptor: TlsAcceptor::from(Arc::new(config)), quic: quic::settings(quic)? })
}

/// Chooses by the name that the client asks for (SNI, RFC 6066 section 3).
#[derive(Debug)]
struct ByName {
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what stands behind `*.`.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
    all: Vec<Arc<CertifiedKey>>,
}

impl ByName {
    fn new(certificates: &[Arc<Certificate>]) -> Self {
        let (mut exact, mut wildcard) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for certificate in certificates {
            for name in &certificate.names {
                let (table, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut wildcard, parent),
                    None => (&mut exact, name.as_str()),
                };
                table.entry(name.to_owned()).or_default().push(Arc::clone(&certificate.served));
            }
        }
        let all = certificates.iter().map(|certificate| Arc::clone(&certificate.served)).collect();
        Self { exact, wildcard, all }
    }

    /// In the order of preference; never empty where there is a certificate at all.
    fn candidates(&self, name: Option<&str>) -> &[Arc<CertifiedKey>] {
        let name = name.map(str::to_ascii_lowercase).unwrap_or_default();
        let parent = name.split_once('.').map_or("", |(_, parent)| parent);
        self.exact.get(&name).or_else(|| self.wildcard.get(parent)).map_or(self.all.as_slice(), Vec::as_slice)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let candidates = self.candidates(hello.server_name());
        // Of two for the same name, the first whose kind of key the client knows.
        let known = candidates.iter().find(|served| served.key.choose_scheme(hello.signature_schemes()).is_some());
        known.or_else(|| candidates.first()).cloned()
    }
}
