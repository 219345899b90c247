//! The arguments of an action against what it takes: their names, and their values where those are
//! written out.

use crate::declaration::{Argument, Declaration, Kind, mismatch};
use crate::diagnostic::{Diagnostic, Edit, Findings};
use crate::guard::{AskedPrimitive, plain_value};
use crate::source::Span;
use crate::value::Value;
use crate::yaml::{Node, NodeKind};

use super::Runbook;
use super::fields::ticked;
use super::params::{Param, ParamKind, fitting, hand_over, is_unquoted};

/// Reports what is wrong with the arguments that a script or a function hands to a primitive, as far
/// as they are written out.
pub(super) fn asked(findings: &mut Findings, asked: &AskedPrimitive) {
    let AskedPrimitive { declaration, call: _, span, given, is_all, is_sure: _ } = asked;
    let written: Vec<_> = given.iter().map(|one| (one.name.as_str(), one.span)).collect();
    for mut finding in not_known(findings, declaration.name, &names(declaration), &written) {
        let edits = finding.fix.iter_mut().flat_map(|fix| &mut fix.edits);
        edits.for_each(|edit| edit.text = key(&edit.text));
        findings.push(finding);
    }
    if *is_all {
        let help = |name: &str| format!("hand it over by its name, as in `#{{ {}: ... }}`", key(name));
        missing(findings, declaration.name, required(declaration), &written, *span, help);
    }
    for one in given {
        let Some(argument) = declaration.argument(&one.name) else {
            continue;
        };
        match &one.value {
            Some(value) => fits(findings, declaration, argument, value, one.span),
            None if matches!(argument.kind, Kind::Texts | Kind::Argv) => {
                let odd = one.items.iter().find(|item| item.as_text().is_none());
                let told = odd.map(|item| not_a_text(findings, argument, &described(item), one.span));
                told.into_iter().for_each(|finding| findings.push(finding));
            }
            None => {}
        }
    }
}

/// An argument's name as the key of a script's map: one that is a word of the language stands in quotes.
fn key(name: &str) -> String {
    if name == "for" { format!("\"{name}\"") } else { name.to_owned() }
}

/// Reports a value that an argument does not take.
pub(super) fn fits(findings: &mut Findings, declaration: &Declaration, argument: &Argument, value: &Value, at: Span) {
    if let Some(wrong) = mismatch(declaration, argument, value) {
        let finding = findings.error("wrong-argument", wrong, at);
        let finding = finding.label(format!("`{}`: {}", argument.name, argument.about));
        let is_text = is_unquoted(value) && argument.kind.accepts(&Value::text(findings.file().slice(at)));
        findings.push(if is_text { in_quotes(finding, at) } else { finding });
    }
}

/// Reports an item of a list of texts that is none; what is filled in is known by its type.
pub(super) fn is_text(findings: &mut Findings, argument: &Argument, item: &Node) {
    let (what, is_unquoted) = match &item.kind {
        NodeKind::Scalar(scalar) if scalar.text.contains("${") => return,
        NodeKind::Scalar(scalar) => match plain_value(scalar) {
            Value::Text(_) => return,
            value => (described(&value), is_unquoted(&value)),
        },
        NodeKind::List(_) => ("a list".to_owned(), false),
        NodeKind::Map(_) => ("a map".to_owned(), false),
    };
    let finding = not_a_text(findings, argument, &what, item.span);
    findings.push(if is_unquoted { in_quotes(finding, item.span) } else { finding });
}

fn described(value: &Value) -> String {
    format!("{} `{value}`", value.type_name())
}

fn not_a_text(findings: &Findings, argument: &Argument, what: &str, at: Span) -> Diagnostic {
    let message = format!("an item of `{}` must be a text, not {what}", argument.name);
    let finding = findings.error("wrong-argument", message, at);
    finding.label(format!("`{}`: {}", argument.name, argument.about))
}

