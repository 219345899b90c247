//! `.titan-lint.yaml` at the command line: what is taken, and what is said of the rest.

use crate::lint::{CLEAN, Desk};

#[test]
fn settings_that_say_nothing_change_nothing() {
    let desk = Desk::new(&[("a.yaml", CLEAN)]);
    for nothing in ["", "\n", "# severity:\n#   limit-too-low: note\n\n"] {
        desk.write(".titan-lint.yaml", nothing);
        desk.titan(&["lint"]).exits(0).says("1 file checked, nothing wrong\n");
        desk.titan(&["lint", ".titan-lint.yaml"]).exits(0).says("1 file checked, nothing wrong\n");
    }
}

#[test]
fn what_settings_cannot_say_is_told_with_what_they_can() {
    let desk = Desk::new(&[("a.yaml", CLEAN)]);
    let rows = [
        ("severity: { yaml-syntax: off }\n", "`yaml-syntax` is found while a file is read", "only rules are weighed"),
        ("severity: { unreachable-stp: off }\n", "no rule is called `unreachable-stp`", "`unreachable-step`?"),
        (
            "severity: { unreachable-step: loud }\n",
            "`loud` is no severity",
            "write one of `error`, `note`, `off`, `warning`",
        ),
        ("deny: foo\n", "`foo` is no severity", "write one of `error`, `note`, `warning`"),
        ("deny: off\n", "`off` is no severity", "write one of `error`, `note`, `warning`"),
    ];
    for (settings, message, help) in rows {
        desk.write(".titan-lint.yaml", settings);
        desk.titan(&["lint"]).exits(1).says(message).says(help);
    }
}

#[test]
fn settings_under_another_name_are_not_passed_over_in_silence() {
    let desk = Desk::new(&[("in/a.yaml", CLEAN), (".titan-lint.yml", "deny: note\n")]);
    let said = "`.titan-lint.yml` is not read: call it `.titan-lint.yaml`";
    desk.titan(&["lint"]).exits(2).complains(said);
    desk.titan(&["plan", "in/a.yaml"]).exits(2).complains(said);
    desk.titan(&["run", "in/a.yaml"]).exits(2).complains(said);
    std::fs::create_dir(desk.path().join("in/.git")).unwrap();
    desk.titan(&["lint"]).exits(0);
}
