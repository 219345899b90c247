//! One statement of a runbook, with what its loss, its gain or another value means.

use crate::guard::Guard;
use crate::runbook::Action;

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    pub(super) place: String,
    pub(super) text: String,
    /// The text in one form for every way to write it.
    pub(super) form: String,
    /// The text as a number, where its size means something.
    pub(super) number: Option<f64>,
    /// The text as the values it allows.
    pub(super) allowed: Vec<String>,
    pub(super) rule: Rule,
    /// Why a run is less safe without it.
    pub(super) lost: Option<&'static str>,
    /// Why a run is less safe with it.
    pub(super) gained: Option<&'static str>,
    /// The steps of an edge.
    pub(super) edge: Option<(String, String)>,
    /// Whether nobody wrote it: what holds where nothing is said.
    pub(super) is_implied: bool,
}

/// What another value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing: it is there or not, and its parts say the rest.
    Whole,
    /// Nothing that can be told from the value.
    Any,
    /// A higher one is less safe.
    NotHigher(&'static str),
    /// A lower one is less safe.
    NotLower(&'static str),
    /// One that allows another value is less safe.
    NotWider(&'static str),
}

impl Fact {
    pub(super) fn new(place: &str, text: &str) -> Self {
        Self {
            place: place.to_owned(),
            text: text.to_owned(),
            form: text.to_owned(),
            number: None,
            allowed: Vec::new(),
            rule: Rule::Any,
            lost: None,
            gained: None,
            edge: None,
            is_implied: false,
        }
    }

    pub(super) fn guard(place: &str, guard: &Guard) -> Self {
        Self::new(place, guard.text()).formed(guard.without_blanks())
    }

    pub(super) fn whole(place: &str, action: &Action) -> Self {
        Self { rule: Rule::Whole, ..Self::new(place, action.name()) }
    }

    pub(super) fn formed(self, form: String) -> Self {
        Self { form, ..self }
    }

    pub(super) fn sized(self, number: Option<f64>, rule: Rule) -> Self {
        Self { number, rule, ..self }
    }

    pub(super) fn lost(self, why: &'static str) -> Self {
        Self { lost: Some(why), ..self }
    }

    pub(super) fn gained(self, why: Option<&'static str>) -> Self {
        Self { gained: why, ..self }
    }

    pub(super) fn implied_where(self, is_implied: bool) -> Self {
        Self { is_implied, ..self }
    }

    /// Whether another one at its place says the same; what follows from another statement in both
    /// is told with that.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.rule == Rule::Whole || self.form == other.form || (self.is_implied && other.is_implied)
    }

    /// Why a run is less safe with another one at its place.
    pub(super) fn weakened_by(&self, now: &Self) -> Option<&'static str> {
        let numbers = self.number.zip(now.number);
        match self.rule {
            Rule::Any | Rule::Whole => None,
            Rule::NotHigher(why) => numbers.filter(|(before, after)| after > before).map(|_| why),
            Rule::NotLower(why) => numbers.filter(|(before, after)| after < before).map(|_| why),
            Rule::NotWider(why) => now.allowed.iter().any(|value| !self.allowed.contains(value)).then_some(why),
        }
    }
}
