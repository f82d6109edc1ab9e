//! `[listen]` and `[tls]`: addresses, and files that fit together.

use std::net::SocketAddr;
use std::path::Path;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::faults::{Faults, Mistake, Place};
use super::files::{file_mistake, path_in};
use super::section::{Node, Section};
use super::settings::Tls;

/// `[listen]` as it was typed.
#[derive(Default)]
pub struct Typed {
    /// Where `https` stands, understood or not.
    pub https_place: Option<Place>,
    pub https: Option<(Place, SocketAddr)>,
    pub http: Option<(Place, SocketAddr)>,
    pub admin: Option<(Place, SocketAddr)>,
    /// `tls = "terminated"`: somebody in front has terminated TLS.
    pub terminated: Option<Place>,
}

pub fn read(mut section: Section<'_>, faults: &mut Faults) -> Typed {
    let mut address = |key, faults: &mut Faults| {
        let node = section.get(key)?;
        Some((node.place, node.parse("an address such as \"0.0.0.0:443\"", faults, address)?))
    };
    let mut typed = Typed {
        https_place: None,
        https: address("https", faults),
        http: address("http", faults),
        admin: address("admin", faults),
        terminated: None,
    };
    typed.https_place = section.has("https").then(|| section.place_of_value("https"));
    if let Some(node) = section.get("tls") {
        let wanted = "\"terminated\"";
        typed.terminated = node
            .parse(wanted, faults, |text| match text {
                "terminated" => Ok(()),
                other => Err(Mistake::new(format!("`{other}` where {wanted} is wanted"))
                    .hint("leave `tls` out, or say that somebody in front has terminated TLS")),
            })
            .map(|()| node.place);
    }
    let all = [typed.https, typed.http, typed.admin];
    for (number, (place, address)) in all.iter().enumerate().filter_map(|(number, entry)| Some((number, (*entry)?))) {
        let taken = all.iter().take(number).flatten().any(|(_, other)| *other == address && address.port() != 0);
        if taken {
            faults.add(place, Mistake::new(format!("a second listener on `{address}`")));
        }
    }
    if !section.has("https") && !section.has("http") {
        let mistake = Mistake::new("neither `https` nor `http` is there").hint("add `https = \"0.0.0.0:443\"`");
        faults.missing(section.place, "https", mistake);
    }
    section.close(faults);
    typed
}

fn address(text: &str) -> Result<SocketAddr, Mistake> {
    text.parse().map_err(|_| {
        let mistake = Mistake::new(format!("`{text}` is not an address and a port"));
        match text.rsplit_once(':') {
            Some(("" | "*", port)) => mistake.hint(format!("write \"0.0.0.0:{port}\" or \"[::]:{port}\"")),
            Some(("localhost", port)) => mistake.hint(format!("write \"127.0.0.1:{port}\"")),
            _ => mistake.hint("write the address as numbers: \"127.0.0.1:8080\" or \"[::]:443\""),
        }
    })
}

/// `[tls]`: both files are read, and the key must be the certificate's.
pub fn read_tls(mut section: Section<'_>, dir: &Path, faults: &mut Faults) -> Option<Tls> {
    let hint = "name PEM files: `certificate = \"files.pem\"`, `key = \"files.key\"`";
    let certificate = section.require("certificate", hint, faults);
    let key = section.require("key", hint, faults);
    section.close(faults);
    let certificate = pem(certificate, dir, faults);
    let key = pem(key, dir, faults);
    let (certificate_node, certificate, chain) = certificate?;
    let (key_node, key, key_text) = key?;

    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(&chain).flatten().collect();
    if chain.is_empty() {
        faults
            .add(certificate_node.place, Mistake::new(format!("`{}` holds no PEM certificate", certificate.display())));
    }
    let private = PrivateKeyDer::from_pem_slice(&key_text);
    if private.is_err() {
        faults.add(key_node.place, Mistake::new(format!("`{}` holds no PEM private key", key.display())));
    }
    if let Ok(private) = private
        && !chain.is_empty()
        && let Err(error) = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
    {
        let message = match error {
            rustls::Error::InconsistentKeys(_) => "the key is not the certificate's".to_owned(),
            other => format!("the certificate or its key cannot be used: {other}"),
        };
        faults.add(key_node.place, Mistake::new(message));
    }
    Some(Tls { certificate, key })
}

fn pem<'t>(node: Option<Node<'t>>, dir: &Path, faults: &mut Faults) -> Option<(Node<'t>, std::path::PathBuf, Vec<u8>)> {
    let node = node?;
    let path = node.parse("a path", faults, |text| Ok(path_in(dir, text)))?;
    let bytes = faults.keep(node.place, keys::read_file(&path).map_err(|error| file_mistake(&error)))?;
    Some((node, path, bytes))
}
