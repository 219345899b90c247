//! The bundled rollout on a real nats-server with the served Titan; each case asks the world
//! itself what happened.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use crate::stage::{Stage, Watched, signal};
use crate::tool::finished;

const OTHER_HASH: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// No case takes longer.
const BOUND: Duration = Duration::from_secs(120);

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bounded = runtime.block_on(async { tokio::time::timeout(BOUND, work).await });
    runtime.shutdown_background();
    bounded.expect("it ends in time")
}

#[test]
fn the_rollout_succeeds() {
    let stage = Stage::new(&[]);
    stage.run().exits(0).says("\nsucceeded after ");
    stage.is("2.0.0", true);
}

#[test]
fn a_wrong_policy_on_brain_is_rolled_back() {
    let stage = Stage::new(&["wrong_policy_on=brain"]);
    stage.run().exits(3).says("handshake FAILED");
    stage.is("1.0.0", false);
}

#[test]
fn a_wrong_policy_on_execution_is_rolled_back() {
    let stage = Stage::new(&["wrong_policy_on=execution"]);
    stage.run().exits(3).says("execution_log");
    stage.is("1.0.0", false);
}

#[test]
fn a_rehearsal_looks_at_the_real_thing_and_leaves_no_trace() {
    let stage = Stage::new(&[]);
    let audit = stage.changed_target(&[("\nservices:\n", "\naudit: titan.audit\n\nservices:\n")]);
    let url = stage.nats.url();
    block_on(async {
        let client = async_nats::connect(url).await.unwrap();
        let heard = client.subscribe("titan.>").await.unwrap();
        client.flush().await.unwrap();
        let mut rehearse = crate::tool::command(&["rehearse", "runbooks/policy-rollout.yaml", "--target"]);
        rehearse.arg(audit).env("TITAN_RUNS", stage.runs());
        let ran = tokio::task::spawn_blocking(move || finished(rehearse.output().unwrap())).await.unwrap().exits(0);
        ran.says("REHEARSAL: nothing was changed").says("gate execution: armed");
        client.flush().await.unwrap();
        client.publish("titan.end", "".into()).await.unwrap();
        let mut subjects: Vec<_> = heard
            .map(|message| message.subject.to_string())
            .take_while(|subject| std::future::ready(subject != "titan.end"))
            .collect()
            .await;
        // Brain may make its own handshake meanwhile.
        subjects.dedup();
        assert_eq!(subjects, ["titan.req.exec.policy_hash.v1"]);
    });
    assert!(!stage.runs().exists());
    stage.is("1.0.0", true);
}

#[test]
fn an_installation_that_differs_needs_only_another_target() {
    let stage = Stage::new(&["hash_field=policy_hash", "emoji=false"]);
    let probe = r"probe: { log: true, armed: 'Execution ARMED', disarmed: 'Execution DISARMED|Loaded RiskPolicy' }";
    let target = stage.changed_target(&[("probe: { metric: titan_execution_armed_state }", probe)]);
    finished(stage.rollout(&target, &["--world", "x=y"]).output().unwrap()).exits(2).complains("a real one");
    // The first Execution starts armed, which its log does not say.
    finished(stage.rollout(&target, &[]).output().unwrap()).exits(0);
    stage.is("2.0.0", true);
}

#[test]
fn a_second_responder_that_joins_late_is_noticed() {
    let stage = Stage::new(&[]);
    let mut run = Watched::start(stage.rollout(&stage.target(), &[]));
    run.until("finished", "disarm");
    let url = stage.nats.url();
    block_on(async {
        let client = async_nats::connect(url).await.unwrap();
        let mut asked = client.subscribe("titan.req.exec.policy_hash.v1").await.unwrap();
        client.flush().await.unwrap();
        let answering = async {
            while let Some(request) = asked.next().await {
                let answer = format!(r#"{{"hash":"{OTHER_HASH}"}}"#);
                client.publish(request.reply.unwrap(), answer.into()).await.unwrap();
            }
        };
        let ending = tokio::task::spawn_blocking(move || run.end());
        let (code, end, _) = tokio::select! {
            () = answering => unreachable!("the subscription never ends"),
            ended = ending => ended.unwrap(),
        };
        // The rollback cannot verify the previous pair either, and says so.
        assert_eq!(code, 4, "{end}");
        assert!(end["cause"].to_string().contains("disagree"), "{end}");
    });
    let state = stage.state();
    assert_eq!(state["services"]["execution"]["state"]["armed"], false, "{state}");
    assert_eq!(state["broken"], Value::Array(Vec::new()));
}

#[test]
fn a_stream_that_captures_the_request_subject_is_not_taken_for_an_answer() {
    let stage = Stage::with_nats(&[], "jetstream { store_dir: \"$FOLDER/jetstream\" }\n", "");
    let url = stage.nats.url();
    block_on(async {
        let client = async_nats::connect(url).await.unwrap();
        let stream = r#"{"name":"REQ","subjects":["titan.req.>"],"storage":"memory"}"#;
        let made = client.request("$JS.API.STREAM.CREATE.REQ", stream.into()).await.unwrap();
        assert!(!String::from_utf8_lossy(&made.payload).contains("error"));
    });
    stage.run().exits(1).says("a stream captures `titan.req.exec.policy_hash.v1`");
    stage.is("1.0.0", true);
}

#[test]
fn a_missing_permission_to_disarm_is_denied_at_once_and_nothing_is_deployed() {
    let users = r#"authorization { users = [
        { user: titan, password: t }
        { user: runner, password: r, permissions: { publish: { deny: "titan.cmd.operator.disarm.v1" } } }
    ] }"#;
    let stage = Stage::with_nats(&[], users, "titan:t@");
    let address = format!("url: [{}]", stage.nats.url());
    let login = format!("{address}\n  user: runner\n  password: env:RUNNER_PASSWORD");
    let target = stage.changed_target(&[(&address, &login)]);
    let ran = finished(stage.rollout(&target, &[]).env("RUNNER_PASSWORD", "r").output().unwrap()).exits(4);
    assert!(ran.out.contains("denied"), "{}", ran.out);
    stage.is("1.0.0", true);
}

