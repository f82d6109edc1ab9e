//! Just enough DER (X.690) to take an RSA key's numbers out of the PKCS #8 document (RFC 5958, RFC 8017 appendix A.1.2)
//! that the cryptography writes; it never reads what strangers wrote.

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// n, e, d, p, q, dP, dQ, qInv: big-endian, without leading zeros.
pub fn rsa_numbers(pkcs8: &[u8]) -> Option<[&[u8]; 8]> {
    let mut document = take(&mut { pkcs8 }, SEQUENCE)?;
    take(&mut document, INTEGER)?;
    take(&mut document, SEQUENCE)?;
    let mut inner = take(&mut document, OCTET_STRING)?;
    let mut key = take(&mut inner, SEQUENCE)?;
    take(&mut key, INTEGER)?;
    numbers(&mut key)
}

/// n and e of a public key (RFC 8017 appendix A.1.1): big-endian, without leading zeros.
pub fn rsa_public_numbers(pkcs1: &[u8]) -> Option<[&[u8]; 2]> {
    numbers(&mut take(&mut { pkcs1 }, SEQUENCE)?)
}

fn numbers<'a, const COUNT: usize>(rest: &mut &'a [u8]) -> Option<[&'a [u8]; COUNT]> {
    let mut numbers = [&[] as &[u8]; COUNT];
    for number in &mut numbers {
        let bytes = take(rest, INTEGER)?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        *number = bytes.get(zeros..)?;
    }
    Some(numbers)
}

/// Takes one value of this type off the front.
fn take<'a>(rest: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    let (tag, after) = rest.split_first()?;
    let (first, after) = after.split_first()?;
    let (length, after) = match first {
        0..=0x7f => (usize::from(*first), after),
        0x81..=0x84 => {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), after)
        }
        _ => return None,
    };
    let (value, after) = after.split_at_checked(length)?;
    *rest = after;
    (*tag == wanted).then_some(value)
}
