//! Which pages may read answers (Fetch standard, "CORS protocol"). Decided for each request, never stored.

/// How long a browser may keep a preflight's answer, in seconds: the most that Chromium honours.
pub const PREFLIGHT_MAX_AGE: &str = "7200";

/// The origins whose pages may read answers, with credentials.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    apps: Vec<String>,
}

/// What the answer says of the request's `Origin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedOrigin<'a> {
    /// This one, with credentials.
    Exactly(&'a str),
    /// Every page, without credentials: a public route that says so.
    Any,
}

impl Cors {
    pub fn new(apps: Vec<String>) -> Self {
        Self { apps }
    }

    /// Compares byte for byte: browsers send origins in one form (RFC 6454 section 6.2).
    pub fn allows(&self, origin: &str) -> bool {
        self.apps.iter().any(|app| app == origin)
    }

    pub fn decide<'a>(&self, origin: Option<&'a str>, any: bool) -> Option<AllowedOrigin<'a>> {
        match origin {
            Some(origin) if self.allows(origin) => Some(AllowedOrigin::Exactly(origin)),
            Some(_) if any => Some(AllowedOrigin::Any),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_origins_only() {
        let cors = Cors::new(vec!["https://app.example.com".to_owned()]);
        assert_eq!(
            cors.decide(Some("https://app.example.com"), false),
            Some(AllowedOrigin::Exactly("https://app.example.com"))
        );
        for origin in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil",
            "https://APP.example.com",
            "null",
            "",
        ] {
            assert_eq!(cors.decide(Some(origin), false), None, "{origin}");
            assert_eq!(cors.decide(Some(origin), true), Some(AllowedOrigin::Any), "{origin}");
        }
        assert_eq!(cors.decide(None, true), None);
    }
}
