//! Diagnostics: what is wrong in the user's files, where, and what to type next.
//!
//! A diagnostic is data about a file the user wrote; it is collected, never thrown, so that one
//! pass reports every problem. Drawing it is the report room's work.

use serde::Serialize;

use crate::source::{Loc, SourceFile, Span};

/// How much a diagnostic weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Probably not what the author means.
    Warning,
    /// The runbook cannot run as written.
    Error,
}

impl Severity {
    /// The lower-case word for this severity.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How far a rule's verdict can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// It follows from the graph, the types or the bounds, whatever the world does.
    Proved,
    /// It is what such a runbook nearly always means.
    Heuristic,
}

impl Strength {
    /// The words for this strength.
    pub fn words(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Heuristic => "heuristic",
        }
    }
}

/// A change of the file that answers a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as a command: `quote the guard`.
    pub title: String,
    /// Whether it cannot change what a working runbook means.
    pub is_safe: bool,
    /// The edits, in the file of the primary label; they do not overlap.
    pub edits: Vec<Edit>,
}

/// New text for a span; an empty span inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// A marked place with a few words beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub loc: Loc,
    /// The words; may be empty where the place speaks for itself.
    pub text: String,
}

/// One problem in a file: message says what, the label says where, help says the next keystroke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable kebab-case word, never reused.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong: lower case, no full stop, the user's own text in backticks.
    pub message: String,
    /// Where; the first label is the primary one.
    pub labels: Vec<Label>,
    /// What to type instead.
    pub help: Option<String>,
    /// How far the verdict can be trusted; `None` where the file itself says it.
    pub strength: Option<Strength>,
    /// What would answer it.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at one place.
    pub fn error(code: &'static str, message: impl Into<String>, loc: Loc) -> Self {
        Self::new(code, Severity::Error, message, loc)
    }

    /// A diagnostic of a severity at one place.
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>, loc: Loc) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            labels: vec![Label { loc, text: String::new() }],
            help: None,
            strength: None,
            fix: None,
        }
    }

    /// Puts words beside the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Marks one more place.
    #[must_use]
    pub fn also(mut self, loc: Loc, text: impl Into<String>) -> Self {
        self.labels.push(Label { loc, text: text.into() });
        self
    }

    /// Says the next keystroke.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says what would answer it.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, is_safe: bool, edits: Vec<Edit>) -> Self {
        self.fix = Some(Fix { title: title.into(), is_safe, edits });
        self
    }

    /// Says which of the candidates a word was meant to be, or else what `otherwise` says. Where
    /// only one can be meant, writing it is a fix.
    #[must_use]
    pub fn meant(mut self, word: &str, candidates: &[&str], otherwise: impl FnOnce() -> String) -> Self {
        let Some(near) = did_you_mean(word, candidates.iter().copied()) else {
            return self.help(otherwise());
        };
        if only_one_is_near(word, near, candidates)
            && let Some(span) = self.place_of(word)
        {
            let edit = Edit { span, text: near.to_owned() };
            self = self.fix(format!("write `{near}`"), true, vec![edit]);
        }
        self.help(format!("did you mean `{near}`?"))
    }

    /// The same of a word beside others, each of which may stand once: where the one that was meant is
    /// there already, one of the two is too many.
    #[must_use]
    pub fn meant_beside(
        self,
        (word, others): (&str, &[&str]),
        candidates: &[&str],
        otherwise: impl FnOnce() -> String,
    ) -> Self {
        match did_you_mean(word, candidates.iter().copied()).filter(|near| others.contains(near)) {
            Some(near) => self.help(format!("`{near}` stands here already; remove one of the two")),
            None => self.meant(word, candidates, otherwise),
        }
    }

    /// Where a word stands in the primary place, when it stands there once.
    fn place_of(&self, word: &str) -> Option<Span> {
        let loc = self.loc()?;
        let written = loc.file.slice(loc.span);
        let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
        let is_whole = |at: &usize| {
            let before = written.get(..*at).and_then(|before| before.chars().next_back());
            let behind = written.get(at + word.len()..).and_then(|behind| behind.chars().next());
            !before.is_some_and(joins) && !behind.is_some_and(joins)
        };
        let mut places = written.match_indices(word).map(|(at, _)| at).filter(is_whole);
        let start = loc.span.start + places.next()?;
        places.next().is_none().then(|| Span::new(start, start + word.len()))
    }

    /// Where it is: the primary label's place.
    pub fn loc(&self) -> Option<&Loc> {
        self.labels.first().map(|label| &label.loc)
    }

    /// Whether another one says the same; what it weighs, the settings of another folder may say.
    pub fn is_same_but_for_weight(&self, other: &Self) -> bool {
        self.code == other.code && self.message == other.message && self.labels == other.labels
    }
}

