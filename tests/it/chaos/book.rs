//! Small runbooks that tell a laboratory everything they do.
//!
//! Every effect is a line `d|PATH|BY` in the laboratory's list, and every undo a line
//! `u|PATH|SEEN`: `PATH` is the path the record has, `BY` the path whose undo reverses it, and
//! `SEEN` how the steps stood when it was undone.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A runbook, the outermost or one used as an action.
#[derive(Clone, Debug)]
pub struct Book {
    pub steps: Vec<Step>,
    pub watch: Option<Watch>,
    pub ensure: Option<Ensure>,
    pub total_limit: bool,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub work: Work,
    pub needs: Needs,
    pub fan_out: Option<usize>,
    pub retry: bool,
    pub timeout: bool,
    pub on_failure: OnFailure,
    pub undo: Undo,
}

#[derive(Clone, Debug)]
pub enum Work {
    Note,
    Sleep,
    Confirm,
    /// Looks; good from so many looks on.
    Check {
        good_from: u8,
    },
    /// Tells the laboratory, and fails then where it is broken.
    Tell {
        fails: bool,
        is_idempotent: bool,
        rings: bool,
    },
    /// Tells it so often, and fails then.
    Script {
        calls: u8,
        fails: bool,
    },
    Deploy {
        service: &'static str,
    },
    Arm,
    Disarm,
    Nested(Box<Book>),
}

#[derive(Clone, Copy, Debug)]
pub enum Needs {
    Above,
    Nothing,
    /// An earlier step, and how it ended; with `when`, its guard says so and not its edge.
    Earlier {
        at: usize,
        outcome: &'static str,
        by_when: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    Rollback,
    Continue,
    Pause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    Tells,
    Script,
    Runbook,
    Fails,
    /// Reversed from inside where it is a runbook; else `no_undo`.
    Inside,
}

#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pub from: usize,
    pub to: Option<usize>,
    pub on_breach: OnFailure,
    pub is_sampled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensure {
    Tells,
    Runbook,
}

impl OnFailure {
    fn word(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Continue => "continue",
            Self::Pause => "pause",
        }
    }
}

/// The runbook used as an undo: several steps, the last of which reverses.
const REVERSE: &str = "titan: 1
runbook: reverse
params: { path: { type: text }, seen: { type: text } }
steps:
  begin: { no_undo: A test., do: nats_pub, idempotent: true, with: { subject: lab.do, payload: 'b|${params.path}' } }
  look: { do: nats_req, with: { subject: lab.ask, payload: 'u|${params.path}' } }
  each: { foreach: '[\"0\", \"1\"]', max_parallel: 2, no_undo: A test., do: nats_pub, idempotent: true, with: { subject: lab.do, payload: 'b|${params.path}[${item}]' } }
  end: { no_undo: A test., do: nats_pub, idempotent: true, with: { subject: lab.do, payload: 'u|${params.path}|${params.seen}' } }
watch:
  over: { from: look, to: each, do: nats_watch, with: { subject: lab.silence }, breach_when: count > 0, on_breach: rollback }
";

/// The runbook used as an ensure.
const SURVEY: &str = "titan: 1
runbook: survey
params: { seen: { type: text } }
steps:
  look: { do: nats_req, with: { subject: lab.ask, payload: survey } }
  end: { no_undo: A test., do: nats_pub, idempotent: true, with: { subject: lab.do, payload: 'e||${params.seen}' } }
";

impl Book {
    /// The files of the runbook, by name; `main` is the outermost.
    pub fn files(&self) -> BTreeMap<String, String> {
        let fixed = [("reverse", REVERSE), ("survey", SURVEY)];
        let mut files: BTreeMap<_, _> = fixed.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        self.write("main", &mut files);
        files
    }

    /// Whether something of any depth is so.
    pub fn has(&self, is_so: &dyn Fn(&Step) -> bool) -> bool {
        self.steps.iter().any(|step| is_so(step) || matches!(&step.work, Work::Nested(inner) if inner.has(is_so)))
    }

    /// Whether a watch looks on, at any depth.
    pub fn is_watched(&self) -> bool {
        let inside = |step: &Step| matches!(&step.work, Work::Nested(inner) if inner.is_watched());
        self.watch.is_some() || self.steps.iter().any(inside)
    }

    /// Whether nothing happens beside anything else.
    pub fn is_sequential(&self) -> bool {
        let alone = |(at, step): (usize, &Step)| {
            let follows = match step.needs {
                Needs::Above => true,
                Needs::Nothing => at == 0,
                Needs::Earlier { at: earlier, .. } => earlier + 1 == at,
            };
            let inside = !matches!(&step.work, Work::Nested(inner) if !inner.is_sequential());
            follows && step.fan_out.is_none_or(|at_once| at_once == 1) && inside
        };
        self.steps.iter().enumerate().all(alone)
    }

