//! Strict JSON: what it takes `serde_json` takes too and means the same by it, and what it refuses beyond that has a
//! member twice.

use authorizer::strict_object;
use serde_json::Value;

pub fn object(data: &[u8]) {
    let strict = strict_object(data).map(Value::Object);
    let loose = serde_json::from_slice::<Value>(data).ok().filter(Value::is_object);
    let Some(loose) = loose else {
        assert!(strict.is_none(), "taken, and no JSON object");
        return;
    };
    let twice = members(&loose) != written_members(data);
    assert_eq!(strict.is_none(), twice, "refused exactly where a member stands there twice");
    if let Some(strict) = strict {
        assert_eq!(strict, loose);
        let again = strict_object(strict.to_string().as_bytes()).map(Value::Object);
        assert!(again.is_some_and(|again| same_but_fractions(&again, &strict)), "written and read again");
    }
}

fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        _ => 0,
    }
}

/// Members of text that is known to be JSON: each has one colon outside strings.
fn written_members(json: &[u8]) -> usize {
    let (mut within, mut escaped, mut colons) = (false, false, 0);
    for byte in json {
        match (within, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => within = !within,
            (false, b':') => colons += 1,
            _ => {}
        }
    }
    colons
}

/// The last bit of a fraction may change between reading and writing.
fn same_but_fractions(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_but_fractions(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|((name, a), (other, b))| name == other && same_but_fractions(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a == b || (a.is_f64() && b.is_f64()),
        _ => a == b,
    }
}
