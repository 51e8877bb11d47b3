//! Which crate may depend on which: the drawing in `services/README.md`, held.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree;

/// Crates that do no I/O and read no clock.
const PURE: &[&str] = &["kernel", "policy", "seal", "merkle"];
/// What a pure crate may not depend on.
const DOES_IO: &[&str] =
    &["tokio", "tonic", "rusqlite", "reqwest", "rdkafka", "scylla", "aws-sdk-s3", "tracing"];
/// One crate a role.
const ROLES: &[&str] = &["ingest", "consent", "crypto", "archive", "retention", "dsar", "audit"];

/// Own crates that each crate may use outside its tests.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    const ROLE: &[&str] = &[
        "kernel", "policy", "seal", "merkle", "proto", "sqlite", "cql", "eventlog", "objects", "journal",
        "platform",
    ];
    let mut allowed = BTreeMap::from([
        ("kernel", &[] as &[_]),
        ("proto", &[]),
        ("policy", &["kernel"]),
        ("seal", &["kernel"]),
        ("merkle", &["kernel"]),
        ("sqlite", &["kernel"]),
        ("cql", &["kernel"]),
        ("eventlog", &["kernel", "sqlite", "cql"]),
        ("objects", &["kernel"]),
        ("journal", &["kernel", "objects"]),
        ("platform", &["kernel", "policy", "seal", "proto", "eventlog"]),
    ]);
    allowed.extend(ROLES.iter().map(|role| (*role, ROLE)));
    allowed
}

fn names(manifest: &toml::Table, section: &str) -> BTreeSet<String> {
    manifest.get(section).and_then(|s| s.as_table()).map(|t| t.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn crates_depend_only_downwards() {
    let crates = tree::crates();
    let own: BTreeSet<_> = crates.iter().map(|c| c.name.clone()).collect();
    let allowed = allowed();
    for krate in crates.iter().filter(|c| c.name != "verbale" && c.name != "tests") {
        let may = allowed.get(krate.name.as_str());
        let may =
            may.unwrap_or_else(|| panic!("{} has no place in the drawing: give it one here", krate.name));
        for dependency in names(&krate.manifest, "dependencies").intersection(&own) {
            assert!(may.contains(&dependency.as_str()), "{} may not depend on {dependency}", krate.name);
        }
    }
}

#[test]
fn pure_crates_do_no_io() {
    for krate in tree::crates().iter().filter(|c| PURE.contains(&c.name.as_str())) {
        let dependencies = names(&krate.manifest, "dependencies");
        for io in DOES_IO {
            assert!(!dependencies.contains(*io), "{} is pure and may not depend on {io}", krate.name);
        }
    }
}

#[test]
fn only_seal_names_the_cipher() {
    for krate in tree::crates().iter().filter(|c| c.name != "seal") {
        assert!(!names(&krate.manifest, "dependencies").contains("aes-gcm"), "{} names aes-gcm", krate.name);
    }
}

#[test]
fn dependencies_are_pinned_through_the_workspace() {
    for krate in tree::crates() {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = krate.manifest.get(section).and_then(|s| s.as_table()) else { continue };
            for (name, value) in table {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(inherited, "{}: {name} must be `workspace = true`", krate.name);
            }
        }
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for krate in tree::crates() {
        let lints =
            krate.manifest.get("lints").and_then(|l| l.get("workspace")).and_then(toml::Value::as_bool);
        assert_eq!(lints, Some(true), "{} has no [lints] workspace = true", krate.name);
    }
}
