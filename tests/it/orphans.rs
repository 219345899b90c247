//! What a dead runner left behind: what it was at is killed, what it had started lives on.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::desk::Desk;
use crate::stage::{Watched, signal, until};

/// A target without a supervisor: the deploy's own command starts the service.
const STARTED: &str = "  start:
    no_undo: A test.
    do: exec
    with: { argv: [sh, -c, 'setsid sleep 60 > /dev/null 2>&1 & echo $! > $FOLDER/service'] }
  mark:
    no_undo: A test.
    do: exec
    with: { argv: [sh, -c, 'setsid sleep 60 & echo $! > $FOLDER/left; touch $FOLDER/here; exec sleep 60'] }
";

#[test]
fn what_a_finished_command_has_started_lives_on() {
    let desk = Desk::new(STARTED);
    let mut run = Watched::start(desk.run());
    run.until("started", "mark");
    until(|| desk.path("here").exists());
    let marks = fs::metadata(desk.path("state/runs").join(desk.id()).join("commands")).unwrap();
    assert!(marks.blocks() * 512 >= 64 * 1024, "the room is taken before a disk can be full");
    run.killed();
    desk.say(&["resume"]).exits(5).complains("killed what the earlier runner left behind");
    let id = |file: &str| fs::read_to_string(desk.path(file)).unwrap().trim().parse().unwrap();
    let lives = |id: u32| {
        let state = fs::read_to_string(Path::new(&format!("/proc/{id}/stat"))).unwrap_or_default();
        !(state.is_empty() || state.contains(") Z "))
    };
    assert!(!lives(id("left")), "the runner was at it");
    assert!(lives(id("service")), "its command had ended");
    signal("KILL", id("service"));
}
