//! Approvals: what is signed, by whom, and whether a signature counts. Pure.
//!
//! An approver signs one line with an ed25519 key in the NATS form (`SU...` the seed, `U...` the
//! public key). The line names the digest, which binds the run's files, params, plan and the head
//! of its journal, and the answer, so that a signature fits nothing else and cannot be turned
//! round.

use std::collections::BTreeMap;

use nkeys::KeyPair;
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// Stands between the user somebody is and the one who became that user.
pub(crate) const BECAME: &str = " for ";

/// An answer, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The signer's public key.
    pub key: String,
    /// Whether the answer is yes.
    pub yes: bool,
    /// The digest that was signed.
    pub digest: String,
    /// The signature, in hex.
    pub signature: String,
}

/// What approvers are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What a signature is bound to.
    pub digest: String,
    /// When it is too late, in milliseconds since the Unix epoch.
    pub expires_unix_ms: u64,
    /// Public keys by approver.
    pub approvers: BTreeMap<String, String>,
    /// How many approvers must say yes.
    pub quorum: usize,
    /// Who must not answer: who started or resumed the run.
    pub requesters: Vec<String>,
    /// The head of the journal when it was asked.
    pub head: String,
}

/// A key that was made just now.
#[derive(Debug)]
pub struct NewKey {
    /// The secret half.
    pub seed: String,
    /// The public half.
    pub public: String,
}

/// Makes a key.
///
/// # Errors
/// A sentence when the machine has no randomness.
pub fn new_key() -> Result<NewKey, String> {
    let pair = KeyPair::new_user();
    let seed = pair.seed().map_err(|error| error.to_string())?;
    Ok(NewKey { seed, public: pair.public_key() })
}

/// Whether a text is a public key of a person.
pub fn is_public_key(text: &str) -> bool {
    text.starts_with('U') && KeyPair::from_public_key(text).is_ok()
}

/// Signs an answer.
///
/// # Errors
/// A sentence when the seed is none.
pub fn sign(seed: &str, digest: &str, yes: bool) -> Result<Signed, String> {
    let pair = KeyPair::from_seed(seed.trim()).map_err(|_| "this is not the seed of a key, which begins with SU")?;
    let signature = pair.sign(line(digest, yes).as_bytes()).map_err(|error| error.to_string())?;
    let signature = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Signed { key: pair.public_key(), yes, digest: digest.to_owned(), signature })
}

/// Whether a signature is that of its key over its digest and answer.
pub fn is_genuine(signed: &Signed) -> bool {
    let Signed { key, yes, digest, signature } = signed;
    let pair = KeyPair::from_public_key(key);
    let bytes = from_hex(signature);
    pair.ok().zip(bytes).is_some_and(|(pair, bytes)| pair.verify(line(digest, *yes).as_bytes(), &bytes).is_ok())
}

impl Question {
    /// The approver whose answer this is.
    ///
    /// # Errors
    /// A sentence saying why the answer does not count.
    pub fn accepts(&self, signed: &Signed, now_unix_ms: u64) -> Result<&str, String> {
        let approver = self.approvers.iter().find(|(_, key)| **key == signed.key);
        let Some((name, _)) = approver else {
            return Err(format!("the key {} is none of the approvers'", signed.key));
        };
        if now_unix_ms >= self.expires_unix_ms {
            return Err("the question has expired".to_owned());
        }
        if signed.digest != self.digest {
            return Err("another question was signed: its digest is not this one's".to_owned());
        }
        if self.is_requester(name) {
            return Err(format!("`{name}` asked for this run, and cannot approve it"));
        }
        if !is_genuine(signed) {
            return Err("the signature is not that of the key".to_owned());
        }
        Ok(name)
    }

    /// Whether an approver asked for the run.
    fn is_requester(&self, name: &str) -> bool {
        self.requesters.iter().any(|requester| is_same_person(requester, name))
    }

