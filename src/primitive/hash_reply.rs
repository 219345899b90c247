//! What `expect_hash` and `service_hash` share: asking every instance of a service for its
//! policy hash, and believing only whole, well-formed, unanimous answers.

use std::time::Duration;

use crate::declaration::{ErrorClass, Failure, Kind};
use crate::runbook::target::HashResponder;
use crate::value::Value;
use crate::world::{Gather, Message};

use super::{Call, decoded, is_publish_ack};

/// How long replies are gathered where nothing else is said: far beyond an answer's time.
const DEFAULT_WINDOW: Duration = Duration::from_secs(1);

/// The reply fields services use, in the order they are looked for.
const FIELDS: [&str; 2] = ["hash", "policy_hash"];

/// The hashes of exactly the declared instances, in the order of their replies.
pub(super) async fn gather(call: &Call<'_>) -> Result<Vec<String>, Failure> {
    let (name, service) = call.service()?;
    let Some(responder) = &service.hash else {
        let message = format!("`{name}` answers no hash request in this target; read its log with `wait_log`");
        return Err(Failure::new(ErrorClass::Refused, message));
    };
    let message = Message {
        subject: responder.subject.clone(),
        payload: responder.payload.clone().into_bytes(),
        ..Message::default()
    };
    let window = call.with.duration("window").unwrap_or(DEFAULT_WINDOW).min(call.bound);
    let replies = call.world.bus().request(&message, Gather::Window(window)).await?;
    let hashes = replies.iter().map(|reply| hash_of(&decoded(&reply.payload), responder));
    let hashes: Vec<_> = hashes.collect::<Result<_, _>>()?;
    if hashes.windows(2).any(|pair| pair.first() != pair.last()) {
        let message = format!("the instances of `{name}` disagree: {}", hashes.join(", "));
        return Err(Failure::new(ErrorClass::Mismatch, message));
    }
    if hashes.len() != service.instances as usize {
        let declared = service.instances;
        let message = format!("{} instances of `{name}` answered, the target declares {declared}", hashes.len());
        return Err(Failure::new(ErrorClass::Mismatch, message));
    }
    Ok(hashes)
}

fn hash_of(reply: &Value, responder: &HashResponder) -> Result<String, Failure> {
    let malformed = |message: String| Err(Failure::new(ErrorClass::Malformed, message));
    if is_publish_ack(reply) {
        return malformed(format!("a stream captures `{}` and acknowledged the request", responder.subject));
    }
    let found = match &responder.field {
        Some(field) => reply.get(field),
        None => FIELDS.iter().find_map(|field| reply.get(field)),
    };
    match found {
        Some(hash @ Value::Text(text)) if Kind::Hash.accepts(hash) => Ok(text.to_ascii_lowercase()),
        Some(Value::Text(text)) => malformed(format!("`{text}` is no policy hash")),
        _ => malformed(format!("the reply has no hash: {reply}")),
    }
}
