//! What is kept of a run, and what is printed of it: who may read and own it, and that nothing in
//! it has power over a terminal.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use titan_run::event::Progress;
use titan_run::report::{Report, Terminal};
use titan_run::visible::is_hidden;

use crate::desk::rechained;
use crate::tool::{Ran, command, finished};

/// A folder with a runbook, a target that needs nothing, and its runs.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(runbook: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(place.path("here.yaml"), "titan: 1\ntarget: here\n").unwrap();
        fs::write(place.path("kept.yaml"), format!("titan: 1\nrunbook: kept\n{runbook}")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = command(words);
        command.env("TITAN_RUNS", self.path("state/runs"));
        command
    }

    /// A real run.
    fn run(&self, words: &[&str]) -> Ran {
        let mut run = self.command(&["run", "--target"]);
        finished(run.arg(self.path("here.yaml")).arg(self.path("kept.yaml")).args(words).output().unwrap())
    }

    /// The folder of the newest run.
    fn newest(&self) -> PathBuf {
        let runs = fs::read_dir(self.path("state/runs")).unwrap().map(|run| run.unwrap().path());
        runs.max().expect("a run was kept")
    }

    /// A command about the newest run.
    fn about(&self, words: &[&str]) -> Ran {
        let id = self.newest().file_name().unwrap().to_owned();
        finished(self.command(&words[..1]).arg(id).args(&words[1..]).output().unwrap())
    }
}

