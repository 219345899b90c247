//! What an action does, itself or somewhere inside.

use crate::declaration::{ARM, Effect, OBSERVES};

use super::{Action, ActionKind, Runbook, Work};

impl Action {
    /// The strongest effect it can have: a script may call anything, so it changes.
    pub fn effect(&self) -> Effect {
        match &self.kind {
            ActionKind::Primitive(declaration) => declaration.effect_where(self.with.constant_field(OBSERVES.name)),
            ActionKind::Script(_) => Effect::Changes,
            ActionKind::Runbook(runbook) => {
                let mut strongest = Effect::Observes;
                for step in &runbook.steps {
                    match step.work.action.effect() {
                        Effect::Changes => return Effect::Changes,
                        Effect::Asks => strongest = Effect::Asks,
                        Effect::Observes => {}
                    }
                }
                strongest
            }
        }
    }

    /// Whether it is a primitive.
    pub fn is(&self, primitive: &str) -> bool {
        matches!(&self.kind, ActionKind::Primitive(declaration) if declaration.name == primitive)
    }

    /// Whether it is a primitive, or does it somewhere inside.
    pub fn does(&self, primitive: &str) -> bool {
        match &self.kind {
            ActionKind::Primitive(_) => self.is(primitive),
            ActionKind::Runbook(runbook) => runbook.steps.iter().any(|step| step.work.action.does(primitive)),
            // A script opens no gate.
            ActionKind::Script(script) => primitive != ARM && script.said().calls(primitive),
        }
    }
}

impl Runbook {
    /// Whether it opens a gate, or does so as it is undone.
    pub fn opens(&self) -> bool {
        let opens = |work: &Work| match &work.action.kind {
            ActionKind::Primitive(_) | ActionKind::Script(_) => work.action.is(ARM),
            ActionKind::Runbook(runbook) => runbook.opens(),
        };
        self.steps.iter().any(|step| opens(&step.work) || step.undo.as_deref().is_some_and(opens))
    }
}