#[test]
fn a_server_frozen_during_arm_leaves_nothing_armed_unsaid() {
    let stage = Stage::new(&[]);
    let mut run = Watched::start(stage.rollout(&stage.target(), &[]));
    run.until("started", "arm");
    signal("STOP", stage.nats.part.0.id());
    let (code, end, _) = run.end();
    signal("CONT", stage.nats.part.0.id());
    assert_eq!(code, 4, "{end}");
    // It may have heard the ARM before it stood still.
    let needs = end["needs_person"].to_string();
    assert!(needs.contains("UNKNOWN") || needs.contains("STILL ARMED"), "{end}");
    let state = stage.state();
    assert_eq!(state["services"]["execution"]["version"], "2.0.0", "{state}");
    assert_eq!(state["services"]["brain"]["version"], "2.0.0", "{state}");
    assert_eq!(state["broken"], Value::Array(Vec::new()), "{state}");
}

#[test]
fn a_server_killed_during_observation_is_a_breach_and_changes_nothing_behind_an_open_gate() {
    let mut stage = Stage::new(&[]);
    let mut run = Watched::start(stage.rollout(&stage.target(), &["--set", "observe=10m"]));
    run.until("started", "no_rejections");
    stage.nats.part.0.kill().unwrap();
    let (code, end, events) = run.end();
    assert_eq!(code, 4, "{end}");
    assert_eq!(end["cause"]["cause"], "breach", "{end}");
    assert!(events.iter().any(|event| event["what"]["event"] == "skipped" && event["what"]["step"] == "deploy_pair"));
    let state = stage.state();
    assert_eq!(state["services"]["execution"]["version"], "2.0.0", "{state}");
    assert_eq!(state["broken"], Value::Array(Vec::new()), "{state}");
}

#[test]
fn a_rejection_while_observing_is_answered_by_disarm_within_a_second() {
    let stage = Stage::new(&["reject_after_arm_ms=4000"]);
    let url = stage.nats.url();
    let ran = block_on(async {
        let client = async_nats::connect(url).await.unwrap();
        let mut rejections = client.subscribe("titan.evt.exec.reject.v1").await.unwrap();
        let mut disarms = client.subscribe("titan.cmd.operator.disarm.v1").await.unwrap();
        client.flush().await.unwrap();
        let mut rollout = stage.rollout(&stage.target(), &["--set", "observe=10m"]);
        let ending = tokio::task::spawn_blocking(move || finished(rollout.output().unwrap()));
        let first = disarms.next().await.unwrap();
        assert_eq!(first.payload.as_ref(), b"Pre-deployment disarm");
        rejections.next().await.unwrap();
        let rejected = tokio::time::Instant::now();
        let second = disarms.next().await.unwrap();
        assert_eq!(second.payload.as_ref(), b"Rollback - policy mismatch");
        assert!(rejected.elapsed() < Duration::from_secs(1), "{:?}", rejected.elapsed());
        ending.await.unwrap()
    });
    ran.exits(3).says("watch `rejections` was breached");
    stage.is("1.0.0", false);
}

#[test]
fn an_execution_that_restarts_between_verification_and_arm_never_stays_armed_unverified() {
    let cases = [("restart_after_hash_ms=700", 0, "2.0.0", true), ("restart_after_arm_ms=200", 3, "1.0.0", false)];
    for (option, code, version, is_armed) in cases {
        let stage = Stage::new(&[option]);
        stage.run().exits(code);
        stage.is(version, is_armed);
    }
}

#[test]
fn ctrl_c_rolls_back_and_a_closed_terminal_does_not_matter() {
    let stage = Stage::new(&[]);
    let mut run = Watched::start(stage.rollout(&stage.target(), &["--set", "observe=10m"]));
    run.until("started", "no_rejections");
    signal("HUP", run.process());
    signal("INT", run.process());
    let (code, end, _) = run.end();
    assert_eq!((code, &end["cause"]["cause"]), (3, &Value::from("operator")), "{end}");
    stage.is("1.0.0", false);
}