const PAUSES: &str = "steps:
  waits: { on_failure: pause, may_skip: true, do: assert, with: { that: \"${false}\", message: not yet } }
";

#[test]
fn a_record_is_its_owners_alone() {
    let place = Place::new(PAUSES);
    place.run(&[]).exits(5);
    let run = place.newest();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (path, wanted) in [
        (place.path("state"), 0o700),
        (place.path("state/runs"), 0o700),
        (place.path("state/targets/here"), 0o600),
        (run.clone(), 0o700),
        (run.join("journal"), 0o600),
    ] {
        assert_eq!(mode(&path), wanted, "{}", path.display());
    }
}

#[test]
fn no_record_is_reached_through_a_symbolic_link() {
    let place = Place::new(PAUSES);
    place.run(&[]).exits(5);
    let run = place.newest();
    fs::rename(&run, place.path("elsewhere")).unwrap();
    symlink(place.path("elsewhere"), &run).unwrap();
    place.about(&["resume"]).exits(2).complains("there is no run");
    fs::remove_file(&run).unwrap();
    fs::rename(place.path("elsewhere"), &run).unwrap();
    fs::rename(run.join("journal"), place.path("journal")).unwrap();
    symlink(place.path("journal"), run.join("journal")).unwrap();
    for words in [["resume"], ["show"], ["abort"]] {
        place.about(&words).exits(1).complains("cannot be opened: Too many levels of symbolic links");
    }
    fs::remove_file(place.path("state/targets/here")).unwrap();
    symlink(place.path("taken"), place.path("state/targets/here")).unwrap();
    place.run(&[]).exits(1).complains("Too many levels of symbolic links");
    assert!(!place.path("taken").exists());
}

#[test]
fn a_place_that_cannot_be_written_refuses_the_run() {
    let place = Place::new("steps: { act: { no_undo: A test., do: exec, with: { argv: [touch, $FOLDER/acted] } } }\n");
    let text = fs::read_to_string(place.path("kept.yaml")).unwrap();
    let text = text.replace("$FOLDER", place.folder.path().to_str().unwrap());
    fs::write(place.path("kept.yaml"), text).unwrap();
    place.run(&["--runs", "/proc/titan/runs"]).exits(1).complains("`/proc/titan` cannot be made");
    assert!(!place.path("acted").exists());
}

#[test]
fn another_engine_refuses_to_resume_and_another_format_to_read() {
    let place = Place::new(PAUSES);
    place.run(&[]).exits(5);
    let journal = place.newest().join("journal");
    let text = fs::read_to_string(&journal).unwrap();
    let own = concat!("titan-run ", env!("CARGO_PKG_VERSION"));
    fs::write(&journal, rechained(&text, own, "titan-run 99.0.0")).unwrap();
    place
        .about(&["resume"])
        .exits(1)
        .complains("the engine was titan-run 99.0.0, and this is")
        .complains("nothing was done");
    place.about(&["abort"]).exits(1).says("because the operator asked: abort");
    fs::write(&journal, rechained(&text, "\"v\":1", "\"v\":2")).unwrap();
    for words in [["resume"], ["abort"], ["verify"]] {
        place.about(&words).exits(1).complains("it has format 2, and this engine reads 1");
    }
}

#[test]
fn recorded_rehearsals_stand_side_by_side() {
    let place = Place::new("");
    for count in 1..=3 {
        let rollout = ["run", "runbooks/policy-rollout.yaml", "--record"];
        finished(place.command(&rollout).output().unwrap()).exits(0);
        let listed = finished(place.command(&["runs"]).output().unwrap()).exits(0);
        assert_eq!(listed.out.lines().count(), count, "{}", listed.out);
    }
}

#[test]
fn a_run_is_shown_with_every_edge_guard_and_operand() {
    let place = Place::new(
        "params: { on: { type: bool, default: false }, n: { type: int, default: 3 } }
steps:
  first: { do: note, with: { text: one } }
  guarded:
    when: '!params.on && (params.n > 5 || steps.first.out.text == \"one\")'
    do: note
    with: { text: two }
  each: { foreach: \"[1, 2]\", when: item > 1, do: note, with: { text: \"item ${item}\" } }
  never: { needs: { guarded: failed }, do: note, with: { text: three } } # titan: allow(unreachable-step) it must be shown
",
    );
    place.run(&[]).exits(0);
    let tree = "  when !params.on && (params.n > 5 || steps.first.out.text == \"one\") -> true
      !params.on -> true
          params.on = false
      params.n > 5 || steps.first.out.text == \"one\" -> true
          params.n > 5 -> false
              params.n = 3
          steps.first.out.text == \"one\" -> true
              steps.first.out.text = one
";
    let shown = place.about(&["show"]).exits(0).says("first ended ok").says("{\"text\":\"one\"}").says(tree);
    let shown = shown.says("never: skipped: needs `guarded` to be failed, and it is ok");
    shown.says("needs guarded to be failed: it was ok").says("when item > 1 -> false\n      item = 1");
    place.about(&["why", "guarded"]).exits(0).says(tree);
    place.about(&["why", "each[1]"]).exits(0).says("when item > 1 -> true\n      item = 2");
}

#[test]
fn a_guard_that_calls_a_function_of_the_authors_own_is_shown_with_its_operands() {
    let place = Place::new(
        "functions: [std/versions]
params: { on: { type: text, default: \"2.10\" } }
steps:
  guarded: { when: 'version_newer(params.on, \"2.9\") && version_newer(params.on, 3)', do: note, with: { text: one } }
",
    );
    place.run(&[]).exits(1);
    place.about(&["why", "guarded"]).exits(0).says(
        "      version_newer(params.on, \"2.9\") -> true
          params.on = 2.10
      version_newer(params.on, 3) -> in `version_newer` (std/versions.rhai:6): no function fits",
    );
}

/// What terminals take for commands.
const COMMANDS: &str = "\u{1b}]0;t\u{7} \u{1b}]2;t\u{1b}\\ \u{1b}]4;1;?\u{7} \u{1b}]8;;http://x\u{1b}\\ \u{1b}]9;4;1;50\u{7} \
    \u{1b}]10;?\u{7} \u{1b}]52;c;aGk=\u{7} \u{1b}]133;A\u{7} \u{1b}]777;notify;a;b\u{7} \u{1b}]1337;File=:\u{7} \
    \u{1b}P$qm\u{1b}\\ \u{1b}_Gf=100\u{1b}\\ \u{1b}^x\u{1b}\\ \u{1b}Xx\u{1b}\\ \u{1b}[2J \u{1b}[?1049h \u{1b}[6n \u{1b}c \
    \u{9d}0;t\u{9c} \u{9b}31m \u{90}q\u{9c} \u{202e}x\u{202c} \u{2066}y\u{2069} \u{200b}\u{feff}\u{e0041}";

/// Every byte as a character, and every command.
fn hostile() -> String {
    (1..=255_u8).map(char::from).chain(COMMANDS.chars()).collect()
}

/// A text as a runbook may hold it: a hidden character only as its escape.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if is_hidden(c) => format!("\\U{:08x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[track_caller]
fn harmless(what: &str, ran: &Ran) {
    for said in [&ran.out, &ran.err] {
        let found = said.chars().find(|c| *c != '\n' && is_hidden(*c));
        assert_eq!(found, None, "{what}: {said:?}");
    }
}

#[test]
fn no_printed_field_has_power_over_the_terminal() {
    let place = Place::new("");
    let quoted = quoted(&hostile());
    let bytes = place.path("bytes");
    fs::write(&bytes, [(0..=255).collect::<Vec<u8>>(), COMMANDS.as_bytes().to_vec()].concat()).unwrap();
    let cat = bytes.display();
    let text = format!(
        "titan: 1\nrunbook: kept\nabout: {quoted}
params: {{ p: {{ type: text, default: {quoted}, about: {quoted} }} }}
let: {{ l: 'params.p + \"x\"' }}
steps:
  say: {{ about: {quoted}, when: l != \"y\", do: note, with: {{ text: \"${{params.p}}\" }} }}
  ran: {{ about: {quoted}, no_undo: {quoted}, do: exec, with: {{ argv: [cat, {cat}] }} }}
  errs: {{ no_undo: x, on_failure: continue, do: exec, with: {{ argv: [sh, -c, 'cat {cat} >&2; exit 3'] }} }}
  fails: {{ needs: [ran], on_failure: continue, do: assert, with: {{ that: \"${{false}}\", message: {quoted} }} }}
  asks: {{ on_failure: continue, do: confirm, with: {{ items: {{ one: {quoted} }} }} }} # titan: allow(approval-late) it must be shown
  waits: {{ needs: [ran], on_failure: pause, may_skip: true, do: assert, with: {{ that: \"${{false}}\", message: {quoted} }} }}
outputs: {{ o: steps.say.out.text }}
"
    );
    fs::write(place.path("kept.yaml"), text).unwrap();
    let hostile = hostile();
    let argument = hostile.as_str();
    let user = ("USER", argument);
    let set = format!("p={argument}");
    for output in ["text", "json"] {
        let mut run = place.command(&["run", "--output", output, "--set", &set, "--target"]);
        run.arg(place.path("here.yaml")).arg(place.path("kept.yaml")).env(user.0, user.1);
        harmless(output, &finished(run.output().unwrap()).exits(5));
    }
    let said = ["show", "replay", "verify", "why"];
    for words in [&["skip", "waits", "--why", argument][..], &["resume"][..], &["resume", "--output", "json"][..]] {
        harmless(words[0], &place.about(words));
        for word in said {
            let more: &[&str] = if word == "why" { &["errs"] } else { &[] };
            harmless(word, &place.about(&[&[word][..], more].concat()).exits(0));
        }
        harmless("runs", &finished(place.command(&["runs"]).output().unwrap()).exits(0));
    }
    let kept = place.path("kept.yaml");
    for verb in ["plan", "lint"] {
        harmless(verb, &finished(place.command(&[verb]).arg(&kept).output().unwrap()));
    }
    for words in [&["show", argument][..], &["why", argument, "x"][..], &["run", argument][..], &[argument][..]] {
        harmless("an argument", &finished(place.command(words).output().unwrap()));
    }
    harmless("a step", &place.about(&["why", argument]).exits(2));
    fs::write(&kept, format!("titan: 1\n{quoted}: {quoted}\n")).unwrap();
    harmless("a key", &finished(place.command(&["lint"]).arg(&kept).output().unwrap()));
}

#[test]
fn the_moving_line_shows_what_the_world_says_without_its_power() {
    let mut out = Vec::new();
    let mut live = Terminal::new(&mut out, true);
    let replayed = {
        let place = Place::new("steps: { s: { do: sleep, with: { for: 1ms } } }\n");
        place.run(&[]).exits(0);
        titan_run::journal::read(&fs::read(place.newest().join("journal")).unwrap()).unwrap().events
    };
    for event in &replayed {
        live.event(event);
        live.progress(&Progress::Waits { step: "s".into(), text: hostile() });
        live.tick(event.at_ms);
    }
    drop(live);
    let said = String::from_utf8(out).unwrap();
    assert!(said.contains("s 0:00.0: \\u{1}"), "{said:?}");
    let own = said.replace("\r\u{1b}[2K", "");
    assert_eq!(own.chars().find(|c| *c != '\n' && is_hidden(*c)), None, "{own:?}");
}
