//! Links the program so that it starts at once.
//!
//! At a fixed address: a program that is loaded anywhere has 28,000 pointers mended before `main`,
//! a third of the time `titan-run --version` takes. Stack, heap and libraries stay where the
//! loader randomly puts them.
//!
//! With the unwinder of the compiler inside, of which a program that aborts on panic needs ten
//! functions: its shared library costs every start 0.07 ms. Where there is no such archive, the
//! library is linked as ever.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=scripts/build.rs");
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        if let Some(folder) = std::env::var_os("OUT_DIR").filter(|_| has_unwinder() == Some(true)) {
            put_before_shared(Path::new(&folder));
        }
    }
}

/// Whether the linker's own compiler has the unwinder as an archive, when it builds for this machine.
fn has_unwinder() -> Option<bool> {
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    if std::env::var("HOST").ok()? != std::env::var("TARGET").ok()? {
        return None;
    }
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let told = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output().ok()?;
    // A compiler that has none answers with the bare name.
    let archive = String::from_utf8(told.stdout).ok()?;
    Some(Path::new(archive.trim()).is_absolute())
}

/// Stands in for the shared library in a folder that is searched first, as a linker script. It says
/// the archive's name and not its place: that is another one after the compiler was replaced.
fn put_before_shared(folder: &Path) {
    if std::fs::write(folder.join("libgcc_s.so"), "INPUT(-lgcc_eh)\n").is_ok() {
        println!("cargo:rustc-link-search=native={}", folder.display());
    }
}
