//! Programs and addresses that change what a service runs, without the engine knowing of it.

use crate::guard::Said;
use crate::guard::syntax::ExprKind;
use crate::runbook::ActionKind;
use crate::runbook::target::Target;

use super::argv::program;
use super::pieces::{Pieces, Reader, handed_over};

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
    /// A file or a package, which may hold any service.
    Anything,
}

/// The programs that deploy.
const TOOLS: [Tool; 10] = [
    Tool {
        name: "kubectl",
        verbs: &[&["set", "image"], &["rollout", "restart"], &["rollout", "undo"]],
        names: Names::Some,
    },
    Tool { name: "kubectl", verbs: &[&["apply"], &["replace"], &["patch"]], names: Names::Anything },
    Tool {
        name: "oc",
        verbs: &[
            &["set", "image"],
            &["rollout", "latest"],
            &["rollout", "restart"],
            &["rollout", "retry"],
            &["rollout", "undo"],
        ],
        names: Names::Some,
    },
    Tool { name: "oc", verbs: &[&["apply"], &["replace"], &["patch"]], names: Names::Anything },
    Tool { name: "docker", verbs: &[&["up"], &["restart"]], names: Names::Some },
    Tool { name: "docker", verbs: &[&["service", "update"], &["stack", "deploy"]], names: Names::Anything },
    Tool { name: "docker-compose", verbs: &[&["up"], &["restart"]], names: Names::Some },
    Tool {
        name: "systemctl",
        verbs: &[&["restart"], &["start"], &["try-restart"], &["reload-or-restart"]],
        names: Names::One,
    },
    Tool { name: "helm", verbs: &[&["upgrade"], &["install"], &["rollback"]], names: Names::Anything },
    Tool { name: "podman", verbs: &[&["up"], &["restart"]], names: Names::Some },
];

/// The words with which such a program only says what it would do.
const REHEARSING: [&str; 3] = ["--dry-run", "--dry-run=client", "--dry-run=server"];

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
    let shown: Vec<String> = argv.iter().map(Pieces::shown).collect();
    let words: Vec<&str> = shown.iter().flat_map(|element| element.split_whitespace()).collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let rest = words.get(at + 1..)?;
        let tools = TOOLS.iter().filter(|tool| tool.name == program(word));
        tools.flat_map(|tool| tool.verbs.iter().map(move |verb| (tool, *verb))).find_map(|(tool, verb)| {
            let found = rest.windows(verb.len()).position(|words| words == verb)?;
            let named = rest.get(found + verb.len()..)?;
            let mut own = rest.iter().take_while(|word| program(word) != tool.name);
            let is_rehearsed = own.any(|word| REHEARSING.contains(word));
            (!is_rehearsed && is_of_group(tool.names, named, target)).then(|| {
                let between = if found == 0 { "" } else { "... " };
                format!("{} {between}{}", tool.name, verb.join(" "))
            })
        })
    })
}

/// Whether what the words behind a verb name is, or may be, one of the services that must agree.
fn is_of_group(names: Names, words: &[&str], target: &Target) -> bool {
    let named: Vec<_> = words.iter().filter(|word| !word.starts_with('-') && word.parse::<f64>().is_err()).collect();
    let may_be = |word: &str| word.contains("${") || target.parity().any(|service| word.contains(service));
    match names {
        Names::Anything => true,
        Names::Some => named.is_empty() || named.iter().any(|word| may_be(word)),
        Names::One => named.iter().any(|word| may_be(word)),
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
