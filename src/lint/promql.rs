//! PromQL in `wait_metric`: parsed by the field's parser for Rust, with places in the file.
//!
//! With `promql_constant.rs` the only file that names that parser. Its tree has no places, so words and signs are found by
//! [`tokens`], and the tree says what the text as a whole is. What `${ }` fills in is parsed as
//! a stand-in of the same length; where none fits, the query is not judged.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use promql_parser::parser::token::T_QUANTILE;
use promql_parser::parser::{Expr, LabelModifier, parse};

use crate::guard::insertion_places;
use crate::runbook::Runbook;
use crate::source::{SourceFile, Span};

use super::places::{Leaf, Role, Use};
use super::promql_constant::is_constant;
use super::promql_tokens::{Token, overlong, tokens};

/// The most words and signs of a query: longer ones belong in a recording rule, and the parser's
/// tree is as deep as there are signs.
const MAX_WORDS: usize = 400;

/// The most insertions for which stand-ins are tried in every combination.
const MAX_FILLED: usize = 4;

/// What is wrong where the parser does not say.
const NO_QUERY: &str = "this is not a PromQL expression";

/// What is wrong with a time that the parser cannot hold.
const OVERLONG: &str = "this time is longer than any that Prometheus keeps";

/// A query of a runbook.
pub(super) struct Query<'a> {
    leaf: Leaf<'a>,
    /// Whether what it gives is judged, by its own step or by another's guard.
    pub(super) is_check: bool,
    parsed: Result<Parsed, Wrong>,
}

/// A query that is one.
struct Parsed {
    tokens: Vec<Token>,
    text: String,
    tree: Expr,
    filled: Vec<Range<usize>>,
}

/// Why a text is no query, and at which of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The sentence.
    pub(super) message: String,
    pub(super) place: Range<usize>,
}

/// Every query of a runbook; those that cannot be judged are left out.
pub(super) fn queries<'a>(runbook: &Runbook, uses: &[Use<'a>]) -> Vec<Query<'a>> {
    let metrics = uses.iter().filter(|one| one.primitive() == "wait_metric");
    let written: Vec<_> = metrics.filter_map(|one| Some((one.role, Leaf::of(one.argument("query")?)?))).collect();
    if written.is_empty() {
        return Vec::new();
    }
    let decisive = decisive(runbook);
    let is_read = |role: Role<'_>| match role {
        Role::Step(at, _) => runbook.steps.get(at).is_some_and(|step| decisive.contains(step.id.as_str())),
        Role::Undo(..) | Role::Watch(_) | Role::Ensure(_) => false,
    };
    let judged = written.into_iter().filter_map(|(role, leaf)| {
        let parsed = parsed(leaf.text())?;
        Some(Query { leaf, is_check: role.is_judged() || is_read(role), parsed })
    });
    judged.collect()
}

/// The steps whose results decide about another step.
fn decisive(runbook: &Runbook) -> BTreeSet<&str> {
    let guards = runbook.steps.iter().flat_map(|step| {
        let work = &step.work;
        let asserted = work.action.with.insertions().into_iter().filter(|_| work.action.name() == "assert");
        work.when.iter().chain(&work.require).chain(asserted.map(|one| one.guard))
    });
    let read = guards.flat_map(|guard| guard.references()).filter(|reference| reference.root() == "steps");
    read.filter_map(|reference| reference.path().get(1).map(String::as_str)).collect()
}

/// A text as a query, right or wrong; `None` where its insertions leave that open.
fn parsed(text: &str) -> Option<Result<Parsed, Wrong>> {
    let filled = insertion_places(text);
    let words = tokens(text);
    if let Some(more) = words.get(MAX_WORDS) {
        let message = format!("this query has more than {MAX_WORDS} words; let a recording rule answer it");
        return Some(Err(Wrong { message, place: more.place.clone() }));
    }
    if let Some(place) = overlong(text, &words) {
        return Some(Err(Wrong { message: OVERLONG.to_owned(), place }));
    }
    if filled.is_empty() {
        let right = |tree| Parsed { tokens: words, text: text.to_owned(), tree, filled: Vec::new() };
        return Some(parse(text).map(right).map_err(|message| wrong(text, &message)));
    }
    let ways = 3_usize.pow(u32::try_from(filled.len().min(MAX_FILLED)).unwrap_or(0));
    let texts = (0..ways).map(|way| stand_in(text, &filled, way));
    let (tokens, text, tree) = texts
        .map(|text| (tokens(&text), text))
        .filter(|(tokens, text)| overlong(text, tokens).is_none())
        .find_map(|(tokens, text)| parse(&text).ok().map(|tree| (tokens, text, tree)))?;
    Some(Ok(Parsed { tokens, text, tree, filled }))
}

