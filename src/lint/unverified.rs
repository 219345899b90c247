//! Which openings of a gate come before a service's policy is verified, whichever way the run took.

use crate::runbook::{OnFailure, Step};

use super::fanout::is_handed_over;
use super::flow::NodeId;
use super::judgement::unless_done;
use super::meaning::Known;
use super::proof::Proof;
use super::scene::{Deed, Scene};

/// A service that is not verified on some way to the opening of a gate.
pub(super) struct Unverified {
    pub(super) arm: NodeId,
    pub(super) gate: Known,
    pub(super) service: Known,
    /// The way on which it is not.
    pub(super) way: String,
    /// A deploy that may come after its verification, by its path, and what it changes.
    pub(super) again: Option<(String, String)>,
    /// Whether it is verified by what may be from before it was changed the last time, before this run.
    pub(super) is_old: bool,
}

/// Every opening of a gate for which a verification is missing.
pub(super) fn unverified(scene: &Scene<'_>) -> Vec<Unverified> {
    let mut found = Vec::new();
    let all = scene.deploys();
    for (arm, gate) in scene.arms() {
        let later = scene.flow.after(arm);
        let deploys: Vec<_> = all.iter().copied().filter(|(id, _)| !later.has(*id)).collect();
        let named = named_by_users(scene, gate);
        for service in scene.needed_before() {
            let asked_again = asked_again(scene, &service, &deploys);
            // Where the gate is named by whoever uses this runbook, so may its service be.
            let is_it = |verified: &Known| {
                *verified == service || named.iter().any(|(symbol, one)| symbol == verified && *one == service)
            };
            let own = own_deploys(&service, &deploys);
            let counts = |id: NodeId, deed: &Deed| match deed {
                Deed::Verifies { service: verified, against, is_old } if is_it(verified) => {
                    let before = scene.before(id);
                    let acts_per_item =
                        |id: NodeId| scene.flow.node(id).is_some_and(|node| is_handed_over(&scene.flow, node));
                    // What is verified for one item of a fan-out is so before the next one; what is counted
                    // there may be from before the last one, where the gate is opened for each.
                    let is_between = |deploy: NodeId| {
                        let mut rounds = scene.rounds_of(id, deploy);
                        let is_counted_early = against.is_none() && acts_per_item(deploy);
                        rounds.any(|rounds| acts_per_item(id) || (is_counted_early && rounds.has(arm)))
                    };
                    let is_fresh = if against.is_some() {
                        !is_old || is_counted(scene, id, &is_it, &own)
                    } else {
                        asked_again.holds_at_start(id)
                    };
                    let is_last = |deploy: NodeId| {
                        let is_beside = scene.rounds_of(id, deploy).any(|rounds| rounds.is_parallel);
                        !is_beside && scene.is_in_each_round(id, arm, deploy)
                    };
                    is_fresh
                        && deploys.iter().all(|(deploy, _)| before.has(*deploy) && !is_between(*deploy))
                        && (!scene.has_rounds() || all.iter().all(|(deploy, _)| is_last(*deploy)))
                }
                _ => false,
            };
            let proof = scene.proof(&scene.nodes_that(counts));
            // What the opening itself requires holds before it opens anything.
            let is_required = scene.deeds_inside(arm).iter().any(|(id, deed)| counts(*id, deed));
            if is_required || proof.holds_at_start(arm) {
                continue;
            }
            let verifies =
                |_: NodeId, deed: &Deed| matches!(deed, Deed::Verifies { service: one, .. } if *one == service);
            let ever = scene.nodes_that(verifies);
            let is_late = |deploy: NodeId| ever.iter().any(|id| !scene.before(id).has(deploy));
            // What a counter says is as old as what it counted.
            let has_counter = scene.deeds().iter().any(|(_, deed)| counted(deed) == Some(&service));
            let asked_again = Some(asked_again).filter(|_| has_counter);
            let is_old = |deploy: &&(NodeId, &Known)| asked_again.is_some() && *deploy.1 != service;
            let again = deploys.iter().rfind(|(deploy, _)| is_late(*deploy)).or_else(|| deploys.iter().rfind(is_old));
            let is_verified = scene.proof(&ever).holds_at_start(arm);
            let again = again.filter(|_| is_verified);
            let unasked = asked_again.filter(|asked| again.is_some() && !asked.holds_at_start(arm));
            found.push(Unverified {
                arm,
                gate: gate.clone(),
                is_old: is_verified && again.is_none(),
                way: unasked.unwrap_or(proof).way_to(arm),
                again: again.and_then(|(id, changed)| Some((scene.flow.node(*id)?.path.clone(), changed.shown()))),
                service,
            });
        }
    }
    found
}

