//! Credentials: from the reference to the value, at the moment of use and nowhere else.

use crate::declaration::{ErrorClass, Failure};
use crate::runbook::target::Secret;

/// The value a reference stands for, without a final line end.
pub(super) fn reveal(what: &str, secret: &Secret) -> Result<String, Failure> {
    let (found, place) = match secret {
        Secret::Env(name) => (std::env::var(name).map_err(|error| error.to_string()), format!("env:{name}")),
        Secret::File(path) => {
            (std::fs::read_to_string(path).map_err(|error| error.to_string()), format!("file:{path}"))
        }
    };
    match found {
        Ok(value) if !value.trim().is_empty() => Ok(value.trim_end_matches(['\n', '\r']).to_owned()),
        Ok(_) => Err(Failure::new(ErrorClass::Refused, format!("{what} `{place}` is empty"))),
        Err(error) => Err(Failure::new(ErrorClass::Refused, format!("{what} `{place}` cannot be read: {error}"))),
    }
}
