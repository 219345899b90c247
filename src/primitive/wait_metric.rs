//! `wait_metric`: one sample of a metric, three-valued: good samples reach a guard, the rest say
//! why they tell nothing.

use std::time::Duration;

use crate::declaration::{Argument, Declaration, Effect, ErrorClass, Failure, Field, InDoubt, Kind, Need};
use crate::runbook::target::MetricSource;
use crate::value::Value;
use crate::world::{Sample, Wait};

use super::{Call, Primitive};

/// The primitive.
pub(super) struct WaitMetric;

pub(super) static DECLARATION: Declaration = Declaration {
    name: "wait_metric",
    about: "Samples a metric for `until`, `hold` or a watch; what tells nothing is never counted as good",
    arguments: &[
        Argument {
            name: "metric",
            kind: Kind::Text,
            required: false,
            about: "the metric's name in the target's `metrics`, or its own name",
        },
        Argument {
            name: "service",
            kind: Kind::Service,
            required: false,
            about: "the service that exposes the metric",
        },
        Argument { name: "query", kind: Kind::Text, required: false, about: "a PromQL expression instead of `metric`" },
        Argument { name: "labels", kind: Kind::Map, required: false, about: "labels the series must have" },
        Argument {
            name: "baseline",
            kind: Kind::Number,
            required: false,
            about: "an earlier reading `increase` counts from; the first sample of the step where it is left out",
        },
        Argument {
            name: "process_start",
            kind: Kind::Number,
            required: false,
            about: "the process start that belongs to `baseline`",
        },
    ],
    result: &[
        Field { name: "value", kind: Kind::Number, optional: false, about: "the value" },
        Field { name: "increase", kind: Kind::Number, optional: false, about: "the value less the baseline" },
        Field { name: "age", kind: Kind::Duration, optional: false, about: "how old the sample is" },
        Field {
            name: "process_start",
            kind: Kind::Number,
            optional: false,
            about: "when the service's process started, in seconds since the Unix epoch; 0 where it does not say",
        },
    ],
    needs: &[Need::Metrics, Need::Prometheus],
    effect: Effect::Observes,
    errors: &[
        ErrorClass::NoData,
        ErrorClass::Timeout,
        ErrorClass::NoResponders,
        ErrorClass::Disconnected,
        ErrorClass::Refused,
    ],
    idempotent: true,
    timeout: Duration::from_secs(10),
    in_doubt: InDoubt::Repeat,
};

/// The metric by which exporters say when their process started.
const PROCESS_START: &str = "process_start_time_seconds";

impl Primitive for WaitMetric {
    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn call<'a>(&'a self, call: Call<'a>) -> Wait<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let reading = match (call.with.optional_text("metric"), call.with.optional_text("query")) {
                (Some(metric), None) => of_service(&call, metric).await?,
                (None, Some(query)) => of_query(&call, query).await?,
                _ => return Err(Failure::new(ErrorClass::Refused, "wait_metric needs one of `metric` and `query`")),
            };
            let opens = call.memory.borrow().is_none();
            let result = judged(&call, reading);
            let baseline = call.memory.borrow().clone().filter(|_| opens);
            if let Some(baseline) = baseline {
                call.record.remember(&baseline).await?;
            }
            result
        })
    }
}

/// A sample that is fresh, finite and alone.
struct Reading {
    value: f64,
    age: Duration,
    process_start: Option<f64>,
}

