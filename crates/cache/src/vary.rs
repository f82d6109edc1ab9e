//! `Vary` (RFC 9111 section 4.1).

use http::HeaderValue;

/// What the gateway answers for itself, whatever the store says: CORS is written for each request, and an object has the one
/// coding that it was stored in. Stores name these on every answer.
const OURS: [&str; 4] =
    ["origin", "access-control-request-method", "access-control-request-headers", "accept-encoding"];

/// Whether an answer was chosen by what the request said. Such an answer serves this request and is not kept: nothing of
/// a client's request reaches the store, so there would be nothing to choose by.
pub fn varies<'a>(fields: impl IntoIterator<Item = &'a HeaderValue>) -> bool {
    fields.into_iter().any(|field| match field.to_str() {
        Ok(text) => text
            .split(',')
            .map(str::trim_ascii)
            .any(|name| !name.is_empty() && !OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))),
        Err(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (fields, expected) in [
            (vec![], false),
            (vec![""], false),
            (vec!["Origin"], false),
            (vec!["Origin, Access-Control-Request-Headers", "accept-encoding"], false),
            (vec!["*"], true),
            (vec![", *"], true),
            (vec!["Origin", "*"], true),
            (vec!["Origin, Cookie"], true),
            (vec!["Accept"], true),
        ] {
            let values: Vec<_> = fields.iter().map(|field| HeaderValue::from_static(field)).collect();
            assert_eq!(varies(&values), expected, "{fields:?}");
        }
    }
}
