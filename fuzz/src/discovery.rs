//! Discovery documents: one that is taken names this issuer and an address that keys may be fetched from.

use authorizer::strict_object;

pub fn document(data: &[u8]) {
    let issuer = "https://a.example/";
    for document in ["https://a.example/.well-known/openid-configuration", "http://127.0.0.1:9/openid"] {
        let Ok(url) = keys::discovered_key_set(data, document, issuer) else { continue };
        let members = strict_object(data).expect("it was read");
        assert_eq!(members["issuer"], issuer);
        let uri: http::Uri = url.parse().expect("an address");
        let host = uri.host().expect("with a host");
        let near = host.eq_ignore_ascii_case("localhost") || host.starts_with("127.") || host == "[::1]";
        assert!(uri.scheme_str() == Some("https") || (near && document.starts_with("http:")), "{url}");
        assert!(
            !url.contains(['#', '@', ' ', '\r', '\n'])
                || uri.path_and_query().is_some_and(|path| path.as_str().contains('@'))
        );
    }
}
