//! RSA signatures, verified by RFC 8017. There is no private key here, and so no operation whose time could tell one.

use authorizer::Algorithm;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Big-endian, without leading zeros; `authorizer::Key` holds their sizes to 2,048 to 8,192 and 2 to 33 bits.
#[derive(Clone, Copy)]
pub struct Public<'a> {
    pub modulus: &'a [u8],
    pub exponent: &'a [u8],
}

pub fn verify(algorithm: Algorithm, key: Public<'_>, message: &[u8], signature: &[u8]) -> bool {
    let Some(encoded) = recover(key, signature) else {
        return false;
    };
    match algorithm {
        Algorithm::Rs256 => is_pkcs1(&encoded, &SHA256_INFO, &Sha256::digest(message)),
        Algorithm::Rs384 => is_pkcs1(&encoded, &SHA384_INFO, &Sha384::digest(message)),
        Algorithm::Rs512 => is_pkcs1(&encoded, &SHA512_INFO, &Sha512::digest(message)),
        Algorithm::Ps256 => is_pss::<Sha256>(&encoded, key.modulus, message).is_some(),
        Algorithm::Ps384 => is_pss::<Sha384>(&encoded, key.modulus, message).is_some(),
        Algorithm::Ps512 => is_pss::<Sha512>(&encoded, key.modulus, message).is_some(),
        _ => false,
    }
}

/// RSAVP1 (section 5.2.2), as bytes of the modulus's length: the signature's own length, and a number below the modulus.
fn recover(key: Public<'_>, signature: &[u8]) -> Option<Vec<u8>> {
    let length = key.modulus.len();
    if signature.len() != length || key.modulus.first() == Some(&0) {
        return None;
    }
    let bits = u32::try_from(length * 8).ok()?.next_multiple_of(64);
    let number = |bytes| BoxedUint::from_be_slice(bytes, bits).ok();
    let (modulus, signature) = (number(key.modulus)?, number(signature)?);
    if signature >= modulus {
        return None;
    }
    let exponent =
        key.exponent.iter().try_fold(0_u64, |number, byte| number.checked_mul(256)?.checked_add((*byte).into()))?;
    let modulus = BoxedMontyParams::new_vartime(Odd::new(modulus).into_option()?);
    let power = raise(&BoxedMontyForm::new(signature, &modulus), exponent)?.retrieve().to_be_bytes();
    power.get(power.len().checked_sub(length)?..).map(<[u8]>::to_vec)
}

/// Square and multiply from the highest bit down.
fn raise(base: &BoxedMontyForm, exponent: u64) -> Option<BoxedMontyForm> {
    let mut power = base.clone();
    for bit in (0..exponent.checked_ilog2()?).rev() {
        power = power.square();
        if exponent >> bit & 1 == 1 {
            power = power.mul(base);
        }
    }
    Some(power)
}

/// `DigestInfo` up to the hash itself (section 9.2, note 1).
const SHA256_INFO: [u8; 19] = digest_info(1, 32);
const SHA384_INFO: [u8; 19] = digest_info(2, 48);
const SHA512_INFO: [u8; 19] = digest_info(3, 64);

const fn digest_info(hash: u8, length: u8) -> [u8; 19] {
    [0x30, 17 + length, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hash, 5, 0, 4, length]
}

/// EMSA-PKCS1-v1_5 (section 9.2): made anew and compared whole, since reading it is where forgeries come from.
fn is_pkcs1(encoded: &[u8], info: &[u8], hash: &[u8]) -> bool {
    let Some(padding) = encoded.len().checked_sub(3 + info.len() + hash.len()) else {
        return false;
    };
    encoded == [&[0, 1], vec![0xff; padding].as_slice(), &[0], info, hash].concat()
}

/// EMSA-PSS-VERIFY (section 9.1.2) with MGF1 by the same hash and a salt of its length (RFC 7518 section 3.5).
fn is_pss<D: Digest>(encoded: &[u8], modulus: &[u8], message: &[u8]) -> Option<()> {
    let hash_length = <D as Digest>::output_size();
    // One bit less than the modulus: where that makes a byte less, the first is zero.
    let unused = modulus.first()?.leading_zeros() + 1;
    let encoded = if unused == 8 { encoded.strip_prefix(&[0])? } else { encoded };
    let kept = 0xff_u8 >> (unused % 8);

    let masked_length = encoded.len().checked_sub(hash_length + 1)?;
    let (masked, rest) = encoded.split_at_checked(masked_length)?;
    let (hash, last) = rest.split_at_checked(hash_length)?;
    if last != [0xbc] || masked.first()? & !kept != 0 {
        return None;
    }
    let mut block: Vec<u8> = masked.iter().zip(mgf1::<D>(hash)).map(|(byte, mask)| byte ^ mask).collect();
    *block.first_mut()? &= kept;
    let (padding, salt) = block.split_at_checked(masked_length.checked_sub(hash_length)?)?;
    let (one, zeros) = padding.split_last()?;
    if *one != 1 || zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    let expected = D::new().chain_update([0; 8]).chain_update(D::digest(message)).chain_update(salt).finalize();
    (*expected == *hash).then_some(())
}

/// The mask's bytes (appendix B.2.1), as many as are asked for.
fn mgf1<D: Digest>(seed: &[u8]) -> impl Iterator<Item = u8> {
    (0_u32..).flat_map(move |counter| D::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize())
}
