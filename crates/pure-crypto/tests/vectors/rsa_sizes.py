"""Makes rsa_sizes.json: signatures under RSA keys of odd lengths and exponents, right ones and ones with a single fault.

    python3 rsa_sizes.py >rsa_sizes.json        needs `cryptography`; some minutes

Keys are drawn anew each time. Only arithmetic and RFC 8017, so that no verifier is asked about itself.
"""

import base64
import hashlib
import json
import math
import secrets

from cryptography.hazmat.primitives.asymmetric import rsa

MESSAGE = b"eyJhbGciOiJQUzI1NiJ9.e30"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def is_prime(number):
    if any(number % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(24):
        power = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def draw(bits, exponent):
    """Modulus and private exponent."""
    if bits >= 4096:  # by a faster library; only the usual exponents
        numbers = rsa.generate_private_key(exponent, bits).private_numbers()
        return numbers.public_numbers.n, numbers.d
    while True:
        primes = []
        while len(primes) < 2:
            prime = secrets.randbits((bits + 1) // 2) | 1 << ((bits + 1) // 2 - 1) | 1
            if math.gcd(prime - 1, exponent) == 1 and prime not in primes and is_prime(prime):
                primes.append(prime)
        modulus = primes[0] * primes[1]
        if modulus.bit_length() == bits:
            return modulus, pow(exponent, -1, (primes[0] - 1) * (primes[1] - 1))


def mgf1(hash_, seed, length):
    blocks = (hash_(seed + counter.to_bytes(4, "big")).digest() for counter in range(length))
    mask = b""
    while len(mask) < length:
        mask += next(blocks)
    return mask[:length]


def pss(hash_, bits, *, salt_length=None, trailer=0xBC, one=1, zero=0, high=0, hash_prefix=bytes(8)):
    """EMSA-PSS-ENCODE (RFC 8017 section 9.1.1) for a modulus of these bits, as a number."""
    digest = hash_(MESSAGE).digest()
    salt = secrets.token_bytes(len(digest) if salt_length is None else salt_length)
    length = (bits - 1 + 7) // 8
    made = hash_(hash_prefix + digest + salt).digest()
    block = bytearray(length - len(made) - len(salt) - 2) + bytes([one]) + salt
    if zero:
        block[len(block) // 3] = zero
    masked = bytearray(a ^ b for a, b in zip(block, mgf1(hash_, made, len(block))))
    unused = 8 * length - (bits - 1)
    masked[0] &= 0xFF >> unused
    if high:
        masked[0] |= 1 << (8 - unused)
    return int.from_bytes(bytes(masked) + made + bytes([trailer]), "big")


def pkcs1(bits, *, null=True, block=1, short=0, behind=b""):
    """EMSA-PKCS1-v1_5 with SHA-256 (section 9.2), as a number."""
    algorithm = bytes.fromhex("300d0609608648016503040201" + "0500" if null else "300b0609608648016503040201")
    digest = hashlib.sha256(MESSAGE).digest()
    info = algorithm + b"\x04\x20" + digest
    info = bytes([0x30, len(info)]) + info + behind
    length = (bits + 7) // 8
    return int.from_bytes(bytes([0, block]) + b"\xff" * (length - 3 - len(info) - short) + bytes(1 + short) + info, "big")


def cases(bits, exponent):
    modulus, private = draw(bits, exponent)
    length = (bits + 7) // 8
    rows = []

    def add(algorithm, what, valid, encoded, change=lambda signature: signature, size=length):
        if encoded >= modulus:
            return
        number = change(pow(encoded, private, modulus))
        if number.bit_length() <= size * 8:
            rows.append([algorithm, what, valid, b64(number.to_bytes(size, "big"))])

    sha256, sha512 = hashlib.sha256, hashlib.sha512
    add("PS256", "right", True, pss(sha256, bits))
    add("PS512", "right", True, pss(sha512, bits))
    add("PS256", "no salt", False, pss(sha256, bits, salt_length=0))
    add("PS256", "salt a byte short", False, pss(sha256, bits, salt_length=31))
    add("PS256", "salt a byte long", False, pss(sha256, bits, salt_length=33))
    add("PS256", "another trailer", False, pss(sha256, bits, trailer=0xCC))
    add("PS256", "no 0x01 before the salt", False, pss(sha256, bits, one=2))
    add("PS256", "padding that is not zero", False, pss(sha256, bits, zero=1))
    add("PS256", "another prefix of the hash", False, pss(sha256, bits, hash_prefix=bytes(7) + b"\x01"))
    add("PS256", "the signature and the modulus", False, pss(sha256, bits), lambda number: number + modulus)
    add("PS256", "a zero byte in front", False, pss(sha256, bits), size=length + 1)
    if bits < 4096:  # one of 256 where the modulus has a full first byte
        while pow(encoded := pss(sha256, bits), private, modulus).bit_length() > (length - 1) * 8:
            pass
        add("PS256", "a leading zero", True, encoded)
        add("PS256", "the leading zero left out", False, encoded, size=length - 1)
    for _ in range(40):  # many are above the modulus
        add("PS256", "a bit above the encoded message", False, pss(sha256, bits, high=1))
        if len(rows) > 15:
            break
    add("RS256", "right", True, pkcs1(bits))
    add("RS256", "no NULL", False, pkcs1(bits, null=False))
    add("RS256", "block type 2", False, pkcs1(bits, block=2))
    add("RS256", "padding cut short", False, pkcs1(bits, short=1))
    add("RS256", "a byte behind the hash", False, pkcs1(bits, behind=b"\0"))
    add("RS256", "the signature and the modulus", False, pkcs1(bits), lambda number: number + modulus)
    for number, what in ((0, "0"), (1, "1"), (modulus - 1, "the modulus less 1"), (modulus, "the modulus")):
        for algorithm in ("RS256", "PS256"):
            rows.append([algorithm, what, False, b64(number.to_bytes(length, "big"))])
    return described(bits, modulus, exponent, rows)


def described(bits, modulus, exponent, rows):
    numbers = {"n": modulus, "e": exponent}
    return {"bits": bits, **{name: b64(number.to_bytes((number.bit_length() + 7) // 8, "big")) for name, number in numbers.items()}, "signatures": rows}


KEYS = [(2048, 3), (2048, 2**32 + 15), (2048, 2**33 - 9), (2049, 65537), (2050, 65537), (2055, 17), (2056, 65537), (2057, 65537), (8192, 65537)]
# Keys that are no whole bytes are refused when they are made: nothing is signed with them.
keys = [cases(bits, exponent) if bits % 8 == 0 else described(bits, draw(bits, exponent)[0], exponent, []) for bits, exponent in KEYS]
print(json.dumps({"message": MESSAGE.decode(), "keys": keys}, indent=0))
