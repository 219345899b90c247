//! Random small runbooks.

use proptest::prelude::*;

use super::book::{Book, Ensure, Needs, OnFailure, Step, Undo, Watch, Work};

/// Runbooks of up to four steps with runbooks inside, to a depth.
pub fn book(depth: u32) -> BoxedStrategy<Book> {
    let count = if depth == 0 { 1..5_usize } else { 1..4 };
    let watch = (0..4_usize, prop::option::of(0..4_usize), on_failure(), any::<bool>());
    let watch = watch.prop_map(|(from, to, on_breach, is_sampled)| Watch { from, to, on_breach, is_sampled });
    let ensure = prop_oneof![Just(Ensure::Tells), Just(Ensure::Runbook)];
    let parts = (
        prop::collection::vec(step(depth), count),
        prop::option::weighted(0.25, watch),
        prop::option::weighted(0.7, ensure),
        prop::bool::weighted(0.05),
    );
    parts
        .prop_map(move |(mut steps, watch, ensure, total_limit)| {
            let last = steps.len() - 1;
            for (at, step) in steps.iter_mut().enumerate() {
                if let Needs::Earlier { at: earlier, .. } = &mut step.needs {
                    *earlier %= at.max(1);
                }
            }
            let watch = watch.map(|watch| {
                let from = watch.from.min(last);
                Watch { from, to: watch.to.map(|to| to.clamp(from, last)), ..watch }
            });
            let is_outermost = depth == 0;
            Book { steps, watch, ensure: ensure.filter(|_| is_outermost), total_limit: total_limit && is_outermost }
        })
        .boxed()
}

fn on_failure() -> impl Strategy<Value = OnFailure> {
    prop_oneof![3 => Just(OnFailure::Rollback), 2 => Just(OnFailure::Continue), 2 => Just(OnFailure::Pause)]
}

fn step(depth: u32) -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![Just("ok"), Just("failed"), Just("skipped"), Just("done")];
    let needs = prop_oneof![
        4 => Just(Needs::Above),
        2 => Just(Needs::Nothing),
        2 => (0..4_usize, outcome, any::<bool>()).prop_map(|(at, outcome, by_when)| {
            Needs::Earlier { at, outcome, by_when: by_when && outcome != "done" }
        }),
    ];
    let undo = prop_oneof![
        4 => Just(Undo::Tells),
        2 => Just(Undo::Script),
        2 => Just(Undo::Runbook),
        1 => Just(Undo::Fails),
        2 => Just(Undo::Inside),
    ];
    let fan_out = prop::option::weighted(0.2, 1..3_usize);
    let parts = (work(depth), needs, fan_out, prop::bool::weighted(0.2), prop::bool::weighted(0.1), on_failure(), undo);
    parts.prop_map(|(work, needs, fan_out, retry, timeout, on_failure, undo)| {
        let gates = matches!(work, Work::Arm | Work::Disarm | Work::Deploy { .. } | Work::Confirm);
        let on_failure = if gates && on_failure == OnFailure::Continue { OnFailure::Rollback } else { on_failure };
        let retry = retry && !gates;
        let timeout = timeout || matches!(work, Work::Deploy { .. });
        let fan_out = fan_out.filter(|_| !gates);
        Step { work, needs, fan_out, retry, timeout, on_failure, undo }
    })
}

fn work(depth: u32) -> BoxedStrategy<Work> {
    let rarely = || prop::bool::weighted(0.25);
    let plain = prop_oneof![
        1 => Just(Work::Note),
        1 => Just(Work::Sleep),
        1 => Just(Work::Confirm),
        3 => (1..4_u8).prop_map(|good_from| Work::Check { good_from: if good_from == 3 { 99 } else { good_from } }),
        5 => (rarely(), prop::bool::weighted(0.8), prop::bool::weighted(0.1))
            .prop_map(|(fails, is_idempotent, rings)| Work::Tell { fails, is_idempotent, rings }),
        3 => (1..3_u8, rarely()).prop_map(|(calls, fails)| Work::Script { calls, fails }),
        1 => prop_oneof![Just("one"), Just("two")].prop_map(|service| Work::Deploy { service }),
        1 => Just(Work::Arm),
        1 => Just(Work::Disarm),
    ];
    if depth >= 2 {
        return plain.boxed();
    }
    prop_oneof![3 => plain, 1 => book(depth + 1).prop_map(|inner| Work::Nested(Box::new(inner)))].boxed()
}