    /// How the undo of a step sees it and those that had ended before it began.
    fn seen_from(&self, at: usize) -> String {
        let before = match self.steps.get(at).map(|step| step.needs) {
            Some(Needs::Above) => at.checked_sub(1),
            Some(Needs::Earlier { at: earlier, .. }) if earlier < at => Some(earlier),
            _ => None,
        };
        let seen = before.map(|before| self.seen_from(before)).unwrap_or_default();
        format!("{seen}s{at}=${{steps.s{at}.status}},")
    }

    fn write(&self, name: &str, files: &mut BTreeMap<String, String>) {
        let mut text = format!(
            "titan: 1\nrunbook: {name}\nparams: {{ at: {{ type: text, default: '' }}, by: {{ type: text, default: '' }}, broken: {{ type: bool, default: true }} }}\n"
        );
        if self.total_limit {
            text.push_str("limits: { total: 40s }\n");
        }
        text.push_str("steps:\n");
        for (at, step) in self.steps.iter().enumerate() {
            step.write(at, &format!("{name}-{at}"), &self.seen_from(at), &mut text, files);
        }
        if let Some(Watch { from, to, on_breach, is_sampled }) = self.watch {
            let to = to.map(|to| format!("to: s{to}, ")).unwrap_or_default();
            let looks = match is_sampled {
                true => {
                    "do: nats_req, with: { subject: lab.ask, payload: watch }, every: 2s, breach_when: out.reply.count > 4"
                }
                false => "do: nats_watch, with: { subject: lab.bell }, breach_when: count > 0",
            };
            let _ = write!(text, "watch:\n  w: {{ from: s{from}, {to}{looks}, on_breach: {} }}\n", on_breach.word());
        }
        match self.ensure {
            Some(Ensure::Tells) => {
                text.push_str("ensure:\n  gate: { do: gate_state, with: { gate: execution }, timeout: 30s }\n");
                text.push_str("  e:\n    do: script\n    idempotent: true\n    with:\n      code: |\n        let seen = \"e||\";\n");
                for at in 0..self.steps.len() {
                    let _ = writeln!(
                        text,
                        "        try {{ seen += \"s{at}=\" + steps.s{at}.status + \",\"; }} catch {{ seen += \"s{at}=pending,\"; }}"
                    );
                }
                text.push_str("        nats_pub(#{ subject: \"lab.do\", payload: seen });\n        1\n");
            }
            Some(Ensure::Runbook) => {
                text.push_str("ensure:\n  e: { do: ./survey.yaml, idempotent: true, with: { seen: x } }\n")
            }
            None => {}
        }
        files.insert(name.to_owned(), text);
    }
}

impl Step {
    /// A step that does this once, rolls back where it fails, and is undone in one go.
    pub fn new(work: Work, needs: Needs) -> Self {
        let (retry, timeout, on_failure) = (false, false, OnFailure::Rollback);
        Self { work, needs, fan_out: None, retry, timeout, on_failure, undo: Undo::Tells }
    }

    fn write(&self, at: usize, inner: &str, seen: &str, text: &mut String, files: &mut BTreeMap<String, String>) {
        let item = if self.fan_out.is_some() { "[${item}]" } else { "" };
        let path = format!("${{params.at}}s{at}{item}");
        let own = match self.fan_out {
            Some(_) => format!("params.at + \"s{at}[\" + item + \"]\""),
            None => format!("params.at + \"s{at}\""),
        };
        let own = match (self.undo, &self.work) {
            (Undo::Inside, Work::Nested(_)) => "\"\"".to_owned(),
            (Undo::Inside, _) => "\"-\"".to_owned(),
            _ => own,
        };
        let by = format!("${{if params.by != \"\" {{ params.by }} else {{ {own} }}}}");
        if matches!(self.work, Work::Arm) {
            text.push_str("  # titan: allow(arm-unverified, arm-unobserved) there is no policy in the laboratory\n");
        }
        let _ = writeln!(text, "  s{at}:");
        match self.needs {
            Needs::Nothing => text.push_str("    needs: []\n"),
            Needs::Earlier { at: earlier, outcome, by_when: false } if earlier < at => {
                let _ = writeln!(text, "    needs: {{ s{earlier}: {outcome} }}");
            }
            Needs::Earlier { at: earlier, outcome, by_when: true } if earlier < at => {
                let _ = writeln!(
                    text,
                    "    needs: {{ s{earlier}: done }}\n    when: 'steps.s{earlier}.status == \"{outcome}\"'"
                );
            }
            Needs::Above | Needs::Earlier { .. } => {}
        }
        if let Some(at_once) = self.fan_out {
            let _ = writeln!(text, "    foreach: '[\"0\", \"1\", \"2\"]'\n    max_parallel: {at_once}");
        }
        if self.retry {
            text.push_str("    retry: { on: [mismatch, refused, exit], attempts: 2, every: 1s }\n");
        }
        if self.timeout {
            text.push_str("    timeout: 1m\n");
        }
        if self.on_failure != OnFailure::Rollback {
            let _ = writeln!(text, "    on_failure: {}", self.on_failure.word());
        }
        self.write_work(&path, &by, inner, text, files);
        self.write_undo(&path, seen, text);
    }

