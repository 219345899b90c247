//! titan-run: a declarative runbook engine whose runs can be rehearsed in a simulated world.
//!
//! # The map
//!
//! A room is a file or a folder; it may import only rooms of lower layers. Read from the top.
//!
//! ```text
//! room         layer  what it is for
//! source         0    files, places in them, values with places
//! name           0    newtypes for names: parsing is checking
//! value          0    what steps return, guards read and records keep
//! percent        0  a text as one part of a URL
//! visible        0    foreign text with every hidden character made visible
//! stdlib         0    the files embedded in the binary
//! approval       1    what approvers sign, and whether a signature counts
//! diagnostic     1    what is wrong with a user's file, and where
//! declaration    1    what a primitive says about itself, and how it fails
//! event          2    what happened in a run
//! yaml           2    text -> tree of spanned nodes
//! policy         2    canonical JSON (RFC 8785) and the policy hash
//! world          2    everything a run can touch, as traits
//! guard          3    the Rhai sandbox: guards, templates, scripts
//! journal        3    what a run did, kept so that it can go on
//! runbook        4    runbooks and targets, decoded, with everything wrong said at once
//! lint           5    the one checker: rules over what was read; one file, one rule
//! graph          5    a runbook as nodes and edges: Mermaid, DOT, SVG
//! layout         5    the one layout of runbooks, targets and test files
//! schema         5    JSON Schemas of the files, from the declarations
//! primitive      5    what a step can do; one file, one primitive
//! live           5    the world: NATS, Prometheus, processes, people
//! sim            5    the world's twin: a world file under virtual time
//! diff           6    what differs between two runbooks in meaning
//! served         6  a world file on a real NATS server, each service a process
//! editor         6    a language server: what an editor asks about a file under way
//! engine         6    carries a runbook out: plan, run, watch, rollback
//! report         7    consumers of events and diagnostics: terminal, JSON, SARIF, JUnit
//! cli            8    one file, one command
//! ```
//!
//! Text flows `yaml -> runbook -> report`; a run flows
//! `runbook -> engine.plan -> journal(Started) -> primitive(world) -> journal(Finished) -> report`.
//!
//! # Invariants
//!
//! 1. Only `cli` names `live` or `sim`: the engine cannot know which world it is in.
//! 2. Vendor walls: `rhai` only in `guard/`, `sim/` and `served/`, `async_nats` only in
//!    `live/` and `served/`, `reqwest` only in `live/`,
//!    `nkeys` only in `approval`, `promql_parser` only in `lint/`, the YAML crate only in `yaml/`,
//!    `clap` only in `cli/`, `miette` only in `report/`, `lsp_server` and `lsp_types` only in `editor/`.
//! 3. The planner and `lint/` are pure: no async, no clock, no I/O.
//! 4. Decoding never stops at the first fault.
//! 5. An effect is preceded by its `Started` event, and does not happen when that could not be
//!    kept; only a disarm always happens.
//! 6. A step that may have had an effect is part of the rollback, whether or not it succeeded.
//! 7. An action that opens a gate runs during a rollback only as its last, complete step.
//! 8. Same input, same seed: same bytes out. Nothing iterates a hash map into output.
//!
//! `tests/it/house.rs` holds the layers, the walls and the sizes.
//!
//! # Where a newcomer adds
//!
//! A primitive is a file in `primitive/` and a line in its two lists; a rule is a file in
//! `lint/rules/`, a line in its list and a folder under `tests/cases/lint/`; a command is a file in
//! `cli/` and a variant; an output format is a file in `report/` and a variant; a case is a file
//! under `tests/cases/`.

pub mod approval;
pub mod cli;
pub mod declaration;
pub mod diagnostic;
pub mod diff;
pub mod editor;
pub mod engine;
pub mod event;
pub mod graph;
pub mod guard;
pub mod journal;
pub mod layout;
pub mod lint;
pub mod live;
pub mod name;
pub mod percent;
pub mod policy;
pub mod primitive;
pub mod report;
pub mod runbook;
pub mod schema;
pub mod served;
pub mod sim;
pub mod source;
pub mod stdlib;
pub mod value;
pub mod visible;
pub mod world;
pub mod yaml;
