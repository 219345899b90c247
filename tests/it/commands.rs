//! The commands of a target, as the example targets write them, against stand-ins on PATH that
//! drive the served Titan.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::stage::{Stage, Watched, signal};
use crate::tool::{finished, root, titan};

/// A program in the stage's folder, first on PATH.
fn stand_in(stage: &Stage, name: &str, script: &str) {
    let folder = stage.folder.path().join("bin");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let titan = format!("{} sim --dir {}", env!("CARGO_BIN_EXE_titan-run"), stage.folder.path().join("sim").display());
    fs::write(&path, format!("#!/bin/sh\nset -eu\n{}", script.replace("TITAN", &titan))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// An example target with this stage's addresses, and what must differ in a test.
fn example(stage: &Stage, name: &str, changes: &[(&str, &str)]) -> PathBuf {
    let mut text = fs::read_to_string(root().join("runbooks/targets").join(name)).unwrap();
    let own = fs::read_to_string(stage.target()).unwrap();
    for (service, port) in ["execution", "brain"].iter().zip(["9464", "9465"]) {
        let scrape = own.split(&format!("  {service}:\n")).nth(1).unwrap().split("scrape: ").nth(1).unwrap();
        let scrape = scrape.split_whitespace().next().unwrap();
        text = text.replace(&format!("http://127.0.0.1:{port}/metrics"), scrape);
        text = text.replace(
            &format!("{{ prometheus: 'namespace=\"titan\",job=\"{service}\"' }}"),
            &format!("{{ scrape: \"{scrape}\" }}"),
        );
    }
    for (old, new) in changes {
        assert!(text.contains(old), "`{old}` is not in\n{text}");
        text = text.replace(old, new);
    }
    let params = "\nparams: { policy: std/policies/risk_policy-2.0.0.json, version: \"2.0.0\" }\n";
    let path = stage.folder.path().join(name);
    fs::write(&path, text + params).unwrap();
    path
}

fn rolls_out(stage: &Stage, target: &Path) {
    let path = format!("{}:{}", stage.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
    finished(stage.rollout(target, &[]).env("PATH", path).output().unwrap()).exits(0);
    stage.is("2.0.0", true);
}

#[test]
fn the_kubernetes_target_rolls_out_through_kubectl() {
    let stage = Stage::new(&[]);
    let logs = stage.folder.path().join("sim");
    let kubectl = r#"shift 2
case "$1" in
set) service=${4%%=*}; version=${4##*:}; TITAN deploy "$service" "$version" ;;
rollout) [ "$2" = status ] ;;
get) printf 'registry.example.com/titan/%s:%s' "$3" "$(TITAN version "$3")" ;;
logs) [ "${3#--since-time=2}" != "$3" ]
      while read -r line; do
          if [ "$2" = deployment/brain ]; then printf '{"message": "%s"}\n' "$line"; else echo "$line"; fi
      done < LOGS/${2#deployment/}.log ;;
esac
"#;
    stand_in(&stage, "kubectl", &kubectl.replace("LOGS", logs.to_str().unwrap()));
    let url = format!("url: [{}]", stage.nats.url());
    let tls = "  creds: file:/etc/titan-run/operator.creds\n  tls: { ca: /etc/titan-run/nats-ca.pem, \
               cert: /etc/titan-run/client.pem, key: /etc/titan-run/client-key.pem }\n";
    let target = example(&stage, "kubernetes.yaml", &[("url: [tls://nats.titan.svc:4222]", &url), (tls, "")]);
    rolls_out(&stage, &target);
}

#[test]
fn the_systemd_target_rolls_out_and_sees_its_gate_in_the_log() {
    let stage = Stage::new(&["initially_armed=false"]);
    let opt = stage.folder.path().join("opt");
    for service in ["execution", "brain"] {
        fs::create_dir_all(opt.join(service)).unwrap();
        std::os::unix::fs::symlink(opt.join(service).join("1.0.0"), opt.join(service).join("current")).unwrap();
    }
    let systemctl = r#"unit=${2#titan-}; service=${unit%.service}
TITAN deploy "$service" "$(basename "$(readlink OPT/$service/current)")"
"#;
    stand_in(&stage, "systemctl", &systemctl.replace("OPT", opt.to_str().unwrap()));
    let journal = "unit=${2#titan-}; case \"$6\" in --since=@[0-9]*) cat LOGS/${unit%.service}.log ;; esac\n";
    stand_in(&stage, "journalctl", &journal.replace("LOGS", stage.folder.path().join("sim").to_str().unwrap()));
    let target = example(
        &stage,
        "systemd.yaml",
        &[
            ("nats://127.0.0.1:4222", &stage.nats.url()),
            ("  nkey: file:/etc/titan-run/operator.nk\n", ""),
            ("/opt/titan", opt.to_str().unwrap()),
        ],
    );
    rolls_out(&stage, &target);
}

#[test]
fn the_docker_compose_target_rolls_out_where_almost_everything_differs() {
    let login = "authorization { user: operator, password: s3cret }\n";
    let options = ["hash_field=policy_hash", "reject_subject=titan.evt.execution.reject.v1"];
    let docker = r#"shift
case "$1" in
up) if [ "$5" = brain ]; then version=$BRAIN_VERSION; else version=$EXECUTION_VERSION; fi
    TITAN deploy "$5" "$version" ;;
images) printf '[{"ID":"x","Tag":"%s","Size":1}]' "$(TITAN version "$2")" ;;
logs) [ "${4#2}" != "$4" ]; cat LOGS/$5.log ;;
esac
"#;
    for (more, code, version) in [(None, 0, "2.0.0"), (Some("reject_after_arm_ms=2500"), 3, "1.0.0")] {
        let options: Vec<_> = options.into_iter().chain(more).collect();
        let stage = Stage::with_nats(&options, login, "operator:s3cret@");
        let logs = stage.folder.path().join("sim");
        let docker = docker.replace("LOGS", logs.to_str().unwrap());
        stand_in(&stage, "docker", &docker);
        let target = example(&stage, "docker-compose.yaml", &[("nats://127.0.0.1:4222", &stage.nats.url())]);
        let path = format!("{}:{}", stage.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        let mut rollout = stage.rollout(&target, &["--set", "observe=6s"]);
        finished(rollout.env("PATH", path).env("TITAN_NATS_PASSWORD", "s3cret").output().unwrap()).exits(code);
        stage.is(version, code == 0);
    }
}

