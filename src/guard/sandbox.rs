//! The sandbox: a bare engine with a listed set of packages and a bound on everything.

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage, MoreStringPackage,
    Package,
};
use std::any::TypeId;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use rhai::{Array, Dynamic, Engine, ImmutableString, Map, OptimizationLevel};

use crate::value::format_duration;

use super::operators::{equal, fault};
use super::{functions, names, operators};

/// Operations of one guard: a guard that needs more is a program.
const MAX_OPERATIONS: u64 = 100_000;
/// Operations of a script up to a call, and of a guard that calls functions of an author's own.
const MAX_SCRIPT_OPERATIONS: u64 = 5_000_000;
/// How long they may compute, while a watch cannot act: their operations are counted, what each takes is not.
const MAX_SCRIPT_TIME: Duration = Duration::from_secs(1);
/// How many operations there are from one look at the clock to the next.
const OPERATIONS_A_LOOK: u64 = 64;
/// Nesting of expressions; set for both build kinds, whose own defaults differ.
pub(super) const MAX_EXPRESSION_DEPTH: usize = 48;
/// Nested calls: guards have no functions of their own, scripts a few.
const MAX_CALL_LEVELS: usize = 16;
/// Bytes of a text: a policy file fits.
const MAX_TEXT: usize = 16 * 1024 * 1024;
/// Items of a list and entries of a map.
pub(super) const MAX_ITEMS: usize = 100_000;
/// Names alive at once.
const MAX_VARIABLES: usize = 1_000;
/// Functions a script defines.
const MAX_FUNCTIONS: usize = 64;

/// What would reach outside, wait, or run text as code.
const DISABLED: [&str; 8] = ["eval", "print", "debug", "import", "export", "sleep", "timestamp", "call"];

/// Functions of lists and maps that call what they are handed.
pub(super) const CALLING: [&str; 19] = [
    "all",
    "dedup",
    "drain",
    "extract",
    "filter",
    "find",
    "find_map",
    "for_each",
    "map",
    "order_by",
    "reduce",
    "reduce_rev",
    "retain",
    "some",
    "sort",
    "sort_by",
    "splice",
    "split",
    "zip",
];

/// The engine for guards.
pub(super) fn engine() -> Engine {
    let mut engine = bare();
    engine.set_max_operations(MAX_OPERATIONS);
    engine.set_allow_looping(false);
    engine
}

/// The engine for scripts, before the primitives are added.
pub(super) fn script_engine() -> Engine {
    let mut engine = bare();
    engine.set_max_operations(MAX_SCRIPT_OPERATIONS);
    refuse_named(&mut engine);
    engine
}

/// How long an author's own code computes. What it hands over to functions of lists counts with it, which the
/// engine's own count leaves out.
#[expect(clippy::disallowed_types, reason = "how long a computation takes is no time of any world")]
#[derive(Debug)]
pub(super) struct Pace {
    began: Cell<std::time::Instant>,
    operations: Cell<u64>,
}

#[expect(clippy::disallowed_types, reason = "how long a computation takes is no time of any world")]
impl Pace {
    /// Ends whatever an engine computes for too long: nothing else of a run is done meanwhile.
    pub(super) fn of(engine: &mut Engine) -> Rc<Self> {
        let pace = Rc::new(Self { began: Cell::new(std::time::Instant::now()), operations: Cell::default() });
        let looked_at = Rc::clone(&pace);
        engine.on_progress(move |_| looked_at.too_long().map(Into::into));
        pace
    }

    /// Begins to count anew.
    pub(super) fn begin(&self) {
        self.began.set(std::time::Instant::now());
        self.operations.set(0);
    }

    fn too_long(&self) -> Option<String> {
        let operations = self.operations.get() + 1;
        self.operations.set(operations);
        if operations > MAX_SCRIPT_OPERATIONS {
            return Some("this takes too many operations".to_owned());
        }
        let is_late = operations.is_multiple_of(OPERATIONS_A_LOOK) && self.began.get().elapsed() > MAX_SCRIPT_TIME;
        is_late.then(|| format!("this computes for more than {}", format_duration(MAX_SCRIPT_TIME)))
    }
}

/// Functions of lists and maps call what they are handed, also by its name as a text: nobody who
/// reads the script would find the call.
fn refuse_named(engine: &mut Engine) {
    for (name, takes) in taking_text(engine, &CALLING) {
        engine.register_raw_fn(name, takes, |_, _| {
            Err::<Dynamic, _>(fault("hand over a function as `|value| ...`, not by its name"))
        });
    }
}

/// A text is looked for in a list as any other value is, also where a function has its name.
fn seek_texts(engine: &mut Engine) {
    for (name, takes) in taking_text(engine, &["index_of"]) {
        engine.register_raw_fn(name, takes, |_, given| {
            let [list, sought, rest @ ..] = given else {
                return Err(fault("`index_of` looks for a value in a list"));
            };
            let list = list.read_lock::<Array>().ok_or_else(|| fault("`index_of` looks in a list"))?;
            let count = i64::try_from(list.len()).unwrap_or(i64::MAX);
            let start = rest.first().and_then(|start| start.as_int().ok()).unwrap_or(0);
            // A negative one counts from the end.
            let start = if start < 0 { start.saturating_add(count).max(0) } else { start };
            for (at, item) in (0..count).zip(list.iter()).skip_while(|(at, _)| *at < start) {
                if equal(item, sought)? {
                    return Ok(at);
                }
            }
            Ok(-1)
        });
    }
}

/// The functions of lists and maps, of a few names, that take a text.
fn taking_text(engine: &Engine, names: &[&str]) -> Vec<(String, Vec<TypeId>)> {
    let is_text = |kind: &TypeId| [TypeId::of::<ImmutableString>(), TypeId::of::<&str>()].contains(kind);
    engine.collect_fn_metadata(
        None,
        |one| {
            let takes = one.metadata.param_types.as_slice();
            let is_it = names.contains(&one.metadata.name.as_str()) && takes.iter().skip(1).any(is_text);
            let is_on_many = takes.first().is_some_and(|on| [TypeId::of::<Array>(), TypeId::of::<Map>()].contains(on));
            (is_it && is_on_many).then(|| (one.metadata.name.to_string(), takes.to_vec()))
        },
        true,
    )
}

fn bare() -> Engine {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    seek_texts(&mut engine);
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_fast_operators(false);
    engine.set_max_expr_depths(MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_DEPTH);
    engine.set_max_call_levels(MAX_CALL_LEVELS);
    engine.set_max_string_size(MAX_TEXT);
    engine.set_max_array_size(MAX_ITEMS);
    engine.set_max_map_size(MAX_ITEMS);
    engine.set_max_variables(MAX_VARIABLES);
    engine.set_max_functions(MAX_FUNCTIONS);
    engine.set_max_modules(0);
    for symbol in DISABLED {
        engine.disable_symbol(symbol);
    }
    operators::register(&mut engine);
    functions::register(&mut engine);
    names::register(&mut engine);
    engine
}
