//! The plain memory interface: numbers and bytes, so that any host can call it and no generator is needed.
//!
//! The host writes a message into memory that [`alloc`] gave, calls, and reads the answer at [`out_ptr`], [`out_len`] until
//! its next call. wasm has one thread, so that the state needs no lock; a host that catches a trap makes a new instance.

use std::cell::RefCell;

use authorizer::KeySet;
use serde_json::json;

use crate::edge::{Edge, jwks};
use crate::event::Decision;

thread_local! {
    static EDGE: RefCell<Option<Edge>> = const { RefCell::new(None) };
    static OUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Memory for a message of this many bytes. [`take`] frees it.
#[unsafe(no_mangle)]
pub extern "C" fn alloc(len: usize) -> *mut u8 {
    Box::into_raw(vec![0_u8; len].into_boxed_slice()).cast()
}

/// The message that the host wrote.
fn take(message: *mut u8, len: usize) -> Box<[u8]> {
    // SAFETY: `message` came from `alloc(len)`, and each message is handed over once.
    unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(message, len)) }
}

/// Reads `site.json`: 1, and the keys are the answer; or 0, and what is wrong with it is.
#[unsafe(no_mangle)]
pub extern "C" fn open(site: *mut u8, len: usize) -> u32 {
    match Edge::open(&take(site, len)) {
        Ok(edge) => {
            say(edge.jwks().to_string());
            EDGE.set(Some(edge));
            1
        }
        Err(fault) => {
            say(fault);
            0
        }
    }
}

/// Judges an issuer's new key set and changes nothing: 1, and its keys are the answer; or 0, and the fault is.
#[unsafe(no_mangle)]
pub extern "C" fn read_keys(issuer: usize, jwks: *mut u8, len: usize) -> u32 {
    new_keys(issuer, &take(jwks, len), |_, _| {})
}

/// Takes a key set into use whose keys the host could read as well: 1, or 0 and the old set stays.
#[unsafe(no_mangle)]
pub extern "C" fn replace_keys(issuer: usize, jwks: *mut u8, len: usize) -> u32 {
    new_keys(issuer, &take(jwks, len), |edge, set| edge.replace_keys(issuer, set))
}

fn new_keys(issuer: usize, bytes: &[u8], then: impl FnOnce(&mut Edge, KeySet)) -> u32 {
    EDGE.with_borrow_mut(|edge| match edge.as_mut().map(|edge| (edge.read_keys(issuer, bytes), edge)) {
        Some((Ok(set), edge)) => {
            say(jwks(&set).to_string());
            then(edge, set);
            1
        }
        Some((Err(fault), _)) => {
            say(fault.to_string());
            0
        }
        None => 0,
    })
}

/// The body of a module's `decide(question, len, now)`: the decision about a [`crate::Question`], as the answer. 0 before
/// [`open`]. The module's part is to bring the signatures.
pub fn answer(question: *mut u8, len: usize, decide: impl FnOnce(&Edge, &[u8]) -> Decision) -> u32 {
    let question = take(question, len);
    EDGE.with_borrow(|edge| {
        let Some(edge) = edge else { return 0 };
        let decision = decide(edge, &question);
        say(serde_json::to_string(&decision).unwrap_or_else(|_| json!({}).to_string()));
        1
    })
}

fn say(text: String) {
    OUT.set(text.into_bytes());
}

#[unsafe(no_mangle)]
pub extern "C" fn out_ptr() -> *const u8 {
    OUT.with_borrow(Vec::as_ptr)
}

#[unsafe(no_mangle)]
pub extern "C" fn out_len() -> usize {
    OUT.with_borrow(Vec::len)
}