#[test]
fn the_local_processes_target_rolls_out_in_its_own_folder() {
    let stage = Stage::new(&[]);
    let folder = stage.folder.path().join("bin");
    stand_in(
        &stage,
        "titanctl",
        "case \"$1\" in start) TITAN deploy \"$2\" \"$3\" ;; version) TITAN version \"$2\" ;; esac\n",
    );
    std::os::unix::fs::symlink(stage.folder.path().join("sim"), folder.join("log")).unwrap();
    let target = example(&stage, "local-processes.yaml", &[("nats://127.0.0.1:4222", &stage.nats.url())]);
    let mut rollout = crate::tool::command(&["run", "--confirm", "all", "--set", "observe=2s", "--target"]);
    rollout.arg(target).arg(root().join("runbooks/policy-rollout.yaml")).current_dir(&folder);
    finished(rollout.env("TITAN_RUNS", stage.runs()).output().unwrap()).exits(0);
    stage.is("2.0.0", true);
}

#[test]
fn a_gate_is_seen_by_a_command_and_a_command_that_fails_shows_nothing() {
    let stage = Stage::new(&[]);
    let probe = format!(
        "probe: {{ command: [{}, sim, --dir, {}, state], armed: '\"armed\": *true', disarmed: '\"armed\": *false' }}",
        env!("CARGO_BIN_EXE_titan-run"),
        stage.folder.path().join("sim").display()
    );
    let metric = "probe: { metric: titan_execution_armed_state }";
    let target = stage.changed_target(&[(metric, &probe)]);
    finished(stage.rollout(&target, &[]).output().unwrap()).exits(0);
    stage.is("2.0.0", true);
    let failing = "probe: { command: [sh, -c, 'echo is disarmed; exit 1'], armed: is armed, disarmed: is disarmed }";
    let target = stage.changed_target(&[(metric, failing)]);
    let mut disarm = crate::tool::command(&["disarm", "execution", "--target"]);
    finished(disarm.arg(target).output().unwrap()).exits(4).complains("ended with code 1").complains("UNKNOWN");
}

#[test]
fn every_bundled_runbook_and_target_lints_clean() {
    titan(&["lint", "runbooks", "stdlib"]).exits(0).says("nothing wrong");
}

#[test]
fn a_second_ctrl_c_leaves_only_disarms() {
    let stage = Stage::new(&[]);
    let mut run = Watched::start(stage.rollout(&stage.target(), &["--set", "observe=10m"]));
    run.until("started", "no_rejections");
    signal("INT", run.process());
    run.until("rollback_started", "");
    signal("INT", run.process());
    let (code, end, _) = run.end();
    assert_eq!(code, 4, "{end}");
    assert!(end["needs_person"].to_string().contains("a second abort leaves only disarms"), "{end}");
    let state = stage.state();
    assert_eq!(state["services"]["execution"]["state"]["armed"], false, "{state}");
    assert_eq!(state["services"]["brain"]["version"], "2.0.0", "{state}");
    assert_eq!(state["broken"], serde_json::Value::Array(Vec::new()), "{state}");
}
