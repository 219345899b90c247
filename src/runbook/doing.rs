//! What an action does, itself or somewhere inside.

use crate::declaration::ARM;

use super::{Action, ActionKind};

impl Action {
    /// Whether it is a primitive, or does it somewhere inside.
    pub fn does(&self, primitive: &str) -> bool {
        match &self.kind {
            ActionKind::Primitive(declaration) => declaration.name == primitive,
            ActionKind::Runbook(runbook) => runbook.steps.iter().any(|step| step.work.action.does(primitive)),
            // A script opens no gate.
            ActionKind::Script(script) => primitive != ARM && script.said().calls(primitive),
        }
    }
}
