//! The command line: one file a command. The only room that knows both `live/` and `sim/`.

mod answers;
mod approvals;
mod ask;
mod audit;
mod carry;
mod case;
mod check;
mod collect;
mod diff;
mod disarm;
pub mod exit;
mod explain;
mod files;
mod fix;
mod fmt;
mod graph;
mod hash;
mod key;
mod lint;
mod list;
mod lsp;
mod new;
mod plan;
mod prepare;
mod recorded;
mod rehearse;
mod resume;
mod run;
mod runs;
mod schema;
mod search;
mod signals;
mod sim;
mod slip;
mod story;
mod test;
mod worlds;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::diagnostic::Diagnostic;
use crate::report::{Style, draw, draw_all};
use crate::visible::visible;

/// Carries runbooks out, against a target or rehearsed in a simulated world.
#[derive(Parser)]
#[command(
    name = "titan-run",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Exit codes: 0 succeeded, 1 refused (nothing was changed), 2 usage or file error, \
                  3 rolled back, 4 stuck (a person is needed), 5 paused"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Args,
}

// The arguments of each are declared only once it is the one that was asked for. What is said of
// them in their own files are no doc comments: clap would show those in place of these.
#[derive(Subcommand)]
#[command(defer = true)]
enum Command {
    /// Carry a runbook out (the same as `titan-run RUNBOOK`)
    Run(run::Args),
    /// Go on with a run whose runner has ended
    Resume(resume::Args),
    /// Roll a run back, from what is on record
    Abort(ask::AbortArgs),
    /// Stop a run at its next safe point
    Pause(ask::PauseArgs),
    /// Go on without a step, where the runbook allows it
    Skip(ask::StepArgs),
    /// Do a failed step again
    Retry(ask::StepArgs),
    /// Sign that a run may go on
    Approve(ask::DecideArgs),
    /// Sign that a run may not go on
    Deny(ask::DecideArgs),
    /// Make an approver's key
    Key(key::Args),
    /// List runs
    Runs(runs::Args),
    /// Show every record of a run
    Show(runs::Named),
    /// Say why a step ran, was skipped or failed, with what its guards saw
    Why(story::WhyArgs),
    /// Show a run again as it was shown live
    Replay(story::ReplayArgs),
    /// Check that a run's record is whole, and that its head is the one given
    Verify(story::VerifyArgs),
    /// Check runbooks and targets without running them
    Lint(lint::Args),
    /// Say what differs between two runbooks in meaning, and what is less safe
    Diff(diff::Args),
    /// Draw a runbook as Mermaid, DOT or SVG
    Graph(graph::Args),
    /// Begin a runbook and its test file
    New(new::Args),
    /// Run test files against the simulated world
    Test(test::Args),
    /// Lay runbooks, targets and test files out; every comment stays
    Fmt(fmt::Args),
    /// Explain what the checker reports
    Explain(explain::Args),
    /// Show order, edges, effects and undos of a runbook; touches nothing
    Plan(plan::Args),
    /// Do the steps of a runbook that only look, on the real target; changes nothing
    Rehearse(rehearse::Args),
    /// List primitives, functions, bundled files
    List(list::Args),
    /// Print the policy hash of a JSON file
    Hash(hash::Args),
    /// Close a gate and verify it; needs no runbook
    Disarm(disarm::Args),
    /// Serve the simulated Titan on a real NATS server
    Sim(sim::Args),
    /// Serve an editor over standard input and output (Language Server Protocol)
    Lsp(lsp::Args),
    /// Print the JSON Schema of runbooks or targets
    Schema(schema::Args),
    /// Print shell completions
    Completions(Completions),
}

#[derive(clap::Args)]
#[group(skip)]
struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

/// Where a command writes.
struct Streams<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// How drawings on `out` look.
    out_style: Style,
    /// How drawings on `err` look.
    style: Style,
}

