//! What the named groups of a `wait_log` capture, as far as its pattern is known beforehand.

use std::collections::BTreeMap;
use std::rc::Rc;

use regex_syntax::hir::{Hir, HirKind};

use crate::guard::syntax::{Expr, ExprKind};
use crate::guard::types::{Noun, Property, Shape, Type};
use crate::guard::{Given, Guard};

use super::target::Target;
use super::target_defaults::{usual_groups, usual_pattern};
use super::{Action, Runbook};

/// The names under which a runbook knows patterns.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    lets: Vec<(String, Guard)>,
    /// Those of a target somebody chose.
    chosen: Option<BTreeMap<String, String>>,
}

impl Patterns {
    pub(super) fn of(runbook: &Runbook, target: Option<&Target>) -> Self {
        let lets = runbook.lets.iter().map(|binding| (binding.name.to_string(), binding.guard.clone())).collect();
        Self { lets, chosen: target.map(|target| target.patterns.clone()) }
    }

    /// The type of what a `wait_log` captures.
    pub(super) fn captured(&self, action: &Action) -> Type {
        match action.with.given("pattern") {
            Some(Given::Constant(value)) => value.as_text().map_or_else(any_group, of_pattern),
            Some(Given::Expression(guard)) => guard.syntax().map_or_else(any_group, |syntax| self.by(syntax)),
            Some(Given::Mixed) | None => any_group(),
        }
    }

    /// By an expression that gives the pattern.
    fn by(&self, expression: &Expr) -> Type {
        let name = match &expression.kind {
            ExprKind::Name(name) => self.lets.iter().find(|(known, _)| known == name),
            _ => None,
        };
        let meant = name.and_then(|(_, guard)| guard.syntax()).unwrap_or(expression);
        match (meant.as_text(), meant.path().as_deref()) {
            (Some(text), _) => of_pattern(text),
            (None, Some(["target", "patterns", name])) => self.of_target(name),
            _ => shape(Noun::Group, BTreeMap::new(), Some(Type::Text)),
        }
    }

    /// By a name of the target: another target's pattern may have other groups than the usual one.
    fn of_target(&self, name: &str) -> Type {
        match &self.chosen {
            Some(patterns) => patterns.get(name).map_or_else(any_group, |text| of_pattern(text)),
            None => match usual_pattern(name).and_then(groups) {
                Some(groups) => shape(Noun::Usual, groups, Some(Type::Text)),
                None => any_group(),
            },
        }
    }
}

fn shape(noun: Noun, fields: BTreeMap<String, Property>, others: Option<Type>) -> Type {
    Type::Map(Rc::new(Shape { noun, fields, others }))
}

/// Whatever a pattern captures of which only a part is known, or nothing.
fn any_group() -> Type {
    Type::map_of(Type::Text)
}

fn of_pattern(pattern: &str) -> Type {
    groups(pattern).map_or_else(any_group, |groups| shape(Noun::Group, groups, None))
}

/// The named groups of a pattern; `None` where it is none.
fn groups(pattern: &str) -> Option<BTreeMap<String, Property>> {
    if let Some(names) = usual_groups(pattern) {
        return Some(names.iter().map(|name| ((*name).to_owned(), Property::always(Type::Text))).collect());
    }
    parsed(pattern)
}

/// The named groups of a pattern, by its own text.
fn parsed(pattern: &str) -> Option<BTreeMap<String, Property>> {
    let mut found = BTreeMap::new();
    collect(&regex_syntax::parse(pattern).ok()?, false, &mut found);
    Some(found)
}

/// Adds the groups of a part of a pattern, which a match may pass by where that is `optional`.
fn collect(part: &Hir, is_optional: bool, found: &mut BTreeMap<String, Property>) {
    match part.kind() {
        HirKind::Capture(group) => {
            if let Some(name) = &group.name {
                found.insert(name.to_string(), Property { kind: Type::Text, is_optional });
            }
            collect(&group.sub, is_optional, found);
        }
        HirKind::Repetition(repeated) => collect(&repeated.sub, is_optional || repeated.min == 0, found),
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect(part, is_optional, found)),
        HirKind::Alternation(parts) => parts.iter().for_each(|part| collect(part, true, found)),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::super::target_defaults::usual_names;
    use super::*;

    /// A random pattern with named groups `a`, `b` and so on, each once.
    fn patterns() -> impl Strategy<Value = String> {
        let atom = prop::sample::select(vec!["x", "y", "[xy]", "\\d", ""]).prop_map(str::to_owned);
        let tree = atom.prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                2 => inner.clone().prop_map(|part| format!("(?<#>{part})")),
                1 => (inner.clone(), prop::sample::select(vec!["?", "*", "+", "{0}", "{2}"]))
                    .prop_map(|(part, times)| format!("(?:{part}){times}")),
                1 => (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("(?:{one}|{other})")),
                1 => (inner.clone(), inner).prop_map(|(one, other)| format!("{one}{other}")),
            ]
        });
        tree.prop_map(|tree| {
            let names = ('a'..='z').map(String::from);
            let mut parts = tree.split('#');
            let first = parts.next().unwrap_or_default().to_owned();
            parts.zip(names).fold(first, |text, (part, name)| format!("{text}{name}{part}"))
        })
    }

    #[test]
    fn the_usual_patterns_have_the_groups_that_are_said_beside_them() {
        let [.., (_, patterns)] = usual_names();
        for name in patterns {
            let pattern = usual_pattern(name).unwrap();
            assert_eq!(groups(pattern), parsed(pattern), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn a_group_that_is_always_there_is_in_every_match(pattern in patterns(), lines in prop::collection::vec("[xy1]{0,4}", 8)) {
            let Ok(regex) = Regex::new(&pattern) else {
                return Ok(());
            };
            let told = parsed(&pattern).unwrap();
            for captures in lines.iter().filter_map(|line| regex.captures(line)) {
                for name in regex.capture_names().flatten() {
                    let is_there = captures.name(name).is_some();
                    prop_assert!(told.get(name).is_some_and(|group| group.is_optional || is_there), "{name} of {pattern}");
                }
            }
        }
    }
}
