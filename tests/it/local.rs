//! Primitives that touch this machine: `exec` and `http`, through the built binary.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::thread;

use tempfile::TempDir;

use crate::stage::{signal, until};
use crate::tool::{Ran, command, finished};

/// A folder with a runbook of one step and a target of nothing.
fn folder(step: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let runbook = format!("titan: 1\nrunbook: local\nsteps:\n  one:\n    no_undo: \"A test.\"\n{step}\n");
    fs::write(folder.path().join("local.yaml"), format!("{runbook}outputs:\n  out: steps.one.out\n")).unwrap();
    fs::write(folder.path().join("here.yaml"), "titan: 1\ntarget: here\n").unwrap();
    folder
}

fn local(folder: &TempDir) -> std::process::Command {
    let mut running = command(&["run", "--target"]);
    running.arg(folder.path().join("here.yaml")).arg(folder.path().join("local.yaml"));
    running.env("TITAN_RUNS", folder.path().join("runs"));
    running
}

fn run(step: &str) -> Ran {
    finished(local(&folder(step)).output().unwrap())
}

#[test]
fn a_credential_that_shows_up_is_redacted_everywhere() {
    let step = "    do: exec\n    with: { argv: [sh, -c, 'echo $TOKEN; printf %s $TOKEN | base64; echo $TOKEN >&2'] }";
    let folder = folder(step);
    let target = "titan: 1\ntarget: here\nnats: { url: [nats://127.0.0.1:1], token: env:TOKEN }\n";
    fs::write(folder.path().join("here.yaml"), target).unwrap();
    let ran = finished(local(&folder).env("TOKEN", "hunter2-hunter2").output().unwrap()).exits(0);
    let ran = ran.says("[redacted]");
    let runs = fs::read_dir(folder.path().join("runs")).unwrap().map(|run| run.unwrap().path().join("journal"));
    let journal: String = runs.map(|journal| fs::read_to_string(journal).unwrap()).collect();
    for secret in ["hunter2", "aHVudGVyMi1odW50ZXIy"] {
        assert!(!ran.out.contains(secret) && !journal.contains(secret), "{secret} is in\n{}\n{journal}", ran.out);
    }
}

/// Output comes in pieces, and is cut where it is too long: a credential is found across both.
#[test]
fn a_credential_is_redacted_across_pieces_and_cuts() {
    let pieces = "    do: exec\n    with: { argv: [sh, -c, 'printf %.7s $TOKEN; sleep 0.2; echo $TOKEN | cut -c8-'] }";
    let filled = "head -c 1048566 /dev/zero | tr \\\\0 x; echo $TOKEN";
    let cut = format!("    do: exec\n    with: {{ argv: [sh, -c, \"{filled}\"] }}");
    let failing = "printf %0290d 0 >&2; echo $TOKEN >&2; exit 3";
    let failing = format!("    do: exec\n    with: {{ argv: [sh, -c, '{failing}'] }}");
    for (step, code) in [(pieces, 0), (&cut, 0), (&failing, 3)] {
        let folder = folder(step);
        let target = "titan: 1\ntarget: here\nnats: { url: [nats://127.0.0.1:1], token: env:TOKEN }\n";
        fs::write(folder.path().join("here.yaml"), target).unwrap();
        let ran = finished(local(&folder).env("TOKEN", "hunter2-hunter2").output().unwrap()).exits(code);
        let runs = fs::read_dir(folder.path().join("runs")).unwrap().map(|run| run.unwrap().path().join("journal"));
        let journal: String = runs.map(|journal| fs::read_to_string(journal).unwrap()).collect();
        assert!(journal.contains("[redacted]"), "{step}");
        assert!(!ran.out.contains("hunter2") && !journal.contains("hunter"), "{step}\n{}", ran.out);
    }
}

#[test]
fn exec_takes_an_argv_and_no_shell() {
    run("    do: exec\n    with: { argv: [echo, \"$HOME; rm -rf /\", \"a b\"] }").exits(0).says(r"$HOME; rm -rf / a b");
    let step =
        "    do: exec\n    with: { argv: [sh, -c, 'cat; echo $WORD'], stdin: \"from stdin \", env: { WORD: x } }";
    run(step).exits(0).says("from stdin x");
    run("    do: exec\n    with: { argv: [echo, '{\"a\": [1, 2]}'] }\n    expect: out.json.a == [1, 2]").exits(0);
    // What lies deeper than a value may is no JSON, and the record of it can be read.
    let deep = ["[".repeat(49), "]".repeat(49)].concat();
    run(&format!("    do: exec\n    with: {{ argv: [echo, '{deep}'] }}\n    expect: is_null(out.json)")).exits(0);
    run("    do: exec\n    with: { argv: [sh, -c, 'echo why >&2; exit 7'] }")
        .exits(3)
        .says("exit: it ended with code 7: why");
    run("    do: exec\n    with: { argv: [sh, -c, 'exit 7'], expect_code: 7 }").exits(0);
    run("    do: exec\n    with: { argv: [no-such-program] }").exits(3).says("`no-such-program` cannot be started");
}

