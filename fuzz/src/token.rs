//! Tokens. `!` and a token as it travels; or a target, a header and claims on lines of their own, of which a token is made.
//!
//! A token is taken as far as its form goes whatever the verifier, changed in one byte it never verifies, it is valid in
//! one stretch of time, and what `explain` says is what `allow` does.

use authorizer::{
    Action, Carried, Delete, Denied, HookAnswer, Method, ObjectPath, Permission, Question, Read, UnixTime, Upload,
    Verified, verify,
};

use crate::site::{Host, NOW, No, SITE_READY, Seal, Yes, sealed};

pub fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(raw) = text.strip_prefix('!') {
        let _ = judged(raw);
        return;
    }
    let mut lines = text.splitn(3, '\n');
    let (Some(target), Some(header), Some(claims)) = (lines.next(), lines.next(), lines.next()) else { return };
    let token = sealed(header, claims);
    let Some(verified) = judged(&token) else { return };
    no_change_verifies(&token, data);
    valid_in_one_stretch(&verified);
    let Ok(path) = ObjectPath::from_target(target) else { return };
    for hooks in [HookAnswer::Yes, HookAnswer::No, HookAnswer::Away, HookAnswer::Unknown] {
        for method in [Method::Get, Method::Head] {
            for address in [None, Some([10, 1, 2, 3].into())] {
                let question = Question {
                    host: "",
                    path: &path,
                    method,
                    address,
                    now: NOW,
                    tokens: &[&token],
                    carried: Carried::AsTokens,
                };
                explained::<Read>(question, hooks);
            }
        }
        let host = "other.example";
        let question = Question {
            host,
            path: &path,
            method: Method::Get,
            address: None,
            now: NOW,
            tokens: &["x", &token],
            carried: Carried::AsTokens,
        };
        explained::<Read>(question, hooks);
        explained::<Upload>(question, hooks);
        explained::<Delete>(question, hooks);
    }
}

/// By a verifier that says yes; one that says no, and one that looks, may only say less.
fn judged(token: &str) -> Option<Verified> {
    let site = &*SITE_READY;
    let issuers = site.front.rules.issuers();
    let refused = verify(token, issuers, &site.keys, &No).expect_err("no signature is good");
    let sealed = verify(token, issuers, &site.keys, &Seal).map(|_| ());
    match verify(token, issuers, &site.keys, &Yes) {
        Ok(verified) => {
            assert_eq!(refused, Denied::BadSignature);
            assert!(matches!(sealed, Ok(()) | Err(Denied::BadSignature)));
            assert_eq!(token.matches('.').count(), 2);
            Some(verified)
        }
        Err(denied) => {
            assert_ne!(denied, Denied::BadSignature);
            assert_eq!((refused, sealed), (denied, Err(denied)));
            None
        }
    }
}

fn no_change_verifies(token: &str, data: &[u8]) {
    const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n";
    let site = &*SITE_READY;
    let seed = data.iter().fold(7_usize, |seed, byte| seed.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    // Anywhere, and the last character, whose lowest bits stand for nothing.
    for at in [seed % token.len(), token.len() - 1] {
        let mut changed = token.as_bytes().to_vec();
        let new = CHARACTERS[(seed / token.len()) % CHARACTERS.len()];
        if new != changed[at] {
            changed[at] = new;
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(verify(&changed, site.front.rules.issuers(), &site.keys, &Seal).is_err(), "{changed}");
        }
    }
}

fn valid_in_one_stretch(verified: &Verified) {
    let issuer = SITE_READY.front.rules.issuer(verified.issuer()).expect("it was found");
    let claims = verified.claims();
    let mut times = vec![i64::MIN, 0, NOW.0, i64::MAX];
    for time in [claims.expires, claims.not_before, claims.issued].into_iter().flatten() {
        let age = issuer.max_age.unwrap_or_default();
        for edge in [time - issuer.leeway, time + issuer.leeway, time + age - issuer.leeway, time + age + issuer.leeway]
        {
            times.extend([edge - 1, edge, edge + 1]);
        }
    }
    times.sort_unstable();
    let valid: Vec<bool> = times.iter().map(|time| verified.check(issuer, UnixTime(*time)).is_ok()).collect();
    let changes = valid.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes <= 2 && !valid[valid.len() - 1], "{times:?} {valid:?}");
    if let Some(end) = verified.expires(issuer) {
        let late = UnixTime(end.0.saturating_add(issuer.leeway));
        assert!(verified.check(issuer, late).is_err(), "it ends where it says");
    }
}

fn explained<P: Permission>(question: Question<'_>, hooks: HookAnswer) {
    let rules = &SITE_READY.front.rules;
    let placed = rules.place(question);
    let allowed = placed.allow::<P>(&mut Host { hooks });
    let trace = placed.explain::<P>(&mut Host { hooks });
    assert_eq!(trace.route, placed.route());
    let by_token = trace.tokens.iter().any(|token| {
        let is_link = token.verified.as_ref().is_some_and(|verified| verified.is_link());
        let row = is_link || token.rows.iter().any(|row| row.failed.is_none());
        token.verified.is_some() && token.fault.is_none() && token.bar.is_none() && row
    });
    let said = by_token || trace.anyone.iter().any(|row| row.failed.is_none());
    match allowed {
        Ok(allowed) => {
            assert!(said, "allowed, and explained as refused: {trace:?}");
            assert_eq!(Some(allowed.route()), trace.route);
            assert_eq!(rules.key_in(allowed.route(), question.path).as_deref(), Some(allowed.key()));
            assert!(ObjectPath::from_decoded(format!("/{}", allowed.key())).is_ok(), "{}", allowed.key());
            assert!(P::ACTION != Action::Delete, "no rule of the site lets anyone delete");
        }
        Err(Denied::KeyTooLong) => assert!(said),
        Err(denied) => assert!(!said, "refused for {denied:?}, and explained as allowed: {trace:?}"),
    }
}
