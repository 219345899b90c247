//! The run as an operator reads it: a line for each thing that ended, and, on a terminal, one
//! moving line that says what is under way and what it waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use crate::declaration::Failure;
use crate::event::{Asked, Cause, Ended, Ending, Event, Happened, Header, Phase, Progress, Request, Status};
use crate::value::Value;
use crate::visible::visible;

use super::Report;
use super::earlier::earlier;
use super::known::{GATE, Known, UNKNOWN};
use super::last_page::LastPage;
use super::summary::{shortened, summary};
use super::undone::Undone;
use super::words::{clock, closing, named};

/// Clears the moving line.
const CLEAR_LINE: &str = "\r\u{1b}[2K";

/// Writes for people.
pub struct Terminal<W> {
    out: W,
    /// Whether `out` is a terminal that can show a moving line.
    is_live: bool,
    simulated: bool,
    rehearsal: bool,
    /// The run's id, where the run can be resumed.
    resumable: Option<String>,
    started_unix_ms: u64,
    /// The file of its target.
    target: String,
    elapsed_ms: u64,
    known: Known,
    undone: Undone,
    /// What is under way, since when, and what it waits for.
    under_way: BTreeMap<Arc<str>, (u64, String)>,
    /// The steps under way that ask at this terminal: the line with the question is left alone.
    asking: BTreeSet<Arc<str>>,
    /// Whether something was written below an open question.
    is_talked_over: bool,
    aborts: usize,
    is_rolling_back: bool,
}

impl<W: Write> Terminal<W> {
    /// Writes to `out`; a moving line only where `is_live`.
    pub fn new(out: W, is_live: bool) -> Self {
        Self {
            out,
            is_live,
            simulated: false,
            rehearsal: false,
            resumable: None,
            started_unix_ms: 0,
            target: String::new(),
            elapsed_ms: 0,
            known: Known::default(),
            undone: Undone::default(),
            under_way: BTreeMap::new(),
            asking: BTreeSet::new(),
            is_talked_over: false,
            aborts: 0,
            is_rolling_back: false,
        }
    }

    /// A reader that went away does not stop a run: write errors are ignored.
    fn line(&mut self, text: &str) {
        let clear = match (self.is_live, self.asking.is_empty()) {
            (true, true) => CLEAR_LINE,
            (true, false) => "\r\n",
            (false, _) => "",
        };
        let _ = writeln!(self.out, "{clear}{}", visible(text.trim_end()));
        self.is_talked_over = self.is_live && !self.asking.is_empty();
    }

    /// Says that a question is still open, where something was written below it.
    fn ask_again(&mut self) {
        if std::mem::take(&mut self.is_talked_over) && !self.asking.is_empty() {
            let _ = write!(self.out, "the question above is still open [y/N] ");
            let _ = self.out.flush();
        }
    }

    fn stamped(&mut self, at_ms: u64, mark: &str, text: &str) {
        let line = format!("{:>8}  {mark} {text}", clock(at_ms));
        self.line(&line);
    }

    fn moving_line(&mut self) {
        if !self.is_live || !self.asking.is_empty() {
            return;
        }
        let now = self.elapsed_ms;
        let parts = self.under_way.iter().map(|(step, (since, text))| {
            let took = clock(now.saturating_sub(*since));
            match text.is_empty() {
                true => format!("{step} {took}"),
                false => format!("{step} {took}: {text}"),
            }
        });
        let text = shortened(&visible(&parts.collect::<Vec<_>>().join(" | ")));
        let _ = write!(self.out, "{CLEAR_LINE}{:>8}  … {text}", clock(now));
        let _ = self.out.flush();
    }

    fn header(&mut self, header: &Header) {
        self.simulated = header.simulated;
        self.rehearsal = header.rehearsal;
        self.target.clone_from(&header.target_file);
        self.started_unix_ms = header.started_unix_ms;
        self.resumable = (!header.simulated && !header.rehearsal).then(|| header.run.clone());
        if header.simulated {
            self.line("SIMULATED: this is a rehearsal in a simulated world; nothing real is touched");
        }
        if header.rehearsal {
            self.line("REHEARSAL: only steps that look are done; nothing is changed and nobody is asked");
        }
        self.line(&format!("{}  on target {}  run {}", header.runbook, visible(&header.target), header.run));
        if let Some(about) = &header.about {
            self.line(&visible(about));
        }
        self.line("");
    }

    fn finished(
        &mut self,
        at_ms: u64,
        phase: Phase,
        step: &str,
        status: Status,
        out: &Value,
        failure: Option<&Failure>,
    ) {
        let name = named(phase, step);
        match (status, failure) {
            (Status::Ok, _) => self.stamped(at_ms, "✓", &format!("{name:<32} {}", summary(out))),
            (_, Some(failure)) => {
                let mark = if status == Status::InDoubt { "?" } else { "✗" };
                let text = format!("{name:<32} {}: {}", failure.class, visible(&failure.message));
                self.stamped(at_ms, mark, &text);
            }
            (_, None) => self.stamped(at_ms, "✗", &name),
        }
    }

