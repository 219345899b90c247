//! A run that loses its runner and goes on: nothing is doubled, nothing is left armed on a
//! mismatch, and every run ends in a documented ending.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::stage::{Stage, Watched, until};
use crate::tool::{command, finished, root};

/// Starts a rollout and kills its runner once an event came.
fn killed_at(stage: &Stage, event: &str, step: &str) {
    killed(stage.rollout(&stage.target(), &[]), event, step);
}

fn killed(rollout: Command, event: &str, step: &str) -> Vec<Value> {
    let mut run = Watched::start(rollout);
    run.until(event, step);
    run.killed()
}

/// How often each effect was begun, by the world's own count of starts and commands.
fn times(events: &[Value], event: &str, step: &str) -> usize {
    let is_it = |seen: &&Value| seen["what"]["event"] == event && seen["what"]["step"] == step;
    events.iter().filter(is_it).count()
}

#[test]
fn a_rollout_killed_before_its_arming_goes_on_to_success() {
    let stage = Stage::new(&[]);
    killed_at(&stage, "finished", "deploy_pair/deploy_execution");
    let (code, end, events) = stage.resumed().end();
    assert_eq!((code, &end["ending"]), (0, &Value::from("succeeded")), "{end}");
    stage.is("2.0.0", true);
    assert_eq!(times(&events, "started", "deploy_pair/deploy_execution"), 0, "the deploy was not repeated");
    finished(stage.about_run(&["resume"]).output().unwrap()).exits(1).complains("the run has ended: succeeded");
}

#[test]
fn a_deploy_in_doubt_is_read_and_not_repeated_blindly() {
    let stage = Stage::new(&["deploy_ms=700"]);
    killed_at(&stage, "remembered", "deploy_pair/deploy_execution");
    let (code, _, events) = stage.resumed().end();
    assert_eq!(code, 0);
    stage.is("2.0.0", true);
    let out = events
        .iter()
        .find(|seen| seen["what"]["event"] == "finished" && seen["what"]["step"] == "deploy_pair/deploy_execution");
    assert_eq!(out.unwrap()["what"]["out"]["previous"], "1.0.0", "what ran before is remembered");
}

#[test]
fn an_arm_in_doubt_is_disarmed_first_and_then_starts_anew() {
    let stage = Stage::new(&[]);
    killed_at(&stage, "remembered", "arm");
    let (code, end, _) = stage.resumed().end();
    // The watches were live, and nobody looked on while no runner was there.
    assert_eq!((code, &end["ending"]), (3, &Value::from("rolled_back")), "{end}");
    stage.is("1.0.0", false);
}

#[test]
fn a_run_killed_again_inside_its_resume_still_ends() {
    let stage = Stage::new(&[]);
    killed_at(&stage, "finished", "disarm");
    killed(stage.about_run(&["resume", "--confirm", "all"]), "started", "deploy_pair/deploy_brain");
    // The effect in doubt was waited for by then, so this resume is on record.
    killed(stage.about_run(&["resume", "--confirm", "all"]), "started", "deploy_pair/handshake_log");
    let (code, _, events) = stage.resumed().end();
    assert_eq!(code, 0);
    stage.is("2.0.0", true);
    assert_eq!(events[0]["what"]["event"], "resumed", "what was said before is not said again");
    let record = finished(stage.about_run(&["replay", "--output", "json"]).output().unwrap()).exits(0);
    assert_eq!(record.out.lines().filter(|line| line.contains("\"event\":\"resumed\"")).count(), 3);
}

#[test]
fn a_rollback_killed_half_way_is_finished_by_resume() {
    let stage = Stage::new(&["wrong_policy_on=brain", "deploy_ms=700"]);
    killed_at(&stage, "rollback_started", "");
    killed(stage.about_run(&["resume", "--confirm", "all"]), "started", "deploy_pair/deploy_brain");
    let listed = finished(command(&["runs", "--runs"]).arg(stage.runs()).output().unwrap()).exits(0);
    assert!(listed.out.contains("goes on rolling back"), "{}", listed.out);
    let (code, end, _) = stage.resumed().end();
    assert_eq!((code, &end["ending"]), (3, &Value::from("rolled_back")), "{end}");
    stage.is("1.0.0", false);
}