/// What is wrong with a text that is no selector of labels, such as a target has; it is parsed as it
/// is used, so that it cannot be more than that.
pub(super) fn wrong_selector(text: &str) -> Option<Wrong> {
    const BEFORE: &str = "timestamp(x{";
    let is_selector = |tree: &Expr| match tree {
        Expr::Call(call) => matches!(call.args.args.as_slice(), [one] if matches!(**one, Expr::VectorSelector(_))),
        _ => false,
    };
    let whole = format!("{BEFORE}{text}}})");
    let words = tokens(&whole);
    let read = match overlong(&whole, &words) {
        Some(_) => Err(OVERLONG.to_owned()),
        None => parse(&whole),
    };
    let (place, why) = match (words.get(MAX_WORDS), read) {
        (Some(more), _) => (more.place.clone(), format!(": it has more than {MAX_WORDS} words")),
        (None, Ok(tree)) if is_selector(&tree) => return None,
        (None, Ok(_)) => {
            let closing = words.into_iter().find(|token| whole.get(token.place.clone()) == Some("}"));
            (closing.map_or(0..0, |token| token.place), String::new())
        }
        (None, Err(message)) => {
            let wrong = wrong(&whole, &message);
            (wrong.place, if wrong.message == NO_QUERY { String::new() } else { format!(": {}", wrong.message) })
        }
    };
    let inside = |at: usize| at.saturating_sub(BEFORE.len()).min(text.len());
    let part = inside(place.start)..inside(place.end);
    let place = if part.is_empty() { 0..text.len() } else { part };
    Some(Wrong { message: format!("`{text}` is no selector of labels{why}"), place })
}

/// The text with each insertion replaced by a name, a number or a time of the same length.
fn stand_in(text: &str, filled: &[Range<usize>], mut way: usize) -> String {
    let mut whole = text.to_owned();
    for place in filled {
        let word = match way % 3 {
            0 => "x".repeat(place.len()),
            1 => format!("{}1", " ".repeat(place.len() - 1)),
            _ => format!("{}1m", "0".repeat(place.len() - 2)),
        };
        way /= 3;
        whole.replace_range(place.clone(), &word);
    }
    whole
}

impl<'a> Query<'a> {
    /// What is wrong with it, when it is none.
    pub(super) fn wrong(&self) -> Option<&Wrong> {
        self.parsed.as_ref().err()
    }

    /// Where a part of it stands in the file.
    pub(super) fn span(&self, file: &SourceFile, part: Range<usize>) -> Span {
        self.leaf.part(file, part)
    }

    /// Where it is wrong.
    pub(super) fn wrong_span(&self, file: &SourceFile, wrong: &Wrong) -> Span {
        self.span(file, wrong.place.clone())
    }

