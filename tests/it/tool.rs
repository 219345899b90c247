//! Running the built binary.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a run of the binary gave.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The binary with arguments, in the repository's folder, with nothing of the caller's settings.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_titan-run"));
    command.args(arguments).current_dir(root()).stdin(Stdio::null()).env_remove("TITAN_TARGET").env("NO_COLOR", "1");
    // A case that keeps a run says where.
    command.env("TITAN_RUNS", "/dev/null/nowhere");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TITAN_PARAM_")) {
        command.env_remove(name);
    }
    command
}

/// Runs the binary to its end.
pub fn titan(arguments: &[&str]) -> Ran {
    finished(command(arguments).output().unwrap())
}

/// The texts of an output.
pub fn finished(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// Asserts the exit code, showing everything where it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }

    /// Everything it wrote.
    pub fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// Asserts that standard output contains a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "`{text}` is not in\n{}", self.out);
        self
    }

    /// Asserts that standard error contains a text.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "`{text}` is not in\n{}", self.err);
        self
    }
}