#[test]
fn abort_rolls_a_dead_run_back_even_where_its_files_are_gone() {
    let stage = Stage::new(&[]);
    let runbook = copy_of_rollout(stage.folder.path());
    killed(rollout_of(&stage, &runbook), "finished", "deploy_pair");
    fs::remove_dir_all(runbook.parent().unwrap()).unwrap();
    let refused = finished(stage.about_run(&["resume"]).output().unwrap()).exits(1);
    refused.complains("cannot be compared").complains("titan-run abort");
    let (code, end, _) = Watched::start(stage.about_run(&["abort", "--why", "a test"])).end();
    assert_eq!((code, &end["ending"]), (3, &Value::from("rolled_back")), "{end}");
    stage.is("1.0.0", false);
}

/// The rollout's files where a test may change them.
fn copy_of_rollout(folder: &Path) -> PathBuf {
    let copies = folder.join("copies");
    fs::create_dir_all(copies.join("actions")).unwrap();
    let text = fs::read_to_string(root().join("runbooks/policy-rollout.yaml")).unwrap();
    fs::copy(root().join("stdlib/deploy_pair.yaml"), copies.join("actions/deploy_pair.yaml")).unwrap();
    let text = text.replacen("do: std/deploy_pair", "do: ./actions/deploy_pair.yaml", 1);
    let text = text.replacen("\nparams:\n", "\nfunctions: [./checks.rhai]\nparams:\n", 1);
    fs::write(copies.join("checks.rhai"), "fn is_whole(hash) { len(hash) == 64 }\n").unwrap();
    let text =
        text.replacen("    about: Open the gate.\n", "    about: Open the gate.\n    when: is_whole(expected)\n", 1);
    fs::write(copies.join("policy-rollout.yaml"), text).unwrap();
    fs::copy(root().join("stdlib/policies/risk_policy-2.0.0.json"), copies.join("policy.json")).unwrap();
    fs::write(copies.join("params.yaml"), "observe: 2s\n").unwrap();
    copies.join("policy-rollout.yaml")
}

fn rollout_of(stage: &Stage, runbook: &Path) -> Command {
    let beside = |name: &str| runbook.parent().unwrap().join(name);
    let mut rollout = command(&["run", "--confirm", "all", "--set"]);
    rollout.arg(format!("policy={}", beside("policy.json").display())).arg("--params").arg(beside("params.yaml"));
    rollout.arg(runbook).arg("--target").arg(stage.target()).env("TITAN_RUNS", stage.runs());
    rollout
}

#[test]
fn one_changed_byte_anywhere_refuses_the_resume_before_any_effect() {
    let stage = Stage::new(&[]);
    let runbook = copy_of_rollout(stage.folder.path());
    killed(rollout_of(&stage, &runbook), "finished", "disarm");
    let target = stage.target();
    let files = ["policy-rollout.yaml", "actions/deploy_pair.yaml", "checks.rhai", "policy.json", "params.yaml"];
    let files = files.map(|name| runbook.parent().unwrap().join(name)).into_iter().chain([target]);
    for file in files {
        let before = fs::read(&file).unwrap();
        let mut changed = before.clone();
        changed.push(b'\n');
        fs::write(&file, changed).unwrap();
        let state = stage.state();
        let journal = fs::read(stage.runs().join(stage.newest_run()).join("journal")).unwrap();
        let refused = finished(stage.about_run(&["resume"]).output().unwrap()).exits(1);
        refused.complains("was changed since the run began").complains("nothing was done");
        assert_eq!(stage.state(), state, "{}", file.display());
        assert_eq!(fs::read(stage.runs().join(stage.newest_run()).join("journal")).unwrap(), journal);
        fs::write(&file, before).unwrap();
    }
    let (code, _, _) = stage.resumed().end();
    assert_eq!(code, 0);
    stage.is("2.0.0", true);
}

