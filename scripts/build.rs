//! Links the program at a fixed address.
//!
//! A program that is loaded anywhere has 28,000 pointers mended before `main`, a third of the time
//! `titan-run --version` takes. Stack, heap and libraries stay where the loader randomly puts them.

fn main() {
    println!("cargo:rerun-if-changed=scripts/build.rs");
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
