//! What the gateway knows on behalf of the rules: tokens that it verified, revocations, used tokens, the answers of hooks.

use std::sync::Arc;

use authorizer::{Allowed, Denied, Evidence, HookAnswer, HookQuestion, Permission, Placed, UnixTime, Verified};
use front::Refusal;
use hook::Inquiry;
use revocations::NotTaken;

use crate::pipeline::Pipeline;
use crate::record::Record;

/// What is known for one request.
pub struct Known<'a> {
    pipeline: &'a Pipeline,
    record: &'a mut Record,
    now: UnixTime,
    hooks: Inquiry<'a>,
}

impl Evidence for Known<'_> {
    /// Notes for the log who asks, even where the answer is no.
    fn verify(&mut self, token: &str) -> Result<Arc<Verified>, Denied> {
        let rules = &self.pipeline.site.front.rules;
        self.record.bearer = None;
        let (verified, revoked) = self.pipeline.memory.verify(token, rules.issuers())?;
        self.record.bearer = Some(Arc::clone(&verified));
        if revoked { Err(Denied::Revoked) } else { Ok(verified) }
    }

    fn take(&mut self, token: &Verified) -> Result<(), Denied> {
        let issuer = self.pipeline.site.front.rules.issuer(token.issuer()).ok_or(Denied::UnknownIssuer)?;
        let id = token.claims().token_id.as_deref().ok_or(Denied::NoTokenId)?;
        let until = token.expires(issuer).ok_or(Denied::NoExpiry)?;
        self.pipeline.used.take(&issuer.name, id, until, self.now).map_err(|error| match error {
            NotTaken::Used => Denied::Used,
            // What is wrong with the journal stands in the store's status, for the metrics.
            NotTaken::Full | NotTaken::Journal(_) => Denied::NotRememberedHere,
        })
    }

    fn hook(&mut self, question: &HookQuestion<'_>) -> HookAnswer {
        self.hooks.answer(question)
    }
}

/// Leave to act, from the rules alone, after whoever can be asked was asked.
pub async fn authorise<P: Permission>(
    pipeline: &Pipeline,
    placed: &Placed<'_>,
    now: UnixTime,
    record: &mut Record,
) -> Result<Allowed<P>, Refusal> {
    record.route = placed.route();
    let allowed = wait_for(pipeline, now, record, |known| placed.allow::<P>(known).map_err(Refusal::from)).await?;
    record.rule = Some(allowed.rule());
    Ok(allowed)
}

/// Asks again after each wait for something that was not known yet: keys that an issuer may have published since, which is
/// worth one question to the issuer, and the answers of hooks, whose number has a bound of its own.
pub async fn wait_for<T>(
    pipeline: &Pipeline,
    now: UnixTime,
    record: &mut Record,
    mut ask: impl FnMut(&mut Known<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let hooks = Inquiry::new(&pipeline.site.hooks, record.started);
    let mut known = Known { pipeline, record, now, hooks };
    let mut fetched = false;
    loop {
        let answer = ask(&mut known);
        match &answer {
            Err(Refusal { unknown_key: Some(issuer), .. }) if !fetched => {
                fetched = true;
                pipeline.keyring.refresh_unknown(issuer.0).await;
            }
            Err(Refusal { hook_unknown: true, .. }) if known.hooks.ask().await => {}
            _ => return answer,
        }
    }
}
