"""The floor: hyper on one thread with bodies in memory, `crates/gateway/examples/bare_hyper.rs`. No server that does anything can cost less."""

from .peer import Peer


class BareHyper(Peer):
    name = "bare-hyper"
    title = "bare hyper (floor)"
    for_callgrind = True

    def version(self):
        return "hyper of Cargo.lock"

    def command(self, directory, plain, tls, wrapped):
        addresses = [f"127.0.0.1:{port}" for port in (plain, tls)]
        lab = self.lab
        return [self.options.bare_hyper, *addresses, lab.certificate, lab.certificate_key, lab.bodies_directory], {}
