//! Hands argv to the command line and returns its exit code.

fn main() -> std::process::ExitCode {
    titan_run::cli::main(std::env::args_os())
}
