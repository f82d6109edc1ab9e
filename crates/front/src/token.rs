//! Takes the token out of a request: header, query, cookies. After this a token exists only as a [`Token`].

use std::borrow::Cow;
use std::fmt;

use authorizer::{Carried, Denied};
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::limits;
use crate::link::LINK;
use crate::refusal::{Code, Refusal};
use crate::site::Carrier;

/// A token as it came. It prints nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token<'r>(Cow<'r, str>);

impl Token<'_> {
    /// For the verifier, and for the cookie that the session endpoint sets.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A token in a cookie, with the scope that the cookie's name carries.
#[derive(Debug)]
pub struct CookieToken<'r> {
    pub scope: Option<&'r str>,
    pub token: Token<'r>,
}

/// The tokens to judge a request by. One that was put there for this request hides the cookies.
#[derive(Debug)]
pub enum Presented<'r> {
    Explicit(Token<'r>),
    /// The parameter of links brought it, and no other carrier.
    Link(Token<'r>),
    Cookies(Vec<CookieToken<'r>>),
}

impl Presented<'_> {
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Explicit(token) | Self::Link(token) => vec![token.expose()],
            Self::Cookies(cookies) => cookies.iter().map(|cookie| cookie.token.expose()).collect(),
        }
    }

    pub fn carried(&self) -> Carried {
        match self {
            Self::Explicit(_) | Self::Cookies(_) => Carried::AsTokens,
            Self::Link(_) => Carried::AsLinks,
        }
    }
}

/// The tokens of a request that reads.
pub fn presented<'r>(parts: &'r Parts, carriers: &[Carrier]) -> Result<Presented<'r>, Refusal> {
    let mut explicit: Option<Token<'r>> = None;
    let mut by_link_alone = true;
    for carrier in carriers {
        match carrier {
            Carrier::Header => {
                for value in parts.headers.get_all(AUTHORIZATION) {
                    agree(&mut explicit, bearer(value.as_bytes()))?;
                    by_link_alone = false;
                }
            }
            Carrier::Query(name) => {
                for token in query_tokens(parts.uri.query(), name) {
                    agree(&mut explicit, token?)?;
                    by_link_alone &= name == LINK;
                }
            }
            Carrier::Cookie(_) => {}
        }
    }
    Ok(match explicit {
        Some(token) if by_link_alone => Presented::Link(token),
        Some(token) => Presented::Explicit(token),
        None => Presented::Cookies(cookies(parts, carriers, limits::TOKEN_COOKIES)),
    })
}

/// The token of a request that changes or grants something: the header alone, which no other site can make a browser send.
pub fn presented_in_header(parts: &Parts) -> Result<Token<'_>, Refusal> {
    let mut explicit = None;
    for value in parts.headers.get_all(AUTHORIZATION) {
        agree(&mut explicit, bearer(value.as_bytes()))?;
    }
    explicit.ok_or_else(|| Denied::TokenMissing.into())
}

/// The token cookies of a request, `most` of them, whatever else it carries.
pub fn cookies<'r>(parts: &'r Parts, carriers: &[Carrier], most: usize) -> Vec<CookieToken<'r>> {
    let Some(base) = cookie_name(carriers) else {
        return Vec::new();
    };
    // Another cookie may hold bytes that are not ASCII: pages set what they like.
    let pairs = parts.headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    pairs
        .filter_map(|pair| {
            let pair = pair.trim_ascii();
            let (name, value) = pair.split_at_checked(pair.iter().position(|byte| *byte == b'=')?)?;
            let name = std::str::from_utf8(name).ok()?;
            // What is no text is a token that no key made.
            let value = std::str::from_utf8(value.get(1..)?).unwrap_or_default();
            let scope = match name.strip_prefix(base)? {
                "" => None,
                rest => Some(rest.strip_prefix('-')?),
            };
            Some(CookieToken { scope, token: Token(Cow::Borrowed(value.trim_matches('"'))) })
        })
        .take(most)
        .collect()
}

pub fn cookie_name(carriers: &[Carrier]) -> Option<&str> {
    carriers.iter().find_map(|carrier| match carrier {
        Carrier::Cookie(name) => Some(name.as_str()),
        _ => None,
    })
}

/// A query without the parameters that carry tokens.
pub fn without_token(query: &str, carriers: &[Carrier]) -> String {
    let carries = |pair: &&str| {
        carriers.iter().any(|carrier| matches!(carrier, Carrier::Query(name) if is_parameter(pair, name)))
    };
    query.split('&').filter(|pair| !carries(pair)).collect::<Vec<_>>().join("&")
}

fn agree<'r>(known: &mut Option<Token<'r>>, token: Token<'r>) -> Result<(), Refusal> {
    match known {
        Some(known) if *known != token => Err(Refusal::new(Code::TokenConflict, "two_tokens")),
        _ => {
            *known = Some(token);
            Ok(())
        }
    }
}

/// RFC 6750 section 2.1; the scheme's name is case-insensitive (RFC 9110 section 11.1). Anything else is a token that no key
/// made: what anyone may do is not refused for it.
fn bearer(value: &[u8]) -> Token<'_> {
    let token =
        value.split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer ")).map(|(_, token)| token);
    let token = token.unwrap_or_default().trim_ascii();
    // Every byte is looked at, without an early end, so that the compiler can look at many at once.
    let odd = token.iter().fold(false, |odd, byte| odd | matches!(byte, b' ' | b',' | b'\t') | !byte.is_ascii());
    Token(Cow::Borrowed(std::str::from_utf8(token).ok().filter(|_| !odd).unwrap_or_default()))
}

