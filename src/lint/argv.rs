//! Every argv of a file: of `exec` in runbooks, and of the commands in targets.

use crate::yaml::Node;

use super::places::Leaf;
use super::{Subject, TargetSubject};

/// Shells, by the names they are called.
const SHELLS: [&str; 10] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "cmd", "powershell", "pwsh"];

/// Interpreters whose code can stand in an argument.
const INTERPRETERS: [&str; 6] = ["python", "python3", "perl", "ruby", "node", "php"];

/// Programs that are handed code for another: the flags before it, and what reads it.
const HANDED_CODE: [(&str, [&str; 2]); 4] = [
    ("su", ["-c", "--command"]),
    ("runuser", ["-c", "--command"]),
    ("psql", ["-c", "--command"]),
    ("mysql", ["-e", "--execute"]),
];

/// Programs that join the words behind them to one line for a shell, and how many of those words are
/// not part of it.
const LINE_READERS: [(&str, usize); 3] = [("ssh", 1), ("watch", 0), ("parallel", 0)];

/// Programs that run the one named behind them.
const RUNNERS: [&str; 4] = ["doas", "env", "nohup", "sudo"];

/// What a target fills in.
const FILLED: [&str; 3] = ["{version}", "{since}", "{since_unix}"];

/// One argv.
pub(super) struct Argv<'a> {
    /// Its elements, the program first.
    pub(super) elements: Vec<Leaf<'a>>,
    /// What the program reads.
    stdin: Option<Leaf<'a>>,
}

/// An element that is code for another program.
pub(super) struct Code<'a> {
    /// The program that reads it.
    pub(super) reader: &'a str,
    /// Whether that is a shell.
    pub(super) is_shell: bool,
    /// The code.
    pub(super) leaf: Leaf<'a>,
}

/// Every argv of a runbook, those in its scripts included.
pub(super) fn of_runbook<'s>(subject: &'s Subject<'_>) -> Vec<Argv<'s>> {
    let of = |list: &'s Node, stdin: Option<&'s Node>| Argv { stdin: stdin.and_then(Leaf::of), ..argv(list) };
    let programs = subject.uses().iter().filter(|one| one.primitive() == "exec");
    let argvs = programs.filter_map(|one| Some(of(one.argument("argv")?, one.argument("stdin"))));
    let scripted = subject.scripted().iter().filter(|one| one.declaration.name == "exec");
    argvs.chain(scripted.filter_map(|one| Some(of(one.argument("argv")?, one.argument("stdin"))))).collect()
}

/// Every argv of a target.
pub(super) fn of_target<'a>(subject: &TargetSubject<'a>) -> Vec<Argv<'a>> {
    let named = |section: &str| subject.tree.get(section).map_or(&[][..], Node::entries).iter().map(|(_, node)| node);
    let mut found = Vec::new();
    for service in named("services") {
        let deploy = service.get("deploy");
        let is_nested = deploy.is_some_and(|deploy| deploy.items().iter().any(|item| !item.items().is_empty()));
        match deploy {
            Some(deploy) if is_nested => found.extend(deploy.items().iter().map(argv)),
            deploy => found.extend(deploy.map(argv)),
        }
        found.extend(service.get("version").map(argv));
        found.extend(service.get("log").and_then(|log| log.get("command")).map(argv));
    }
    let probes = named("gates").filter_map(|gate| gate.get("probe")?.get("command"));
    found.extend(probes.map(argv));
    found
}

fn argv(list: &Node) -> Argv<'_> {
    Argv { elements: list.items().iter().filter_map(Leaf::of).collect(), stdin: None }
}

/// Whether something is filled into a text, by a runbook or by a target.
pub(super) fn is_filled(leaf: Leaf<'_>) -> bool {
    leaf.is_filled() || FILLED.iter().any(|name| leaf.text().contains(name))
}

/// The name of a program without its folder.
pub(super) fn program(text: &str) -> &str {
    let name = text.rsplit(['/', '\\']).next().unwrap_or(text);
    name.strip_suffix(".exe").unwrap_or(name)
}

/// Whether a program is a shell.
pub(super) fn is_shell(program: &str) -> bool {
    SHELLS.contains(&program)
}