    /// Says that the quorum cannot be reached, where too many of the approvers asked for the run.
    ///
    /// # Errors
    /// A sentence with what to do instead.
    pub fn can_be_answered(&self) -> Result<(), String> {
        let (out, left): (Vec<_>, Vec<_>) = self.approvers.keys().partition(|name| self.is_requester(name));
        if self.quorum <= left.len() {
            return Ok(());
        }
        let out: Vec<_> = out.iter().map(|name| format!("`{name}`")).collect();
        Err(format!(
            "{} asked for this run and cannot approve it, which leaves {} for a quorum of {}; have somebody else start it",
            out.join(" and "),
            left.len(),
            self.quorum
        ))
    }

    /// The question as a step remembers it.
    pub fn to_value(&self) -> Value {
        let approvers = self.approvers.iter().map(|(name, key)| (name.as_str(), Value::text(key.as_str())));
        let expires = i64::try_from(self.expires_unix_ms).unwrap_or(i64::MAX);
        Value::map([
            ("digest", Value::text(self.digest.as_str())),
            ("expires_unix_ms", Value::Int(expires)),
            ("approvers", Value::map(approvers)),
            ("quorum", Value::Int(i64::try_from(self.quorum).unwrap_or(i64::MAX))),
            ("head", Value::text(self.head.as_str())),
            ("requesters", Value::list(self.requesters.iter().map(|name| Value::text(name.as_str())))),
        ])
    }

    /// The question a step remembered; `None` where the value is none.
    pub fn from_value(value: &Value) -> Option<Self> {
        let whole = |name: &str| match value.get(name)? {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        };
        let approvers = value.get("approvers")?.as_map()?;
        let requesters = value.get("requesters")?.as_list()?;
        Some(Self {
            digest: value.get("digest")?.as_text()?.to_owned(),
            expires_unix_ms: whole("expires_unix_ms")?,
            approvers: approvers.iter().map(|(name, key)| (name.to_string(), key.to_string())).collect(),
            quorum: usize::try_from(whole("quorum")?).ok()?,
            requesters: requesters.iter().map(Value::to_string).collect(),
            head: value.get("head")?.as_text()?.to_owned(),
        })
    }
}

/// The line that is signed.
fn line(digest: &str, yes: bool) -> String {
    format!("titan-run approval 1 {} {digest}\n", if yes { "yes" } else { "no" })
}

/// Whether a person of this machine, such as `root (uid 0) for ann (uid 1000)`, is the approver of a
/// name.
fn is_same_person(requester: &str, approver: &str) -> bool {
    let names = requester.split(BECAME).filter_map(|one| one.split(" (uid ").next());
    names.into_iter().any(|name| name.eq_ignore_ascii_case(approver))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(key: &NewKey) -> Question {
        Question {
            digest: "d1".to_owned(),
            expires_unix_ms: 1_000,
            approvers: [("ann".to_owned(), key.public.clone())].into(),
            quorum: 1,
            requesters: vec!["bob (uid 7)".to_owned()],
            head: String::new(),
        }
    }

    #[test]
    fn only_the_right_key_on_the_right_question_in_time_counts() {
        let (ann, eve) = (new_key().unwrap(), new_key().unwrap());
        let question = question(&ann);
        let yes = sign(&ann.seed, "d1", true).unwrap();
        assert_eq!(question.accepts(&yes, 999), Ok("ann"));
        assert_eq!(question.can_be_answered(), Ok(()));
        let refused = |signed: &Signed, now| question.accepts(signed, now).unwrap_err();
        assert!(refused(&yes, 1_000).contains("expired"));
        assert!(refused(&sign(&eve.seed, "d1", true).unwrap(), 0).contains("none of the approvers"));
        assert!(refused(&sign(&ann.seed, "d2", true).unwrap(), 0).contains("another question"));
        assert!(refused(&Signed { yes: false, ..yes.clone() }, 0).contains("not that of the key"));
        assert!(
            refused(&Signed { digest: "d1".to_owned(), ..sign(&ann.seed, "d0", true).unwrap() }, 0)
                .contains("not that")
        );
        for own in ["Ann (uid 1)", "root (uid 0) for ann (uid 1)"] {
            let own = Question { requesters: vec![own.to_owned()], ..question.clone() };
            assert!(own.accepts(&yes, 0).unwrap_err().contains("cannot approve"));
            assert!(own.can_be_answered().unwrap_err().starts_with("`ann` asked"));
        }
        assert_eq!(Question::from_value(&question.to_value()), Some(question.clone()));
    }
}
