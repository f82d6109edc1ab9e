//! Makes the token that a row describes, good or bad.

use std::collections::BTreeMap;

use authorizer::UnixTime;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::crypto::sign;
use crate::read;
use crate::site::Site;

pub fn token(site: &Site, row: &toml::Value, now: UnixTime) -> String {
    let row = json_of(row);
    if let Some(raw) = row["raw"].as_str() {
        return raw.to_owned();
    }
    let name = row["key"].as_str().expect("a token has `raw` or `key`");
    let jwk: Value = serde_json::from_str(&read(&format!("{}keys/{name}.jwk", site.directory))).unwrap();
    let tamper = row["tamper"].as_str().unwrap_or_default();

    let header = match row["header_json"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => serde_json::to_vec(&header(&row, &jwk)).unwrap(),
    };
    let claims = match (row["claims_json"].as_str(), row["claims_hex"].as_str()) {
        (Some(text), _) => fill_times(text, now).into_bytes(),
        (None, Some(hex)) => from_hex(hex),
        (None, None) => serde_json::to_vec(&claims(&row, &jwk, site, now)).unwrap(),
    };
    let mut header = URL_SAFE_NO_PAD.encode(header);
    let mut claims = URL_SAFE_NO_PAD.encode(claims);
    match tamper {
        "padded-header" => pad(&mut header),
        "padded-claims" => pad(&mut claims),
        _ => {}
    }
    let message = format!("{header}.{claims}");
    let mut signature = match row["signature"].as_str() {
        Some(hex) => from_hex(hex),
        None => sign(&jwk, message.as_bytes()),
    };
    header = swap(&header, &row["swap_header"]);
    claims = swap(&claims, &row["swap_claims"]);
    match tamper {
        "flip-signature" => signature[0] ^= 1,
        "zero-signature" => signature.fill(0),
        "short-signature" => drop(signature.pop()),
        "long-signature" => signature.push(0),
        "empty-signature" => signature.clear(),
        "der-signature" => signature = der(&signature),
        _ => {}
    }
    let mut signature = URL_SAFE_NO_PAD.encode(signature);
    match tamper {
        "loose-signature" => loosen(&mut signature),
        "padded-signature" => pad(&mut signature),
        _ => {}
    }
    match tamper {
        "no-signature" => format!("{header}.{claims}"),
        "fourth-part" => format!("{header}.{claims}.{signature}.AAAA"),
        "dot-at-end" => format!("{header}.{claims}.{signature}."),
        "dot-in-front" => format!(".{header}.{claims}.{signature}"),
        "" | "flip-signature" | "zero-signature" | "short-signature" | "long-signature" | "empty-signature"
        | "der-signature" | "loose-signature" | "padded-signature" | "padded-header" | "padded-claims" => {
            format!("{header}.{claims}.{signature}")
        }
        other => panic!("unknown `tamper` {other}"),
    }
}

fn header(row: &Value, jwk: &Value) -> Map<String, Value> {
    let mut header = Map::from_iter([("alg".to_owned(), jwk["alg"].clone()), ("typ".to_owned(), json!("JWT"))]);
    if let Some(id) = jwk.get("kid") {
        header.insert("kid".to_owned(), id.clone());
    }
    merge(&mut header, &row["header"], &row["header_without"]);
    header
}

fn claims(row: &Value, jwk: &Value, site: &Site, now: UnixTime) -> Map<String, Value> {
    let issuer = site.issuer(jwk["issuer"].as_str().unwrap());
    let mut claims = Map::from_iter([
        ("iss".to_owned(), json!(issuer.issuer)),
        ("aud".to_owned(), json!(issuer.audiences[0])),
        ("iat".to_owned(), json!(now.0 - 10)),
        ("exp".to_owned(), json!(now.0 + 3600)),
    ]);
    merge(&mut claims, &row["claims"], &row["without"]);
    for name in ["exp", "nbf", "iat"] {
        if let Some(number) = claims.get(name).and_then(Value::as_str).and_then(|text| relative(text, now)) {
            claims.insert(name.to_owned(), number);
        }
    }
    if let Some(letters) = row["pad"].as_u64() {
        claims.insert("pad".to_owned(), json!("a".repeat(usize::try_from(letters).unwrap())));
    }
    claims
}

fn merge(members: &mut Map<String, Value>, more: &Value, without: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        members.insert(name.clone(), value.clone());
    }
    for name in without.as_array().into_iter().flatten() {
        members.remove(name.as_str().unwrap()).expect("only what is there can be taken away");
    }
}

/// `+1h` as a number of seconds since 1970.
fn relative(text: &str, now: UnixTime) -> Option<Value> {
    let unit = BTreeMap::from([('s', 1), ('m', 60), ('h', 3600), ('d', 86400)]);
    let seconds = *unit.get(&text.chars().last()?)?;
    let number = text.strip_prefix(['+', '-'])?.get(..text.len().checked_sub(2)?)?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    if let Ok(whole) = number.parse::<u32>() {
        return Some(json!(now.0 + sign * i64::from(whole) * seconds));
    }
    let fraction: f64 = number.parse().ok()?;
    let (sign, seconds) = (f64::from(i32::try_from(sign).unwrap()), f64::from(i32::try_from(seconds).unwrap()));
    let now = f64::from(u32::try_from(now.0).unwrap());
    Some(json!(now + sign * fraction * seconds))
}

fn fill_times(text: &str, now: UnixTime) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (inner, after) = after.split_once('>').unwrap();
        filled.push_str(before);
        filled.push_str(&relative(inner, now).unwrap().to_string());
        rest = after;
    }
    filled + rest
}

fn swap(part: &str, members: &Value) -> String {
    if members.is_null() {
        return part.to_owned();
    }
    let mut object: Map<String, Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    merge(&mut object, members, &Value::Null);
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&object).unwrap())
}

fn pad(part: &mut String) {
    part.push('=');
    while !part.len().is_multiple_of(4) {
        part.push('=');
    }
}

/// The last character's lowest unused bit, set.
fn loosen(part: &mut String) {
    assert!(!part.len().is_multiple_of(4), "there are unused bits");
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(part.pop().unwrap()).unwrap();
    part.push_str(&alphabet[place + 1..=place + 1]);
}

fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let mut digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        if digits.first().is_none_or(|first| *first >= 0x80) {
            digits.insert(0, 0);
        }
        let mut integer = vec![2, u8::try_from(digits.len()).unwrap()];
        integer.append(&mut digits);
        integer
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let mut content = [integer(r), integer(s)].concat();
    let length = u8::try_from(content.len()).unwrap();
    let mut sequence = if length < 0x80 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
    sequence.append(&mut content);
    sequence
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

pub fn json_of(value: &toml::Value) -> Value {
    serde_json::to_value(value).unwrap()
}
