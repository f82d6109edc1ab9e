//! Why a question is answered as it is: each rule tried, and the first fact that failed in it. The facts are those that the
//! decision itself looks at, by the same code.

use std::sync::Arc;

use crate::allowed::Permission;
use crate::denied::Denied;
use crate::question::Evidence;
use crate::routes::RouteId;
use crate::rule::RowFact;
use crate::rules::{Placed, rows_for};
use crate::token::Verified;

#[derive(Debug)]
pub struct Trace {
    pub route: Option<RouteId>,
    /// The rules of the route that let anyone do it.
    pub anyone: Vec<RowTrace>,
    /// In the order of the question's tokens.
    pub tokens: Vec<TokenTrace>,
}

#[derive(Debug)]
pub struct TokenTrace {
    /// The token, if it could be verified.
    pub verified: Option<Arc<Verified>>,
    /// What is wrong with the token itself, whatever the path.
    pub fault: Option<Denied>,
    /// What keeps it from every rule: no route, no rule for the action, the issuer's ceiling; for a link, all that it lacks.
    pub bar: Option<Denied>,
    pub rows: Vec<RowTrace>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowTrace {
    /// The number of the `allow` row, from 0.
    pub rule: usize,
    pub failed: Option<RowFact>,
}

impl Placed<'_> {
    /// Decides nothing and uses up no token.
    pub fn explain<P: Permission>(&self, evidence: &mut impl Evidence) -> Trace {
        let rows = self.found.iter().flat_map(|found| rows_for(found.route, P::ACTION));
        let anyone = rows
            .filter(|(_, row)| row.tests.is_none())
            .map(|(rule, row)| RowTrace { rule, failed: row.check_circumstances(&self.question).err() });
        Trace {
            route: self.route(),
            anyone: anyone.collect(),
            tokens: self.question.tokens.iter().map(|token| self.explain_token::<P>(token, evidence)).collect(),
        }
    }

    fn explain_token<P: Permission>(&self, token: &str, evidence: &mut impl Evidence) -> TokenTrace {
        let verified = match evidence.verify(token) {
            Ok(verified) => verified,
            Err(fault) => return TokenTrace { verified: None, fault: Some(fault), bar: None, rows: Vec::new() },
        };
        let Some(issuer) = self.rules().issuer(verified.issuer()) else {
            let fault = Some(Denied::UnknownIssuer);
            return TokenTrace { verified: Some(verified), fault, bar: None, rows: Vec::new() };
        };
        let fault = verified.check(issuer, self.question.now).err();
        let bar = self.covering_row::<P>(&verified, issuer, evidence).err().filter(|denied| {
            verified.is_link() || matches!(denied, Denied::NoRoute | Denied::NoRule(_) | Denied::IssuerMayNot(_))
        });
        let mut rows = Vec::new();
        if let Some(found) = self.found.as_ref().filter(|_| !verified.is_link()) {
            for (rule, row) in rows_for(found.route, P::ACTION).filter(|(_, row)| row.tests.is_some()) {
                let failed = row.judge::<P>(&verified, found, &self.question, evidence).err();
                rows.push(RowTrace { rule, failed });
            }
        }
        TokenTrace { verified: Some(verified), fault, bar, rows }
    }
}
