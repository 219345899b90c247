//! What is answered beforehand with `--confirm` and `--approve-with`, held against the runbook
//! before anything is done: a slip must not come up when the checklist does.

use std::collections::BTreeSet;

use crate::diagnostic::did_you_mean;
use crate::live::{ALL_ITEMS, read_seed};
use crate::runbook::{ActionKind, Runbook, Work};

use super::carry::How;

/// The primitive that asks a checklist.
const CONFIRM: &str = "confirm";

/// What of the answers fits nothing; a sentence each.
pub(super) fn misfits(how: &How, runbook: &Runbook) -> Vec<String> {
    let mut asked = Asked::default();
    asked.learn(runbook);
    let unknown = how.confirm.iter().filter(|item| *item != ALL_ITEMS && !asked.has(item));
    let items = unknown.map(|item| asked.without(item, runbook));
    items.chain(how.approve_with.iter().filter_map(|key| read_seed(key).err())).collect()
}

/// The items of every checklist of a runbook.
#[derive(Default)]
struct Asked<'a> {
    items: BTreeSet<&'a str>,
    /// Whether a checklist is computed, so that its items are known only when it comes up.
    is_open: bool,
}

impl<'a> Asked<'a> {
    fn learn(&mut self, runbook: &'a Runbook) {
        for step in &runbook.steps {
            self.learn_from(&step.work);
            step.undo.iter().for_each(|undo| self.learn_from(undo));
        }
        runbook.ensures.iter().for_each(|ensure| self.learn_from(&ensure.work));
    }

    fn learn_from(&mut self, work: &'a Work) {
        match &work.action.kind {
            ActionKind::Primitive(declaration) if declaration.name == CONFIRM => match work.action.with.keys("items") {
                Some(items) => self.items.extend(items),
                None => self.is_open = true,
            },
            ActionKind::Primitive(_) => {}
            ActionKind::Runbook(inner) => self.learn(inner),
            ActionKind::Script(script) => self.is_open |= script.said().calls(CONFIRM),
        }
    }

    fn has(&self, item: &str) -> bool {
        self.is_open || self.items.contains(item)
    }

    fn without(&self, item: &str, runbook: &Runbook) -> String {
        if self.items.is_empty() {
            return format!("`--confirm {item}`: `{}` asks no checklist; leave it out", runbook.name);
        }
        let near = did_you_mean(item, self.items.iter().copied());
        let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
        let items: Vec<_> = self.items.iter().map(|item| format!("`{item}`")).collect();
        let items = items.join(", ");
        format!("`--confirm {item}`: no checklist has this item; {near}the items are {items}, and `all` for every one")
    }
}
