//! The primitive reference as Markdown, written from the declarations.

use std::fmt::Write;

use crate::declaration::{Catalogue, Declaration, Effect};
use crate::value::format_duration;

/// Everything each primitive says about itself.
pub fn reference(catalogue: Catalogue) -> String {
    let mut text = String::from(
        "# Primitives\n\nWhat `do:` can name. Written by `titan-run list primitives --markdown`; a test holds the two \
         equal.\n\n*In doubt* says what is done about an effect that was started and whose outcome is unknown. \
         *Needs of the target* are its keys, or its service's, without which it is refused: `prometheus` only for a \
         `query`.\n",
    );
    for one in catalogue.0 {
        primitive(&mut text, one);
    }
    text
}

fn primitive(text: &mut String, one: &Declaration) {
    let effect = match one.effect {
        Effect::Observes => "observes",
        Effect::Changes => "changes",
        Effect::Asks => "asks",
    };
    let idempotent = if one.idempotent { "idempotent" } else { "not idempotent" };
    let errors: Vec<_> = one.errors.iter().map(|class| format!("`{class}`")).collect();
    let _ = write!(
        text,
        "\n## `{}`\n\n{}.\n\n{effect}; {idempotent}; at most {} by default; in doubt: {}.\n",
        one.name,
        one.about,
        format_duration(one.timeout),
        one.in_doubt.phrase()
    );
    let _ = writeln!(text, "Fails with {}.", if errors.is_empty() { "nothing".to_owned() } else { errors.join(", ") });
    if !one.needs.is_empty() {
        let needs: Vec<_> = one.needs.iter().map(|need| need.phrase()).collect();
        let _ = writeln!(text, "Needs of the target: {}.", needs.join(", "));
    }
    if !one.arguments.is_empty() {
        text.push_str("\n| argument | type | | |\n|---|---|---|---|\n");
    }
    for argument in one.arguments {
        let need = if argument.required { "required" } else { "" };
        let _ = writeln!(text, "| `{}` | {} | {need} | {} |", argument.name, argument.kind.word(), argument.about);
    }
    if !one.result.is_empty() {
        text.push_str("\n| `out` | type | |\n|---|---|---|\n");
    }
    for field in one.result {
        let _ = writeln!(text, "| `{}` | {} | {} |", field.name, field.kind.word(), field.about);
    }
}
