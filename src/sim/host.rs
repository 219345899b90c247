//! One service of a world file: its state, and what its functions ask the world to do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage, LogicPackage,
    MoreStringPackage, Package,
};
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, ImmutableString, Map, OptimizationLevel, Scope};

use crate::policy;
use crate::source::SourceFile;
use crate::stdlib;

/// Operations of one call of a world's function: a handler is a few lines.
const MAX_OPERATIONS: u64 = 1_000_000;
/// Nesting of expressions, for both build kinds.
const MAX_DEPTH: usize = 64;

/// A compiled world file.
pub(crate) struct Host {
    engine: Engine,
    ast: AST,
}

/// What a service's function asked for.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Log(String),
    Publish { subject: String, payload: String },
    Reply(String),
    Request { subject: String, payload: String, timeout_ms: u64, token: String },
    After { ms: u64, token: String },
    Restart,
}

/// What a deploy will do.
pub(crate) struct Deployment {
    /// How long it takes.
    pub(crate) takes: Duration,
    /// The exit code of the deploy command.
    pub(crate) code: i64,
    /// The version that runs then.
    pub(crate) runs: String,
}

/// One running service.
#[derive(Debug, Default)]
pub(crate) struct Instance {
    pub(crate) version: String,
    pub(crate) state: Map,
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) listens: Vec<String>,
    pub(crate) wishes: Vec<Wish>,
}

/// A service as its functions see it.
#[derive(Clone, Debug)]
struct Service(Rc<RefCell<Instance>>);

type Evaluated<T> = Result<T, Box<EvalAltResult>>;

/// A host without a function.
impl Default for Host {
    fn default() -> Self {
        Self { engine: Engine::new_raw(), ast: AST::empty() }
    }
}