async fn of_service(call: &Call<'_>, metric: &str) -> Result<Reading, Failure> {
    let (service, _) = call.service()?;
    let known = call.target.metrics.get(metric);
    let name = known.map_or(metric, |metric| metric.name.as_str());
    let names = [name, PROCESS_START];
    let names = names.get(usize::from(name == PROCESS_START)..).unwrap_or_default();
    let samples = call.world.metrics().scrape(service, names).await?;
    let labels = call.with.pairs("labels");
    let fits = |sample: &&Sample| {
        sample.name == name && labels.iter().all(|(key, value)| sample.labels.get(key) == Some(value))
    };
    let is_fresh =
        |sample: &&Sample| sample.value.is_finite() && staleness(call).is_none_or(|limit| sample.age <= limit);
    let process_start =
        samples.iter().filter(is_fresh).find(|sample| sample.name == PROCESS_START).map(|sample| sample.value);
    let series: Vec<_> = samples.iter().filter(fits).collect();
    let may_be_absent = known.is_some_and(|metric| metric.absent_is_zero);
    match (series.as_slice(), process_start) {
        ([], Some(_)) if may_be_absent => Ok(Reading { value: 0.0, age: Duration::ZERO, process_start }),
        (series, process_start) => fresh(call, name, series, process_start),
    }
}

async fn of_query(call: &Call<'_>, query: &str) -> Result<Reading, Failure> {
    let samples = call.world.metrics().query(query).await?;
    fresh(call, query, &samples.iter().collect::<Vec<_>>(), None)
}

/// The one series, where there is exactly one, and it is finite and not stale.
fn fresh(call: &Call<'_>, name: &str, series: &[&Sample], process_start: Option<f64>) -> Result<Reading, Failure> {
    let no_data = |message: String| Err(Failure::new(ErrorClass::NoData, message));
    let sample = match series {
        [] => return no_data(format!("`{name}` has no series")),
        [sample] => sample,
        several => return no_data(format!("`{name}` has {} series where one is expected", several.len())),
    };
    if !sample.value.is_finite() {
        return no_data(format!("`{name}` is {}", sample.value));
    }
    if let Some(limit) = staleness(call).filter(|limit| sample.age > *limit) {
        let age = crate::value::format_duration(sample.age);
        return no_data(format!("`{name}` is {age} old, more than {}", crate::value::format_duration(limit)));
    }
    Ok(Reading { value: sample.value, age: sample.age, process_start })
}

/// Two scrape intervals, where samples come through Prometheus.
fn staleness(call: &Call<'_>) -> Option<Duration> {
    let service = call.target.services.get(call.with.text("service"));
    let is_scraped = service.is_some_and(|service| matches!(service.metrics, Some(MetricSource::Scrape(_))));
    let interval = call.target.prometheus.as_ref().map(|prometheus| prometheus.scrape_interval);
    interval.filter(|_| !is_scraped).map(|interval| interval * 2)
}

/// Holds a reading against the baseline. A restarted process has none: this sample tells nothing,
/// and the next one counts from here, unless the baseline was given or must stay.
fn judged(call: &Call<'_>, reading: Reading) -> Result<Value, Failure> {
    let opened = |value: f64, start: Option<f64>| {
        Value::map([("value", Value::Float(value)), ("start", start.map_or(Value::Null, Value::Float))])
    };
    let mut memory = call.memory.borrow_mut();
    let first = memory.get_or_insert_with(|| {
        let start = call.with.number("process_start").or(reading.process_start);
        opened(call.with.number("baseline").unwrap_or(reading.value), start)
    });
    let baseline = first.get("value").and_then(Value::as_number).unwrap_or(reading.value);
    let started = first.get("start").and_then(Value::as_number);
    let no_data = |message: &str| Err(Failure::new(ErrorClass::NoData, message));
    if started.is_some() && started != reading.process_start {
        if call.with.get("baseline").is_none() {
            *first = opened(reading.value, reading.process_start);
        }
        return no_data("the process was restarted since the baseline was taken");
    }
    let is_counter = call.with.get("baseline").is_some();
    if is_counter && reading.value < baseline {
        return no_data("the counter is below its baseline: it was reset");
    }
    Ok(Value::map([
        ("value", Value::Float(reading.value)),
        ("increase", Value::Float(reading.value - baseline)),
        ("age", Value::Duration(reading.age)),
        ("process_start", Value::Float(reading.process_start.unwrap_or(0.0))),
    ]))
}