/// Reports a value that a param of a runbook used as an action does not take. A file is no value that
/// can be written out.
pub(super) fn fits_param(findings: &mut Findings, param: &Param, value: &Value, at: Span) {
    if param.kind != ParamKind::File {
        return takes(findings, param, value, at);
    }
    let message = format!("`{}`: a runbook used as an action reads no file of its own", param.name);
    let finding = findings.error("wrong-argument", message, at).help(hand_over(param));
    findings.push(finding.label(meaning(param)));
}

/// Reports a value that a param does not take.
pub(super) fn takes(findings: &mut Findings, param: &Param, value: &Value, at: Span) {
    if let Err(wrong) = fitting(param, value) {
        let finding = findings.error("wrong-argument", format!("`{}`: {wrong}", param.name), at).label(meaning(param));
        let is_text = param.kind == ParamKind::Text && is_unquoted(value);
        findings.push(if is_text { in_quotes(finding, at) } else { finding });
    }
}

fn meaning(param: &Param) -> String {
    format!("`{}`: {}", param.name, param.about.as_deref().unwrap_or("a param of the runbook"))
}

/// Says that what stands at a place is a text in quotes.
pub(super) fn in_quotes(finding: Diagnostic, at: Span) -> Diagnostic {
    let quoted = format!("\"{}\"", finding.loc().map_or("", |loc| loc.file.slice(at)));
    let edit = Edit { span: at, text: quoted.clone() };
    finding.help(format!("put it in quotes: `{quoted}`")).fix("put it in quotes", true, vec![edit])
}

/// Reports every file param of a runbook used as an action that is left to its default, which nobody
/// reads there.
pub(super) fn default_files(findings: &mut Findings, runbook: &Runbook, given: &[(&str, Span)], at: Span) {
    let is_left = |param: &&Param| {
        param.kind == ParamKind::File && param.default.is_some() && !given.iter().any(|(name, _)| *name == &*param.name)
    };
    for param in runbook.params.iter().filter(is_left) {
        let (action, name) = (&runbook.name, &param.name);
        let message = format!("`{action}` needs the argument `{name}`: as an action it reads no file of its own");
        let finding = findings.error("missing-argument", message, at);
        let help = format!("add `{name}: \"${{params.{name}}}\"` under `with:`, with a file param of this runbook");
        findings.push(finding.help(help));
    }
}

/// Reports every name that no argument has.
pub(super) fn unknown(findings: &mut Findings, action: &str, known: &[&str], given: &[(&str, Span)]) {
    let found = not_known(findings, action, known, given);
    findings.extend(found);
}

fn not_known(findings: &Findings, action: &str, known: &[&str], given: &[(&str, Span)]) -> Vec<Diagnostic> {
    let there: Vec<_> = given.iter().map(|(name, _)| *name).collect();
    let unknown = given.iter().filter(|(name, _)| !known.contains(name)).map(|(name, span)| {
        let message = format!("`{action}` has no argument `{name}`");
        let finding = findings.error("unknown-argument", message, *span);
        finding.meant_beside((name, &there), known, || format!("its arguments are {}", ticked(known)))
    });
    unknown.collect()
}

/// Reports every argument that is needed and not given; `help` says where one is written, by its name.
pub(super) fn missing<'n>(
    findings: &mut Findings,
    action: &str,
    required: impl Iterator<Item = &'n str>,
    given: &[(&str, Span)],
    at: Span,
    help: impl Fn(&str) -> String,
) {
    for name in required.filter(|name| !given.iter().any(|(key, _)| key == name)) {
        let message = format!("`{action}` needs the argument `{name}`");
        let finding = findings.error("missing-argument", message, at);
        findings.push(finding.help(help(name)));
    }
}

/// The names of a primitive's arguments.
pub(super) fn names(declaration: &Declaration) -> Vec<&'static str> {
    declaration.arguments.iter().map(|argument| argument.name).collect()
}

/// The names of those it cannot do without.
pub(super) fn required(declaration: &Declaration) -> impl Iterator<Item = &'static str> {
    declaration.arguments.iter().filter(|argument| argument.required).map(|argument| argument.name)
}
