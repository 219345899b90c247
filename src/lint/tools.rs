//! Programs that change what a service runs, and the words with which they are told to.

use crate::runbook::target::Target;

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
    /// A file, and behind it where it is put, as `brain-0:/etc/policy.json`.
    Into,
    /// Nothing: the words before the verb name the services that are changed.
    Before,
}

/// How containers are started, changed and stopped.
const OF_CONTAINERS: &[&[&str]] = &[&["down"], &["kill"], &["restart"], &["run"], &["start"], &["stop"], &["up"]];

/// How programs are started and stopped by the one that keeps them running.
const OF_PROGRAMS: &[&[&str]] = &[&["restart"], &["start"], &["stop"], &["reload"]];

/// How files are put into a container, or taken out of one.
const COPYING: &[&[&str]] = &[&["cp"]];

/// What needs no verb.
const ALWAYS: &[&[&str]] = &[&[]];

/// The programs that deploy.
const TOOLS: [Tool; 30] = [
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
    Tool { name: "kubectl", verbs: COPYING, names: Names::Into },
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
    Tool { name: "docker", verbs: COPYING, names: Names::Into },
    Tool { name: "docker", verbs: &[&["service", "update"], &["stack", "deploy"]], names: Names::Anything },
    Tool { name: "docker-compose", verbs: OF_CONTAINERS, names: Names::Some },
    Tool {
        name: "systemctl",
        verbs: &[
            &["kill"],
            &["reload"],
            &["restart"],
            &["start"],
            &["stop"],
            &["try-restart"],
            &["reload-or-restart"],
            &["enable", "--now"],
            &["disable", "--now"],
            &["--now", "enable"],
            &["--now", "disable"],
        ],
        names: Names::One,
    },
    Tool { name: "service", verbs: OF_PROGRAMS, names: Names::Before },
    Tool { name: "pkill", verbs: ALWAYS, names: Names::One },
    Tool { name: "killall", verbs: ALWAYS, names: Names::One },
    Tool { name: "scp", verbs: ALWAYS, names: Names::Into },
    Tool { name: "helm", verbs: &[&["upgrade"], &["install"], &["rollback"]], names: Names::Anything },
    Tool { name: "helmfile", verbs: &[&["apply"], &["sync"]], names: Names::Anything },
    Tool { name: "nomad", verbs: &[&["job", "run"], &["job", "restart"], &["job", "stop"]], names: Names::Anything },
    Tool { name: "argocd", verbs: &[&["app", "sync"], &["app", "rollback"], &["app", "set"]], names: Names::Anything },
    Tool { name: "aws", verbs: &[&["ecs", "update-service"]], names: Names::One },
    Tool {
        name: "gcloud",
        verbs: &[&["run", "deploy"], &["run", "services", "update"], &["run", "services", "update-traffic"]],
        names: Names::One,
    },
    Tool { name: "ansible-playbook", verbs: ALWAYS, names: Names::Anything },
    Tool { name: "terraform", verbs: &[&["apply"], &["destroy"]], names: Names::Anything },
    Tool { name: "tofu", verbs: &[&["apply"], &["destroy"]], names: Names::Anything },
    Tool { name: "titan-run", verbs: &[&["sim", "deploy"]], names: Names::One },
    Tool { name: "supervisorctl", verbs: OF_PROGRAMS, names: Names::One },
    Tool { name: "pm2", verbs: OF_PROGRAMS, names: Names::One },
    Tool { name: "podman", verbs: OF_CONTAINERS, names: Names::Some },
    Tool { name: "podman-compose", verbs: OF_CONTAINERS, names: Names::Some },
];

/// The words with which such a program only says what it would do.
const REHEARSING: [&str; 7] =
    ["--dry-run", "--dry-run=client", "--dry-run=server", "--check", "--syntax-check", "--list-hosts", "--list-tasks"];

/// The programs that end others; behind `exec` it is the container's own.
const ENDING: [&str; 3] = ["kill", "killall", "pkill"];

/// What a program that deploys is told to do; what stands behind `exec` or `--` is told to another.
pub(super) fn by_command(name: &str, words: &[&str], target: &Target) -> Option<String> {
    let told: Vec<&str> = words.iter().copied().take_while(|word| !["exec", "--"].contains(word)).collect();
    if told.iter().any(|word| REHEARSING.contains(word)) || is_beside(&told) {
        return None;
    }
    if let Some(ended) = ended_inside(name, words, target) {
        return Some(ended);
    }
    let tools = TOOLS.iter().filter(|tool| tool.name == name);
    tools.flat_map(|tool| tool.verbs.iter().map(move |verb| (tool, *verb))).find_map(|(tool, verb)| {
        let found = (0..=told.len()).find(|at| told.get(*at..).is_some_and(|rest| rest.starts_with(verb)))?;
        let named = match tool.names {
            Names::Before => told.get(..found)?,
            _ => told.get(found + verb.len()..)?,
        };
        is_of_group(tool.names, named, target).then(|| {
            let between = if found == 0 { "" } else { "... " };
            format!("{} {between}{}", tool.name, verb.join(" ")).trim_end().to_owned()
        })
    })
}

/// What ends the program of a container whose name is one of the services that must agree.
fn ended_inside(name: &str, words: &[&str], target: &Target) -> Option<String> {
    let at = words.iter().position(|word| *word == "exec")?;
    let is_container = TOOLS.iter().any(|tool| tool.name == name && tool.verbs == COPYING) || name == "podman";
    let inner = words.get(at + 1..)?;
    let ending = inner.iter().position(|word| ENDING.contains(word)).filter(|_| is_container)?;
    let is_own = is_of_group(Names::One, inner.get(..ending)?, target);
    is_own.then(|| format!("{name} exec ... {}", inner.get(ending).copied().unwrap_or_default()))
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
        Names::One | Names::Before => named.iter().any(|word| may_be(word)),
        Names::Into => named.last().and_then(|into| into.split_once(':')).is_some_and(|(place, _)| may_be(place)),
        Names::OneOrFile => has_file() || named.iter().any(|word| may_be(word)),
    }
}
