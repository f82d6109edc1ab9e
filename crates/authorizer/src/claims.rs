//! The claims of a verified token: the registered ones typed (RFC 7519 section 4.1), the rest as they came.

use serde_json::{Map, Value};

/// `aud`: one string or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    Missing,
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub fn holds(&self, wanted: &str) -> bool {
        match self {
            Self::Missing => false,
            Self::One(audience) => audience == wanted,
            Self::Many(audiences) => audiences.iter().any(|audience| audience == wanted),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Claims {
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub token_id: Option<String>,
    pub audience: Audience,
    pub expires: Option<i64>,
    pub not_before: Option<i64>,
    pub issued: Option<i64>,
    all: Map<String, Value>,
}

impl Claims {
    /// `None` where a registered claim has the wrong type: it is refused, not ignored.
    pub fn new(all: Map<String, Value>) -> Option<Self> {
        Some(Self {
            issuer: text(&all, "iss")?,
            subject: text(&all, "sub")?,
            token_id: text(&all, "jti")?,
            audience: audience(&all)?,
            expires: date(&all, "exp")?,
            not_before: date(&all, "nbf")?,
            issued: date(&all, "iat")?,
            all,
        })
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.all.get(name)
    }

    pub fn all(&self) -> &Map<String, Value> {
        &self.all
    }
}

fn text(all: &Map<String, Value>, name: &str) -> Option<Option<String>> {
    match all.get(name) {
        None => Some(None),
        Some(Value::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    }
}

fn audience(all: &Map<String, Value>) -> Option<Audience> {
    Some(match all.get("aud") {
        None => Audience::Missing,
        Some(Value::String(one)) => Audience::One(one.clone()),
        Some(Value::Array(many)) => {
            Audience::Many(many.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>()?)
        }
        Some(_) => return None,
    })
}

/// A NumericDate: a number, a fraction allowed, within 2^53 seconds.
#[allow(clippy::cast_possible_truncation)] // the range is checked just before
fn date(all: &Map<String, Value>, name: &str) -> Option<Option<i64>> {
    const FURTHEST: i64 = 1 << 53;
    let Some(value) = all.get(name) else {
        return Some(None);
    };
    let seconds = match (value.as_i64(), value.as_f64()) {
        (Some(whole), _) => whole,
        (None, Some(fraction)) if value.is_f64() && fraction.abs() <= FURTHEST as f64 => fraction.floor() as i64,
        _ => return None,
    };
    (-FURTHEST..=FURTHEST).contains(&seconds).then_some(Some(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strict_json::object;

    fn claims(json: &str) -> Option<Claims> {
        Claims::new(object(json.as_bytes()).unwrap())
    }

    #[test]
    fn types() {
        let good = claims(r#"{"iss":"a","aud":["x","y"],"exp":12.9,"nbf":-3,"sub":"s"}"#).unwrap();
        assert_eq!((good.expires, good.not_before, good.issued), (Some(12), Some(-3), None));
        assert!(good.audience.holds("y") && !good.audience.holds("z"));
        for bad in [
            r#"{"iss":1}"#,
            r#"{"sub":null}"#,
            r#"{"aud":{}}"#,
            r#"{"aud":["x",1]}"#,
            r#"{"exp":"12"}"#,
            r#"{"exp":null}"#,
            r#"{"exp":1e300}"#,
            r#"{"exp":18446744073709551615}"#,
            r#"{"nbf":true}"#,
            r#"{"iat":[1]}"#,
            r#"{"jti":7}"#,
        ] {
            assert!(claims(bad).is_none(), "{bad}");
        }
    }
}