#[test]
fn a_torn_tail_is_cut_off_and_said_so_and_corruption_is_refused() {
    let stage = Stage::new(&[]);
    killed_at(&stage, "finished", "disarm");
    let journal = stage.runs().join(stage.newest_run()).join("journal");
    let mut whole = fs::read(&journal).unwrap();
    while whole.last() == Some(&0) {
        whole.pop();
    }
    let mut corrupt = whole.clone();
    corrupt[100] ^= 1;
    fs::write(&journal, &corrupt).unwrap();
    let refused = finished(stage.about_run(&["resume"]).output().unwrap()).exits(1);
    refused.complains("the journal is corrupt at byte 0").complains("titan-run disarm GATE");
    finished(stage.about_run(&["verify"]).output().unwrap()).exits(1).complains("corrupt at byte 0");
    fs::write(&journal, &whole[..whole.len() - 9]).unwrap();
    finished(stage.about_run(&["verify"]).output().unwrap()).exits(1).complains("are an unfinished record");
    let resumed = finished(stage.about_run(&["resume", "--confirm", "all"]).output().unwrap()).exits(0);
    resumed.says("bytes of an unfinished last record were cut off");
    finished(stage.about_run(&["verify"]).output().unwrap()).exits(0).says("each follows the one before it");
    stage.is("2.0.0", true);
}

#[test]
fn a_run_is_shown_explained_and_replayed_from_its_record() {
    let stage = Stage::new(&["wrong_policy_on=brain"]);
    let live = finished(stage.rollout(&stage.target(), &[]).output().unwrap()).exits(3);
    let replayed = finished(stage.about_run(&["replay"]).output().unwrap()).exits(0);
    assert_eq!(live.out, replayed.out);
    let shown = finished(stage.about_run(&["show"]).output().unwrap()).exits(0);
    let shown = shown.says("disarm began: disarm, attempt 1").says("the rollback began").says("digests:");
    let head = shown.out.trim_end().rsplit(' ').next().unwrap();
    finished(stage.about_run(&["verify", "--head", head]).output().unwrap()).exits(0);
    let other = "0".repeat(64);
    finished(stage.about_run(&["verify", "--head", &other]).output().unwrap()).exits(1).complains("not 0000");
    let why = finished(stage.about_run(&["why", "deploy_pair/deploy_brain"]).output().unwrap()).exits(0);
    let why = why.says("when params.redeploy || steps.deploy_execution.status == \"ok\" || steps.running_brain.out.version != params.brain -> true");
    why.says("params.brain = 2.0.0").says("steps.running_brain.out.version = 1.0.0");
    finished(stage.about_run(&["why", "deploy_pear"]).output().unwrap())
        .exits(2)
        .complains("did you mean `deploy_pair`?");
    let listed = finished(command(&["runs"]).env("TITAN_RUNS", stage.runs()).output().unwrap()).exits(0);
    let listed = listed.says("policy-rollout").says("rolled_back");
    assert_eq!(listed.out.lines().count(), 1);
    let unfinished = finished(command(&["runs", "--unfinished"]).env("TITAN_RUNS", stage.runs()).output().unwrap());
    assert_eq!(unfinished.exits(0).out.trim(), "");
}

#[test]
fn a_target_and_a_run_have_one_owner_at_a_time() {
    let stage = Stage::new(&[]);
    let mut run = Watched::start(stage.rollout(&stage.target(), &["--set", "observe=4s"]));
    run.until("finished", "disarm");
    let second = finished(stage.rollout(&stage.target(), &[]).output().unwrap()).exits(1);
    second.complains("is acted on by another run").complains(&format!("`titan-run abort {}`", stage.newest_run()));
    finished(stage.about_run(&["resume"]).output().unwrap()).exits(1).complains("carried out by another process");
    finished(command(&["runs"]).env("TITAN_RUNS", stage.runs()).output().unwrap()).exits(0).says("running: ");
    assert_eq!(run.end().0, 0);
    stage.is("2.0.0", true);
}

