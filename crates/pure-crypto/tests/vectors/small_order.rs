//! Ed25519 where libraries differ: points of small order, encodings that are not reduced, s above the order. The rule, which both
//! keep, is RFC 8032 section 5.1.7 without the cofactor, R compared as bytes (docs/decisions/pure-rust-verification.md).

use authorizer::{Algorithm, Key, KeyFault, Material, Signatures};
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest, Sha512};

use crate::both::Both;

fn wide(parts: &[&[u8]]) -> Scalar {
    let hash = parts.iter().fold(Sha512::new(), Digest::chain_update).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// The signature that a key's owner makes with this R.
fn signed(secret: Scalar, public: &[u8; 32], nonce: Scalar, r: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let s = nonce + wide(&[r, public, message]) * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

fn key(public: [u8; 32]) -> Result<Key, KeyFault> {
    Key::new(None, Algorithm::EdDsa, Material::Ed25519(public))
}

#[test]
fn components_of_small_order_count() {
    let secret = wide(&[b"secret"]);
    let (mut accepted, mut small) = (0, 0);
    for in_key in EIGHT_TORSION {
        let public = (EdwardsPoint::mul_base(&secret) + in_key).compress().to_bytes();
        let verifier = key(public).unwrap();
        for nonce in [Scalar::ZERO, wide(&[b"nonce"])] {
            for in_r in EIGHT_TORSION {
                let r = (EdwardsPoint::mul_base(&nonce) + in_r).compress().to_bytes();
                for message in 0..8_u8 {
                    let signature = signed(secret, &public, nonce, &r, &[message]);
                    // s B - k A leaves the small part of -k A, which must be that of R: no cofactor clears it away.
                    let expected = in_r == -(in_key * wide(&[&r, &public, &[message]]));
                    assert_eq!(Both.verify(&verifier, &[message], &signature), expected);
                    accepted += usize::from(expected);
                    small += usize::from(expected && nonce == Scalar::ZERO);
                }
            }
        }
    }
    println!(
        "Ed25519 with components of small order: 1024 signatures, {accepted} accepted, {small} with R of small order"
    );
    assert!((1..1024).contains(&small) && small < accepted);
}

#[test]
fn encodings_are_canonical() {
    let secret = wide(&[b"secret"]);
    let public = EdwardsPoint::mul_base(&secret).compress().to_bytes();
    let verifier = key(public).unwrap();
    let point = |first: u8, rest: u8, last: u8| {
        let mut point = [rest; 32];
        (point[0], point[31]) = (first, last);
        point
    };
    let identity = point(1, 0, 0);
    let right = signed(secret, &public, Scalar::ZERO, &identity, b"message");
    assert!(Both.verify(&verifier, b"message", &right));
    // The identity with the sign of x set, as p + 1, and as both.
    for r in [point(1, 0, 0x80), point(0xee, 0xff, 0x7f), point(0xee, 0xff, 0xff)] {
        assert!(!Both.verify(&verifier, b"message", &signed(secret, &public, Scalar::ZERO, &r, b"message")));
    }
    // s and 1 to 15 times the order, as far as it fits in 32 bytes.
    let order: [u16; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut more = right;
    for _ in 1..16 {
        let mut carry = 0_u16;
        for (byte, added) in more[32..].iter_mut().zip(order) {
            carry += u16::from(*byte) + added;
            (*byte, carry) = (carry.to_le_bytes()[0], carry >> 8);
        }
        if carry == 0 {
            assert!(!Both.verify(&verifier, b"message", &more));
        }
    }
    // Each of the three bits above the order's length.
    for bit in 5..8 {
        let mut high = right;
        high[63] |= 1 << bit;
        assert!(!Both.verify(&verifier, b"message", &high));
    }
}

/// Nobody needs a secret to sign for them.
#[test]
fn keys_of_small_order_are_refused() {
    for public in EIGHT_TORSION {
        assert_eq!(key(public.compress().to_bytes()).unwrap_err(), KeyFault::SmallOrder);
    }
}
