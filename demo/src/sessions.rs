//! Who is signed in: a random id in a cookie, and a bounded table of those ids.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Instant;

use crate::limits;

/// Must not begin with `edgepass`: cookies ignore ports, and those of the files origin on the same host name do.
pub const COOKIE: &str = "demo_session";

/// 128 random bits in hex, or nothing when the system has no randomness to give.
pub fn random_id() -> Option<String> {
    let mut bits = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bits).ok()?;
    let mut id = String::with_capacity(32);
    for byte in bits {
        let _ = write!(id, "{byte:02x}");
    }
    Some(id)
}

#[derive(Debug, Default)]
pub struct Sessions {
    by_id: HashMap<String, Session>,
}

#[derive(Debug)]
struct Session {
    user: String,
    since: Instant,
}

impl Sessions {
    pub fn start(&mut self, user: &str, now: Instant) -> Option<String> {
        self.by_id.retain(|_, session| session.alive(now));
        if self.by_id.len() >= limits::SESSIONS {
            let oldest = self.by_id.iter().min_by_key(|(_, session)| session.since).map(|(id, _)| id.clone());
            if let Some(oldest) = oldest {
                self.by_id.remove(&oldest);
            }
        }
        let id = random_id()?;
        self.by_id.insert(id.clone(), Session { user: user.to_owned(), since: now });
        Some(id)
    }

    pub fn user(&self, id: &str, now: Instant) -> Option<&str> {
        self.by_id.get(id).filter(|session| session.alive(now)).map(|session| session.user.as_str())
    }

    pub fn end(&mut self, id: &str) {
        self.by_id.remove(id);
    }
}

impl Session {
    fn alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < limits::SESSION_LIFE
    }
}

/// The value of our cookie in a `Cookie` header.
pub fn from_cookies(header: &str) -> Option<&str> {
    header.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_our_cookie_among_others() {
        assert_eq!(from_cookies("edgepass=a.b; demo_session=12ab;x=1"), Some("12ab"));
        assert_eq!(from_cookies("xdemo_session=1; demo_sessions=2"), None);
    }

    #[test]
    fn a_session_ends_by_time_or_by_hand() {
        let mut sessions = Sessions::default();
        let start = Instant::now();
        let id = sessions.start("ada", start).unwrap();
        assert_eq!(id.len(), 32);
        assert_eq!(sessions.user(&id, start), Some("ada"));
        assert_eq!(sessions.user(&id, start + limits::SESSION_LIFE), None);
        sessions.end(&id);
        assert_eq!(sessions.user(&id, start), None);
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_leaves() {
        let mut sessions = Sessions::default();
        let start = Instant::now();
        let first = sessions.start("ada", start).unwrap();
        for n in 1..=limits::SESSIONS as u64 {
            sessions.start("ada", start + std::time::Duration::from_millis(n)).unwrap();
        }
        assert_eq!(sessions.by_id.len(), limits::SESSIONS);
        assert_eq!(sessions.user(&first, start), None);
    }
}
