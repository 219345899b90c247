//! `approve`: named people sign that the run may go on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::approval::{Question, Signed, is_public_key};
use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind};
use crate::policy::sha256_hex;
use crate::value::{Value, as_duration, format_duration};
use crate::world::{Standing, Wait};

use super::{Bound, Call, Primitive};

/// How long approvers have where nothing is said.
pub const DEFAULT_EXPIRY: Duration = Duration::from_secs(1_800);

/// The primitive.
pub(super) struct Approve;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "approve",
    about: "Waits until enough named people have signed that the run may go on; a no, or nothing in time, denies it",
    arguments: &[
        Argument { name: "approvers", kind: Kind::Map, required: true, about: "public keys (`U...`) by approver" },
        Argument {
            name: "quorum",
            kind: Kind::Count,
            required: false,
            about: "how many must say yes; all of them by default",
        },
        Argument {
            name: "expires",
            kind: Kind::Duration,
            required: false,
            about: "how long they have; `30m` by default",
        },
        Argument {
            name: "shows",
            kind: Kind::Map,
            required: false,
            about: "what they are shown: hashes, versions, reasons",
        },
    ],
    result: &[
        Field { name: "digest", kind: Kind::Text, optional: false, about: "what was signed" },
        Field { name: "approved_by", kind: Kind::Texts, optional: false, about: "who said yes" },
        Field {
            name: "signatures",
            kind: Kind::List,
            optional: false,
            about: "what they signed, for `titan-run verify`",
        },
    ],
    needs: &[],
    effect: Effect::Asks,
    errors: &[ErrorClass::Denied, ErrorClass::Refused],
    idempotent: false,
    timeout: Duration::from_secs(24 * 3_600),
    in_doubt: InDoubt::AskAgain,
};

impl Primitive for Approve {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let expiry = call.with.get("expires").and_then(as_duration).unwrap_or(DEFAULT_EXPIRY).min(call.bound);
            let question = question(&call, expiry)?;
            call.remember(question.to_value()).await?;
            let standing = match call.world.people().standing(&question.digest)? {
                Standing::Simulated(who) => return Ok(result(&question, &[who], &[])),
                Standing::Signed(signed) => signed,
            };
            question.can_be_answered().map_err(|why| Failure::new(ErrorClass::Refused, why))?;
            let names: Vec<_> = question.approvers.keys().map(String::as_str).collect();
            (call.progress)(&format!(
                "{} of {} within {}: titan-run approve {}",
                question.quorum,
                names.join(", "),
                format_duration(expiry),
                call.record.bound().run
            ));
            let answers = Box::pin(gathered(&call, &question, standing));
            match select(answers, call.world.clock().sleep(expiry)).await {
                Either::Left((answered, _)) => answered,
                Either::Right(_) => {
                    let message = format!("not approved within {}, which means no", format_duration(expiry));
                    Err(Failure::new(ErrorClass::Denied, message))
                }
            }
        })
    }
}

/// What is asked; everything that must not change between question and answer is in its digest.
fn question(call: &Call<'_>, expiry: Duration) -> Result<Question, Failure> {
    let refused = |message: String| Err(Failure::new(ErrorClass::Refused, message));
    let with = call.with.to_value();
    let (approvers, quorum) = terms(&with);
    if let Some((name, key)) = approvers.iter().find(|(_, key)| !is_public_key(key)) {
        return refused(format!("`{key}` of `{name}` is not a public key; `titan-run key new` makes one"));
    }
    let keys: BTreeSet<_> = approvers.values().collect();
    if keys.len() < approvers.len() {
        return refused("two approvers have the same key".to_owned());
    }
    if quorum == 0 || quorum > approvers.len() {
        return refused(format!("a quorum of {quorum} does not fit {} approvers", approvers.len()));
    }
    let bound = call.record.bound();
    let expires = call.world.clock().unix_ms() + u64::try_from(expiry.as_millis()).unwrap_or(u64::MAX);
    let digest = digest(&bound.header, &bound.head, call.step, &with, expires);
    let Bound { requesters, head, .. } = bound;
    Ok(Question { digest, expires_unix_ms: expires, approvers, quorum, requesters, head })
}

/// Who is asked, and how many of them must say yes.
pub fn terms(with: &Value) -> (BTreeMap<String, String>, usize) {
    let approvers = with.get("approvers").and_then(Value::as_map).into_iter().flatten();
    let approvers: BTreeMap<_, _> = approvers.map(|(name, key)| (name.to_string(), key.to_string())).collect();
    let quorum = match with.get("quorum") {
        Some(Value::Int(quorum)) => usize::try_from(*quorum).unwrap_or(0),
        _ => approvers.len(),
    };
    (approvers, quorum)
}

/// What is signed: the run's header, the head of its journal, the step, what it asks, and until
/// when.
pub fn digest(header: &str, head: &str, step: &str, with: &Value, expires_unix_ms: u64) -> String {
    let with = serde_json::to_string(with).unwrap_or_default();
    sha256_hex(format!("{header}\n{head}\n{step}\n{with}\n{expires_unix_ms}").as_bytes())
}

/// Gathers answers until enough said yes or one said no.
async fn gathered(call: &Call<'_>, question: &Question, standing: Vec<Signed>) -> Result<Value, Failure> {
    let mut yes: BTreeMap<String, Signed> = BTreeMap::new();
    let mut waiting = standing;
    let mut heard = 0;
    loop {
        for signed in std::mem::take(&mut waiting) {
            let Ok(name) = question.accepts(&signed, call.world.clock().unix_ms()) else {
                continue;
            };
            if !signed.yes {
                return Err(Failure::new(ErrorClass::Denied, format!("`{name}` said no")));
            }
            yes.insert(name.to_owned(), signed);
        }
        if yes.len() >= question.quorum {
            let (names, signed): (Vec<_>, Vec<_>) = yes.into_iter().unzip();
            return Ok(result(question, &names, &signed));
        }
        (call.progress)(&format!("{} of {} said yes", yes.len(), question.quorum));
        let (at, signed) = call.record.decision(heard).await;
        heard = at;
        waiting.push(signed);
    }
}

fn result(question: &Question, names: &[String], signed: &[Signed]) -> Value {
    let signatures = signed.iter().map(|one| {
        Value::map([("key", one.key.as_str()), ("signature", one.signature.as_str())].map(|(k, v)| (k, Value::text(v))))
    });
    Value::map([
        ("digest", Value::text(question.digest.as_str())),
        ("approved_by", Value::list(names.iter().map(|name| Value::text(name.as_str())))),
        ("signatures", Value::list(signatures)),
    ])
}
