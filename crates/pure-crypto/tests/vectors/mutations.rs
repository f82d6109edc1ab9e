//! Signatures of every algorithm, and all that is one step away from them.

use authorizer::{Algorithm, Key, KeySet, Material, Signatures, parse_jwk_set};
use aws_lc_rs::hmac;
use keys::SigningKey;
use serde_json::Map;

use crate::both::{Both, decode, secret_key, split};

/// The curves' orders (SEC 2 version 2), big-endian.
const ORDERS: [(Algorithm, &str); 3] = [
    (Algorithm::Es256, "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE"),
    (Algorithm::Es384, "________________________________x2NNgfQ3Ld9YGg2ySLCneuzsGWrMxSlz"),
    (Algorithm::Es512, "Af__________________________________________-lGGh4O_L5Zrf8wBSPcJpdA7tcm4iZxHrrtvtx6ROGQJ"),
];

struct Signed {
    keys: KeySet,
    message: Vec<u8>,
    signature: Vec<u8>,
}

fn sign(algorithm: Algorithm) -> Signed {
    let tag = match algorithm {
        Algorithm::Hs256 => Some(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Some(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Some(hmac::HMAC_SHA512),
        _ => None,
    };
    if let Some(tag) = tag {
        let (secret, message) = ([7; 64], b"header.claims".to_vec());
        let signature = hmac::sign(&hmac::Key::new(tag, &secret), &message).as_ref().to_vec();
        return Signed { keys: secret_key(&secret, algorithm), message, signature };
    }
    let key = SigningKey::generate(algorithm).unwrap();
    let keys = parse_jwk_set(key.jwks().to_string().as_bytes(), &[algorithm]).unwrap();
    let token = key.sign(&Map::new()).unwrap();
    let (message, signature) = split(&token);
    Signed { keys, message: message.as_bytes().to_vec(), signature }
}

impl Signed {
    fn takes(&self, signature: &[u8]) -> bool {
        Both.verify(&self.keys.keys()[0], &self.message, signature)
    }
}

fn turned(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut turned = bytes.to_vec();
    turned[bit / 8] ^= 1 << (bit % 8);
    turned
}

#[test]
fn one_step_from_a_signature_is_none() {
    let mut asked = 0;
    for algorithm in Algorithm::ALL {
        let signed = sign(algorithm);
        assert!(signed.takes(&signed.signature), "{algorithm}");
        let signature = signed.signature.as_slice();
        let mut others: Vec<Vec<u8>> = (0..signature.len() * 8).map(|bit| turned(signature, bit)).collect();
        others.extend((0..signature.len()).map(|length| signature[..length].to_vec()));
        others.extend((1..=signature.len()).map(|start| signature[start..].to_vec()));
        others.extend([0, 1, 0xff].map(|byte| [signature, &[byte]].concat()));
        others.extend([0, 1, 0xff].map(|byte| [&[byte], signature].concat()));
        others.extend([0, 1, 0xff].map(|byte| vec![byte; signature.len()]));
        others.push([signature, signature].concat());
        others.push(signature.iter().rev().copied().collect());
        for other in &others {
            assert!(!signed.takes(other), "{algorithm}: {other:02x?}");
        }
        let key = &signed.keys.keys()[0];
        for bit in 0..signed.message.len() * 8 {
            assert!(!Both.verify(key, &turned(&signed.message, bit), signature), "{algorithm}: message bit {bit}");
        }
        asked += others.len() + signed.message.len() * 8;
    }
    println!("one step from a signature: {asked} refused");
}

#[test]
fn one_bit_from_a_key_is_another_key() {
    let mut asked = 0;
    for algorithm in Algorithm::ALL {
        let signed = sign(algorithm);
        let bits = match signed.keys.keys()[0].material() {
            Material::Secret(_) => continue,
            Material::Rsa { modulus, .. } => modulus.len() * 8,
            Material::Ec { point, .. } => point.len() * 8,
            Material::Ed25519(_) => 256,
        };
        for bit in 0..bits {
            let material = match signed.keys.keys()[0].material() {
                Material::Rsa { modulus, exponent } => {
                    Material::Rsa { modulus: turned(modulus, bit), exponent: exponent.clone() }
                }
                Material::Ec { curve, point } => Material::Ec { curve: *curve, point: turned(point, bit) },
                Material::Ed25519(point) => Material::Ed25519(turned(point, bit).try_into().unwrap()),
                Material::Secret(_) => unreachable!(),
            };
            if let Ok(key) = Key::new(None, algorithm, material) {
                assert!(!Both.verify(&key, &signed.message, &signed.signature), "{algorithm}: key bit {bit}");
                asked += 1;
            }
        }
    }
    println!("one bit from a key: {asked} refused");
}

/// Big-endian, of one length: a + b or a - b, and whether that left the length.
fn calculate(a: &[u8], b: &[u8], negative: bool) -> (Vec<u8>, bool) {
    let mut result = vec![0; a.len()];
    let mut carry = 0_i16;
    for at in (0..a.len()).rev() {
        let second = i16::from(b[at]);
        let sum = i16::from(a[at]) + if negative { -second } else { second } + carry;
        carry = sum.div_euclid(256);
        result[at] = u8::try_from(sum.rem_euclid(256)).unwrap();
    }
    (result, carry != 0)
}

#[test]
fn ecdsa_numbers_are_from_1_to_below_the_order() {
    for (algorithm, order) in ORDERS {
        let order = decode(order);
        for _ in 0..8 {
            let signed = sign(algorithm);
            let (r, s) = signed.signature.split_at(order.len());
            let zero = vec![0; order.len()];
            let ones = vec![0xff; order.len()];
            for (other_r, other_s) in [
                (&zero[..], s),
                (r, &zero[..]),
                (&zero, &zero),
                (&order, s),
                (r, &order),
                (&order, &order),
                (r, &ones),
                (&ones, s),
                (s, r),
            ] {
                assert!(!signed.takes(&[other_r, other_s].concat()), "{algorithm}");
            }
            // With the order added they are the same numbers; on P-521 that always fits.
            for (number, in_front) in [(r, true), (s, false)] {
                let (more, overflows) = calculate(number, &order, false);
                assert!(!overflows || algorithm != Algorithm::Es512);
                if !overflows {
                    let other = if in_front { [&more, s].concat() } else { [r, &more].concat() };
                    assert!(!signed.takes(&other), "{algorithm}");
                }
            }
            // Anyone can turn s into n - s: RFC 7518 asks for neither, and nothing here is named by a signature.
            let (low, _) = calculate(&order, s, true);
            assert!(signed.takes(&[r, &low].concat()), "{algorithm}");
            assert!(!signed.takes(&[&calculate(&order, r, true).0, s].concat()), "{algorithm}");
        }
    }
}
