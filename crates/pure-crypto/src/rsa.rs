//! RSA signatures, verified by the `rsa` crate. There is no private key here, and so no operation whose time could tell one.

use authorizer::Algorithm;
use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::Verifier;
use rsa::{BigUint, RsaPublicKey, pkcs1v15, pss};

/// Big-endian, without leading zeros; `authorizer::Key` holds their sizes to whole bytes of 2,048 to 8,192 and to 2 to 33 bits.
#[derive(Clone, Copy)]
pub struct Public<'a> {
    pub modulus: &'a [u8],
    pub exponent: &'a [u8],
}

/// The crate's own limit is 4,096 bits.
const MOST_BITS: usize = 8192;

/// Of the crate's two ways it is the verifying keys', which refuse signatures that are not below the modulus (RFC 8017
/// section 5.2.2); `RsaPublicKey::verify` with `Pss` takes them. A salt has its hash's length (RFC 7518 section 3.5).
pub fn verify(algorithm: Algorithm, key: Public<'_>, message: &[u8], signature: &[u8]) -> bool {
    let (modulus, exponent) = (BigUint::from_bytes_be(key.modulus), BigUint::from_bytes_be(key.exponent));
    let Ok(key) = RsaPublicKey::new_with_max_size(modulus, exponent, MOST_BITS) else {
        return false;
    };
    let pkcs1 = pkcs1v15::Signature::try_from(signature);
    let pss = pss::Signature::try_from(signature);
    match algorithm {
        Algorithm::Rs256 => pkcs1.and_then(|it| pkcs1v15::VerifyingKey::<Sha256>::new(key).verify(message, &it)),
        Algorithm::Rs384 => pkcs1.and_then(|it| pkcs1v15::VerifyingKey::<Sha384>::new(key).verify(message, &it)),
        Algorithm::Rs512 => pkcs1.and_then(|it| pkcs1v15::VerifyingKey::<Sha512>::new(key).verify(message, &it)),
        Algorithm::Ps256 => pss.and_then(|it| pss::VerifyingKey::<Sha256>::new(key).verify(message, &it)),
        Algorithm::Ps384 => pss.and_then(|it| pss::VerifyingKey::<Sha384>::new(key).verify(message, &it)),
        Algorithm::Ps512 => pss.and_then(|it| pss::VerifyingKey::<Sha512>::new(key).verify(message, &it)),
        _ => return false,
    }
    .is_ok()
}
