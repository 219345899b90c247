//! A service is held against the hash it gave itself.
//!
//! Comparing what a service answers now with what it answered a moment ago is always true, whatever
//! policy it holds, and whether it was asked, logged it or replied; and so it is whatever has passed that
//! answer on: `get(...)`, an index, a `note`, a script, a runbook used as an action. The expected hash comes
//! from the reviewed policy, or was read before the service was last changed.
//!
//! ```yaml bad
//! titan: 1
//! runbook: look
//! steps:
//!   read:
//!     do: service_hash
//!     with: { service: execution }
//!   verify:
//!     do: expect_hash
//!     with: { service: execution, expected: "${steps.read.out.hash}" }
//! ```
//!
//! ```yaml good
//! titan: 1
//! runbook: look
//! params:
//!   policy: { type: file }
//! steps:
//!   verify:
//!     do: expect_hash
//!     with: { service: execution, expected: "${policy_hash(params.policy)}" }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::lint::flow::{Known, NodeId};
use crate::lint::readings::{Reading, readings};
use crate::lint::scene::{Deed, Scene};

use super::{Check, Group, Report, Rule, Subject};

pub(super) const RULE: Rule = Rule {
    code: "verified-against-itself",
    severity: Severity::Error,
    strength: Strength::Proved,
    group: Group::Safety,
    source: include_str!("verified_against_itself.rs"),
    check: Check::Runbook(check),
};

/// A service that a node holds against what was read by these.
type Verified<'s> = (NodeId, &'s Known, Vec<Reading>);

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    let scene = subject.scene();
    let verified = scene.deeds().iter().filter_map(|(id, deed)| match deed {
        Deed::Verifies { service, against: Some(_), .. } => Some((*id, service, readings(subject, *id, service))),
        _ => None,
    });
    let verified: Vec<Verified<'_>> = verified.collect();
    for (id, service, readings) in &verified {
        let (id, service) = (*id, *service);
        let before = scene.before(id);
        let is_itself = |reading: &&Reading| {
            let since = scene.flow.after(reading.id);
            let is_changed = scene
                .deploys()
                .iter()
                .any(|(deploy, one)| *one == service && before.has(*deploy) && since.has(*deploy));
            is_of(subject, reading, service) && before.has(reading.id) && !is_changed
        };
        if let Some(reading) = readings.iter().find(is_itself) {
            let path = scene.flow.node(reading.id).map_or("", |node| node.path.as_str());
            let message = format!("`{}` is held against the hash it gave itself in `{path}`", service.shown());
            let found = report.at(message, subject.span_of(id));
            report.push(found.help("hold it against `policy_hash(...)` of the reviewed policy"));
        } else if let Some((read, other)) =
            readings.iter().find_map(|reading| Some((reading.id, unasked(scene, reading, id, &verified)?)))
        {
            let path = scene.flow.node(read).map_or("", |node| node.path.as_str());
            let (service, other) = (service.shown(), other.shown());
            let message =
                format!("`{service}` is held against what `{other}` says in `{path}`, which nobody has asked for");
            let found = report.at(message, subject.span_of(id));
            report.push(found.help(format!(
                "hold it against `policy_hash(...)` of the reviewed policy, or hold `{other}` against that first"
            )));
        }
    }
}

/// The service that a hash was read from after this run has changed it, where nothing before the node
/// `user` holds that service against anything but what services say.
fn unasked<'r>(scene: &Scene<'_>, reading: &'r Reading, user: NodeId, verified: &[Verified<'_>]) -> Option<&'r Known> {
    let other = reading.service.as_ref()?;
    let (before, of_read) = (scene.before(user), scene.before(reading.id));
    let is_changed = scene.deploys().iter().any(|(deploy, one)| *one == other && of_read.has(*deploy));
    let is_asked = verified.iter().any(|(id, service, readings)| {
        (before.has(*id) || *id == reading.id) && *service == other && readings.is_empty()
    });
    (is_changed && !is_asked).then_some(other)
}

/// Whether what a step reads is what a service says of itself.
fn is_of(subject: &Subject<'_>, reading: &Reading, service: &Known) -> bool {
    if let Some(read) = &reading.service {
        return read == service;
    }
    let own = service.as_text().and_then(|name| subject.setting.target.services.get(name));
    own.is_some_and(|own| reading.may_be_of(own))
}