impl Streams<'_> {
    fn say(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
    }

    /// One line of trouble, foreign characters made visible.
    fn complain(&mut self, text: &str) {
        let _ = writeln!(self.err, "titan-run: {}", visible(text));
    }

    fn draw(&mut self, diagnostics: &[Diagnostic]) {
        let _ = write!(self.err, "{}", draw(diagnostics, self.style));
    }

    /// Where diagnostics are what was asked for; without the count, which another line gives.
    fn draw_product(&mut self, diagnostics: &[Diagnostic]) {
        let _ = write!(self.out, "{}", draw_all(diagnostics, self.out_style));
    }
}

/// Runs one command; `args` begins with the program's name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let mut err = std::io::stderr();
    let may_colour = std::env::var_os("NO_COLOR").is_none();
    let style = |is_terminal: bool| if is_terminal && may_colour { Style::Coloured } else { Style::Plain };
    let (out_style, style) = (style(out.is_terminal()), style(err.is_terminal()));
    let mut streams = Streams { out: &mut out, err: &mut err, out_style, style };
    let args: Vec<_> = args.into_iter().collect();
    let code = match Cli::try_parse_from(&args) {
        Ok(cli) => dispatch(cli, &mut streams),
        Err(error) => match slip::meant(&args, &error) {
            Some(why) => misunderstood(&why, &mut streams),
            None => usage(&error, &mut streams),
        },
    };
    ExitCode::from(code)
}

fn dispatch(cli: Cli, streams: &mut Streams<'_>) -> u8 {
    match cli.command {
        None => match cli.run.named().and_then(slip::no_command) {
            Some(why) => misunderstood(&why, streams),
            None => run::run(&cli.run, streams),
        },
        Some(Command::Run(args)) => run::run(&args, streams),
        Some(Command::Resume(args)) => resume::resume(&args, streams),
        Some(Command::Abort(args)) => ask::abort(&args, streams),
        Some(Command::Pause(args)) => ask::pause(&args, streams),
        Some(Command::Skip(args)) => ask::skip(&args, streams),
        Some(Command::Retry(args)) => ask::retry(&args, streams),
        Some(Command::Approve(args)) => ask::approve(&args, streams),
        Some(Command::Deny(args)) => ask::deny(&args, streams),
        Some(Command::Key(args)) => key::key(&args, streams),
        Some(Command::Runs(args)) => runs::runs(&args, streams),
        Some(Command::Show(args)) => story::show(&args, streams),
        Some(Command::Why(args)) => story::why(&args, streams),
        Some(Command::Replay(args)) => story::replay(&args, streams),
        Some(Command::Verify(args)) => story::verify(&args, streams),
        Some(Command::Lint(args)) => lint::lint(&args, streams),
        Some(Command::Diff(args)) => diff::diff(&args, streams),
        Some(Command::Graph(args)) => graph::graph(&args, streams),
        Some(Command::New(args)) => new::new(&args, streams),
        Some(Command::Test(args)) => test::test(&args, streams),
        Some(Command::Fmt(args)) => fmt::fmt(&args, streams),
        Some(Command::Explain(args)) => explain::explain(&args, streams),
        Some(Command::Plan(args)) => plan::plan(&args, streams),
        Some(Command::Rehearse(args)) => rehearse::rehearse(&args, streams),
        Some(Command::List(args)) => list::list(&args, streams),
        Some(Command::Hash(args)) => hash::hash(&args, streams),
        Some(Command::Disarm(args)) => disarm::disarm(&args, streams),
        Some(Command::Sim(args)) => sim::sim(&args, streams),
        Some(Command::Lsp(args)) => lsp::lsp(&args, streams),
        Some(Command::Schema(args)) => schema::print(&args, streams),
        Some(Command::Completions(args)) => {
            clap_complete::generate(args.shell, &mut Cli::command(), "titan-run", &mut streams.out);
            exit::SUCCEEDED
        }
    }
}

fn misunderstood(why: &str, streams: &mut Streams<'_>) -> u8 {
    streams.complain(why);
    exit::USAGE
}

/// Help and version go to standard output and succeed; everything else is a usage error.
fn usage(error: &clap::Error, streams: &mut Streams<'_>) -> u8 {
    let text = error.render().to_string();
    if error.use_stderr() {
        let _ = write!(streams.err, "{}", crate::visible::same_length(&text));
        return exit::USAGE;
    }
    let _ = write!(streams.out, "{text}");
    exit::SUCCEEDED
}
