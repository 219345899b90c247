//! What can be wrong with an expression, as data: the words are said by whoever reports it.

use crate::source::Span;

use super::facts::Standing;
use super::types::{Noun, Type};

/// Something wrong with a part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its bytes in the guard's text.
    pub span: Span,
    /// What it is.
    pub what: Wrong,
}

/// The kinds of fault.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrong {
    /// No such name is in scope.
    UnknownName {
        /// The name.
        name: String,
        /// What is in scope.
        known: Vec<String>,
    },
    /// A map whose entries are known has no such entry.
    UnknownProperty {
        /// What its entries are called.
        noun: Noun,
        /// The name.
        name: String,
        /// The entries there are, as far as a reader can use them.
        known: Vec<String>,
        /// The usual one that it is a slip of.
        near: Option<String>,
    },
    /// Not every item of a list that is written out has this entry, and each is asked for it.
    NotInEach {
        /// The name.
        name: String,
    },
    /// A value that has no properties of this name.
    NoProperty {
        /// Its type.
        found: Type,
        /// The name.
        name: String,
    },
    /// No function has this name.
    UnknownFunction {
        /// The name.
        name: String,
        /// The type it is called on, in the form `value.name()`.
        on: Option<Type>,
        /// The functions there are.
        known: Vec<&'static str>,
    },
    /// A name that a function of the author's own does not see.
    NotHandedOver {
        /// The name.
        name: String,
    },
    /// A primitive that scripts cannot call.
    StepOnly {
        /// The primitive.
        primitive: &'static str,
    },
    /// A function of the author's own that calls a primitive, where none can be called.
    ScriptOnly {
        /// The function.
        function: String,
        /// The primitive, which another function may call for it.
        primitive: &'static str,
    },
    /// A function takes another number of arguments.
    WrongCount {
        /// How it is called.
        signature: String,
        /// How many were given.
        given: usize,
        /// Whether the first of them stands before a dot.
        is_method: bool,
    },
    /// A primitive is given more than it takes in a row.
    TooMany {
        /// The primitive.
        primitive: &'static str,
        /// How many it takes at most, before a map of others.
        most: usize,
    },
    /// A function is handed over by its name.
    ByName {
        /// What would call it.
        by: String,
        /// The name.
        name: String,
    },
    /// A function takes an argument of another type.
    WrongArgument {
        /// How it is called.
        signature: String,
        /// What was given.
        found: Type,
    },
    /// A truth is needed, and this is none.
    NotBool {
        /// Its type.
        found: Type,
        /// The operator that needs it; the guard itself where `None`.
        operator: Option<&'static str>,
    },
    /// The operator does not take these together.
    Operands {
        /// The operator.
        operator: &'static str,
        /// On its left.
        left: Type,
        /// On its right; `None` where it has one side.
        right: Option<Type>,
    },
    /// A comparison with null.
    Null,
    /// A quotient that may be no number.
    MayBeNan {
        /// Whether it certainly is none, or an error.
        is_certain: bool,
    },
    /// A text that is not one of the words a value can be.
    UnknownWord {
        /// The text.
        text: String,
        /// The words.
        words: &'static [&'static str],
    },
    /// It has one value, whatever happens.
    Constant {
        /// That value, where it is a truth.
        value: bool,
    },
    /// It is never looked at, because of what stands before it.
    Unreachable,
    /// It says again what stands before it.
    Repeated,
    /// It may be missing, and its being missing counts as a yes.
    MayBeMissing {
        /// The name that may be missing.
        name: String,
        /// Whether a default stands in for it.
        has_default: bool,
    },
    /// It may be missing, and reading it then fails.
    Optional {
        /// The name.
        name: String,
    },
    /// It may be null, and using it then fails.
    MayBeNull,
    /// A step is asked whether it is in doubt where none is.
    NeverInDoubt,
    /// A text that the function it is handed to cannot read.
    BadText {
        /// What is wrong with it.
        why: String,
        /// What to write instead.
        help: String,
    },
    /// A text that is no pattern where one is needed.
    BadPattern {
        /// What is wrong with it, in one line.
        why: String,
    },
    /// All of it is read by the engine alone.
    Unread,
    /// `steps`, or a step, where a value is needed.
    NoValue {
        /// Whether it is one step.
        is_one: bool,
    },
    /// An index of a type that is none here.
    Index {
        /// What is looked into.
        of: Type,
        /// The index's type.
        at: Type,
    },
    /// An index behind the end.
    OutOfRange {
        /// The index.
        at: i64,
        /// How many items there are.
        items: usize,
    },
    /// A step's result or status that may not be there.
    Step {
        /// The step.
        id: String,
        /// How it may stand.
        standing: Standing,
        /// Whether its result is asked for, and not just its status.
        is_result: bool,
    },
}
