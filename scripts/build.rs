//! Links the program so that it starts at once.
//!
//! At a fixed address: a program that is loaded anywhere has 28,000 pointers mended before `main`,
//! a third of the time `titan-run --version` takes. Stack, heap and libraries stay where the
//! loader randomly puts them.
//!
//! With the unwinder of the compiler inside, of which a program that aborts on panic needs ten
//! functions: its shared library costs every start 0.07 ms. Where there is no such archive, the
//! library is linked as ever.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=scripts/build.rs");
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        if let (Some(archive), Some(folder)) = (unwinder(), std::env::var_os("OUT_DIR")) {
            put_before_shared(&archive, Path::new(&folder));
        }
    }
}

/// Where the linker's own compiler has the unwinder as an archive, when it builds for this machine.
fn unwinder() -> Option<PathBuf> {
    if std::env::var("HOST").ok()? != std::env::var("TARGET").ok()? {
        return None;
    }
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let told = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let archive = PathBuf::from(String::from_utf8(told.stdout).ok()?.trim());
    // A compiler that has none answers with the bare name.
    (archive.is_absolute() && archive.is_file()).then_some(archive)
}

/// Stands in for the shared library in a folder that is searched first, as a linker script.
fn put_before_shared(archive: &Path, folder: &Path) {
    if std::fs::write(folder.join("libgcc_s.so"), format!("INPUT({})\n", archive.display())).is_ok() {
        println!("cargo:rustc-link-search=native={}", folder.display());
    }
}
