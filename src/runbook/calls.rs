//! What is said of a call that cannot be made: of a function there is none of, or not as it takes its
//! arguments. The same words in a runbook and in a file of functions.

use crate::diagnostic::Diagnostic;
use crate::guard::fault::Wrong;

/// The code of all of these.
pub const CODE: &str = "unknown-function";

/// Says a wrong call; `at` makes a diagnostic of the message, at its place. `None` for whatever else
/// is wrong.
pub fn said(wrong: &Wrong, at: impl FnOnce(String) -> Diagnostic) -> Option<Diagnostic> {
    Some(match wrong {
        Wrong::UnknownFunction { name, on, known } => {
            let message = match on {
                Some(on) if !on.is_any() => format!("{} has no function `{name}`", on.word()),
                _ => format!("no function is called `{name}`"),
            };
            at(message).meant(name, known, || "`titan-run list functions` shows them all".to_owned())
        }
        Wrong::StepOnly { primitive } => at(format!("`{primitive}` is no function of scripts"))
            .help("make it a step of its own, which the engine can undo"),
        Wrong::ScriptOnly { function, primitive } => {
            at(format!("`{function}` calls the primitive `{primitive}`, which only scripts can call"))
                .help("call it in a step with `do: script`, and read that step's `out` here")
        }
        Wrong::WrongCount { signature, given, is_method } => {
            let plural = if *given == 1 { "" } else { "s" };
            let before = if *is_method { "; what stands before the dot is its first argument" } else { "" };
            at(format!("`{signature}` does not take {given} argument{plural}"))
                .help(format!("call it as `{signature}` says{before}"))
        }
        Wrong::TooMany { primitive, most } => {
            let plural = if *most == 1 { "" } else { "s" };
            at(format!("`{primitive}` takes at most {most} argument{plural} in a row"))
                .help("name the others in a map at the end")
        }
        Wrong::ByName { by, name } => at(format!("`{by}` is handed a function by its name"))
            .help(format!("write it as `{by}(|value| {name}(value))`")),
        _ => return None,
    })
}
