//! An image is named without saying which one.
//!
//! `latest`, or no tag at all, means whatever was pushed last: the version that was reviewed and
//! hashed is not the one that runs, two machines run different ones, and a rollback to `latest`
//! brings back the new one. So it is wherever a version stands: in an image, as the `version` of a
//! `deploy`, as the default of a param.
//!
//! ```yaml bad
//! titan: 1
//! runbook: migrate
//! steps:
//!   migrate:
//!     do: exec
//!     no_undo: The migration can be done twice.
//!     with: { argv: [docker, run, --rm, "registry.example.com/titan/migrate:latest"] }
//! ```
//!
//! Name a version or a digest:
//!
//! ```yaml good
//! titan: 1
//! runbook: migrate
//! params:
//!   version: { type: text }
//! steps:
//!   migrate:
//!     do: exec
//!     no_undo: The migration can be done twice.
//!     with: { argv: [docker, run, --rm, "registry.example.com/titan/migrate:${params.version}"] }
//! ```

use crate::diagnostic::{Severity, Strength};
use crate::yaml::Node;

use super::{Check, Group, Report, Rule, Subject, TargetSubject};
use crate::lint::argv::{self, Argv, program};
use crate::lint::places::Leaf;

pub(super) const RULE: Rule = Rule {
    code: "unpinned-image",
    severity: Severity::Warning,
    strength: Strength::Heuristic,
    group: Group::Security,
    source: include_str!("unpinned_image.rs"),
    check: Check::Both(check, check_target),
};

/// The bundled runbook whose arguments are versions, by service.
const DEPLOYS: &str = "deploy-pair";

/// Programs that run containers.
const ENGINES: [&str; 4] = ["docker", "podman", "nerdctl", "buildah"];

/// Their flags that take no value.
const BARE_FLAGS: [&str; 13] = [
    "--rm",
    "-d",
    "--detach",
    "-i",
    "-t",
    "-it",
    "-ti",
    "--interactive",
    "--tty",
    "--init",
    "--privileged",
    "--read-only",
    "-q",
];

fn check(subject: &Subject<'_>, report: &mut Report<'_>) {
    argv::of_runbook(subject).iter().for_each(|argv| check_argv(argv, report));
    for one in subject.uses() {
        for (name, node) in one.arguments() {
            if is_version(name) || one.action.name() == DEPLOYS {
                check_version(Some(node), report);
            }
        }
    }
    let params = subject.runbook.tree.get("params").map_or(&[][..], Node::entries);
    for (name, param) in params {
        check_default(&name.value, param.get("default"), report);
    }
}

fn check_target(subject: &TargetSubject<'_>, report: &mut Report<'_>) {
    argv::of_target(subject).iter().for_each(|argv| check_argv(argv, report));
    for (name, node) in subject.tree.get("params").map_or(&[][..], Node::entries) {
        check_default(&name.value, Some(node), report);
    }
}

fn check_default(name: &str, default: Option<&Node>, report: &mut Report<'_>) {
    if is_version(name.rsplit('_').next().unwrap_or(name)) {
        check_version(default, report);
    }
}

fn is_version(name: &str) -> bool {
    ["version", "tag", "image"].contains(&name)
}

fn check_version(written: Option<&Node>, report: &mut Report<'_>) {
    let latest = written.and_then(Leaf::of);
    if let Some(leaf) = latest.filter(|leaf| leaf.text() == "latest" || leaf.text().ends_with(":latest")) {
        tell(&leaf, "`latest` is whatever was pushed last", report);
    }
}

fn check_argv(argv: &Argv<'_>, report: &mut Report<'_>) {
    let sets_image = argv.elements.iter().any(|leaf| leaf.text() == "image");
    let image = container_image(argv);
    let mut before = "";
    for leaf in &argv.elements {
        let is_value = std::mem::replace(&mut before, leaf.text()) == "--image";
        let (name, value) = leaf.text().split_once('=').unwrap_or(("", leaf.text()));
        let is_image =
            name.trim_start_matches('-') == "image" || (sets_image && !name.is_empty() && !name.starts_with('-'));
        let is_run = image.is_some_and(|image| image.is(leaf));
        if value.ends_with(":latest") {
            tell(leaf, "`latest` is whatever was pushed last", report);
        } else if (is_image || is_run || is_value) && !is_pinned(value) {
            tell(leaf, "without a tag, this is whatever was pushed last", report);
        }
    }
}

/// The image that `docker run`, `create` or `pull` is given.
fn container_image<'a>(argv: &Argv<'a>) -> Option<Leaf<'a>> {
    let engine = argv.elements.iter().position(|leaf| ENGINES.contains(&program(leaf.text())))?;
    let command = argv.elements.get(engine + 1)?;
    if !["run", "create", "pull"].contains(&command.text()) {
        return None;
    }
    let mut rest = argv.elements.iter().skip(engine + 2);
    while let Some(leaf) = rest.next() {
        match leaf.text() {
            flag if !flag.starts_with('-') => return Some(*leaf),
            flag if flag.contains('=') || BARE_FLAGS.contains(&flag) => {}
            _ => drop(rest.next()),
        }
    }
    None
}

/// Whether an image's name ends in a tag or digest, or in what is filled in.
fn is_pinned(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    image.contains("@sha256:") || last.contains(':') || image.ends_with('}') || image.is_empty()
}

fn tell(leaf: &Leaf<'_>, why: &str, report: &mut Report<'_>) {
    let found = report.at(why, leaf.span);
    report.push(found.help("name the version that was reviewed, such as `:2.4.0`, or its digest `@sha256:...`"));
}
