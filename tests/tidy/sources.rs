//! What every source file must have, and what it must not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::tree;

/// Engine SDKs, and the files that may name them: adapters, and the crates that open SQLite and CQL sessions.
const SDKS: &[(&str, &[&str])] = &[
    ("rusqlite", &["sqlite.rs", "/sqlite/"]),
    ("rdkafka", &["kafka.rs", "/kafka/"]),
    ("scylla", &["scylla.rs", "/scylla/", "services/cql/"]),
    ("aws_sdk_s3", &["s3.rs", "/s3/"]),
    ("aws_config", &["s3.rs", "/s3/"]),
];

#[test]
fn every_module_says_what_it_is() {
    for krate in tree::crates() {
        for (path, text) in tree::rust_files(&krate.folder) {
            // A module's tests are about that module.
            let is_tests =
                path.iter().any(|part| part == "tests.rs") || path.iter().skip(2).any(|part| part == "tests");
            assert!(is_tests || text.starts_with("//!"), "{} does not begin with its `//!`", path.display());
        }
    }
}

#[test]
fn sdks_appear_only_in_adapter_files() {
    for krate in tree::crates().iter().filter(|c| c.name != "tests") {
        for (path, text) in tree::rust_files(&krate.folder) {
            let name = path.to_string_lossy();
            for (sdk, places) in SDKS {
                let uses = names(&text, sdk);
                let adapter = places.iter().any(|place| name.contains(place));
                assert!(!uses || adapter, "{name} names {sdk}, but is no adapter file");
            }
        }
    }
}

/// Whether a file names a crate: a path that begins with it, not a module of ours that is called like it.
fn names(text: &str, sdk: &str) -> bool {
    if text.contains(&format!("mod {sdk};")) {
        return false;
    }
    let begins = |at: usize| !text[..at].ends_with(|c: char| c == ':' || c == '_' || c.is_alphanumeric());
    let path = format!("{sdk}::");
    text.contains(&format!("use {sdk}")) || text.match_indices(&path).any(|(at, _)| begins(at))
}

#[test]
fn no_file_is_dead() {
    for krate in tree::crates().iter().filter(|c| c.name != "tests" && c.name != "proto") {
        let files = tree::rust_files(&krate.folder.join("src"));
        let all: BTreeSet<_> = files.iter().map(|(path, _)| path.clone()).collect();
        let mut alive: BTreeSet<PathBuf> = ["lib.rs", "main.rs"]
            .iter()
            .map(|file| krate.folder.join("src").join(file))
            .filter(|path| all.contains(path))
            .collect();
        let mut waiting: Vec<_> = alive.iter().cloned().collect();
        while let Some(path) = waiting.pop() {
            let text = &files.iter().find(|(other, _)| *other == path).unwrap().1;
            for child in modules(&path, text) {
                if all.contains(&child) && alive.insert(child.clone()) {
                    waiting.push(child);
                }
            }
        }
        let dead: Vec<_> = all.difference(&alive).collect();
        assert!(dead.is_empty(), "no module declares {dead:?}");
    }
}

/// The files that the `mod` lines of a file may mean.
fn modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
    let folder = path.parent().unwrap();
    let folder = if stem == "lib" || stem == "main" { folder.to_owned() } else { folder.join(stem) };
    let lines = text.lines().map(str::trim);
    let names = lines.filter_map(|line| {
        let line =
            line.split_once(") ").filter(|(head, _)| head.starts_with("pub(")).map_or(line, |(_, t)| t);
        line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';')
    });
    names.map(|name| folder.join(format!("{name}.rs"))).collect()
}

#[test]
fn nothing_is_left_for_later() {
    let markers = ["todo!(", "unimplemented!(", concat!("FIX", "ME"), concat!("XX", "X "), "#[ignore]"];
    for krate in tree::crates().iter().filter(|c| c.name != "tests") {
        for (path, text) in tree::rust_files(&krate.folder) {
            for marker in markers {
                assert!(!text.contains(marker), "{} has {marker}", path.display());
            }
        }
    }
}

#[test]
fn log_lines_are_lowercase_fragments() {
    for krate in tree::crates().iter().filter(|c| c.name != "tests") {
        for (path, text) in tree::rust_files(&krate.folder) {
            for (number, line) in text.lines().enumerate() {
                let line = line.trim();
                let logs = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];
                if !logs
                    .iter()
                    .any(|log| line.starts_with(log) || line.starts_with(&format!("tracing::{log}")))
                {
                    continue;
                }
                let Some(message) = line.rsplit('"').nth(1) else { continue };
                let first = message.chars().next().unwrap_or('a');
                let ends_well = !message.ends_with('.');
                assert!(
                    !first.is_uppercase() && ends_well,
                    "{}:{}: log messages are lowercase fragments: {message:?}",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}