/// A runbook of local effects, killed while `mark` runs.
fn local(step: &str) -> (tempfile::TempDir, Command) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("here.yaml"), "titan: 1\ntarget: here\n").unwrap();
    let text = step.replace("$FOLDER", &folder.path().display().to_string());
    fs::write(folder.path().join("local.yaml"), format!("titan: 1\nrunbook: local\nsteps:\n{text}")).unwrap();
    let mut run = command(&["run", "--target"]);
    run.arg(folder.path().join("here.yaml")).arg(folder.path().join("local.yaml"));
    run.env("TITAN_RUNS", folder.path().join("state/runs"));
    (folder, run)
}

fn about(folder: &Path, words: &[&str]) -> Command {
    let runs = folder.join("state/runs");
    let run = fs::read_dir(&runs).unwrap().next().unwrap().unwrap().file_name();
    let mut about = command(&words[..1]);
    about.arg(run).args(&words[1..]).env("TITAN_RUNS", runs);
    about
}

const MARK: &str = "  mark:
    no_undo: A test.
    do: exec
    with: { argv: [sh, -c, 'echo x >> $FOLDER/marks; exec sleep 60'] }
    timeout: 40s
  after: { do: note, with: { text: done } }
";

#[test]
fn an_effect_that_cannot_be_told_waits_for_a_persons_word() {
    let (folder, run) = local(MARK);
    let mut run = Watched::start(run);
    run.until("started", "mark");
    let marks = folder.path().join("marks");
    until(|| marks.exists());
    run.killed();
    let paused = finished(about(folder.path(), &["resume"]).output().unwrap()).exits(5);
    paused.says("`mark` is in doubt").says("--took-effect mark");
    let listed = finished(command(&["runs"]).env("TITAN_RUNS", folder.path().join("state/runs")).output().unwrap());
    listed.exits(0).says("paused: `mark` is in doubt");
    for (words, code, why) in [
        (&["--took-effect", "after"][..], 1, "`after` is not in doubt"),
        (&["--took-none", "marc"][..], 2, "has no step `marc`; did you mean `mark`?"),
        (&["--took-effect", "mark", "--took-none", "mark"][..], 2, "`mark` is said twice"),
    ] {
        let mut resume = about(folder.path(), &["resume"]);
        finished(resume.args(words).output().unwrap()).exits(code).complains(why);
    }
    finished(about(folder.path(), &["resume", "--took-effect", "mark"]).output().unwrap()).exits(0).says("✓ after");
    assert_eq!(fs::read_to_string(marks).unwrap(), "x\n", "it was not done again");
}

#[test]
fn a_persons_word_counts_for_one_crash_only() {
    let (folder, run) = local(MARK);
    let marks = || fs::read_to_string(folder.path().join("marks")).unwrap_or_default();
    let mut first = Some(run);
    for count in 1..=2 {
        let again = || about(folder.path(), &["resume", "--took-none", "mark"]);
        let mut run = Watched::start(first.take().unwrap_or_else(again));
        if count == 2 {
            run.until("resumed", "");
        }
        run.until("started", "mark");
        until(|| marks().lines().count() >= count);
        run.killed();
    }
    finished(about(folder.path(), &["resume"]).output().unwrap()).exits(5).says("`mark` is in doubt");
    assert_eq!(marks(), "x\nx\n", "it was not done a third time");
}

