//! How steps may stand when another one starts: what the edges between them make sure of.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::guard::Standing;

use super::{EdgeOutcome, OnFailure, Step};

/// How far back a question is followed; behind that, nothing is said.
const MAX_DEPTH: usize = 400;
/// How many answers are kept: a runbook that needs more gets slower, not larger.
const MAX_KEPT: usize = 50_000;
/// How many steps are looked at for all questions about one runbook: a second's work. Behind that,
/// nothing is said.
const MAX_LOOKED_AT: usize = 2_000_000;
/// How often the steps are gone through to find which may be skipped; more only where edges go
/// against the reading order again and again.
const MAX_ROUNDS: usize = 32;

/// The graph of one runbook's steps.
#[derive(Debug)]
pub(super) struct Standings<'a> {
    steps: &'a [Step],
    possible: Vec<Standing>,
    /// How a step stands where another ended in an allowed way: by both and the ways.
    kept: RefCell<BTreeMap<(usize, usize, Standing), Standing>>,
    looked_at: Cell<usize>,
}

/// The ways of ending that an edge waits for.
fn waits_for(on: EdgeOutcome) -> Standing {
    match on {
        EdgeOutcome::Ok => Standing::OK,
        EdgeOutcome::Failed => Standing::FAILED,
        EdgeOutcome::Skipped => Standing::SKIPPED,
        EdgeOutcome::Done => Standing::ENDED,
        EdgeOutcome::OkOrSkipped => Standing::OK.or(Standing::SKIPPED),
    }
}

impl<'a> Standings<'a> {
    pub(super) fn new(steps: &'a [Step]) -> Self {
        let own = |step: &Step| {
            let failed = if step.on_failure == OnFailure::Continue { Standing::FAILED } else { Standing::NEVER };
            let skipped = if step.work.when.is_some() || step.may_skip { Standing::SKIPPED } else { Standing::NEVER };
            Standing::OK.or(failed).or(skipped)
        };
        let mut possible: Vec<_> = steps.iter().map(own).collect();
        for _ in 0..MAX_ROUNDS {
            let mut is_settled = true;
            for (at, step) in steps.iter().enumerate() {
                let may_break = step
                    .needs
                    .iter()
                    .any(|edge| possible.get(edge.from).is_some_and(|standing| !standing.is_only(waits_for(edge.on))));
                if let Some(standing) =
                    possible.get_mut(at).filter(|standing| may_break && !standing.may_be(Standing::SKIPPED))
                {
                    *standing = standing.or(Standing::SKIPPED);
                    is_settled = false;
                }
            }
            if is_settled {
                break;
            }
        }
        Self { steps, possible, kept: RefCell::default(), looked_at: Cell::new(0) }
    }

    /// The ways a step can end in a run that goes on.
    pub(super) fn possible(&self, step: usize) -> Standing {
        self.possible.get(step).copied().unwrap_or(Standing::OK)
    }

    /// How `asked` may stand when `step` starts.
    pub(super) fn when_started(&self, step: usize, asked: usize) -> Standing {
        let standing = self.started(step, asked, 0);
        if !standing.may_be(Standing::PENDING) {
            return standing;
        }
        let known = standing.and(Standing::ENDED);
        match self.comes_before(asked, step) {
            Some(true) => standing,
            Some(false) => known.or(Standing::UNRELATED),
            None => known,
        }
    }

    fn started(&self, step: usize, asked: usize, depth: usize) -> Standing {
        let nothing_known = self.possible(asked).or(Standing::PENDING);
        let edges = self.steps.get(step).map_or(&[][..], |step| &step.needs);
        edges
            .iter()
            .fold(nothing_known, |known, edge| known.and(self.ended(edge.from, waits_for(edge.on), asked, depth + 1)))
    }

    /// How `asked` may stand once `step` has ended in one of the `allowed` ways.
    fn ended(&self, step: usize, allowed: Standing, asked: usize, depth: usize) -> Standing {
        let ways = self.possible(step).and(allowed);
        if step == asked {
            return ways;
        }
        if depth > MAX_DEPTH || !self.may_look() {
            return Standing::OK;
        }
        if let Some(known) = self.kept.borrow().get(&(step, asked, ways)) {
            return *known;
        }
        let mut standing = Standing::NEVER;
        let ran = Standing::OK.or(Standing::FAILED);
        if ways.may_be(ran) || self.skips_itself(step) {
            standing = standing.or(self.started(step, asked, depth));
        }
        if ways.may_be(Standing::SKIPPED) {
            standing = standing.or(self.broken(step, asked, depth));
        }
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert((step, asked, ways), standing);
        standing
    }

    /// Whether a step may be skipped though all its edges hold.
    fn skips_itself(&self, step: usize) -> bool {
        self.steps.get(step).is_some_and(|step| step.work.when.is_some() || step.may_skip)
    }

    /// How `asked` may stand where `step` was skipped because one of its edges did not hold, once all
    /// that it needs had ended.
    fn broken(&self, step: usize, asked: usize, depth: usize) -> Standing {
        let edges = self.steps.get(step).map_or(&[][..], |step| &step.needs);
        let where_ended = |from, ways| self.ended(from, ways, asked, depth + 1);
        let nothing_known = self.possible(asked).or(Standing::PENDING);
        let settled =
            edges.iter().fold(nothing_known, |known, edge| known.and(where_ended(edge.from, Standing::ENDED)));
        edges.iter().fold(Standing::NEVER, |known, edge| {
            let breaking = self.possible(edge.from).without(waits_for(edge.on));
            if breaking == Standing::NEVER {
                return known;
            }
            known.or(where_ended(edge.from, breaking).and(settled))
        })
    }