    fn write_work(&self, path: &str, by: &str, inner: &str, text: &mut String, files: &mut BTreeMap<String, String>) {
        let _ = match &self.work {
            Work::Note => writeln!(text, "    do: note\n    with: {{ text: x }}"),
            Work::Sleep => writeln!(text, "    do: sleep\n    with: {{ for: 3s }}"),
            Work::Confirm => writeln!(text, "    do: confirm\n    with: {{ items: {{ ready: Is it ready? }} }}"),
            Work::Check { good_from } => writeln!(
                text,
                "    may_skip: true\n    do: nats_req\n    with: {{ subject: lab.ask, payload: '{path}' }}\n    expect: out.reply.count >= {good_from}"
            ),
            Work::Tell { fails, is_idempotent, rings } => {
                let ring = if *rings { "|bell" } else { "" };
                let fails = if *fails { "    expect: '!params.broken'\n" } else { "" };
                let idempotent = if *is_idempotent || self.retry { "    idempotent: true\n" } else { "" };
                write!(
                    text,
                    "    do: nats_pub\n    with: {{ subject: lab.do, payload: 'd|{path}|{by}{ring}' }}\n{idempotent}{fails}"
                )
            }
            Work::Script { calls, fails } => {
                let code: String = (0..*calls)
                    .map(|_| "nats_pub(#{ subject: \"lab.do\", payload: line }); ")
                    .chain(fails.then_some("if params.broken { throw \"broken\"; } "))
                    .collect();
                let line = format!("let line = `d|{path}|{by}`; ");
                writeln!(
                    text,
                    "    do: script\n    idempotent: true\n    with:\n      code: |\n        {line}\n        {code}\n        1"
                )
            }
            Work::Deploy { service } => {
                writeln!(text, "    do: deploy\n    with: {{ service: {service}, version: '2.0.0' }}")
            }
            Work::Arm => writeln!(text, "    do: arm\n    with: {{ gate: execution, reason: x }}"),
            Work::Disarm => writeln!(text, "    do: disarm\n    with: {{ gate: execution, reason: x }}"),
            Work::Nested(book) => {
                book.write(inner, files);
                let idempotent = if self.retry { "    idempotent: true\n" } else { "" };
                writeln!(text, "    do: ./{inner}.yaml\n{idempotent}    with: {{ at: '{path}/', by: '{by}' }}")
            }
        };
    }

    fn write_undo(&self, path: &str, seen: &str, text: &mut String) {
        let line = format!("u|{path}|{seen}");
        let _ = match (&self.work, self.undo) {
            (Work::Note | Work::Sleep | Work::Confirm | Work::Check { .. } | Work::Arm | Work::Disarm, _)
            | (Work::Nested(_), Undo::Inside) => Ok(()),
            (Work::Deploy { service }, _) => {
                writeln!(text, "    undo: {{ do: deploy, with: {{ service: {service}, version: '1.0.0' }} }}")
            }
            (_, Undo::Tells) => writeln!(
                text,
                "    undo: {{ do: nats_pub, idempotent: true, with: {{ subject: lab.do, payload: '{line}' }} }}"
            ),
            (_, Undo::Fails) => writeln!(
                text,
                "    undo: {{ do: nats_pub, idempotent: true, with: {{ subject: lab.do, payload: '{line}' }}, expect: '!params.broken' }}"
            ),
            (_, Undo::Script) => writeln!(
                text,
                "    undo:\n      do: script\n      idempotent: true\n      with:\n        code: |\n          nats_req(#{{ subject: \"lab.ask\", payload: \"u\" }});\n          nats_pub(#{{ subject: \"lab.do\", payload: `{line}` }});\n          1"
            ),
            (_, Undo::Runbook) => {
                writeln!(
                    text,
                    "    undo: {{ do: ./reverse.yaml, idempotent: true, with: {{ path: '{path}', seen: '{seen}' }} }}"
                )
            }
            (_, Undo::Inside) => writeln!(text, "    no_undo: A test."),
        };
    }
}