#[test]
fn sigterm_suspends_at_the_next_safe_point() {
    let stage = Stage::new(&[]);
    let mut run = Watched::start(stage.rollout(&stage.target(), &[]));
    run.until("started", "disarm");
    signal("TERM", run.process());
    let (code, end, _) = run.end();
    assert_eq!(code, 5, "{end}");
    stage.is("1.0.0", false);
}

#[test]
fn nobody_to_answer_a_checklist_is_a_no() {
    let stage = Stage::new(&[]);
    let mut rollout = crate::tool::command(&["runbooks/policy-rollout.yaml"]);
    rollout.arg("--target").arg(stage.target());
    rollout.env("TITAN_RUNS", stage.runs());
    finished(rollout.output().unwrap()).exits(1).says("`--confirm images` answers it");
    stage.is("1.0.0", true);
}

#[test]
fn the_small_path_disarms_with_a_target_and_without() {
    let stage = Stage::new(&[]);
    let mut disarm = crate::tool::command(&["disarm", "execution"]);
    finished(disarm.arg("--target").arg(stage.target()).output().unwrap()).exits(0).says("verified disarmed");
    stage.is("1.0.0", false);
    let text = std::fs::read_to_string(stage.target()).unwrap();
    let metrics = text.split("scrape: ").nth(1).unwrap().split_whitespace().next().unwrap();
    crate::tool::titan(&["disarm", "--nats", &stage.nats.url(), "--metrics", metrics])
        .exits(0)
        .says("verified disarmed");
    let bare = stage.nats.url().replace("nats://", "");
    crate::tool::titan(&["disarm", "--nats", &bare, "--metrics", metrics]).exits(0).says("verified disarmed");
    let nowhere = crate::tool::titan(&["disarm", "--nats", "nats://127.0.0.1:1", "--metrics", metrics]);
    nowhere.exits(4).complains("UNKNOWN");
}

#[test]
fn the_small_path_closes_nothing_where_nobody_said_where() {
    let told = crate::tool::titan(&["disarm", "execution"]).exits(2);
    assert_eq!(told.out, "", "whoever forgot the target must not read that a gate is disarmed");
    let told = told.complains("`titan-run disarm execution --target FILE`");
    told.complains("`titan-run disarm --nats URL --metrics URL`");
    let simulated = ["--target", "std/targets/simulated.yaml"];
    crate::tool::titan(&["disarm", simulated[0], simulated[1]]).exits(0).says("SIMULATED");
    crate::tool::titan(&["disarm", "--world", "stuck_armed=true"])
        .exits(4)
        .complains("closing gate `execution` of target `simulated`")
        .complains("for at most 30s")
        .complains("waiting for disarmed, it is armed")
        .complains("STILL ARMED");
    crate::tool::titan(&["disarm", "brain", simulated[0], simulated[1]]).exits(2).complains("no gate `brain`");
}

#[test]
fn a_served_world_is_not_replaced_by_a_second_one() {
    let stage = Stage::new(&[]);
    let sim = stage.folder.path().join("sim");
    let second = crate::tool::titan(&["sim", "--dir", sim.to_str().unwrap(), "--free-ports"]);
    second.exits(1).complains("serves in");
    stage.is("1.0.0", true);
}

#[test]
fn a_service_that_cannot_start_is_told_at_once_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = ["sim", "--free-ports", "--nats", "nats://127.0.0.1:1", "--dir", folder.path().to_str().unwrap()];
    let told = crate::tool::titan(&nowhere).exits(1).complains("no connection to NATS at nats://127.0.0.1:1");
    told.complains("service `execution` ended before it answered");
}

/// A system lends its upper ports to outgoing connections, also while a service restarts.
#[test]
fn free_ports_are_none_that_a_system_lends_out() {
    let stage = Stage::new(&[]);
    let target = std::fs::read_to_string(stage.target()).unwrap();
    let addresses = target.match_indices("http://127.0.0.1:").map(|(start, scheme)| &target[start + scheme.len()..]);
    let ports: Vec<u16> = addresses.map(|rest| rest.split('/').next().unwrap().parse().unwrap()).collect();
    assert!(ports.len() >= 2 && ports.iter().all(|port| (20_000..32_000).contains(port)), "{ports:?}");
    // A second world that starts at the same time, or while a service restarts, draws others.
    let reserved = ports.iter().min().unwrap() - 1;
    let taken = std::net::TcpListener::bind(("127.0.0.1", reserved)).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn an_option_of_the_world_has_a_value_the_world_knows() {
    for (option, why) in [
        ("stuck_armed=maybe", "`stuck_armed` of the world is `true` or `false`, not `maybe`"),
        ("deploy_ms=soon", "`deploy_ms` of the world is a number of milliseconds, not `soon`"),
        ("wrong_policy_on=brian", "names no service of the world: `brian`; it has execution, brain"),
    ] {
        crate::tool::titan(&["runbooks/policy-rollout.yaml", "--world", option]).exits(2).complains(why);
    }
}
