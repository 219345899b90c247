//! The keys of a runbook, each declared once.

use crate::declaration::ErrorClass;

use super::grammar::{Holds, Key, Names, Table, Word};
use super::{EdgeOutcome, OnFailure, ParamKind};

/// The most items of a `foreach` that may be under way at once.
pub(super) const MAX_PARALLEL: u32 = 1_000;

/// The most attempts of a retry: more than this is not a retry but a poll.
pub(super) const MAX_ATTEMPTS: u32 = 1_000;

/// The most good samples in a row that may be asked for.
pub(super) const MAX_MIN_GOOD: u32 = 1_000;

/// The largest factor from one wait to the next.
pub(super) const MAX_BACKOFF: f64 = 10.0;

const ABOUT: Key = Key::optional("about", Holds::Text, "One sentence for the operator.");

/// A runbook.
pub static RUNBOOK: Table = Table {
    what: "a runbook",
    parts: &[&[
        Key::required("titan", Holds::Version, "The language's version."),
        Key::required("runbook", Holds::RunbookName, "The runbook's name in kebab-case: that of its file."),
        ABOUT,
        Key::optional(
            "functions",
            Holds::List(&Holds::Include),
            "Files of Rhai functions, built in (`std/versions`) or inside the runbook's folder (`./checks.rhai`).",
        ),
        Key::optional("params", Holds::Named(Names::Ids, &Holds::Map(&PARAM)), "What the runbook is given."),
        Key::optional(
            "let",
            Holds::Named(Names::Ids, &Holds::Guard),
            "What is computed once, before the first step, in this order.",
        ),
        Key::optional("limits", Holds::Map(&LIMITS), "Bounds on the whole run."),
        Key::required(
            "steps",
            Holds::Named(Names::SomeIds, &Holds::Map(&STEP)),
            "The steps in reading order; one without `needs` runs after the one above it.",
        ),
        Key::optional("watch", Holds::Named(Names::Ids, &Holds::Map(&WATCH)), "What runs beside the steps."),
        Key::optional(
            "ensure",
            Holds::Named(Names::Ids, &Holds::Map(&ENSURE)),
            "What runs on every exit of a run that touched something.",
        ),
        Key::optional("outputs", Holds::Named(Names::Ids, &Holds::Guard), "What the runbook gives as an action."),
    ]],
};

/// A param.
pub static PARAM: Table = Table {
    what: "a param",
    parts: &[&[
        Key::required("type", Holds::Words(param_types), "The type of its value."),
        Key::optional("one_of", Holds::List(&Holds::Value), "The values it may take."),
        Key::optional("default", Holds::Value, "The value where none is given; without it the param is required."),
        ABOUT,
    ]],
};

/// Bounds on the whole run.
pub static LIMITS: Table = Table {
    what: "`limits`",
    parts: &[&[
        Key::optional("total", Holds::Duration, "From the first step to the last."),
        Key::optional("disarmed", Holds::Duration, "From a verified disarm to a verified arm or the end."),
    ]],
};

const ACTION: &[Key] = &[
    Key::required(
        "do",
        Holds::Action,
        "The action: a primitive, a runbook (`std/...`, or `./...` inside the runbook's folder), or `script`.",
    ),
    Key::optional("with", Holds::Arguments, "The arguments of the action; `${ }` inserts a value."),
];

const CONDITIONS: &[Key] = &[
    Key::optional("when", Holds::Guard, "False: the step is skipped."),
    Key::optional("require", Holds::Guard, "False: the step fails before any effect."),
];

const JUDGED: &[Key] = &[
    Key::optional("until", Holds::Guard, "Repeats an observing action until this holds on `out`, or `timeout` passes."),
    Key::optional(
        "hold",
        Holds::Guard,
        "Repeats an observing action for the duration `for`; the first false fails at once.",
    ),
    Key::optional("for", Holds::Stay, "How long `hold` must hold."),
    Key::optional(
        "every",
        Holds::Duration,
        "The time between two samples of `until` or `hold`, at least `10ms`; `1s` by default.",
    ),
    Key::optional(
        "min_good",
        Holds::Whole(1, MAX_MIN_GOOD as u64),
        "How many good samples in a row end a `hold`; 3 by default.",
    ),
    Key::optional("expect", Holds::Guard, "False on the result `out`: the step fails."),
    Key::optional("retry", Holds::Map(&RETRY), "When it is tried again; nothing is retried without it."),
    Key::optional("timeout", Holds::Duration, "The bound on all of it, attempts and waits included."),
    Key::optional("idempotent", Holds::Truth, "`true`: may be done again when it is unknown whether it took effect."),
];

