//! What the fuzz targets share: the checker with the built-in files, without any file of a disk.

use titan_run::diagnostic::Diagnostic;
use titan_run::guard::Guards;
use titan_run::lint::{Levels, Setting, examine};
use titan_run::primitive::CATALOGUE;
use titan_run::report::{Style, draw};
use titan_run::runbook::target::Target;
use titan_run::runbook::{Library, decode_target};
use titan_run::source::SourceFile;
use titan_run::stdlib;

/// The built-in files, and no others.
struct BuiltIn;

impl Library for BuiltIn {
    fn read(&self, _from: &SourceFile, name: &str) -> Result<SourceFile, String> {
        let names = [name.to_owned(), format!("{name}.yaml"), format!("{name}.rhai")];
        let found = names.into_iter().find_map(|name| Some((name.clone(), stdlib::find(&name)?)));
        found.map(|(name, text)| SourceFile::new(name, text)).ok_or_else(|| format!("there is no `{name}`"))
    }
}

/// A checker that is made once.
pub struct Checker {
    /// The sandbox.
    pub guards: Guards,
    /// The built-in simulated Titan.
    pub target: Target,
    /// What each rule weighs.
    pub levels: Levels,
}

impl Checker {
    /// Reads the built-in target.
    pub fn new() -> Self {
        let guards = Guards::new(CATALOGUE);
        let text = stdlib::find("std/targets/simulated.yaml").expect("it is built in");
        let target = decode_target(&SourceFile::new("std/targets/simulated.yaml", text), &guards);
        Self { guards, target: target.expect("the built-in target is whole"), levels: Levels::default() }
    }

    /// Checks a runbook and draws what is wrong.
    pub fn check(&self, file: &SourceFile) {
        let setting = Setting { target: &self.target, is_chosen: true, levels: &self.levels };
        draws(&examine(file, &self.guards, CATALOGUE, &BuiltIn, setting).diagnostics);
    }
}

impl Default for Checker {
    fn default() -> Self {
        Self::new()
    }
}

/// Draws diagnostics, and holds that no hidden character gets through.
pub fn draws(found: &[Diagnostic]) {
    let drawn = draw(found, Style::Plain);
    assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?} has a control character");
}

/// A text as YAML and JSON quote it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