fn query_tokens<'r>(query: Option<&'r str>, name: &str) -> impl Iterator<Item = Result<Token<'r>, Refusal>> {
    query.unwrap_or_default().split('&').filter(move |pair| is_parameter(pair, name)).map(|pair| {
        let value = pair.split_once('=').map_or("", |(_, value)| value);
        let token =
            percent_decode_str(value).decode_utf8().map_err(|_| Refusal::new(Code::BadRequest, "query_not_utf8"))?;
        Ok(Token(token))
    })
}

fn is_parameter(pair: &str, name: &str) -> bool {
    let key = pair.split_once('=').map_or(pair, |(key, _)| key);
    if key.contains('%') { percent_decode_str(key).eq(name.bytes()) } else { key == name }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn carriers() -> Vec<Carrier> {
        vec![Carrier::Header, Carrier::Cookie("edgepass".into()), Carrier::Query("authorization".into())]
    }

    fn tokens(target: &str, headers: &[(&str, &str)]) -> Result<Vec<String>, &'static str> {
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        presented(&parts, &carriers())
            .map(|presented| presented.texts().into_iter().map(str::to_owned).collect())
            .map_err(|refusal| refusal.code.as_str())
    }

    #[test]
    fn one_rule_for_several_tokens() {
        let cookie = ("cookie", "a=b; edgepass=c0; edgepass-w1=c1; edgepassx=no; xedgepass=no");
        assert_eq!(tokens("/a", &[]), Ok(vec![]));
        assert_eq!(tokens("/a", &[("authorization", "Bearer t")]), Ok(vec!["t".into()]));
        assert_eq!(tokens("/a", &[("authorization", "bEARER  t ")]), Ok(vec!["t".into()]));
        assert_eq!(tokens("/a?authorization=t", &[]), Ok(vec!["t".into()]));
        assert_eq!(tokens("/a?x=1&%61uthorization=%74", &[]), Ok(vec!["t".into()]));
        assert_eq!(tokens("/a?Authorization=t&authorizations=t&xauthorization=t", &[]), Ok(vec![]));
        assert_eq!(
            tokens("/a?authorization=t&authorization=t", &[("authorization", "Bearer t")]),
            Ok(vec!["t".into()])
        );
        assert_eq!(tokens("/a?authorization=t&authorization=u", &[]), Err("token_conflict"));
        assert_eq!(tokens("/a?authorization=t", &[("authorization", "Bearer u")]), Err("token_conflict"));
        assert_eq!(
            tokens("/a", &[("authorization", "Bearer t"), ("authorization", "Bearer u")]),
            Err("token_conflict")
        );
        assert_eq!(tokens("/a", &[cookie]), Ok(vec!["c0".into(), "c1".into()]));
        assert_eq!(tokens("/a", &[cookie, ("authorization", "Bearer t")]), Ok(vec!["t".into()]));
        assert_eq!(tokens("/a?authorization=", &[cookie]), Ok(vec![String::new()]));
        assert_eq!(
            tokens("/a", &[("cookie", "theme=ü; edgepass=c0; edgepass-w=ü")]),
            Ok(vec!["c0".into(), "ü".into()])
        );
        let many = ("cookie", "edgepass=0; edgepass-a=1; edgepass-b=2; edgepass-c=3; edgepass-d=4");
        assert_eq!(tokens("/a", &[many]).unwrap().len(), 4);
        for bad in ["Basic eDp5", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "t"] {
            assert_eq!(tokens("/a", &[("authorization", bad)]), Ok(vec![String::new()]), "{bad}");
        }
    }

    /// What changes or grants something: no other site can make a browser send the header.
    #[test]
    fn the_header_alone_changes_something() {
        let of = |target: &str, headers: &[(&str, &str)]| {
            let mut request = Request::post(target);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            presented_in_header(&parts).map(|token| token.expose().to_owned()).map_err(|refusal| refusal.code.as_str())
        };
        let (header, cookie) = (("authorization", "Bearer t"), ("cookie", "edgepass=c"));
        assert_eq!(of("/a", &[header, cookie]), Ok("t".to_owned()));
        assert_eq!(of("/a", &[cookie]), Err("token_missing"));
        assert_eq!(of("/a?authorization=t", &[]), Err("token_missing"));
        assert_eq!(of("/a", &[header, ("authorization", "Bearer u")]), Err("token_conflict"));
    }

    #[test]
    fn a_link_is_what_its_parameter_alone_brings() {
        let mut carriers = carriers();
        carriers.push(Carrier::Query(LINK.to_owned()));
        for (target, header, link) in [
            ("/a?link=t", None, true),
            ("/a?link=t&link=t&x=1", None, true),
            ("/a?link=t", Some("Bearer t"), false),
            ("/a?link=t&authorization=t", None, false),
            ("/a?Link=t", None, false),
            ("/a", Some("Bearer t"), false),
        ] {
            let request = Request::get(target);
            let request = header.into_iter().fold(request, |request, value| request.header("authorization", value));
            let (parts, ()) = request.header("cookie", "edgepass=c").body(()).unwrap().into_parts();
            let presented = presented(&parts, &carriers).unwrap();
            assert_eq!(matches!(presented, Presented::Link(_)), link, "{target} {header:?}");
        }
    }

    #[test]
    fn removed_from_the_query() {
        for (query, rest) in [
            ("authorization=t", ""),
            ("a=1&authorization=t&b=2", "a=1&b=2"),
            ("%61uthorization=t&c", "c"),
            ("a=1", "a=1"),
        ] {
            assert_eq!(without_token(query, &carriers()), rest);
        }
    }

    #[test]
    fn prints_nothing() {
        assert_eq!(format!("{:?}", Token(Cow::Borrowed("secret"))), "Token(…)");
    }
}