/// A step.
pub static STEP: Table = Table {
    what: "a step",
    parts: &[
        &[
            ABOUT,
            Key::optional(
                "needs",
                Holds::Needs,
                "The steps that must have ended, and how: `[a, b]`, `{ a: ok, b: done }`, or `[]` to start at once.",
            ),
            Key::optional(
                "foreach",
                Holds::Guard,
                "Once for each item of this list: `item` in guards; `out` is a list.",
            ),
            Key::optional(
                "max_parallel",
                Holds::Whole(1, MAX_PARALLEL as u64),
                "How many items of `foreach` are under way at once; 1 by default.",
            ),
        ],
        CONDITIONS,
        ACTION,
        JUDGED,
        &[
            Key::optional(
                "undo",
                Holds::Map(&UNDO),
                "One action that reverses the step, with its own `when`, `expect` and `timeout`.",
            ),
            Key::optional("no_undo", Holds::Text, "Why nothing has to reverse it."),
            Key::optional(
                "may_skip",
                Holds::Truth,
                "`true`: a person may go on without the step; only for steps that change nothing.",
            ),
            Key::optional(
                "on_failure",
                Holds::Words(on_failure),
                "What its failure means for the run; `rollback` by default.",
            ),
        ],
    ],
};

/// What reverses a step.
pub static UNDO: Table = Table { what: "`undo`", parts: &[CONDITIONS, ACTION, JUDGED] };

/// What runs on every exit.
pub static ENSURE: Table = Table { what: "an ensure", parts: &[&[ABOUT], CONDITIONS, ACTION, JUDGED] };

/// What runs beside the steps.
pub static WATCH: Table = Table {
    what: "a watch",
    parts: &[
        &[
            ABOUT,
            Key::required("from", Holds::Step, "It is live before this step starts."),
            Key::optional("to", Holds::Step, "It ends with this step; with the run where it is left out."),
        ],
        ACTION,
        &[
            Key::optional(
                "every",
                Holds::Duration,
                "The time between two samples, for an action that is no subscription; `1s` by default.",
            ),
            Key::required(
                "breach_when",
                Holds::Guard,
                "True: breached. A subscription has `count`, `last` and `rate`; every other action has `out`.",
            ),
            Key::optional(
                "on_breach",
                Holds::Words(on_failure),
                "What a breach means for the run; `rollback` by default.",
            ),
        ],
    ],
};

/// When a failed step is tried again.
pub static RETRY: Table = Table {
    what: "`retry`",
    parts: &[&[
        Key::required("on", Holds::List(&Holds::Words(error_classes)), "The error classes that are tried again."),
        Key::optional(
            "attempts",
            Holds::Whole(1, MAX_ATTEMPTS as u64),
            "The most attempts, the first included; 3 by default.",
        ),
        Key::optional("every", Holds::Duration, "The wait before the second attempt; `1s` by default."),
        Key::optional(
            "backoff",
            Holds::Number(1.0, MAX_BACKOFF),
            "The factor from one wait to the next; 1 by default.",
        ),
        Key::optional("max", Holds::Duration, "The longest wait; `1m` by default."),
        Key::optional("jitter", Holds::Number(0.0, 1.0), "The share of a wait that is random; 0 by default."),
    ]],
};

/// The arguments of a script.
pub static SCRIPT: Table = Table {
    what: "a script's `with`",
    parts: &[&[Key::required(
        "code",
        Holds::Text,
        "A Rhai script in which every primitive is a function; its value is `out`.",
    )]],
};

fn param_types() -> Vec<Word> {
    ParamKind::ALL.iter().map(|(text, kind)| Word { text, about: kind.about() }).collect()
}

fn on_failure() -> Vec<Word> {
    OnFailure::ALL.iter().map(|(text, meaning)| Word { text, about: meaning.about() }).collect()
}

fn error_classes() -> Vec<Word> {
    ErrorClass::ALL.iter().map(|class| Word { text: class.word(), about: class.about() }).collect()
}

/// What an edge can wait for.
pub fn edge_outcomes() -> Vec<Word> {
    EdgeOutcome::WRITTEN.iter().map(|outcome| Word { text: outcome.word(), about: outcome.about() }).collect()
}