    /// Counts a step that is looked at, while there may be more.
    fn may_look(&self) -> bool {
        let count = self.looked_at.get();
        self.looked_at.set(count + 1);
        count < MAX_LOOKED_AT
    }

    /// Whether edges lead from one step to another; `None` where that would take too long to say.
    fn comes_before(&self, first: usize, then: usize) -> Option<bool> {
        let mut seen = vec![false; self.steps.len()];
        let mut open = vec![then];
        while let Some(at) = open.pop() {
            for edge in self.steps.get(at).map_or(&[][..], |step| &step.needs) {
                if edge.from == first {
                    return Some(true);
                }
                if !self.may_look() {
                    return None;
                }
                if let Some(slot) = seen.get_mut(edge.from).filter(|slot| !**slot) {
                    *slot = true;
                    open.push(edge.from);
                }
            }
        }
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::{Next, Plan};
    use crate::event::Status;
    use crate::guard::Guards;
    use crate::primitive::CATALOGUE;
    use crate::runbook::{Library, Runbook, load};
    use crate::source::SourceFile;

    struct Nothing;

    impl Library for Nothing {
        fn read(&self, _: &SourceFile, name: &str) -> Result<SourceFile, String> {
            Err(name.to_owned())
        }
    }

    /// A step: its edges to earlier steps by outcome, whether it has a `when`, whether its failure
    /// is gone on from.
    type Drawn = (Vec<(usize, usize)>, bool, bool);

    fn runbook(drawn: &[Drawn]) -> std::sync::Arc<Runbook> {
        let mut text = "titan: 1\nrunbook: x\nparams:\n  p: { type: bool, default: true }\nsteps:\n".to_owned();
        for (at, (edges, has_when, goes_on)) in drawn.iter().enumerate() {
            text.push_str(&format!("  s{at}:\n    do: note\n    with: {{ text: x }}\n"));
            let known = edges.iter().map(|(from, on)| (from % 9, on % 4)).filter(|(from, _)| *from < at);
            let unique: BTreeMap<usize, usize> = known.collect();
            let written =
                |(from, on): (&usize, &usize)| format!("s{from}: {}", ["ok", "failed", "skipped", "done"][*on]);
            if !unique.is_empty() {
                let all: Vec<_> = unique.iter().map(written).collect();
                text.push_str(&format!("    needs: {{ {} }}\n", all.join(", ")));
            }
            text.push_str(if *has_when { "    when: params.p\n" } else { "" });
            text.push_str(if *goes_on { "    on_failure: continue\n" } else { "" });
        }
        let file = SourceFile::new("<x>", text);
        let loaded = load(&file, &Guards::new(CATALOGUE), CATALOGUE, &Nothing);
        loaded.runbook.unwrap_or_else(|| panic!("{}: {:?}", file.text(), loaded.diagnostics))
    }

    /// Carries a runbook out as the dice say, and holds what was said against what is.
    fn holds(drawn: &[Drawn], dice: &[usize]) {
        let runbook = runbook(drawn);
        let standings = Standings::new(&runbook.steps);
        let mut plan = Plan::new(&runbook.steps);
        let mut under_way: Vec<usize> = Vec::new();
        let mut dice = dice.iter().copied().cycle();
        let mut throw = |sides: usize| dice.next().unwrap_or(0) % sides;
        loop {
            while let Some(next) = plan.take_next() {
                let (at, is_skipped) = match next {
                    Next::Skip(at, _) => (at, true),
                    Next::Start(at) => {
                        agrees(&standings, &plan, at, &runbook);
                        (at, runbook.steps[at].work.when.is_some() && throw(2) == 0)
                    }
                };
                if is_skipped {
                    plan.ended(at, Status::Skipped, &runbook);
                } else {
                    plan.started(at);
                    under_way.push(at);
                }
            }
            if under_way.is_empty() {
                return;
            }
            let at = under_way.swap_remove(throw(under_way.len()));
            let fails = runbook.steps[at].on_failure == OnFailure::Continue && throw(2) == 0;
            plan.ended(at, if fails { Status::Failed } else { Status::Ok }, &runbook);
        }
    }

    fn agrees(standings: &Standings<'_>, plan: &Plan, at: usize, runbook: &Runbook) {
        for asked in (0..runbook.steps.len()).filter(|asked| *asked != at) {
            let is = match plan.status(asked) {
                Status::Ok => Standing::OK,
                Status::Failed | Status::InDoubt => Standing::FAILED,
                Status::Skipped => Standing::SKIPPED,
                Status::Pending | Status::Running => Standing::PENDING.or(Standing::UNRELATED),
            };
            let said = standings.when_started(at, asked);
            assert!(said.may_be(is), "s{asked} is {is:?} when s{at} starts, not {said:?}:\n{}", runbook.file.text());
            assert!(!said.may_be(Standing::PENDING), "all that s{at} needs has ended, s{asked} as well");
        }
    }

    proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(1_000))]

        #[test]
        fn steps_stand_as_was_said(
            drawn in prop::collection::vec((prop::collection::vec((0..9_usize, 0..4_usize), 0..3), any::<bool>(), any::<bool>()), 1..9),
            dice in prop::collection::vec(0..100_usize, 1..40),
        ) {
            holds(&drawn, &dice);
        }
    }
}
