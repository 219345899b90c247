//! The house rules, held by tests: layers, vendor walls, sizes, words, documents.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a file; tests inside it do not count.
const MAX_LINES: usize = 400;

/// Which rooms may name a vendor's crate.
const WALLS: &[(&str, &[&str])] = &[
    ("rhai::", &["guard", "served", "sim"]),
    ("async_nats::", &["live", "served"]),
    ("reqwest::", &["live"]),
    ("nkeys::", &["approval"]),
    ("promql_parser::", &["lint"]),
    ("granit_parser", &["yaml"]),
    ("serde_saphyr", &["yaml"]),
    ("clap::", &["cli"]),
    ("lsp_server::", &["editor"]),
    ("lsp_types::", &["editor"]),
    ("miette::", &["report"]),
];

/// Words that say nothing, as names of files.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|kind| kind == ending) {
            found.push(path);
        }
    }
    found.sort();
}

/// Every source file with the room it is in and its text without its tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    let mut found = Vec::new();
    files(&root().join("src"), "rs", &mut found);
    let named = found.into_iter().map(|path| {
        let inside = path.strip_prefix(root().join("src")).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
        (path, room, code)
    });
    named.collect()
}

/// The layer of each room, as the map in `src/lib.rs` says.
fn layers() -> BTreeMap<String, u32> {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! "));
    let rows = rows.filter_map(|row| {
        let mut words = row.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    });
    rows.collect()
}

#[test]
fn a_room_imports_only_lower_layers() {
    let layers = layers();
    let mut wrong = Vec::new();
    for (path, room, code) in sources() {
        if ["lib", "main"].contains(&room.as_str()) {
            continue;
        }
        let own = layers.get(&room).unwrap_or_else(|| panic!("the map in src/lib.rs has no room `{room}`"));
        for named in code.split("crate::").skip(1) {
            let other: String = named.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let is_lower = other == room || layers.get(&other).is_some_and(|layer| layer < own);
            if !other.is_empty() && !is_lower {
                wrong.push(format!("{}: {room} ({own}) imports {other} ({:?})", path.display(), layers.get(&other)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_map_names_every_room_and_no_other() {
    let mut rooms: Vec<_> = sources().into_iter().map(|(_, room, _)| room).collect();
    rooms.retain(|room| room != "lib" && room != "main");
    rooms.sort();
    rooms.dedup();
    let mapped: Vec<_> = layers().into_keys().collect();
    assert_eq!(rooms, mapped);
}

#[test]
fn vendors_stay_behind_their_walls() {
    let mut wrong = Vec::new();
    for (path, room, code) in sources() {
        for (vendor, rooms) in WALLS {
            let names_it = code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(vendor));
            if names_it && !rooms.contains(&room.as_str()) {
                wrong.push(format!("{} names {vendor}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_is_one_file_and_each_piece_says_why_it_is_sound() {
    let unsafe_files: Vec<_> = sources().into_iter().filter(|(_, _, code)| code.contains("unsafe {")).collect();
    let names: Vec<_> = unsafe_files.iter().map(|(path, _, _)| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["spawn.rs"]);
    let code = &unsafe_files[0].2;
    assert_eq!(code.matches("unsafe {").count(), code.matches("// SAFETY: ").count());
    assert_eq!(code.matches("unsafe {").count(), 7);
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    let mut found = Vec::new();
    files(&root().join("src"), "rs", &mut found);
    files(&root().join("tests"), "rs", &mut found);
    let mut wrong = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if !text.starts_with("//! ") {
            wrong.push(format!("{} does not begin with `//!`", path.display()));
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        if code.lines().count() > MAX_LINES {
            wrong.push(format!("{} has {} lines, at most {MAX_LINES}", path.display(), code.lines().count()));
        }
        if EMPTY_NAMES.contains(&stem) {
            wrong.push(format!("`{stem}` says nothing"));
        }
        for word in ["TO\u{44}O", "FIX\u{4d}E", "XX\u{58}"] {
            if text.contains(word) {
                wrong.push(format!("{} contains {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_embedded_library_is_what_stands_on_disk() {
    let mut on_disk = Vec::new();
    for ending in ["yaml", "rhai", "json"] {
        files(&root().join("stdlib"), ending, &mut on_disk);
    }
    on_disk.retain(|path| !path.to_str().unwrap().ends_with(".test.yaml"));
    let mut names: Vec<_> = on_disk
        .iter()
        .map(|path| format!("std/{}", path.strip_prefix(root().join("stdlib")).unwrap().display()))
        .collect();
    names.sort();
    let embedded: Vec<_> = titan_run::stdlib::names().map(str::to_owned).collect();
    assert_eq!(embedded, names);
}

#[test]
fn every_dependency_says_why_it_was_chosen() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut section = "";
    let mut reasoned = false;
    let mut wrong = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
            reasoned = false;
        } else if line.starts_with('#') {
            reasoned = true;
        } else if section.ends_with("dependencies]") && line.contains('=') && !reasoned {
            wrong.push(line);
        } else if line.contains('=') {
            reasoned = false;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_named_in_documents_exist() {
    let mut documents = vec![root().join("README.md"), root().join("src/lib.rs")];
    files(&root().join("docs"), "md", &mut documents);
    let mut wrong = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for word in text.split(|c: char| c.is_whitespace() || "`()[]\"',;".contains(c)) {
            let is_ours = ["runbooks/", "stdlib/", "docs/", "tests/", "scripts/", "src/"]
                .iter()
                .any(|room| word.starts_with(room));
            let named = word.trim_end_matches(['.', ':']);
            if is_ours && !named.contains(['*', '<', '{', '$']) && !root().join(named).exists() {
                wrong.push(format!("{}: `{named}` does not exist", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