#[test]
fn an_undo_that_cannot_be_told_is_not_repeated_without_a_word() {
    let undone = "  mark:
    do: exec
    with: { argv: [touch, $FOLDER/done] }
    undo: { do: exec, with: { argv: [sh, -c, 'echo x >> $FOLDER/marks; exec sleep 60'] }, timeout: 90s }
  fails: { do: assert, with: { that: \"${false}\", message: no } }
";
    let (folder, run) = local(undone);
    let marks = || fs::read_to_string(folder.path().join("marks")).unwrap_or_default();
    let mut run = Watched::start(run);
    run.until("rollback_started", "");
    until(|| !marks().is_empty());
    run.killed();
    for _ in 0..2 {
        let stuck = finished(about(folder.path(), &["resume"]).output().unwrap()).exits(4);
        stuck.says("needs a person: find out whether the undo of `mark` took effect").says("--took-none mark");
    }
    finished(about(folder.path(), &["resume", "--took-effect", "mark"]).output().unwrap()).exits(3);
    assert_eq!(marks(), "x\n");
}

#[test]
fn what_an_earlier_runner_left_behind_is_killed_first() {
    let step = MARK.replace("exec sleep 60", "setsid sleep 60 & echo $! > $FOLDER/left; exec sleep 60");
    let (folder, run) = local(&step);
    let mut run = Watched::start(run);
    run.until("started", "mark");
    let left = folder.path().join("left");
    let written = || fs::read_to_string(&left).ok().and_then(|text| text.trim().parse::<u32>().ok());
    until(|| written().is_some());
    let id = written().unwrap();
    run.killed();
    assert!(Path::new(&format!("/proc/{id}")).exists());
    finished(about(folder.path(), &["resume"]).output().unwrap())
        .exits(5)
        .complains("killed what the earlier runner left");
    let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}

#[test]
fn a_script_goes_on_in_the_middle_and_repeats_no_call() {
    let script = "  work:
    no_undo: A test.
    timeout: 60s
    do: script
    with:
      code: |
        exec(#{ argv: [\"sh\", \"-c\", \"echo one >> $FOLDER/marks; date +%N\"] });
        let seen = exec(#{ argv: [\"cat\", \"$FOLDER/marks\"] }).stdout;
        sleep(#{ \"for\": \"1s\" });
        exec(#{ argv: [\"sh\", \"-c\", \"echo two >> $FOLDER/marks\"] });
        #{ seen: seen }
";
    let (folder, run) = local(script);
    let mut run = Watched::start(run);
    run.until("call_finished", "work");
    run.until("call_finished", "work");
    run.until("call_started", "work");
    run.killed();
    let (code, _, events) = Watched::start(about(folder.path(), &["resume"])).end();
    assert_eq!(code, 0);
    assert_eq!(fs::read_to_string(folder.path().join("marks")).unwrap(), "one\ntwo\n");
    let calls: Vec<_> = events.iter().filter(|seen| seen["what"]["event"] == "call_finished").collect();
    assert!(calls.iter().map(|call| call["what"]["index"].as_u64().unwrap()).eq(2..4));
    let end = events.iter().find(|seen| seen["what"]["event"] == "finished").unwrap();
    assert_eq!(end["what"]["out"]["seen"], "one", "what was seen before the crash is what the script goes on with");
}

#[test]
fn deadlines_and_limits_go_on_while_nobody_runs_the_run() {
    let waits =
        "  waits: { on_failure: continue, timeout: TIMEOUT, do: sleep, with: { for: '${duration(\"20s\")}' } }\n";
    for (timeout, limit, code, said) in [
        ("2s", "", 0, "timeout: not done within 2s"),
        ("60s", "limits: { total: 2s } # titan: allow(limit-impossible) tight\n", 1, "`total`: not done within 2s"),
    ] {
        let (folder, run) = local(&waits.replace("TIMEOUT", timeout));
        let path = folder.path().join("local.yaml");
        let text = fs::read_to_string(&path).unwrap().replace("steps:", &format!("{limit}steps:"));
        fs::write(&path, text).unwrap();
        let mut run = Watched::start(run);
        run.until("started", "waits");
        run.killed();
        finished(Command::new("sleep").arg("2").output().unwrap()).exits(0);
        let (ended, _, events) = Watched::start(about(folder.path(), &["resume"])).end();
        assert_eq!(ended, code);
        let after = events.iter().skip_while(|seen| seen["what"]["event"] != "resumed").collect::<Vec<_>>();
        let waited = after.last().unwrap()["at_ms"].as_u64().unwrap() - after[0]["at_ms"].as_u64().unwrap();
        assert!(waited < 1_500, "it waited {waited} ms once more");
        finished(about(folder.path(), &["show"]).output().unwrap()).exits(0).says(said);
    }
}