/// The deploys that may be a service's.
fn own_deploys(service: &Known, deploys: &[(NodeId, &Known)]) -> Vec<NodeId> {
    let may_be = |one: &Known| matches!(one, Known::Symbol(_)) || one == service;
    deploys.iter().filter(|(_, one)| may_be(one)).map(|(id, _)| *id).collect()
}

/// The service whose handshake counter a deed judges.
fn counted(deed: &Deed) -> Option<&Known> {
    match deed {
        Deed::Verifies { service, against: None, .. } => Some(service),
        _ => None,
    }
}

/// Whether a service has made its handshake since it was last deployed, on every way to a node: what its
/// log says last is its own then, and not what an earlier start of it had logged.
pub(super) fn is_counted(scene: &Scene<'_>, at: NodeId, is_it: &dyn Fn(&Known) -> bool, deploys: &[NodeId]) -> bool {
    let counts = |id: NodeId, deed: &Deed| {
        counted(deed).is_some_and(is_it) && deploys.iter().all(|deploy| scene.before(id).has(*deploy))
    };
    scene.deeds_inside(at).iter().any(|(id, deed)| counts(*id, deed))
        || scene.proof(&scene.nodes_that(counts)).holds_at_start(at)
}

/// Which service each one that is named by whoever uses this runbook stands for: one that is not
/// verified by its name, where the gate is named as well. Each stands for one service only.
fn named_by_users(scene: &Scene<'_>, gate: &Known) -> Vec<(Known, Known)> {
    if matches!(gate, Known::Value(_)) {
        return Vec::new();
    }
    let verified = || {
        scene.deeds().iter().filter_map(|(_, deed)| match deed {
            Deed::Verifies { service, .. } => Some(service),
            _ => None,
        })
    };
    let mut symbols: Vec<Known> = Vec::new();
    for symbol in verified().filter(|service| matches!(service, Known::Symbol(_))) {
        if !symbols.contains(symbol) {
            symbols.push(symbol.clone());
        }
    }
    let unnamed = scene.needed_before().filter(|service| !verified().any(|one| one == service));
    let stands_for = |service: Known| {
        let may_be =
            |symbol: &Known| scene.flow.default_of(symbol).is_none_or(|usual| service.as_value() == Some(usual));
        let at = symbols.iter().position(may_be)?;
        Some((symbols.remove(at), service))
    };
    unnamed.filter_map(stands_for).collect()
}

/// Whether a service has started again, and so made its handshake again, after the last deploy of
/// the others. What it counted before says nothing of them: they may have been changed before the run as well. A
/// deploy of it that is skipped only where none of them was done leaves what it counted true.
fn asked_again<'s, 'a>(scene: &'s Scene<'a>, service: &Known, deploys: &[(NodeId, &Known)]) -> Proof<'s, 'a> {
    let others: Vec<_> = deploys.iter().filter(|(_, one)| *one != service).map(|(id, _)| *id).collect();
    let starts = |id: NodeId, deed: &Deed| match deed {
        Deed::Deploys(one) if one == service => {
            let before = scene.before(id);
            others.iter().all(|other| before.has(*other) || (*other == id && scene.is_last_item(id, deed)))
        }
        _ => false,
    };
    let starts = scene.nodes_that(starts);
    let follows = |id: NodeId| starts.has(id) && others.iter().all(|other| follows(scene, id, *other));
    scene.proof_unless(&starts, follows)
}

/// Whether a node is skipped by its `when` only where another one was not done.
fn follows(scene: &Scene<'_>, id: NodeId, other: NodeId) -> bool {
    let (Some(node), Some(other)) = (scene.flow.node(id), scene.flow.node(other)) else {
        return false;
    };
    let named = node.work.when.as_ref().map_or_else(Vec::new, unless_done);
    if named.is_empty() {
        return false;
    }
    let paths: Vec<_> = named.into_iter().map(|step| node.beside(&step)).collect();
    let mut around = scene.flow.nodes().filter(|(_, around)| other.is_inside(around) && paths.contains(&around.path));
    let is_tolerated = |step: &Step| step.on_failure == OnFailure::Continue;
    around.any(|(_, around)| !around.step.is_some_and(is_tolerated))
}