    fn last_page<'a>(&'a self, ended: &'a Ended) -> LastPage<'a> {
        LastPage {
            ended,
            run: self.resumable.as_deref(),
            started_unix_ms: self.started_unix_ms,
            target: (!self.simulated).then_some(&*self.target),
            known: &self.known,
            undone: &self.undone,
        }
    }

    fn ended(&mut self, ended: &Ended) {
        self.line("");
        let is_well = ended.ending == Ending::Succeeded;
        if !is_well {
            let gates: Vec<_> = self.last_page(ended).gates();
            gates.iter().for_each(|gate| self.line(gate));
        }
        self.line(&format!("{} after {}", ended.ending.word(), clock(ended.took_ms)));
        if let Some(cause) = &ended.cause {
            self.line(&format!("  because {}", visible(&cause.sentence())));
        }
        for needed in &ended.needs_person {
            let told = ended.cause.as_ref().and_then(Cause::message).filter(|message| !message.is_empty());
            let needed = told.map_or_else(|| needed.clone(), |message| once(needed, message));
            self.line(&format!("  needs a person: {}", visible(&needed)));
        }
        self.undone.lines(&ended.needs_person).iter().for_each(|line| self.line(line));
        let facts: Vec<_> = self
            .known
            .facts()
            .filter(|(fact, ..)| is_well || !fact.starts_with(GATE))
            .map(|(fact, seen, at)| match seen {
                UNKNOWN => format!("  {fact}: {UNKNOWN} (nothing has shown it since {})", clock(at)),
                _ => format!("  {fact}: {} (seen at {})", visible(seen), clock(at)),
            })
            .collect();
        if !facts.is_empty() {
            self.line("state now, as last verified:");
            facts.iter().for_each(|fact| self.line(fact));
        }
        let outputs = ended.outputs.as_map().filter(|outputs| is_well && !outputs.is_empty());
        if outputs.is_some() {
            self.line("outputs:");
        }
        for (name, value) in outputs.into_iter().flatten() {
            self.line(&format!("  {name}: {}", visible(&value.to_string())));
        }
        if let Some(next) = self.last_page(ended).next() {
            self.line(&format!("next: {}", visible(&next)));
        }
        if self.rehearsal {
            self.line("REHEARSAL: nothing was changed");
        }
        if self.simulated {
            self.line("SIMULATED: nothing real was touched");
        }
    }
}

impl<W: Write> Report for Terminal<W> {
    fn earlier(&mut self, events: &[Event]) {
        for event in events {
            self.known.learn(event.at_ms, &event.what);
            self.undone.learn(&event.what);
            self.is_rolling_back |= matches!(event.what, Happened::RollbackStarted { .. });
            if let Happened::RunStarted(header) = &event.what {
                self.header(header);
            }
        }
        let at_ms = events.last().map_or(0, |event| event.at_ms);
        self.stamped(at_ms, "▶", &visible(&earlier(events)));
    }

    fn event(&mut self, event: &Event) {
        self.elapsed_ms = event.at_ms;
        self.known.learn(event.at_ms, &event.what);
        self.undone.learn(&event.what);
        self.follow(event.at_ms, &event.what);
        let at = event.at_ms;
        match &event.what {
            Happened::RunStarted(header) => self.header(header),
            Happened::LetComputed { name, value } => {
                self.stamped(at, "=", &format!("{name:<32} {}", shortened(&visible(&value.to_string()))));
            }
            Happened::WatchLive { watch } => self.stamped(at, "◉", &format!("watch {watch} is live")),
            Happened::WatchEnded { watch, breach } => match breach {
                None => self.stamped(at, "✓", &format!("watch {watch} saw nothing wrong")),
                Some(failure) => self.stamped(at, "✗", &format!("watch {watch}: {}", visible(&failure.message))),
            },
            Happened::Started { step, action, .. } if &**action == "approve" => self.waits_for_approval(at, step),
            Happened::Started { .. } => {}
            Happened::Retrying { step, failure, wait_ms, .. } => {
                let text = format!("{step:<32} again in {}: {failure}", clock(*wait_ms));
                self.stamped(at, "↻", &visible(&text));
            }
            Happened::CallStarted { .. } | Happened::CallFinished { .. } | Happened::Remembered { .. } => {}
            Happened::GateClosing { .. } => {}
            Happened::GateClosed { gate, failure, .. } => {
                self.seen(at, &closing(gate), "verified disarmed", failure.as_ref());
            }
            Happened::LookedAgain { phase, step, failure } => {
                self.seen(at, &named(*phase, step), "looked at again: still so", failure.as_ref());
            }
            Happened::Requested(Asked { request, who, why }) => {
                let follows = self.follows(request);
                self.stamped(at, "!", &visible(&format!("{who} asked: {} ({why}){follows}", request.phrase())));
            }
            Happened::Resumed { who, cut_bytes, .. } => {
                let torn = match cut_bytes {
                    0 => String::new(),
                    bytes => format!("; {bytes} bytes of an unfinished last record were cut off"),
                };
                self.stamped(at, "▶", &visible(&format!("resumed by {who}{torn}")));
            }
            Happened::Finished { phase, step, status, failure, out, .. } => {
                self.finished(at, *phase, step, *status, out, failure.as_ref());
            }
            Happened::Skipped { step, reason, phase } => {
                self.stamped(at, "-", &format!("{:<32} skipped: {}", named(*phase, step), visible(reason)));
            }
            Happened::RollbackStarted { cause } => {
                self.is_rolling_back = true;
                self.stamped(at, "↩", &format!("rolling back: {}{}", visible(&cause.brief()), self.known.gates_seen()));
            }
            Happened::RunEnded(ended) => self.ended(ended),
        }
        self.ask_again();
        self.moving_line_unless_ended(&event.what);
    }

