//! Programs and addresses that change what a service runs, without the engine knowing of it.

use crate::declaration::DEPLOY;
use crate::guard::syntax::ExprKind;
use crate::guard::{AskedPrimitive, Call, Said, Script};
use crate::runbook::ActionKind;
use crate::runbook::target::Target;

use super::argv::program;
use super::command_lines::run_by;
use super::flow::{Known, NodeId};
use super::pieces::{Pieces, Reader, handed_over};
use super::scene::Scene;

/// What a target fills the version into.
const VERSION: &str = "{version}";

/// How a program is told to change what runs.
struct Tool {
    /// The program.
    name: &'static str,
    /// The words that do it, one of which must follow.
    verbs: &'static [&'static [&'static str]],
    /// What the words behind it name.
    names: Names,
}

/// What the words behind a verb name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// The services that are changed, all of them where none is named.
    Some,
    /// The services that are changed, of the machine's many.
    One,
    /// The services that are changed, or a file, which may hold any.
    OneOrFile,
    /// A file or a package, which may hold any service.
    Anything,
}

/// How containers are started, changed and stopped.
const OF_CONTAINERS: &[&[&str]] = &[&["down"], &["kill"], &["restart"], &["run"], &["start"], &["stop"], &["up"]];

/// How programs are started and stopped by the one that keeps them running.
const OF_PROGRAMS: &[&[&str]] = &[&["restart"], &["start"], &["stop"], &["reload"]];

/// The programs that deploy.
const TOOLS: [Tool; 19] = [
    Tool {
        name: "kubectl",
        verbs: &[
            &["set", "image"],
            &["set", "env"],
            &["set", "resources"],
            &["rollout", "restart"],
            &["rollout", "undo"],
            &["scale"],
        ],
        names: Names::Some,
    },
    Tool { name: "kubectl", verbs: &[&["apply"], &["replace"], &["patch"]], names: Names::Anything },
    Tool { name: "kubectl", verbs: &[&["create"], &["delete"]], names: Names::OneOrFile },
    Tool {
        name: "oc",
        verbs: &[
            &["set", "image"],
            &["set", "env"],
            &["set", "resources"],
            &["rollout", "latest"],
            &["rollout", "restart"],
            &["rollout", "retry"],
            &["rollout", "undo"],
            &["scale"],
        ],
        names: Names::Some,
    },
    Tool { name: "oc", verbs: &[&["apply"], &["replace"], &["patch"]], names: Names::Anything },
    Tool { name: "oc", verbs: &[&["create"], &["delete"]], names: Names::OneOrFile },
    Tool { name: "docker", verbs: OF_CONTAINERS, names: Names::Some },
    Tool { name: "docker", verbs: &[&["service", "update"], &["stack", "deploy"]], names: Names::Anything },
    Tool { name: "docker-compose", verbs: OF_CONTAINERS, names: Names::Some },
    Tool {
        name: "systemctl",
        verbs: &[&["kill"], &["reload"], &["restart"], &["start"], &["stop"], &["try-restart"], &["reload-or-restart"]],
        names: Names::One,
    },
    Tool { name: "helm", verbs: &[&["upgrade"], &["install"], &["rollback"]], names: Names::Anything },
    Tool { name: "helmfile", verbs: &[&["apply"], &["sync"]], names: Names::Anything },
    Tool { name: "nomad", verbs: &[&["job", "run"], &["job", "restart"], &["job", "stop"]], names: Names::Anything },
    Tool { name: "argocd", verbs: &[&["app", "sync"], &["app", "rollback"], &["app", "set"]], names: Names::Anything },
    Tool { name: "aws", verbs: &[&["ecs", "update-service"]], names: Names::One },
    Tool { name: "supervisorctl", verbs: OF_PROGRAMS, names: Names::One },
    Tool { name: "pm2", verbs: OF_PROGRAMS, names: Names::One },
    Tool { name: "podman", verbs: OF_CONTAINERS, names: Names::Some },
    Tool { name: "podman-compose", verbs: OF_CONTAINERS, names: Names::Some },
];

/// The words with which such a program only says what it would do.
const REHEARSING: [&str; 3] = ["--dry-run", "--dry-run=client", "--dry-run=server"];

/// Programs that only say what they are told.
const SAYING: [&str; 3] = ["echo", "logger", "printf"];

/// Every deploy that a script asks for.
pub(super) fn deploys_of(script: &Script) -> impl Iterator<Item = &AskedPrimitive> {
    script.asked().iter().filter(|asked| asked.declaration.name == DEPLOY)
}

/// The service of a deploy in a script; `None` where it does not write out which.
pub(super) fn service_of(deploy: &AskedPrimitive) -> Option<Known> {
    deploy.argument("service")?.value.clone().map(Known::Value)
}

/// The services that a script deploys, one for each call; `None` where it does not write out which.
pub(super) fn deployed_by(script: &Script) -> Vec<Option<Known>> {
    let mut deployed: Vec<_> = deploys_of(script).map(service_of).collect();
    // What a function in a file, or one that is handed over by its name, deploys is not written here.
    let calls = |call: &&Call| {
        call.name == DEPLOY || call.hands_over().is_some_and(|over| over.is_none_or(|over| over == DEPLOY))
    };
    let elsewhere = script.said().calls.iter().filter(calls).count() > deployed.len();
    deployed.extend(elsewhere.then_some(None));
    deployed
}

