//! `[listen]`: addresses.

use std::net::SocketAddr;

use super::faults::{Faults, Mistake, Place};
use super::section::Section;

/// `[listen]` as it was typed.
#[derive(Default)]
pub struct Typed {
    /// Where `https` stands, understood or not.
    pub https_place: Option<Place>,
    pub https: Option<(Place, SocketAddr)>,
    /// HTTP/3 beside `https`.
    pub http3: Option<(Place, bool)>,
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
        http3: None,
        http: address("http", faults),
        admin: address("admin", faults),
        terminated: None,
    };
    typed.https_place = section.has("https").then(|| section.place_of_value("https"));
    if let Some(node) = section.get("http3") {
        let place = node.place;
        typed.http3 = node.boolean(faults).map(|wanted| (place, wanted));
    }
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