    fn progress(&mut self, progress: &Progress) {
        match progress {
            Progress::Waits { step, text } => {
                if let Some((_, shown)) = self.under_way.get_mut(step) {
                    shown.clone_from(text);
                }
            }
            Progress::Asks { step, may_skip } => self.waits_for_a_word(step, *may_skip),
        }
    }

    fn tick(&mut self, elapsed_ms: u64) {
        self.elapsed_ms = elapsed_ms;
        self.moving_line();
    }

    fn flush(&mut self) {
        let _ = self.out.flush();
    }
}

impl<W: Write> Terminal<W> {
    /// Keeps what is under way, and what of it asks.
    fn follow(&mut self, at_ms: u64, what: &Happened) {
        match what {
            Happened::Started { step, action, .. } => {
                self.under_way.insert(Arc::clone(step), (at_ms, String::new()));
                self.asks(step, action);
            }
            Happened::GateClosing { gate, .. } => {
                self.under_way.insert(closing(gate), (at_ms, String::new()));
            }
            Happened::GateClosed { gate, .. } => drop(self.under_way.remove(&closing(gate))),
            Happened::CallStarted { step, primitive, .. } => self.asks(step, primitive),
            Happened::CallFinished { step, .. } => {
                self.asking.remove(step);
            }
            Happened::Finished { step, .. } | Happened::Skipped { step, .. } => {
                self.asking.remove(step);
                self.under_way.remove(step);
            }
            Happened::Resumed { .. } | Happened::RollbackStarted { .. } | Happened::RunEnded(_) => {
                self.asking.clear();
                self.under_way.clear();
            }
            _ => {}
        }
    }

    /// What comes of a request, and what more can be asked.
    fn follows(&mut self, request: &Request) -> &'static str {
        match request {
            Request::Abort => {
                self.aborts += 1;
                // No answer is waited for any more; the line with the question is left.
                if self.is_live && !std::mem::take(&mut self.asking).is_empty() {
                    let _ = write!(self.out, "\r\n");
                }
                if self.aborts == 1 { "; once more leaves only disarms" } else { "; only disarms are left" }
            }
            Request::Pause if self.is_rolling_back => "; a rollback is not paused",
            Request::Pause => "; what is under way ends first, every watch too",
            _ => "",
        }
    }

    fn seen(&mut self, at_ms: u64, what: &str, is: &str, failure: Option<&Failure>) {
        match failure {
            None => self.stamped(at_ms, "✓", &visible(&format!("{what:<32} {is}"))),
            Some(failure) => self.stamped(at_ms, "✗", &visible(&format!("{what:<32} {failure}"))),
        }
    }

    fn asks(&mut self, step: &Arc<str>, action: &str) {
        if action == "confirm" {
            self.asking.insert(Arc::clone(step));
        }
    }

    /// Whoever is to sign sits elsewhere: says what they type.
    fn waits_for_approval(&mut self, at_ms: u64, step: &str) {
        if let Some(run) = &self.resumable {
            let text = format!(
                "{step:<32} waits for approval: `titan-run approve {run} --key KEYFILE` signs, `titan-run deny` refuses"
            );
            self.stamped(at_ms, "!", &text);
        }
    }

    /// A failed step waits while others go on: says what lets it go on.
    fn waits_for_a_word(&mut self, step: &str, may_skip: bool) {
        let Some(run) = &self.resumable else {
            return;
        };
        let skip = match may_skip {
            true => format!(", `titan-run skip {run} {step} --why WHY` goes on without it"),
            false => String::new(),
        };
        let text =
            format!("{step:<32} waits for a person: `titan-run retry {run} {step} --why WHY` does it again{skip}");
        self.stamped(self.elapsed_ms, "!", &visible(&text));
        self.ask_again();
        self.moving_line();
    }

    fn moving_line_unless_ended(&mut self, what: &Happened) {
        if !matches!(what, Happened::RunEnded(_)) {
            self.moving_line();
        }
    }
}

/// What a person is needed for, where it ends with what the cause has said already.
fn once(needed: &str, told: &str) -> String {
    let before = needed.strip_suffix(told).filter(|before| before.ends_with(": "));
    before.map_or_else(|| needed.to_owned(), |before| format!("{before}the same"))
}
