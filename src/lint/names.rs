//! The names the target gives to what rules look for.

use crate::guard::Given;
use crate::runbook::Action;
use crate::runbook::target::Target;

/// Whether an action samples a metric, by its name in runbooks or its own name.
pub fn is_metric(action: &Action, name: &str, target: &Target) -> bool {
    let own = target.metrics.get(name).map(|metric| metric.name.as_str());
    let is_it = |text: &str| text == name || Some(text) == own;
    match (action.with.given("metric"), action.with.given("query")) {
        (Some(Given::Constant(value)), _) => value.as_text().is_some_and(is_it),
        (Some(Given::Expression(guard)), _) => is_named(guard.text(), "metrics", name),
        (_, Some(Given::Constant(query))) => {
            query.as_text().zip(own).is_some_and(|(query, own)| is_plain(query, own, name == COUNTER))
        }
        _ => false,
    }
}

/// The metric of which every series counts.
const COUNTER: &str = "rejections";

/// The labels that say whose a series is; another one says which of them it is.
const OWNERS: [&str; 8] = ["app", "cluster", "env", "environment", "job", "namespace", "region", "service"];

/// Whether a query gives a metric as it is: all of its series, or those of one owner, added up or
/// not; the highest or the lowest of them only where that is no counter. Anything else can make of it
/// what it likes.
fn is_plain(query: &str, metric: &str, is_counter: bool) -> bool {
    let query = query.trim();
    let joining = if is_counter { &["sum"][..] } else { &["sum", "max", "min"] };
    let inside =
        joining.iter().find_map(|name| query.strip_prefix(name)?.trim_start().strip_prefix('(')?.strip_suffix(')'));
    let rest = inside.unwrap_or(query).trim().strip_prefix(metric).map(str::trim);
    let is_selector = |rest: &str| {
        let labels = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        labels.is_some_and(|labels| !labels.contains('}') && (!is_counter || labels.split(',').all(names_owner)))
    };
    rest.is_some_and(|rest| rest.is_empty() || is_selector(rest))
}

/// Whether a label matcher says whose a series is, as `job="execution"`.
fn names_owner(matcher: &str) -> bool {
    let label = matcher.split_once('=').filter(|(_, value)| !value.starts_with('~')).map(|(label, _)| label.trim());
    matcher.trim().is_empty() || label.is_some_and(|label| OWNERS.contains(&label))
}

/// Whether an action is on a subject of the target.
pub fn is_subject(action: &Action, name: &str, target: &Target) -> bool {
    match action.with.given("subject") {
        Some(Given::Constant(value)) => value.as_text() == target.subjects.get(name).map(String::as_str),
        Some(Given::Expression(guard)) => is_named(guard.text(), "subjects", name),
        _ => false,
    }
}

fn is_named(text: &str, map: &str, name: &str) -> bool {
    let rest = text.trim().strip_prefix("target.").and_then(|rest| rest.strip_prefix(map));
    rest.and_then(|rest| rest.strip_prefix('.')) == Some(name)
}
