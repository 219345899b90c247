//! `titan-run lint`: everything that is wrong with runbooks and targets, before anything runs.
//!
//! Files are checked by several threads, each with a checker of its own, and reported in the order
//! of their names: the same files give the same bytes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::ValueEnum;

use crate::diagnostic::Severity;
use crate::report::{Checkup, OneFile, checkup_github, checkup_json, checkup_junit, checkup_line, checkup_sarif};
use crate::stdlib;
use crate::visible::visible;

use super::check::{Checked, Checker};
use super::collect::{Asked, collect};
use super::files::{read_source, read_stdin};
use super::fix::fixed;
use super::search::{is_ours, replace};
use super::{Streams, exit};

#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = "Exit codes: 0 nothing at or above the denied severity, 1 something was, \
                        2 usage, or a file that cannot be read")]
pub(super) struct Args {
    /// Runbooks, targets, folders of them, quoted patterns such as 'runbooks/**/*.yaml', or `-` for standard input
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Where runbooks will act; without it what a run would find
    #[arg(long, value_name = "FILE")]
    target: Option<String>,
    /// From which severity on something is wrong; without it what `.titan-lint.yaml` says, else `error`
    #[arg(long, value_name = "SEVERITY")]
    deny: Option<Deny>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: Format,
    /// Make the fixes that cannot change what a working file means, and say which
    #[arg(long)]
    fix: bool,
    /// With `--fix`: also make those that can
    #[arg(long, requires = "fix")]
    r#unsafe: bool,
    /// The name of what comes from standard input: decides which files are found around it
    #[arg(long, value_name = "NAME", default_value = "<stdin>")]
    stdin_name: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Deny {
    /// Errors only
    Error,
    /// Warnings too
    Warning,
    /// Everything
    Note,
}

impl Deny {
    fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Drawn, for people
    Terminal,
    /// One JSON document, version 1
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
    /// JUnit XML, for test reports
    Junit,
}

/// The stack of a thread, as large as the first one's usually is: what is checked in one is checked
/// in all of them alike.
const STACK: usize = 8 * 1024 * 1024;

/// Checks every file, and says how many were checked.
pub(super) fn lint(args: &Args, streams: &mut Streams<'_>) -> u8 {
    let (names, mut trouble) = collect(&args.paths);
    if args.fix {
        for said in fix_all(args, &names, &mut trouble) {
            match args.format {
                Format::Terminal => streams.say(&visible(&said)),
                Format::Json | Format::Sarif | Format::Github | Format::Junit => streams.complain(&said),
            }
        }
    }
    let checkup = gather(args, trouble, check_all(args, &names));
    checkup.trouble.iter().for_each(|why| streams.complain(why));
    show(&checkup, args.format, streams);
    match (checkup.trouble.is_empty(), checkup.files.values().any(OneFile::is_denied)) {
        (false, _) => exit::USAGE,
        (true, true) => exit::REFUSED,
        (true, false) => exit::SUCCEEDED,
    }
}

/// Everything found, by the file it is in. What several files include or act on is found by each
/// of them, and said once.
fn gather(args: &Args, trouble: Vec<String>, done: Vec<Option<(String, Checked)>>) -> Checkup {
    let mut checkup = Checkup { trouble, ..Checkup::default() };
    let all = done.len();
    for (name, one) in done.into_iter().flatten() {
        checkup.checked += 1;
        let deny = args.deny.map_or(one.deny, Deny::severity);
        checkup.trouble.extend(one.unreadable);
        checkup.files.entry(name).or_default().is_asked = true;
        for found in one.diagnostics {
            let file = found.loc().map_or_else(String::new, |loc| loc.file.name().to_owned());
            let of_file = checkup.files.entry(file).or_default();
            of_file.deny = of_file.deny.min(deny);
            match of_file.found.iter_mut().find(|known| known.is_same_but_for_weight(&found)) {
                Some(known) => known.severity = known.severity.max(found.severity),
                None => of_file.found.push(found),
            }
        }
    }
    checkup.passed_over = all - checkup.checked;
    if checkup.checked == 0 && checkup.trouble.is_empty() {
        checkup.trouble.push("no runbook was found there".to_owned());
    }
    checkup.trouble.sort();
    checkup.trouble.dedup();
    checkup
}

fn show(checkup: &Checkup, format: Format, streams: &mut Streams<'_>) {
    let text = match format {
        Format::Terminal => {
            checkup.files.values().for_each(|file| streams.draw_product(&file.found));
            return streams.say(&checkup_line(checkup));
        }
        Format::Json => checkup_json(checkup),
        Format::Sarif => checkup_sarif(checkup),
        Format::Github => checkup_github(checkup),
        Format::Junit => checkup_junit(checkup),
    };
    let _ = write!(streams.out, "{text}");
}

/// Fixes every file; gives a sentence for each that was, and adds what went wrong.
fn fix_all(args: &Args, names: &[Asked], trouble: &mut Vec<String>) -> Vec<String> {
    let done = for_each(args, names, |Asked { name, is_found }, checker| {
        if name == "-" {
            return Some(Err("`--fix` writes files, and standard input is none".to_owned()));
        }
        let Ok(Ok(file)) = read_source(name) else {
            return None;
        };
        if *is_found && !is_ours(&file) {
            return None;
        }
        let fixed = fixed(&file, args.r#unsafe, checker);
        if fixed.done.is_empty() || stdlib::find(name).is_some() {
            return None;
        }
        Some(replace(Path::new(name), fixed.file.text().as_bytes()).map(|()| fixed.said()))
    });
    let (said, wrong): (Vec<_>, Vec<_>) = done.into_iter().flatten().partition(Result::is_ok);
    trouble.extend(wrong.into_iter().filter_map(Result::err));
    said.into_iter().filter_map(Result::ok).collect()
}

/// What checking gave, in the order of the names; nothing for a file that is passed over.
fn check_all(args: &Args, names: &[Asked]) -> Vec<Option<(String, Checked)>> {
    for_each(args, names, |asked, checker| check_one(args, asked, checker))
}

/// Does something with every file, in several threads; the results stand in the order of the names.
fn for_each<T: Send>(args: &Args, names: &[Asked], act: impl Fn(&Asked, &mut Checker) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut checker = Checker::new(args.target.as_deref());
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(name) = names.get(at) else {
                return done;
            };
            done.push((at, act(name, &mut checker)));
        }
    };
    let helpers = match names.len() {
        0 | 1 => 0,
        many => thread::available_parallelism().map_or(1, usize::from).min(many).saturating_sub(1),
    };
    let mut done = thread::scope(|scope| {
        let start = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok();
        let started: Vec<_> = (0..helpers).filter_map(start).collect();
        let mut done = work();
        for helper in started {
            done.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn check_one(args: &Args, Asked { name, is_found }: &Asked, checker: &mut Checker) -> Option<(String, Checked)> {
    let read = if name == "-" { read_stdin(&args.stdin_name) } else { read_source(name) };
    let shown = if name == "-" { &args.stdin_name } else { name };
    let checked = match read {
        Ok(Ok(file)) if *is_found && !is_ours(&file) => return None,
        Ok(Ok(file)) => checker.check(&file),
        Ok(Err(diagnostics)) => Checked { diagnostics, deny: Severity::Error, unreadable: Vec::new() },
        Err(why) => Checked { diagnostics: Vec::new(), deny: Severity::Error, unreadable: vec![why] },
    };
    Some((shown.to_owned(), checked))
}