impl Host {
    /// Compiles a world file.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let mut engine = Engine::new_raw();
        ArithmeticPackage::new().register_into_engine(&mut engine);
        LogicPackage::new().register_into_engine(&mut engine);
        BasicStringPackage::new().register_into_engine(&mut engine);
        MoreStringPackage::new().register_into_engine(&mut engine);
        BasicArrayPackage::new().register_into_engine(&mut engine);
        BasicMapPackage::new().register_into_engine(&mut engine);
        BasicIteratorPackage::new().register_into_engine(&mut engine);
        engine.set_optimization_level(OptimizationLevel::None);
        engine.set_fail_on_invalid_map_property(true);
        engine.set_max_operations(MAX_OPERATIONS);
        engine.set_max_expr_depths(MAX_DEPTH, MAX_DEPTH);
        engine.disable_symbol("eval");
        engine.register_fn("type_of", |value: Dynamic| value.type_name().to_owned());
        engine.register_fn("parse_int", |text: ImmutableString| parse_int(&text));
        Service::register(&mut engine);
        let ast = engine.compile(text).map_err(|error| format!("the world file is wrong: {error}"))?;
        Ok(Self { engine, ast })
    }

    /// Calls a function that has no service, such as `options`.
    pub(crate) fn ask(&self, function: &str, arguments: impl rhai::FuncArgs) -> Result<Dynamic, String> {
        let options = CallFnOptions::new().eval_ast(true);
        self.engine
            .call_fn_with_options::<Dynamic>(options, &mut Scope::new(), &self.ast, function, arguments)
            .map_err(|error| format!("`{function}` of the world file: {error}"))
    }

    /// The world's options, with those chosen.
    pub(crate) fn options(&self, chosen: &BTreeMap<String, String>) -> Result<Map, String> {
        let mut options =
            self.ask("options", ())?.try_cast::<Map>().ok_or("`options` of the world file gives no map")?;
        for (name, value) in chosen {
            let Some(slot) = options.get_mut(name.as_str()) else {
                let near = crate::diagnostic::did_you_mean(name, options.keys().map(|key| key.as_str()));
                let known = || options.keys().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
                let hint = near.map_or_else(|| format!("it has {}", known()), |near| format!("did you mean `{near}`?"));
                return Err(format!("the world has no option `{name}`; {hint}"));
            };
            let as_before = slot.to_string();
            let wanted = match as_before.as_str() {
                "true" | "false" if !["true", "false"].contains(&value.as_str()) => Some("`true` or `false`"),
                _ if name.ends_with("_ms") && value.parse::<u32>().is_err() => Some("a number of milliseconds"),
                _ => None,
            };
            if let Some(wanted) = wanted {
                return Err(format!("`{name}` of the world is {wanted}, not `{value}`"));
            }
            *slot = value.clone().into();
        }
        self.name_services(chosen)?;
        Ok(options)
    }

    /// Options that name a service, as `service_options` of a world file says, name one of its own.
    fn name_services(&self, chosen: &BTreeMap<String, String>) -> Result<(), String> {
        let naming = self.ask("service_options", ()).ok().and_then(|names| names.try_cast::<rhai::Array>());
        let services = self.services()?;
        for name in naming.unwrap_or_default().iter().map(ToString::to_string) {
            let Some(value) = chosen.get(&name).filter(|value| !value.is_empty() && !services.contains(value)) else {
                continue;
            };
            let known = services.join(", ");
            return Err(format!("`{name}` names no service of the world: `{value}`; it has {known}"));
        }
        Ok(())
    }

    /// The names of the world's services.
    pub(crate) fn services(&self) -> Result<Vec<String>, String> {
        let names = self.ask("services", ())?.try_cast::<rhai::Array>().unwrap_or_default();
        Ok(names.iter().map(ToString::to_string).collect())
    }

    /// A service that is about to start with a version, and so with the policy its image carries.
    pub(crate) fn instance(
        &self,
        name: &str,
        version: &str,
        options: &Map,
        is_first: bool,
    ) -> Result<Instance, String> {
        let options = Dynamic::from_map(options.clone());
        let policy = self.ask("policy", (name.to_owned(), version.to_owned(), options.clone()))?.to_string();
        let hash = hash_of(&policy)?;
        let mut state = Map::new();
        state.insert("policy_hash".into(), hash.into());
        state.insert("options".into(), options);
        state.insert("first_start".into(), is_first.into());
        Ok(Instance { version: version.to_owned(), state, ..Instance::default() })
    }

    /// What a deploy will do.
    pub(crate) fn deployment(
        &self,
        name: &str,
        running: &str,
        version: &str,
        options: &Map,
    ) -> Result<Deployment, String> {
        let options = Dynamic::from_map(options.clone());
        let told = self.ask("deploy", (name.to_owned(), running.to_owned(), version.to_owned(), options))?;
        let told = json(&told);
        Ok(Deployment {
            takes: Duration::from_millis(told.get("ms").and_then(serde_json::Value::as_u64).unwrap_or(0)),
            code: told.get("code").and_then(serde_json::Value::as_i64).unwrap_or(0),
            runs: told.get("runs").and_then(serde_json::Value::as_str).unwrap_or(version).to_owned(),
        })
    }

    /// The invariants that do not hold for the services' states; none is judged while a service
    /// is missing.
    pub(crate) fn broken(&self, states: &BTreeMap<String, Map>) -> Result<Vec<String>, String> {
        if self.services()?.iter().any(|name| !states.contains_key(name)) {
            return Ok(Vec::new());
        }
        let world: Map =
            states.iter().map(|(name, state)| (name.as_str().into(), Dynamic::from_map(state.clone()))).collect();
        let held =
            self.ask("invariants", (world,))?.try_cast::<Map>().ok_or("`invariants` of the world file gives no map")?;
        let broken = held.into_iter().filter(|(_, holds)| holds.as_bool() != Ok(true));
        Ok(broken.map(|(invariant, _)| invariant.to_string()).collect())
    }

    /// Calls a service's function, where the world file has it; gives what it asked for.
    pub(crate) fn call(
        &self,
        instance: &Rc<RefCell<Instance>>,
        function: &str,
        arguments: Vec<Dynamic>,
    ) -> Result<Vec<Wish>, String> {
        let arity = arguments.len() + 1;
        if !self.ast.iter_functions().any(|known| known.name == function && known.params.len() == arity) {
            return Ok(Vec::new());
        }
        let mut all = vec![Dynamic::from(Service(Rc::clone(instance)))];
        all.extend(arguments);
        drop(self.ask(function, all)?);
        Ok(std::mem::take(&mut instance.borrow_mut().wishes))
    }
}

