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
        let text = |name| optional(&all, name, |value| value.as_str().map(str::to_owned));
        let date = |name| optional(&all, name, date);
        Some(Self {
            issuer: text("iss").ok()?,
            subject: text("sub").ok()?,
            token_id: text("jti").ok()?,
            audience: optional(&all, "aud", audience).ok()?.unwrap_or(Audience::Missing),
            expires: date("exp").ok()?,
            not_before: date("nbf").ok()?,
            issued: date("iat").ok()?,
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

/// A claim has the wrong type.
struct WrongType;

fn optional<T>(
    all: &Map<String, Value>,
    name: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, WrongType> {
    all.get(name).map(|value| read(value).ok_or(WrongType)).transpose()
}

fn audience(value: &Value) -> Option<Audience> {
    match value {
        Value::String(one) => Some(Audience::One(one.clone())),
        Value::Array(many) => {
            many.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>().map(Audience::Many)
        }
        _ => None,
    }
}

/// A NumericDate: a number, a fraction allowed, within 2^53 seconds.
#[allow(clippy::cast_possible_truncation)] // the range is checked just before
fn date(value: &Value) -> Option<i64> {
    const FURTHEST: i64 = 1 << 53;
    const FURTHEST_FRACTION: f64 = 9_007_199_254_740_992.0;
    let seconds = match (value.as_i64(), value.as_f64()) {
        (Some(whole), _) => whole,
        (None, Some(fraction)) if value.is_f64() && fraction.abs() <= FURTHEST_FRACTION => fraction.floor() as i64,
        _ => return None,
    };
    (-FURTHEST..=FURTHEST).contains(&seconds).then_some(seconds)
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
