//! Hands argv to the command line and returns its exit code.

/// Checking is mostly allocation; this allocator takes half the time of the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    titan_run::cli::main(std::env::args_os())
}