/// What every step and script of a scene deploys; `None` where a script does not write out which service.
pub(super) fn deployed_in(scene: &Scene<'_>) -> Vec<(NodeId, Option<Known>)> {
    let mut found: Vec<_> = scene.deploys().into_iter().map(|(id, service)| (id, Some(service.clone()))).collect();
    let script = |id: NodeId| scene.flow.node(id).and_then(|node| node.work.action.script());
    found.retain(|(id, _)| script(*id).is_none());
    for (id, _) in scene.flow.nodes() {
        found.extend(script(id).into_iter().flat_map(deployed_by).map(|service| (id, service)));
    }
    found
}

/// What a node deploys by hand: the words that say so.
pub(super) fn deployed_by_hand(reader: &Reader<'_, '_>) -> Option<String> {
    let target = reader.subject.setting.target;
    target.parity().next()?;
    let action = &reader.node.work.action;
    match (&action.kind, action.name()) {
        (ActionKind::Script(script), _) => by_script(reader, script.said(), target),
        (_, "exec") => by_argv(&reader.items("argv"), target),
        (_, "http") => by_address(&reader.argument("url")?, target),
        _ => None,
    }
}

fn by_script(reader: &Reader<'_, '_>, said: &Said, target: &Target) -> Option<String> {
    let programs = said.calls.iter().filter(|call| call.name == "exec").filter_map(|call| {
        let ExprKind::List(items) = &handed_over(call, "argv", said)?.kind else {
            return None;
        };
        let argv: Vec<_> = items.iter().map(|item| reader.said(item, said)).collect();
        by_argv(&argv, target)
    });
    let addresses = said.calls.iter().filter(|call| call.name == "http").filter_map(|call| {
        let address = reader.said(handed_over(call, "url", said)?, said);
        by_address(&address, target)
    });
    programs.chain(addresses).next()
}

fn by_argv(argv: &[Pieces], target: &Target) -> Option<String> {
    by_tool(argv, target).or_else(|| is_own_command(argv, target).then(|| argv.first().map(Pieces::shown))?)
}

/// Whether an argv calls one of the programs that deploy, wherever in it: after `ssh host` or in a
/// shell's line as well.
fn by_tool(argv: &[Pieces], target: &Target) -> Option<String> {
    run_by(argv.iter().map(Pieces::shown).collect()).iter().find_map(|command| {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let told = words.iter().take_while(|word| !SAYING.contains(&program(word)));
        told.enumerate().find_map(|(at, word)| by_command(program(word), words.get(at + 1..)?, target))
    })
}

/// What a program that deploys is told to do; what stands behind `exec` or `--` is told to another.
fn by_command(name: &str, words: &[&str], target: &Target) -> Option<String> {
    let told: Vec<&str> = words.iter().copied().take_while(|word| !["exec", "--"].contains(word)).collect();
    if told.iter().any(|word| REHEARSING.contains(word)) || is_beside(&told) {
        return None;
    }
    let tools = TOOLS.iter().filter(|tool| tool.name == name);
    tools.flat_map(|tool| tool.verbs.iter().map(move |verb| (tool, *verb))).find_map(|(tool, verb)| {
        let found = told.windows(verb.len()).position(|words| words == verb)?;
        let named = told.get(found + verb.len()..)?;
        is_of_group(tool.names, named, target).then(|| {
            let between = if found == 0 { "" } else { "... " };
            format!("{} {between}{}", tool.name, verb.join(" "))
        })
    })
}

/// Whether a container is run beside the others until its program ends.
fn is_beside(words: &[&str]) -> bool {
    words.contains(&"--rm") && !words.iter().any(|word| ["-d", "--detach"].contains(word))
}

/// Whether what the words behind a verb name is, or may be, one of the services that must agree.
fn is_of_group(names: Names, words: &[&str], target: &Target) -> bool {
    let named: Vec<_> = words.iter().filter(|word| !word.starts_with('-') && word.parse::<f64>().is_err()).collect();
    let may_be = |word: &str| word.contains("${") || target.parity().any(|service| word.contains(service));
    let has_file = || words.iter().any(|word| ["-f", "-k"].contains(word) || word.starts_with("--filename"));
    match names {
        Names::Anything => true,
        Names::Some => named.is_empty() || named.iter().any(|word| may_be(word)),
        Names::One => named.iter().any(|word| may_be(word)),
        Names::OneOrFile => has_file() || named.iter().any(|word| may_be(word)),
    }
}

/// Whether an argv is the one with which the target deploys a service.
fn is_own_command(argv: &[Pieces], target: &Target) -> bool {
    let mut own = commands(target).filter(|own| own.iter().any(|element| element.contains(VERSION)));
    let same =
        |(given, own): (&Pieces, &String)| agree(given, own) || (!given.is_partly_written() && own.contains(VERSION));
    own.any(|own| argv.len() == own.len() && argv.iter().zip(own).all(same))
}

fn by_address(address: &Pieces, target: &Target) -> Option<String> {
    let path = |text: &str| text.split(['?', '#']).next().unwrap_or("").to_owned();
    let is_address = |element: &&String| element.starts_with("http://") || element.starts_with("https://");
    let mut own = commands(target).flatten().filter(is_address);
    let is_it = |own: &String| agree(address, own) || agree(&address.map(path), &path(own));
    own.any(is_it).then(|| address.shown())
}

/// Whether a text may be what a target fills a version into.
fn agree(given: &Pieces, own: &str) -> bool {
    match given.whole() {
        Some(given) => Pieces::around(own, VERSION).may_be(&given),
        None => given.is_partly_written() && given.may_be(own),
    }
}

/// Every argv with which the target deploys a service that must agree with another.
fn commands(target: &Target) -> impl Iterator<Item = &Vec<String>> {
    let services = target.services.iter().filter(|(name, _)| target.parity().any(|one| one == name.as_str()));
    services.flat_map(|(_, service)| &service.deploy)
}