/// The diagnostics found in one file so far.
#[derive(Debug)]
pub struct Findings {
    file: SourceFile,
    found: Vec<Diagnostic>,
}

impl Findings {
    /// How many diagnostics one file may carry: a person reads no more, and hostile input can
    /// otherwise make millions.
    pub const MOST: usize = 200;

    /// Nothing found yet in `file`.
    pub fn new(file: SourceFile) -> Self {
        Self { file, found: Vec::new() }
    }

    /// The file being checked.
    pub fn file(&self) -> &SourceFile {
        &self.file
    }

    /// The place of a span in this file.
    pub fn loc(&self, span: Span) -> Loc {
        Loc { file: self.file.clone(), span }
    }

    /// An error at a place in this file, to be finished and handed to [`Findings::push`].
    pub fn error(&self, code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::error(code, message, self.loc(span))
    }

    /// Adds a diagnostic; beyond [`Findings::MOST`] it is dropped.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.found.len() < Self::MOST {
            self.found.push(diagnostic);
        }
    }

    /// Adds many.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    /// Whether nothing more is taken: whoever can find any number of faults may stop.
    pub fn is_full(&self) -> bool {
        self.found.len() >= Self::MOST
    }

    /// Whether an error was found.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// Everything found, in the order of the text.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| d.labels.first().map_or(Span::default(), |l| l.loc.span));
        self.found.dedup();
        self.found
    }
}

/// The candidate nearest to a misspelt word, when one is near enough to be meant.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Jaro-Winkler similarity from which two words look like one word misspelt.
    const NEAR: f64 = 0.8;
    /// The candidates looked at: comparing every name with every other takes too long.
    const MOST: usize = 1_000;
    /// The letters from which one slip leaves a word the same word: similarity misses short ones.
    const SHORTEST: usize = 3;
    let is_one_slip =
        |candidate: &str| candidate.chars().count() >= SHORTEST && strsim::damerau_levenshtein(word, candidate) == 1;
    candidates
        .into_iter()
        .take(MOST)
        .map(|candidate| (is_one_slip(candidate), strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(is_slip, similarity, _)| *is_slip || *similarity >= NEAR)
        .max_by(|(slip_a, a, _), (slip_b, b, _)| slip_a.cmp(slip_b).then(a.total_cmp(b)))
        .map(|(_, _, candidate)| candidate)
}

/// Whether a word is a slip of one candidate and of no other.
fn only_one_is_near(word: &str, near: &str, candidates: &[&str]) -> bool {
    /// Letters of a word for each slip: two slips in a short word make another word.
    const LETTERS_PER_SLIP: usize = 4;
    let slips = (word.chars().count() / LETTERS_PER_SLIP).clamp(1, 2);
    let is_slip = |candidate: &&&str| strsim::damerau_levenshtein(word, candidate) <= slips;
    let mut close: Vec<_> = candidates.iter().filter(is_slip).collect();
    close.sort_unstable();
    close.dedup();
    matches!(close.as_slice(), [only] if **only == near)
}
