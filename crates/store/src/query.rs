//! The query of a request, decoded as `s3s` decodes it: `+` is a space.

use http::Uri;
use percent_encoding::percent_decode_str;

pub(crate) fn pairs(uri: &Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default();
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    pieces.map(|piece| piece.split_once('=').unwrap_or((piece, ""))).map(|(n, v)| (decode(n), decode(v))).collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_a_query() {
        let uri = Uri::from_static("/b/k?a=1&b&c=%2B+x%3D&=&a=2");
        let expected = [("a", "1"), ("b", ""), ("c", "+ x="), ("", ""), ("a", "2")];
        assert_eq!(pairs(&uri), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }
}