    /// Every call of one of these functions: its name, and where that stands.
    pub(super) fn calls(&self, names: &[&'static str]) -> Vec<(&'static str, Range<usize>)> {
        let Ok(parsed) = &self.parsed else { return Vec::new() };
        let pairs = parsed.tokens.iter().zip(parsed.tokens.iter().skip(1));
        let calls = pairs.filter(|(word, next)| word.inside.is_none() && parsed.word(next) == "(");
        let named = calls.filter_map(|(word, _)| Some((*names.iter().find(|name| **name == parsed.word(word))?, word)));
        named.map(|(name, word)| (name, word.place.clone())).collect()
    }

    /// The range of every range vector that is written out, and where it stands.
    pub(super) fn ranges(&self) -> Vec<(Duration, Range<usize>)> {
        let Ok(parsed) = &self.parsed else { return Vec::new() };
        let mut lengths = Vec::new();
        ranges(&parsed.tree, &mut lengths);
        let starts = parsed.tokens.iter().filter(|token| parsed.word(token) == "[" && token.inside.is_none());
        let brackets = starts.filter_map(|token| {
            let end = parsed.text.get(token.place.start..)?.find(']')? + token.place.start;
            let inner = token.place.end..end;
            (!parsed.text.get(inner.clone())?.contains(':')).then_some(inner)
        });
        let is_written = |place: &Range<usize>| !parsed.filled.iter().any(|filled| overlap(filled, place));
        lengths.into_iter().zip(brackets).filter(|(_, place)| is_written(place)).collect()
    }

    /// Every comparison that drops series instead of answering 0 or 1.
    pub(super) fn filters(&self) -> Vec<Range<usize>> {
        let Ok(parsed) = &self.parsed else { return Vec::new() };
        let outside: Vec<_> = parsed.tokens.iter().filter(|token| token.inside.is_none()).collect();
        let signs = outside.iter().enumerate().filter(|(at, token)| {
            let next = outside.get(at + 1).map_or("", |next| parsed.word(next));
            ["==", "!=", "<", ">", "<=", ">="].contains(&parsed.word(token)) && !next.eq_ignore_ascii_case("bool")
        });
        signs.map(|(_, token)| token.place.clone()).collect()
    }

    /// Every `or vector(...)`, with or without `on (...)`.
    pub(super) fn defaults(&self) -> Vec<Range<usize>> {
        let Ok(parsed) = &self.parsed else { return Vec::new() };
        let calls = self.calls(&["vector"]);
        let ors = parsed.tokens.iter().filter(|token| parsed.word(token).eq_ignore_ascii_case("or"));
        let found = ors.filter_map(|or| {
            let (_, vector) = calls.iter().find(|(_, call)| call.start >= or.place.end)?;
            let between = parsed.text.get(or.place.end..vector.start)?.trim().to_ascii_lowercase();
            let matched = between.strip_prefix("on").or_else(|| between.strip_prefix("ignoring")).map(str::trim);
            let is_direct =
                between.is_empty() || matched.is_some_and(|rest| rest.starts_with('(') && rest.ends_with(')'));
            is_direct.then_some(or.place.start..vector.end)
        });
        found.collect()
    }

    /// All of it, where it gives the same whatever there is to see.
    pub(super) fn constant(&self) -> Option<Range<usize>> {
        let parsed = self.parsed.as_ref().ok().filter(|parsed| parsed.filled.is_empty())?;
        is_constant(&parsed.tree).then_some(0..parsed.text.trim_end().len())
    }

    /// Every `offset` and `@`.
    pub(super) fn shifts(&self) -> Vec<Range<usize>> {
        let Ok(parsed) = &self.parsed else { return Vec::new() };
        let outside = parsed.tokens.iter().filter(|token| token.inside.is_none());
        let shifts =
            outside.filter(|token| parsed.word(token) == "@" || parsed.word(token).eq_ignore_ascii_case("offset"));
        shifts.map(|token| token.place.clone()).collect()
    }

    /// The metric that is selected by its name alone, where the query gives all its series.
    pub(super) fn unselective(&self) -> Option<(&str, Range<usize>)> {
        let parsed = self.parsed.as_ref().ok()?;
        let name = several(&parsed.tree)?;
        let token = parsed.tokens.iter().find(|token| parsed.word(token) == name)?;
        let is_written = !parsed.filled.iter().any(|filled| overlap(filled, &token.place));
        is_written.then(|| (name, token.place.clone()))
    }
}

impl Parsed {
    fn word(&self, token: &Token) -> &str {
        self.text.get(token.place.clone()).unwrap_or("")
    }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The ranges of all range vectors, in the order of the text.
fn ranges(tree: &Expr, found: &mut Vec<Duration>) {
    match tree {
        Expr::MatrixSelector(matrix) => found.push(matrix.range),
        Expr::Aggregate(one) => {
            one.param.iter().for_each(|param| ranges(param, found));
            ranges(&one.expr, found);
        }
        Expr::Unary(one) => ranges(&one.expr, found),
        Expr::Paren(one) => ranges(&one.expr, found),
        Expr::Subquery(one) => ranges(&one.expr, found),
        Expr::Binary(one) => [&one.lhs, &one.rhs].into_iter().for_each(|side| ranges(side, found)),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| ranges(argument, found)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::VectorSelector(_) | Expr::Extension(_) => {}
    }
}

/// The metric without a label matcher whose series are all passed on.
fn several(tree: &Expr) -> Option<&str> {
    match tree {
        Expr::VectorSelector(one) => {
            one.name.as_deref().filter(|_| one.matchers.is_empty_matchers() && one.matchers.or_matchers.is_empty())
        }
        Expr::MatrixSelector(one) => one.vs.name.as_deref().filter(|_| one.vs.matchers.is_empty_matchers()),
        Expr::Aggregate(one) => match &one.modifier {
            Some(LabelModifier::Include(labels)) if labels.labels.is_empty() => None,
            None if one.param.is_none() || one.op.id() == T_QUANTILE => None,
            _ => several(&one.expr),
        },
        Expr::Unary(one) => several(&one.expr),
        Expr::Paren(one) => several(&one.expr),
        Expr::Subquery(one) => several(&one.expr),
        Expr::Binary(one) => several(&one.lhs).or_else(|| several(&one.rhs)),
        Expr::Call(call) if ["scalar", "absent", "absent_over_time"].contains(&call.func.name) => None,
        Expr::Call(call)
            if call.func.name == "histogram_quantile" && call.args.args.iter().any(|one| is_by_le(one)) =>
        {
            None
        }
        Expr::Call(call) => call.args.args.iter().find_map(|argument| several(argument)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => None,
    }
}

/// Whether all series of a histogram are joined to one for each bucket, of which a quantile makes one.
fn is_by_le(tree: &Expr) -> bool {
    match tree {
        Expr::Aggregate(one) => {
            matches!(&one.modifier, Some(LabelModifier::Include(labels)) if labels.labels == ["le"])
        }
        Expr::Paren(one) => is_by_le(&one.expr),
        _ => false,
    }
}

/// What is wrong with a text that is no query: the first word with which no query can begin like
/// that; where each can, the end.
fn wrong(text: &str, message: &str) -> Wrong {
    let message = match message {
        "invalid promql query" => NO_QUERY.to_owned(),
        other => other.replace("parenthesis ')'", "parenthesis").replace('\'', "`"),
    };
    let tokens = tokens(text);
    let begins = |token: &Token| can_go_on(text.get(..token.place.end).unwrap_or(""));
    let first = tokens.partition_point(begins);
    let place = tokens.get(first).or_else(|| tokens.last()).map_or(0..text.len(), |token| token.place.clone());
    Wrong { message, place }
}

/// Whether some query begins with a text: tried with what usually comes next, and all brackets closed.
fn can_go_on(begun: &str) -> bool {
    const NEXT: [&str; 14] =
        ["", " x", "(x)", "(x[1m])", " (x)", "(1, x)", "x=\"\"", "=\"\"", "\"\"", "1m", "x[1m]", " 1", ":1m", "[1m]"];
    let mut closing = String::new();
    for token in tokens(begun) {
        match begun.get(token.place).unwrap_or("") {
            "(" => closing.insert(0, ')'),
            "[" => closing.insert(0, ']'),
            "{" => closing.insert(0, '}'),
            ")" | "]" | "}" if !closing.is_empty() => drop(closing.remove(0)),
            _ => {}
        }
    }
    NEXT.iter().any(|next| parse(&format!("{begun}{next}{closing}")).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of which queries are made, right ones and wrong ones.
    const PIECES: [&str; 24] = [
        "x", "rate", "sum", "by", "(", ")", "{", "}", "[", "]", "5m", "1", ":", "job=", "\"a\"", "==", "bool", "or",
        "vector", "offset", "@", "-", "${a}", "\u{e9}",
    ];

    proptest! {
        #[test]
        fn whatever_is_written_its_places_lie_inside_of_it(pieces in prop::collection::vec(0..PIECES.len(), 0..30), blank in any::<bool>()) {
            let words: Vec<_> = pieces.into_iter().filter_map(|at| PIECES.get(at).copied()).collect();
            let text = words.join(if blank { " " } else { "" });
            if let Some(Err(wrong)) = parsed(&text) {
                prop_assert!(text.get(wrong.place).is_some());
            }
        }

        #[test]
        fn nothing_makes_reading_stop(text in "\\PC{0,60}") {
            let _ = parsed(&text);
        }
    }

    #[test]
    fn a_tree_is_never_deeper_than_the_stack() {
        for deep in ["(".repeat(5_000), "-".repeat(5_000), "x + ".repeat(5_000), "-".repeat(380)] {
            let _ = parsed(&format!("{deep}x"));
        }
    }
}