/// What a child is given and what it is not: `/proc` says it of the child itself.
#[test]
fn a_child_starts_as_from_a_clean_shell() {
    let cases = [
        // A group of its own, and signals as by default: only what was ignored before may be.
        ("test $(cut -d' ' -f5 /proc/$$/stat) = $$; echo group $?", "group 0"),
        ("grep SigBlk /proc/self/status", "0000000000000000"),
        ("kill -PIPE $$", "code 141"),
        ("readlink /proc/self/fd/0", "/dev/null"),
    ];
    for (line, said) in cases {
        let ran = run(&format!("    do: exec\n    with: {{ argv: [sh, -c, \"{line}\"] }}"));
        assert!(ran.out.contains(said), "{line}: {said} is not in\n{}", ran.out);
    }
}

/// Whoever started the runner may have had it ignore how children end.
#[test]
fn a_child_ends_as_itself_where_the_runner_was_to_ignore_it() {
    let folder = folder("    do: exec\n    with: { argv: [sh, -c, 'exit 7'], expect_code: 7 }");
    let plain = local(&folder);
    let mut ignoring = std::process::Command::new("env");
    ignoring.arg("--ignore-signal=CHLD").arg(plain.get_program()).args(plain.get_args());
    ignoring.env("TITAN_RUNS", folder.path().join("runs"));
    finished(ignoring.output().unwrap()).exits(0).says("code=7");
}

/// As `execvp` looks for it: through `PATH`, past what is not there and what is not for us.
#[test]
fn a_program_is_found_as_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let put = |name: &str, mode: u32, text: &str| {
        fs::write(at(name), text).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for place in ["a", "b"] {
        fs::create_dir(at(place)).unwrap();
    }
    put("a/tool", 0o644, "#!/bin/sh\necho first\n");
    put("b/tool", 0o755, "#!/bin/sh\necho second\n");
    put("a/other", 0o644, "#!/bin/sh\n");
    put("b/plain", 0o755, "echo no interpreter\n");
    let root = folder.path().display();
    let path = format!("{root}/missing:{root}/a:{root}/b:/usr/bin:/bin");
    let cases = [
        ("tool".to_owned(), 0, "second"),
        (format!("{root}/b/tool"), 0, "second"),
        ("other".to_owned(), 3, "`other` cannot be started: Permission denied"),
        ("absent".to_owned(), 3, "`absent` cannot be started: No such file or directory"),
        ("plain".to_owned(), 3, "`plain` cannot be started: Exec format error"),
        ("''".to_owned(), 3, "`` cannot be started: No such file or directory"),
    ];
    for (program, code, said) in cases {
        let step = format!("    do: exec\n    with: {{ argv: [{program}], env: {{ PATH: '{path}' }} }}");
        let ran = run(&step).exits(code);
        assert!(
            ran.out.contains(said) || ran.err.contains(said),
            "{program}: {said} is not in\n{}{}",
            ran.out,
            ran.err
        );
    }
}

