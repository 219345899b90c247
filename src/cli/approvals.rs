//! Approvals on record: whether what was asked is what the record says, and who signed it.
//!
//! Nothing that a question itself says is believed: its approvers and quorum are those of the
//! step, its requesters those of the run, and its digest is computed anew.

use std::collections::BTreeMap;

use crate::approval::{Question, Signed};
use crate::event::{Event, Happened, Status};
use crate::journal::Chain;
use crate::policy::sha256_hex;
use crate::primitive::approve::{digest, terms};
use crate::primitive::arguments_of;
use crate::value::Value;

/// The primitive whose results hold signatures.
const APPROVE: &str = "approve";

/// Checks every approval once more, from the record alone; a sentence each.
///
/// # Errors
/// A sentence for the first that does not hold.
pub(super) fn approvals(events: &[Event]) -> Result<Vec<String>, String> {
    let mut asked: BTreeMap<&str, (&Value, Option<Question>)> = BTreeMap::new();
    let mut held = Vec::new();
    for event in events {
        match &event.what {
            Happened::Started { step, action: primitive, with, .. }
            | Happened::CallStarted { step, primitive, with, .. }
                if &**primitive == APPROVE =>
            {
                asked.insert(step, (with, None));
            }
            Happened::Remembered { step, memory, .. } => {
                if let Some((_, question)) = asked.get_mut(&**step) {
                    *question = Question::from_value(memory);
                }
            }
            Happened::Finished { step, status: Status::Ok, out, .. }
            | Happened::CallFinished { step, failure: None, out, .. } => {
                if let Some((with, question)) = asked.remove(&**step) {
                    let question = question.ok_or_else(|| format!("`{step}` was approved and never asked"))?;
                    held.push(approval(events, step, with, &question, out)?);
                }
            }
            _ => {}
        }
    }
    Ok(held)
}

/// Whether a question is the one that this run asks with a step's arguments.
///
/// # Errors
/// A sentence saying why not.
pub(super) fn check(events: &[Event], step: &str, with: &Value, question: &Question) -> Result<(), String> {
    let Some(Happened::RunStarted(header)) = events.first().map(|event| &event.what) else {
        return Err("the run has no header".to_owned());
    };
    let mut chain = Chain::default();
    let head =
        events.iter().position(|event| chain.encode(event, &mut Vec::new()).is_ok() && chain.head() == question.head);
    let Some(before) = head.and_then(|head| events.get(..=head)) else {
        return Err("it was asked at another head of the journal".to_owned());
    };
    let requester = header.who.clone();
    let with = arguments_of(APPROVE, with).map_err(|failure| failure.message)?;
    let header = sha256_hex(&serde_json::to_vec(header).unwrap_or_default());
    if digest(&header, &question.head, step, &with, question.expires_unix_ms) != question.digest {
        return Err("its digest is not that of this run".to_owned());
    }
    if terms(&with) != (question.approvers.clone(), question.quorum) {
        return Err("its approvers are not those of the step".to_owned());
    }
    let resumed_by = before.iter().filter_map(|event| match &event.what {
        Happened::Resumed { who, .. } => Some(who),
        _ => None,
    });
    match std::iter::once(&requester).chain(resumed_by).find(|who| !question.requesters.contains(who)) {
        Some(who) => Err(format!("it does not say that `{who}` asked for the run")),
        None => Ok(()),
    }
}

fn approval(events: &[Event], step: &str, with: &Value, question: &Question, out: &Value) -> Result<String, String> {
    let wrong = |why: String| format!("the approval of `{step}` does not hold: {why}");
    if let Some(Happened::RunStarted(header)) = events.first().map(|event| &event.what)
        && header.simulated
    {
        return Ok(format!("`{step}` was approved by a simulated operator"));
    }
    check(events, step, with, question).map_err(wrong)?;
    let mut signers = BTreeMap::new();
    for one in out.get("signatures").and_then(Value::as_list).unwrap_or_default() {
        let text = |name: &str| one.get(name).map(Value::to_string).unwrap_or_default();
        let signed =
            Signed { key: text("key"), yes: true, digest: question.digest.clone(), signature: text("signature") };
        signers.insert(question.accepts(&signed, 0).map_err(wrong)?.to_owned(), signed.key);
    }
    if signers.len() < question.quorum {
        return Err(wrong("too few signatures are on record".to_owned()));
    }
    let names: Vec<_> = signers.keys().map(String::as_str).collect();
    let keys: String = signers.iter().map(|(name, key)| format!("\n  {name} signed with {key}")).collect();
    Ok(format!("`{step}` was approved by {}{keys}", names.join(", ")))
}
