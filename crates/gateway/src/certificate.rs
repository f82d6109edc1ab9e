//! A certificate with its chain and its private key, as they are read from PEM files, and what can be wrong with them.
//!
//! It looks at no clock: whether a certificate has expired is for whoever tells people about it.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A private key, the certificate that it belongs to, and the certificates that issued it, in order (RFC 8446 section 4.4.2).
pub struct Certificate {
    /// As the configuration names it; the metrics do too.
    pub file: PathBuf,
    pub(crate) served: Arc<CertifiedKey>,
    /// Lower-case; a first label `*` stands for any one label (RFC 9525 section 6.3).
    pub names: Vec<String>,
    pub addresses: Vec<IpAddr>,
    /// Seconds since 1970.
    pub begins: i64,
    /// Seconds since 1970.
    pub expires: i64,
    /// It stands alone in its file and did not issue itself: clients may lack what is between it and a root.
    pub lacks_issuer: bool,
}

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Certificate,
    Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// Neither `-----BEGIN CERTIFICATE-----` nor anything else that counts.
    NoCertificate,
    NoKey,
    /// A passphrase would have to be typed at every start.
    EncryptedKey,
    BrokenPem(Side, String),
    /// The number of the certificate in its file, from 1.
    NotX509(usize, String),
    OtherKey,
    /// The key is that of a later certificate in the file, from 1.
    KeyOfLater(usize),
    /// This certificate did not issue the one before it; from 1.
    ChainOrder(usize),
    Unusable(String),
}

type X509 = CertificateInner<Raw>;

impl Certificate {
    pub fn read(file: &Path, chain: &[u8], key: &[u8]) -> Result<Self, CertificateFault> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| CertificateFault::BrokenPem(Side::Certificate, error.to_string()))?;
        let parsed = parse(&chain)?;
        let leaf = parsed.first().ok_or(CertificateFault::NoCertificate)?;
        check_order(&parsed)?;
        let key = private_key(key)?;
        let unusable = |error: rustls::Error| CertificateFault::Unusable(error.to_string());
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = provider.key_provider.load_private_key(key).map_err(unusable)?;
        let public = key.public_key().map(|public| public.to_vec());
        let served = CertifiedKey::new(chain, key);
        match served.keys_match() {
            Ok(()) => {}
            Err(rustls::Error::InconsistentKeys(_)) => return Err(other_key(&parsed, public.as_deref())),
            Err(error) => return Err(unusable(error)),
        }
        let (names, addresses) = names(leaf);
        let tbs = leaf.tbs_certificate();
        let seconds =
            |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Ok(Self {
            file: file.to_owned(),
            names,
            addresses,
            begins: seconds(tbs.validity().not_before),
            expires: seconds(tbs.validity().not_after),
            lacks_issuer: parsed.len() == 1 && tbs.issuer() != tbs.subject(),
            served: Arc::new(served),
        })
    }

    /// Whether a client that asks for this host takes the certificate, as far as names go. Host: lower-case, an address
    /// without brackets.
    pub fn covers(&self, host: &str) -> bool {
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.addresses.contains(&address);
        }
        let wildcard = host.split_once('.').map(|(_, parent)| parent);
        self.names
            .iter()
            .any(|name| name == host || (name.strip_prefix("*.").is_some() && name.strip_prefix("*.") == wildcard))
    }

    /// Whether both are the same certificates: then the key is the same too, since it is the first one's.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.served.cert == other.served.cert
    }
}

/// The key itself is never shown.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("file", &self.file).field("names", &self.names).finish_non_exhaustive()
    }
}

fn parse(chain: &[CertificateDer<'_>]) -> Result<Vec<X509>, CertificateFault> {
    let numbered = chain.iter().enumerate();
    numbered
        .map(|(at, der)| X509::from_der(der).map_err(|error| CertificateFault::NotX509(at + 1, error.to_string())))
        .collect()
}

/// Each certificate is followed by its issuer's.
fn check_order(chain: &[X509]) -> Result<(), CertificateFault> {
    let pairs = chain.iter().zip(chain.iter().skip(1)).enumerate();
    for (at, (certificate, next)) in pairs {
        if certificate.tbs_certificate().issuer() != next.tbs_certificate().subject() {
            return Err(CertificateFault::ChainOrder(at + 2));
        }
    }
    Ok(())
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateFault> {
    let has = |words: &[u8]| pem.windows(words.len()).any(|window| window == words);
    if has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED") {
        return Err(CertificateFault::EncryptedKey);
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        PemError::NoItemsFound => CertificateFault::NoKey,
        other => CertificateFault::BrokenPem(Side::Key, other.to_string()),
    })
}