#[test]
fn what_only_looks_may_be_repeated_and_needs_no_undo() {
    let folder = folder("");
    let count = folder.path().join("count");
    let step = format!(
        "titan: 1\nrunbook: local\nsteps:\n  one:\n    do: exec\n    with: {{ argv: [sh, -c, 'echo x >> {0}; wc -l < {0}'], \
         observes: true }}\n    until: number(trim(out.stdout)) >= 3\n    every: 10ms\n",
        count.display()
    );
    fs::write(folder.path().join("local.yaml"), &step).unwrap();
    finished(local(&folder).output().unwrap()).exits(0);
    assert_eq!(fs::read_to_string(&count).unwrap(), "x\nx\nx\n");
    for unsaid in ["false", "'${true}'"] {
        fs::write(folder.path().join("local.yaml"), step.replace("observes: true", &format!("observes: {unsaid}")))
            .unwrap();
        finished(local(&folder).output().unwrap()).exits(2).complains("`exec` changes something");
    }
    let healthy = server(answer("200 OK", r#"{"ready": true}"#));
    let look = format!("    do: http\n    with: {{ url: \"{healthy}\", observes: true }}\n    until: out.json.ready");
    run(&look).exits(0);
}

#[test]
fn exec_is_bounded_in_time_and_output() {
    run("    do: exec\n    with: { argv: [sh, -c, 'sleep 600 & sleep 600'] }\n    timeout: 500ms")
        .exits(4)
        .says("timeout");
    let step =
        "    do: exec\n    with: { argv: [sh, -c, 'yes | head -c 104857600'] }\n    expect: len(out.stdout) < 1048577";
    run(step).exits(0);
}

#[test]
fn a_child_dies_with_a_killed_runner() {
    let folder =
        folder("    do: exec\n    with: { argv: [sh, -c, 'echo $$ > PID; exec sleep 600'] }\n    timeout: 20m");
    let pipe = folder.path().join("pid");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let path = folder.path().join("local.yaml");
    let text = fs::read_to_string(&path).unwrap().replace("PID", pipe.to_str().unwrap());
    fs::write(&path, text).unwrap();
    let mut runner = local(&folder).stdout(Stdio::null()).spawn().unwrap();
    // Opening the pipe waits for the child, and reading it gives its process.
    let mut said = String::new();
    fs::File::open(&pipe).unwrap().read_to_string(&mut said).unwrap();
    let child: u32 = said.trim().parse().unwrap();
    signal("KILL", runner.id());
    runner.wait().unwrap();
    // The child is ours to see until it is gone; its end is what closes the loop.
    until(|| !fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z ")));
}

/// Answers requests with a fixed text, and gives the address.
fn server(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = client.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[test]
fn http_judges_status_and_body_and_follows_nothing() {
    let good = server(answer("200 OK", r#"{"ready": true}"#));
    run(&format!("    do: http\n    with: {{ url: \"{good}/x\" }}\n    expect: out.json.ready")).exits(0);
    run(&format!("    do: http\n    with: {{ url: \"{good}\", expect_body: unready }}"))
        .exits(3)
        .says("does not match");
    run(&format!("    do: http\n    with: {{ url: \"{good}\", expect_status: 204 }}"))
        .exits(3)
        .says("the status is 200");
    let moved = server("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_owned());
    run(&format!("    do: http\n    with: {{ url: \"{moved}\" }}")).exits(3).says("the status is 302");
    let huge = server(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", 40 << 20, "x".repeat(40 << 20)));
    run(&format!("    do: http\n    with: {{ url: \"{huge}\" }}")).exits(3).says("larger than");
    run("    do: http\n    with: { url: \"http://127.0.0.1:1/\" }").exits(3).says("cannot be reached");
}

#[test]
fn a_checklist_is_answered_item_by_item() {
    let step = "    do: confirm\n    with: { items: { one: \"First?\", two: \"Second?\" } }";
    let folder = folder(step);
    finished(local(&folder).args(["--confirm", "one", "--confirm", "two"]).output().unwrap()).exits(0);
    finished(local(&folder).args(["--confirm", "one"]).output().unwrap()).exits(1).says("`--confirm two` answers it");
}

/// What a service said last is what counts of a log that goes back further than its process, or of what is
/// longer than can be kept.
#[test]
fn the_last_word_of_a_log_counts() {
    let long = "yes 'OK Hash: 1111' | head -c 20000000; echo 'OK Hash: 2222'; echo 'something else'";
    let failed = "echo 'OK Hash: 1111'; echo FAILED";
    let mended = "echo FAILED; echo 'OK Hash: 2222'";
    for (log, code, told) in [
        (long, 0, "\"hash\":\"2222\""),
        (mended, 0, "\"hash\":\"2222\""),
        (failed, 1, "breach: `brain` logged: FAILED"),
    ] {
        let step = "    do: wait_log\n    with: { service: brain, pattern: 'OK Hash: (?<hash>[0-9]+)', since: \"\", refuse: FAILED }";
        let folder = folder(step);
        let services = format!("services:\n  brain:\n    log: {{ command: [sh, -c, {log:?}] }}\n");
        fs::write(folder.path().join("here.yaml"), format!("titan: 1\ntarget: here\n{services}")).unwrap();
        finished(local(&folder).output().unwrap()).exits(code).says(told);
    }
}
