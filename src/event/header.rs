//! What a run is made of: its first event.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::value::Value;

/// What a run is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Header {
    /// The run's id.
    pub run: String,
    /// The runbook's name.
    pub runbook: String,
    /// Its sentence.
    pub about: Option<Arc<str>>,
    /// The target's name.
    pub target: String,
    /// Whether the target is a simulated world.
    pub simulated: bool,
    /// Whether only steps that look are done; such a run keeps no record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// The version of the engine.
    pub engine: String,
    /// Wall clock at the start, milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
    /// SHA-256 of every file read, by name.
    pub digests: BTreeMap<String, String>,
    /// The text of every file read, by name; kept in the record only.
    #[serde(skip)]
    pub sources: BTreeMap<String, Arc<str>>,
    /// The file the runbook was read from.
    pub file: String,
    /// The file the target was read from.
    pub target_file: String,
    /// The folder that relative names start from.
    pub folder: String,
    /// Who started it, as far as the machine knows.
    pub who: String,
    /// The params.
    pub params: Value,
    /// The steps' ids, in reading order.
    pub steps: Vec<Arc<str>>,
}