impl Service {
    fn register(engine: &mut Engine) {
        engine.register_type_with_name::<Self>("service");
        engine.register_indexer_get(|s: &mut Self, name: ImmutableString| s.get(&name));
        engine.register_indexer_set(|s: &mut Self, name: ImmutableString, value: Dynamic| {
            s.0.borrow_mut().state.insert(name.as_str().into(), value);
        });
        engine.register_fn("log", |s: &mut Self, line: ImmutableString| s.wish(Wish::Log(line.to_string())));
        engine.register_fn("listen", |s: &mut Self, subject: ImmutableString| {
            s.0.borrow_mut().listens.push(subject.to_string());
        });
        engine.register_fn("publish", |s: &mut Self, subject: ImmutableString, payload: Dynamic| {
            s.wish(Wish::Publish { subject: subject.to_string(), payload: as_payload(&payload) });
        });
        engine.register_fn("reply", |s: &mut Self, payload: Dynamic| s.wish(Wish::Reply(as_payload(&payload))));
        engine.register_fn(
            "request",
            |s: &mut Self, subject: ImmutableString, payload: Dynamic, ms: i64, token: ImmutableString| {
                s.wish(Wish::Request {
                    subject: subject.to_string(),
                    payload: as_payload(&payload),
                    timeout_ms: u64::try_from(ms).unwrap_or(0),
                    token: token.to_string(),
                });
            },
        );
        engine.register_fn("after", |s: &mut Self, ms: i64, token: ImmutableString| {
            s.wish(Wish::After { ms: u64::try_from(ms).unwrap_or(0), token: token.to_string() });
        });
        engine.register_fn("restart", |s: &mut Self| s.wish(Wish::Restart));
        engine.register_fn("count", |s: &mut Self, metric: ImmutableString, by: f64| {
            *s.0.borrow_mut().metrics.entry(metric.to_string()).or_default() += by;
        });
        engine.register_fn("gauge", |s: &mut Self, metric: ImmutableString, value: f64| {
            s.0.borrow_mut().metrics.insert(metric.to_string(), value);
        });
        engine.register_fn("parse", |_: &mut Self, text: ImmutableString| parse(&text));
        engine.register_fn("hash_of", |_: &mut Self, name: ImmutableString| hash_of(&name).map_err(fault));
    }

    fn get(&self, name: &str) -> Evaluated<Dynamic> {
        let instance = self.0.borrow();
        if name == "version" {
            return Ok(instance.version.clone().into());
        }
        let value = instance.state.get(name).cloned();
        value.ok_or_else(|| fault(format!("the service has no `{name}`")))
    }

    fn wish(&self, wish: Wish) {
        self.0.borrow_mut().wishes.push(wish);
    }
}

/// The policy hash of an embedded policy.
fn hash_of(name: &str) -> Result<String, String> {
    let text = stdlib::find(name).ok_or_else(|| format!("there is no image with the policy `{name}`"))?;
    policy::policy_hash(&SourceFile::new(name, text)).map_err(|_| format!("`{name}` is no policy"))
}

/// A text or a value as the bytes of a message.
fn as_payload(payload: &Dynamic) -> String {
    match payload.read_lock::<ImmutableString>() {
        Some(text) => text.to_string(),
        None => json(payload).to_string(),
    }
}

/// A value of a world file as JSON.
pub(crate) fn json(value: &Dynamic) -> serde_json::Value {
    if let Some(map) = value.read_lock::<Map>() {
        return map.iter().map(|(name, item)| (name.to_string(), json(item))).collect::<serde_json::Map<_, _>>().into();
    }
    if let Some(items) = value.read_lock::<rhai::Array>() {
        return items.iter().map(json).collect();
    }
    match (value.as_bool(), value.as_int(), value.as_float()) {
        (Ok(truth), _, _) => truth.into(),
        (_, Ok(int), _) => int.into(),
        (_, _, Ok(float)) => float.into(),
        _ if value.is_unit() => serde_json::Value::Null,
        _ => value.to_string().into(),
    }
}

/// JSON as a value of a world file; what is not JSON is a text.
pub(crate) fn parse(text: &str) -> Dynamic {
    serde_json::from_str::<serde_json::Value>(text).map_or_else(|_| text.to_owned().into(), |json| dynamic(&json))
}

pub(crate) fn dynamic(json: &serde_json::Value) -> Dynamic {
    match json {
        serde_json::Value::Null => Dynamic::UNIT,
        serde_json::Value::Bool(truth) => (*truth).into(),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().unwrap_or(0.0).into(), Dynamic::from)
        }
        serde_json::Value::String(text) => text.clone().into(),
        serde_json::Value::Array(items) => Dynamic::from_array(items.iter().map(dynamic).collect()),
        serde_json::Value::Object(map) => {
            Dynamic::from_map(map.iter().map(|(name, item)| (name.as_str().into(), dynamic(item))).collect())
        }
    }
}

fn parse_int(text: &str) -> Evaluated<i64> {
    text.parse().map_err(|_| fault(format!("`{text}` is no whole number")))
}

fn fault(message: String) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(message.into(), rhai::Position::NONE))
}
