//! What the module asks of its host, and `decide`; the rest of the interface is `edge::abi`.

use authorizer::{Key, Signatures, UnixTime};
use edge::{Edge, abi};

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Whether the key of this number, of the issuer of this number, made the signature over the message: 1 or 0.
    fn verify(
        issuer: u32,
        key: u32,
        message: *const u8,
        message_len: usize,
        signature: *const u8,
        signature_len: usize,
    ) -> u32;
}

/// The host's cryptography, for the keys in the order of [`Edge::jwks`].
struct Host<'a>(&'a Edge);

impl Signatures for Host<'_> {
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let sets = self.0.keys.0.iter().enumerate();
        let mut all = sets.flat_map(|(issuer, set)| set.keys().iter().enumerate().map(move |key| (issuer, key)));
        let Some((issuer, (number, _))) = all.find(|(_, (_, known))| std::ptr::eq(*known, key)) else {
            return false;
        };
        let (Ok(issuer), Ok(number)) = (u32::try_from(issuer), u32::try_from(number)) else {
            return false;
        };
        // SAFETY: both slices live until the call returns, and the host only reads them.
        let made =
            unsafe { verify(issuer, number, message.as_ptr(), message.len(), signature.as_ptr(), signature.len()) };
        made == 1
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn decide(question: *mut u8, len: usize, now: i64) -> u32 {
    abi::answer(question, len, |edge, question| edge.decide(question, UnixTime(now), &Host(edge)))
}
