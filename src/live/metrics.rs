//! Metrics: the Prometheus HTTP API, and services' own `/metrics`.
//!
//! An instant query answers with the time of the query, not of the sample, and looks back five
//! minutes; so each plain name is asked twice, the second time for `timestamp()`, at one moment.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;

use crate::declaration::{ErrorClass, Failure};
use crate::percent::percent_encoded;
use crate::runbook::target::{MetricSource, Prometheus, Target};
use crate::world::{Metrics, Sample, Touch, Wait, WebRequest};

use super::clock::now_unix_ms;
use super::exposition::{self, number};
use super::secret::reveal;
use super::web::LiveWeb;

/// How long one HTTP request may take: a scrape that takes longer is not healthy.
const BOUND: Duration = Duration::from_secs(5);

/// The most characters of an error answer that are shown.
const MAX_SHOWN: usize = 200;

/// The metrics of a target.
pub(super) struct LiveMetrics {
    target: Rc<Target>,
    web: LiveWeb,
}

/// The answer of the query API: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<AnswerData>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "snake_case")]
enum AnswerData {
    Vector(Vec<Series>),
    Scalar((f64, String)),
    Matrix(serde::de::IgnoredAny),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl LiveMetrics {
    /// The metrics of a target; asks nothing yet.
    pub(super) fn new(target: Rc<Target>) -> Self {
        Self { target, web: LiveWeb::default() }
    }

    fn prometheus(&self) -> Result<&Prometheus, Failure> {
        let missing =
            || Failure::new(ErrorClass::Refused, format!("the target `{}` has no `prometheus`", self.target.name));
        self.target.prometheus.as_ref().ok_or_else(missing)
    }

    async fn get(&self, url: String, token: Option<&crate::runbook::target::Secret>) -> Touch<String> {
        let mut request = WebRequest { method: "GET".to_owned(), url, bound: BOUND, ..WebRequest::default() };
        if let Some(token) = token {
            let token = reveal("the Prometheus token", token)?;
            request.headers.insert("authorization".to_owned(), format!("Bearer {token}"));
        }
        let response = self.web.fetch(&request).await?;
        let text = String::from_utf8_lossy(&response.body).into_owned();
        if response.status != 200 {
            let said: String = text.trim().chars().take(MAX_SHOWN).collect();
            let message = format!("`{}` answers {}: {said}", request.url, response.status);
            return Err(Failure::new(ErrorClass::NoData, message));
        }
        Ok(text)
    }

    /// One instant query at one moment.
    async fn instant(&self, promql: &str, at_ms: u64) -> Touch<Vec<Sample>> {
        let prometheus = self.prometheus()?;
        let time = format!("{}.{:03}", at_ms / 1_000, at_ms % 1_000);
        let url = format!("{}/api/v1/query?time={time}&query={}", prometheus.url, percent_encoded(promql));
        let text = self.get(url, prometheus.token.as_ref()).await?;
        let malformed =
            |why: String| Failure::new(ErrorClass::NoData, format!("Prometheus' answer to `{promql}` {why}"));
        let answer: Answer =
            serde_json::from_str(&text).map_err(|error| malformed(format!("is not of its form: {error}")))?;
        let vector = match (answer.status.as_str(), answer.data) {
            ("success", Some(AnswerData::Vector(vector))) => vector,
            ("success", Some(AnswerData::Scalar(value))) => vec![Series { metric: BTreeMap::new(), value }],
            ("success", _) => return Err(malformed("is neither a vector nor a scalar".to_owned())),
            _ => return Err(malformed(format!("is an error: {}", answer.error.unwrap_or_default()))),
        };
        let samples = vector.into_iter().map(|mut series| {
            let value =
                number(&series.value.1).ok_or_else(|| malformed(format!("has the value `{}`", series.value.1)))?;
            Ok(Sample {
                name: series.metric.remove("__name__").unwrap_or_default(),
                labels: series.metric,
                value,
                age: Duration::ZERO,
            })
        });
        samples.collect()
    }

    /// The samples of an expression with their ages, where they have one.
    async fn aged(&self, promql: &str) -> Touch<Vec<Sample>> {
        let now = now_unix_ms();
        let mut samples = self.instant(promql, now).await?;
        let times = self.instant(&format!("timestamp({promql})"), now).await?;
        for sample in &mut samples {
            let time = times.iter().find(|time| time.labels == sample.labels);
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century are exact in a double")]
            let age = time.map(|time| (now as f64 / 1_000.0 - time.value).max(0.0));
            match age.map(Duration::try_from_secs_f64) {
                Some(Ok(age)) => sample.age = age,
                _ => {
                    let message = format!("`{promql}`: Prometheus does not say how old its sample is");
                    return Err(Failure::new(ErrorClass::NoData, message));
                }
            }
        }
        Ok(samples)
    }
}

impl Metrics for LiveMetrics {
    fn query<'a>(&'a self, promql: &'a str) -> Wait<'a, Touch<Vec<Sample>>> {
        Box::pin(self.aged(promql))
    }

    fn scrape<'a>(&'a self, service: &'a str, names: &'a [&'a str]) -> Wait<'a, Touch<Vec<Sample>>> {
        Box::pin(async move {
            let source = self.target.services.get(service).and_then(|service| service.metrics.as_ref());
            match source {
                None => Err(Failure::new(
                    ErrorClass::Refused,
                    format!("the target says nothing about the metrics of `{service}`"),
                )),
                Some(MetricSource::Scrape(url)) => {
                    let text = self.get(url.clone(), None).await?;
                    let samples = exposition::parse(&text);
                    let samples = samples.map_err(|why| Failure::new(ErrorClass::NoData, format!("`{url}`: {why}")))?;
                    Ok(samples.into_iter().filter(|sample| names.contains(&sample.name.as_str())).collect())
                }
                Some(MetricSource::Prometheus(selector)) => {
                    let mut all = Vec::new();
                    for name in names {
                        all.extend(self.aged(&format!("{name}{{{selector}}}")).await?);
                    }
                    Ok(all)
                }
            }
        })
    }
}