fn other_key(chain: &[X509], public: Option<&[u8]>) -> CertificateFault {
    let is_its = |certificate: &X509| {
        let own = certificate.tbs_certificate().subject_public_key_info().to_der().ok();
        own.is_some() && own.as_deref() == public
    };
    match chain.iter().position(is_its) {
        Some(at) if at > 0 => CertificateFault::KeyOfLater(at + 1),
        _ => CertificateFault::OtherKey,
    }
}

/// The subject's names; its common name counts for nothing (RFC 9525 section 2).
fn names(leaf: &X509) -> (Vec<String>, Vec<IpAddr>) {
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    let Ok(Some((_, SubjectAltName(list)))) = leaf.tbs_certificate().get_extension::<SubjectAltName>() else {
        return (names, addresses);
    };
    for name in list {
        match name {
            GeneralName::DnsName(name) => names.push(name.as_str().to_ascii_lowercase()),
            GeneralName::IpAddress(bytes) => {
                let bytes = bytes.as_bytes();
                let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
                addresses.extend(four.or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok()));
            }
            _ => {}
        }
    }
    (names, addresses)
}

impl CertificateFault {
    /// The file that it is about, or is shown at.
    pub fn side(&self) -> Side {
        match self {
            Self::NoCertificate | Self::NotX509(..) | Self::ChainOrder(_) => Side::Certificate,
            Self::BrokenPem(side, _) => *side,
            Self::NoKey | Self::EncryptedKey | Self::OtherKey | Self::KeyOfLater(_) | Self::Unusable(_) => Side::Key,
        }
    }

    /// In words, about these files.
    pub fn message(&self, certificate: &Path, key: &Path) -> String {
        let (certificate, key) = (certificate.display(), key.display());
        match self {
            Self::NoCertificate => format!("`{certificate}` holds no PEM certificate"),
            Self::NoKey => format!("`{key}` holds no PEM private key"),
            Self::EncryptedKey => format!("`{key}` is protected by a passphrase"),
            Self::BrokenPem(Side::Certificate, error) => format!("`{certificate}` is broken PEM: {error}"),
            Self::BrokenPem(Side::Key, error) => format!("`{key}` is broken PEM: {error}"),
            Self::NotX509(number, error) => format!("`{certificate}`: certificate {number} cannot be read: {error}"),
            Self::OtherKey => "the key is not the certificate's".to_owned(),
            Self::KeyOfLater(number) => {
                format!("the key is that of certificate {number} in `{certificate}`, and the site's own stands first")
            }
            Self::ChainOrder(number) => {
                let before = number - 1;
                format!(
                    "`{certificate}`: certificate {number} did not issue certificate {before}, which stands before it"
                )
            }
            Self::Unusable(error) => format!("the certificate or its key cannot be used: {error}"),
        }
    }

    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::EncryptedKey => {
                Some("nobody is there to type it: `openssl pkey -in old.key -out new.key`, and mode 0600")
            }
            Self::ChainOrder(_) | Self::KeyOfLater(_) => {
                Some("the site's own certificate stands first, then the one that issued it, and so on")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: &[&str], addresses: &[&str]) -> Certificate {
        let chain = include_bytes!("../../edgepass/tests/data/files.pem");
        let key = include_bytes!("../../edgepass/tests/data/files.key");
        let read = Certificate::read(Path::new("files.pem"), chain, key).unwrap();
        Certificate {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            ..read
        }
    }

    #[test]
    fn what_a_file_says() {
        let chain = include_bytes!("../../edgepass/tests/data/files.pem");
        let key = include_bytes!("../../edgepass/tests/data/files.key");
        let other = include_bytes!("../../edgepass/tests/data/other.key");
        let read = Certificate::read(Path::new("files.pem"), chain, key).unwrap();
        assert_eq!(read.names, ["files.example.com"]);
        assert!(read.begins < read.expires && !read.lacks_issuer);
        assert!(!format!("{read:?}").contains("PRIVATE"));
        let fault = |chain: &[u8], key: &[u8]| Certificate::read(Path::new("files.pem"), chain, key).unwrap_err();
        assert_eq!(fault(chain, other), CertificateFault::OtherKey);
        assert_eq!(fault(b"", key), CertificateFault::NoCertificate);
        assert_eq!(fault(chain, chain), CertificateFault::NoKey);
        assert_eq!(fault(chain, b"-----BEGIN ENCRYPTED PRIVATE KEY-----"), CertificateFault::EncryptedKey);
    }

    #[test]
    fn names() {
        let certificate = certificate(&["a.example", "*.b.example"], &["192.0.2.1", "2001:db8::1"]);
        for (host, covered) in [
            ("a.example", true),
            ("x.a.example", false),
            ("example", false),
            ("x.b.example", true),
            ("y.x.b.example", false),
            ("b.example", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("2001:db8::1", true),
            ("", false),
        ] {
            assert_eq!(certificate.covers(host), covered, "{host}");
        }
    }
}
