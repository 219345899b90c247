//! Service versions, through the commands a target names.

use std::rc::Rc;
use std::time::Duration;

use regex::Regex;
use tokio::time::Instant;

use crate::declaration::{ErrorClass, Failure};
use crate::runbook::target::{Service, Target, VERSION_PLACE};
use crate::world::{Command, Finished, Services, Touch, Wait};

use super::processes;

/// How long the command that prints a version may run.
const VERSION_BOUND: Duration = Duration::from_secs(30);
/// The most characters of standard error that are shown.
const MAX_SHOWN: usize = 300;

/// The services of a target.
pub(super) struct LiveServices {
    target: Rc<Target>,
}

impl LiveServices {
    /// The services of a target; runs nothing yet.
    pub(super) fn new(target: Rc<Target>) -> Self {
        Self { target }
    }

    fn service(&self, name: &str) -> Result<&Service, Failure> {
        let missing = || Failure::new(ErrorClass::Refused, format!("the target has no service `{name}`"));
        self.target.services.get(name).ok_or_else(missing)
    }
}

impl Services for LiveServices {
    fn deploy<'a>(&'a self, service: &'a str, version: &'a str, bound: Duration) -> Wait<'a, Touch<()>> {
        Box::pin(async move {
            let argvs = &self.service(service)?.deploy;
            if !argvs.iter().flatten().any(|element| element.contains(VERSION_PLACE)) {
                let message = format!("the target's `deploy` of `{service}` has no place for `{VERSION_PLACE}`");
                return Err(Failure::new(ErrorClass::Refused, message));
            }
            let began = Instant::now();
            for argv in argvs {
                let command = Command {
                    argv: argv.iter().map(|element| element.replace(VERSION_PLACE, version)).collect(),
                    bound: bound.saturating_sub(began.elapsed()),
                    ..Command::default()
                };
                succeeded("deploy", service, processes::run(&command).await?)?;
            }
            Ok(())
        })
    }

    fn version<'a>(&'a self, service: &'a str) -> Wait<'a, Touch<String>> {
        Box::pin(async move {
            let known = self.service(service)?;
            let command = Command { argv: known.version.clone(), bound: VERSION_BOUND, ..Command::default() };
            let finished = succeeded("version", service, processes::run(&command).await?)?;
            let printed = String::from_utf8_lossy(&finished.stdout).trim().to_owned();
            let malformed = || {
                let shown: String = printed.chars().take(MAX_SHOWN).collect();
                Failure::new(ErrorClass::Malformed, format!("the version of `{service}` cannot be told from `{shown}`"))
            };
            let version = match &known.version_pattern {
                None => Some(printed.clone()),
                Some(pattern) => {
                    let pattern =
                        Regex::new(pattern).map_err(|error| Failure::new(ErrorClass::Refused, error.to_string()))?;
                    let captures = pattern.captures(&printed);
                    captures.and_then(|captures| captures.name("version").map(|version| version.as_str().to_owned()))
                }
            };
            version.filter(|version| !version.is_empty() && !version.contains('\n')).ok_or_else(malformed)
        })
    }
}

fn succeeded(what: &str, service: &str, finished: Finished) -> Touch<Finished> {
    if finished.code == 0 {
        return Ok(finished);
    }
    let said: String = String::from_utf8_lossy(&finished.stderr).trim().chars().take(MAX_SHOWN).collect();
    Err(Failure::new(
        ErrorClass::Exit,
        format!("the `{what}` command of `{service}` ended with code {}: {said}", finished.code),
    ))
}
