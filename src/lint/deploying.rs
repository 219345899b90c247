//! Programs and addresses that change what a service runs, without the engine knowing of it.

use crate::declaration::{DEPLOY, Effect};
use crate::guard::syntax::ExprKind;
use crate::guard::{AskedPrimitive, Call, Said, Script};
use crate::runbook::ActionKind;
use crate::runbook::target::Target;

use super::argv::program;
use super::command_lines::run_by;
use super::flow::{Known, NodeId};
use super::pieces::{Pieces, Reader, argument_at, handed_over};
use super::scene::Scene;
use super::tools::by_command;
use super::urls::Address;

/// What a target fills the version into.
const VERSION: &str = "{version}";

/// The methods of requests that change something.
const CHANGING: [&str; 3] = ["DELETE", "PATCH", "PUT"];

/// What addresses end in that answer a `POST` and change nothing.
const ANSWERING: [&str; 6] = ["check", "graphql", "health", "query", "search", "validate"];

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
        (_, "http") => {
            let address = reader.argument("url")?;
            let looks = || action.effect() == Effect::Observes;
            let method = reader.argument("method").and_then(|method| method.whole()).filter(|_| looks());
            by_address(&address, target).or_else(|| by_request(&method?, &address, target))
        }
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
        let says = |name: &str| {
            let given = argument_at(&call.arguments, usize::MAX, name, said)?;
            reader.said(given, said).whole()
        };
        let method = says("method").filter(|_| says("observes").as_deref() == Some("true"));
        by_address(&address, target).or_else(|| by_request(&method?, &address, target))
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

/// A request that changes something at one of the services that must agree, whatever it says of itself.
fn by_request(method: &str, address: &Pieces, target: &Target) -> Option<String> {
    let shown = address.shown();
    let path = shown.split(['?', '#']).next().unwrap_or_default();
    let segments = path.split('/').skip(3);
    let last = path.rsplit('/').next().unwrap_or_default();
    let changes = CHANGING.contains(&method) || (method == "POST" && !ANSWERING.contains(&last));
    let is_of = |segment: &str, service: &str| {
        let rest = segment.strip_prefix(service);
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('-') && rest.ends_with(|c: char| c.is_ascii_digit())
        })
    };
    let host = Address::of(path).host.split('.');
    let mut services = target.parity();
    let is_own = services.any(|service| host.clone().chain(segments.clone()).any(|segment| is_of(segment, service)));
    (changes && is_own).then(|| format!("{method} {shown}"))
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