impl<'a> Argv<'a> {
    /// Every element that is code for a shell or an interpreter, wherever in the argv that is
    /// called: after `env`, `sudo`, `docker exec x` or `kubectl exec x --` as well. Where it is given
    /// neither code nor a file, it reads its code from where it reads.
    pub(super) fn code(&self) -> Vec<Code<'a>> {
        let mut found = Vec::new();
        for (at, element) in self.elements.iter().enumerate() {
            let reader = program(element.text());
            found.extend(self.handed_code(at, reader));
            let is_shell = is_shell(reader);
            if !is_shell && !INTERPRETERS.contains(&reader) {
                continue;
            }
            let rest = self.elements.get(at + 1..).unwrap_or_default();
            let leaf = match code_after(is_shell, rest.iter().map(Leaf::text)) {
                Some(code) => rest.get(code),
                None => self.stdin.as_ref().filter(|_| reads_code(is_shell, rest)),
            };
            found.extend(leaf.map(|leaf| Code { reader, is_shell, leaf: *leaf }));
        }
        found
    }

    /// The code that the program at a place is handed by a flag, behind whatever else.
    fn handed_code(&self, at: usize, reader: &'a str) -> Option<Code<'a>> {
        let (_, flags) = HANDED_CODE.iter().find(|(name, _)| *name == reader)?;
        let rest = self.elements.get(at + 1..)?;
        let flag = rest.iter().position(|leaf| flags.contains(&leaf.text()))?;
        Some(Code { reader, is_shell: false, leaf: *rest.get(flag + 1)? })
    }

    /// Every line for a shell that is made of elements, with what makes it: the first of its elements
    /// into which something is filled.
    pub(super) fn filled_lines(&self) -> Vec<(&'static str, Leaf<'a>)> {
        let line = |(at, element): (usize, &Leaf<'a>)| {
            let (reader, before) = LINE_READERS.iter().find(|(name, _)| *name == program(element.text()))?;
            // `gh run watch` is no such program.
            let mut ahead = self.elements.iter().take(at).map(|leaf| program(leaf.text()));
            if *before == 0 && !ahead.all(|word| RUNNERS.contains(&word)) {
                return None;
            }
            let mut rest = self.elements.iter().skip(at + 1).peekable();
            // `-n 5` has a value of its own.
            while let Some(flag) = rest.next_if(|leaf| *reader == "watch" && leaf.text().starts_with('-')) {
                if ["-n", "--interval"].contains(&flag.text()) {
                    rest.next();
                }
            }
            rest.skip(*before).find(|leaf| is_filled(**leaf)).map(|leaf| (*reader, *leaf))
        };
        self.elements.iter().enumerate().filter_map(line).collect()
    }
}

/// Whether a shell or an interpreter with these words behind it reads its code.
fn reads_code(is_shell: bool, words: &[Leaf<'_>]) -> bool {
    let is_told = |word: &Leaf<'_>| word.text() == "-" || (is_shell && word.text() == "-s");
    words.iter().any(is_told) || words.iter().all(|word| word.text().starts_with('-'))
}

/// Which of the words behind the name of a shell or an interpreter is code; none where a file follows.
pub(super) fn code_after<'t>(is_shell: bool, words: impl Iterator<Item = &'t str>) -> Option<usize> {
    let mut words = words.enumerate();
    while let Some((at, flag)) = words.next().filter(|(_, flag)| flag.starts_with(['-', '/', '+'])) {
        if takes_code(is_shell, flag) {
            return Some(at + 1);
        }
        // `-o pipefail`, also behind other letters.
        if is_shell && flag.ends_with('o') {
            words.next();
        }
    }
    None
}

/// Whether the element after a flag is code.
fn takes_code(is_shell: bool, flag: &str) -> bool {
    let letters = flag.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or("");
    let is_short = !letters.is_empty() && letters.len() <= 5;
    let by_word = ["/c", "/k", "-command", "--command", "--eval"].contains(&flag.to_ascii_lowercase().as_str());
    by_word || (is_short && letters.ends_with('c')) || (!is_shell && ["-e", "-E", "-r"].contains(&flag))
}
