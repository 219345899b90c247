//! Grammar: what a key is, said once for the decoder, the schema, the editor and the documents.
//!
//! The tables themselves are in `keys.rs`, `target_keys.rs` and `test_keys.rs`. `fields.rs` reads by
//! them, so that no key is read that is not declared.

/// The keys of one kind of map.
#[derive(Debug)]
pub struct Table {
    /// What such a map is, as messages say it: `a step`.
    pub what: &'static str,
    /// Its keys, in the order in which they read best; in parts, because maps share some.
    pub parts: &'static [&'static [Key]],
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The word.
    pub name: &'static str,
    /// What stands under it.
    pub holds: Holds,
    /// Whether leaving it out is an error.
    pub is_required: bool,
    /// One sentence, in Markdown; says the default where there is one.
    pub about: &'static str,
}

/// A word an author may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: &'static str,
    /// One sentence.
    pub about: &'static str,
}

/// What stands under a key.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// The language's version.
    Version,
    /// The name of the runbook.
    RunbookName,
    /// A single value, read as text.
    Text,
    /// A file of functions, or another runbook.
    Include,
    /// A guard.
    Guard,
    /// A length of time.
    Duration,
    /// A length of time, or one `${ }` that gives one.
    Stay,
    /// A whole number from a least to a most one.
    Whole(u64, u64),
    /// A number from a least to a most one.
    Number(f64, f64),
    /// `true` or `false`.
    Truth,
    /// One of a few words.
    Words(fn() -> Vec<Word>),
    /// A NATS subject.
    Subject,
    /// A reference to a credential.
    Secret,
    /// The id of a step.
    Step,
    /// A step of the runbook under test, or `outer/inner`.
    StepPath,
    /// Ids of steps in a list, or as keys with the outcome that is waited for.
    Needs,
    /// The name of an action.
    Action,
    /// The arguments of the action beside it.
    Arguments,
    /// The name of a service of this target.
    Service,
    /// A value of any type, written out.
    Value,
    /// Either of two.
    Either(&'static Holds, &'static Holds),
    /// A list.
    List(&'static Holds),
    /// A map whose keys are the author's.
    Named(Names, &'static Holds),
    /// A map with known keys.
    Map(&'static Table),
}

/// What names an author may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Any.
    Free,
    /// Words that a guard can say: `snake_case`.
    Ids,
    /// The same, and there must be one.
    SomeIds,
    /// Steps of the runbook under test, or `outer/inner`.
    StepPaths,
}

impl Table {
    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// The key with this name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }
}

impl Key {
    /// A key that may be left out.
    pub(crate) const fn optional(name: &'static str, holds: Holds, about: &'static str) -> Self {
        Self { name, holds, is_required: false, about }
    }

    /// A key that must be there.
    pub(crate) const fn required(name: &'static str, holds: Holds, about: &'static str) -> Self {
        Self { name, holds, is_required: true, about }
    }
}

impl Holds {
    /// A few words for the reference.
    pub fn phrase(&self) -> String {
        match self {
            Self::Version => "version".to_owned(),
            Self::RunbookName => "name".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Include => "file".to_owned(),
            Self::Guard => "guard".to_owned(),
            Self::Duration | Self::Stay => "duration".to_owned(),
            Self::Whole(least, most) => format!("{least} to {most}"),
            Self::Number(least, most) => format!("{least} to {most}"),
            Self::Truth => "truth".to_owned(),
            Self::Words(words) => {
                let words: Vec<_> = words().iter().map(|word| format!("`{}`", word.text)).collect();
                words.join(", ")
            }
            Self::Subject => "subject".to_owned(),
            Self::Secret => "`env:NAME` or `file:PATH`".to_owned(),
            Self::Step | Self::StepPath => "step".to_owned(),
            Self::Needs => "steps".to_owned(),
            Self::Action => "action".to_owned(),
            Self::Arguments => "arguments".to_owned(),
            Self::Service => "service".to_owned(),
            Self::Value => "value".to_owned(),
            Self::Either(one, other) => format!("{}, or {}", one.phrase(), other.phrase()),
            Self::List(items) => format!("list: {}", items.phrase()),
            Self::Named(_, each) => format!("map of names: {}", each.phrase()),
            Self::Map(_) => "map".to_owned(),
        }
    }
}
