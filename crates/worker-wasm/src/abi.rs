//! `decide`; the rest of the interface is `edge::abi`.

use authorizer::UnixTime;
use edge::abi;
use pure_crypto::Pure;

#[unsafe(no_mangle)]
pub extern "C" fn decide(question: *mut u8, len: usize, now: i64) -> u32 {
    abi::answer(question, len, |edge, question| edge.decide(question, UnixTime(now), &Pure))
}
