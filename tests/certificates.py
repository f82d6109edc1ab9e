"""Certificates for the tests: of an authority of the tests' own, or of none."""

import datetime
import ipaddress
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

KEYS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
FORMATS = {
    "pkcs8": serialization.PrivateFormat.PKCS8,
    "traditional": serialization.PrivateFormat.TraditionalOpenSSL,  # PKCS#1 for RSA, SEC1 for curves
}


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def alternative(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def private_pem(key, form="pkcs8", passphrase=None):
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, FORMATS[form], lock)


class Authority:
    """Signs certificates. `pem` is what a client trusts."""

    def __init__(self, text="tests' authority", parent=None):
        self.key, self.subject = KEYS["p256"](), name(text)
        self.certificate = sign(self.subject, self.key.public_key(), parent or self, is_authority=True)
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, *hosts, key="p256", form="pkcs8", days=30, begins=-1):
        """A certificate for these hosts, and its key: two texts in PEM, and the certificate itself."""
        private = KEYS[key]()
        certificate = sign(name(hosts[0]), private.public_key(), self, hosts, days, begins)
        return certificate.public_bytes(serialization.Encoding.PEM), private_pem(private, form), certificate


def sign(subject, public, issuer, hosts=(), days=30, begins=-1, is_authority=False):
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=begins))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative(host) for host in hosts]), critical=False)
    return builder.sign(issuer.key, None if isinstance(issuer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def write(directory, stem, issued):
    """The files of what was issued; gives their paths."""
    chain, key, _ = issued
    files = directory / f"{stem}.pem", directory / f"{stem}.key"
    files[0].write_bytes(chain)
    files[1].write_bytes(key)
    return files


def context(authority, alpn=()):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.pem.decode())
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def connect(port, host, trusted, timeout=20):
    """A TLS connection to this machine, where `host` is asked for and verified."""
    plain = socket.create_connection(("127.0.0.1", port), timeout)
    try:
        return trusted.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def serial_of(connection):
    return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)).serial_number


def shown(port, host):
    """The certificate that a client is shown who asks for this host, or for none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 20) as plain, context.wrap_socket(plain, server_hostname=host) as connection:
        return serial_of(connection)
