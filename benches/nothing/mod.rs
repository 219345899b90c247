//! A journal that keeps nothing and a library that holds nothing, so that a bench measures neither; and
//! the program's allocator, so that it measures that one.

use titan_run::engine::Journal;
use titan_run::event::Event;
use titan_run::runbook::Library;
use titan_run::source::SourceFile;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps nothing, holds nothing.
pub struct Nothing;

impl Journal for Nothing {
    fn append(&self, _: &Event) -> Result<(), String> {
        Ok(())
    }

    fn head(&self) -> String {
        String::new()
    }

    fn is_dirty(&self) -> bool {
        false
    }

    fn commit(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Library for Nothing {
    fn read(&self, _: &SourceFile, name: &str) -> Result<SourceFile, String> {
        Err(format!("no `{name}`"))
    }
}
