//! `explain` says what `allow` decides, for random sites and questions.

use authorizer::{
    Action, AllowSettings, Carried, Circumstances, ClaimValue, Denied, HookAnswer, HookId, IssuerId, IssuerSettings,
    Method, Question, Read, RowFact, Rules, Trace, UnixTime, Who,
};
use serde_json::json;

use crate::site::{Host, NOW, issuer, path, read, route, token};

/// xorshift64*: the same questions every time.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn number(&mut self, bound: u64) -> usize {
        usize::try_from(self.below(bound)).unwrap()
    }
}

fn circumstances(random: &mut Random) -> Circumstances {
    let time = |random: &mut Random| UnixTime(NOW.0 + i64::try_from(random.below(3)).unwrap() - 1);
    Circumstances {
        methods: random.one_in(4).then(|| vec![[Method::Get, Method::Head][random.number(2)]]),
        from: random.one_in(4).then(|| time(random)),
        until: random.one_in(4).then(|| UnixTime(time(random).0 + 2)),
        ..Circumstances::default()
    }
}

/// Rows of one route; a set that the builder refuses (one that is never needed, say) is no site.
fn site(random: &mut Random) -> Option<Rules> {
    let row = |random: &mut Random| {
        if random.one_in(5) {
            let anyone = AllowSettings::new(Action::Read, Who::Anyone);
            return AllowSettings { circumstances: circumstances(random), ..anyone };
        }
        let names = [["a"].as_slice(), &["b"], &["a", "b"], &["c"]][random.number(4)];
        let claims: Vec<_> = names.iter().map(|name| (*name, ClaimValue::Text("{x}".to_owned()))).collect();
        AllowSettings {
            issuer: random.one_in(3).then(|| IssuerId(random.number(2))),
            hook: random.one_in(4).then_some(HookId(0)),
            paths: random.one_in(5).then(|| "paths".to_owned()),
            circumstances: circumstances(random),
            ..read(&claims)
        }
    };
    let rows = (0..=random.below(3)).map(|_| row(random)).collect();
    let once = IssuerSettings { once: random.one_in(4), ..issuer("two") };
    let barred = IssuerSettings { may: vec![Action::Upload], ..issuer("barred") };
    Rules::build(vec![issuer("one"), once, barred], &[route("all", "/d/{x}", rows)]).ok()
}

fn tokens(random: &mut Random) -> Vec<String> {
    let name = |random: &mut Random| ["one", "two", "barred"][random.number(3)];
    let text = |random: &mut Random| ["1", "2", "3"][random.number(3)];
    let one = |random: &mut Random| {
        if random.one_in(9) {
            return "x.y.z".to_owned();
        }
        let exp = if random.one_in(5) { NOW.0 } else { NOW.0 + 60 };
        let mut claims = json!({"a": text(random), "b": text(random), "c": text(random), "exp": exp});
        if random.one_in(2) {
            claims["paths"] = json!(["/d/1", "/d/2"]);
        }
        if random.one_in(2) {
            claims["jti"] = json!("j");
        }
        token(name(random), &claims)
    };
    (0..random.below(3)).map(|_| one(random)).collect()
}

/// The answer that a trace comes to, by `docs/reference/configuration.md` and `http.md` alone.
fn expected(trace: &Trace) -> Result<usize, ()> {
    if let Some(row) = trace.anyone.iter().find(|row| row.failed.is_none()) {
        return Ok(row.rule);
    }
    let good = trace.tokens.iter().filter(|token| token.fault.is_none() && token.bar.is_none());
    good.flat_map(|token| &token.rows).find(|row| row.failed.is_none()).map(|row| row.rule).ok_or(())
}

/// A refusal is one of the facts that the trace shows.
fn is_shown(trace: &Trace, denied: Denied) -> bool {
    let of_row = |failed: Option<RowFact>| failed.map(RowFact::denied) == Some(denied);
    let of_rows = |mut rows: std::slice::Iter<'_, authorizer::RowTrace>| rows.any(|row| of_row(row.failed));
    let of_token = |token: &authorizer::TokenTrace| {
        token.fault == Some(denied) || token.bar == Some(denied) || of_rows(token.rows.iter())
    };
    let no_row = denied == Denied::PathNotCovered && trace.tokens.iter().any(|token| token.rows.is_empty());
    match denied {
        Denied::TokenMissing => trace.tokens.is_empty(),
        _ => trace.tokens.iter().any(of_token) || of_rows(trace.anyone.iter()) || no_row,
    }
}

#[test]
fn explain_agrees_with_allow() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut sites, mut allowed, mut refused) = (0, 0, std::collections::BTreeSet::new());
    while sites < 3000 {
        let Some(rules) = site(&mut random) else { continue };
        sites += 1;
        for _ in 0..4 {
            let path = path(["/d/1", "/d/2", "/d/3", "/e/1"][random.number(4)]);
            let tokens = tokens(&mut random);
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            let method = [Method::Get, Method::Head][random.number(2)];
            let question = Question {
                host: "",
                path: &path,
                method,
                address: None,
                now: NOW,
                tokens: &tokens,
                carried: Carried::AsTokens,
            };
            let hook = [HookAnswer::Yes, HookAnswer::No, HookAnswer::Away, HookAnswer::Unknown][random.number(4)];
            let mut host = Host { hook, ..Host::new(&rules) };
            let placed = rules.place(question);
            let trace = placed.explain::<Read>(&mut host);
            assert!(host.taken.is_empty(), "explaining uses nothing up");
            match placed.allow::<Read>(&mut host) {
                Ok(leave) => {
                    allowed += 1;
                    assert_eq!(Ok(leave.rule()), expected(&trace), "{trace:#?}");
                }
                Err(denied) => {
                    refused.insert(denied.code());
                    assert_eq!(expected(&trace), Err(()), "{denied}: {trace:#?}");
                    assert!(is_shown(&trace, denied), "{denied}: {trace:#?}");
                }
            }
        }
    }
    assert!(allowed > 1000 && refused.len() >= 11, "{allowed} allowed, refused by {refused:?}");
}
