//! Nothing is deleted but by an erasure's saga: every place that could is listed here, with what it deletes.

use crate::tree;

/// A call that makes something go for good, and the only files that may make it. Files of tests and of contract suites
/// are no part of the program; an engine's own adapters are where each ends.
const WAYS: &[(&str, &[(&str, &str)])] = &[
    (
        // A version of an object.
        ".delete_version(",
        &[
            ("archive/src/erasing/clearing.rs", "objects of which nothing opens, asked by the saga"),
            ("audit/src/flush.rs", "a ledger's entry object that a fuller one takes the place of"),
            ("audit/src/shelf.rs", "versions of a ledger's object that lost a race"),
        ],
    ),
    (
        // A backend key, and with it everything under its epoch.
        "backend.destroy(",
        &[("crypto/src/turn/end.rs", "an epoch that was taken over whole, and announced")],
    ),
    (
        // A slot of a page.
        "Change::Destroy(",
        &[("crypto/src/pages/batch.rs", "through `Pages::remove`")],
    ),
    (
        // An entry.
        "pages.remove(",
        &[
            ("crypto/src/sealing.rs", "at the sealing: the root, and what had lost its basis by then"),
            ("crypto/src/canary.rs", "the canary, which is nobody's"),
        ],
    ),
    (
        // Marks, and the entries that they take.
        "store.add_mark(",
        &[("crypto/src/erasing.rs", "asked by the saga")],
    ),
    (
        // crypto and archive, asked to erase.
        ".erase(request(",
        &[("retention/src/mesh/wire.rs", "the saga")],
    ),
    (
        // The saga, asked to.
        ".remove(&item.tenant,",
        &[("retention/src/saga/steps.rs", "once the item is decided")],
    ),
    (
        // Rows of recordings, consents, holds, entries.
        "DELETE FROM",
        &[
            (
                "retention/src/store/sqlite/write.rs",
                "lists of a row that is written anew in the same transaction",
            ),
            ("retention/src/store/sqlite/notes.rs", "a sweep that waits for nobody any more"),
            ("retention/src/store/scylla/statements.rs", "pointers"),
            ("archive/src/store/scylla/statements.rs", "pointers"),
            ("dsar/src/store/scylla/statements.rs", "pointers, and the event of an act once it is published"),
            ("crypto/src/store/sqlite.rs", "an instance that has left an epoch"),
            ("crypto/src/store/sqlite/turning.rs", "a generation that the next has taken the place of"),
            ("crypto/src/store/scylla/statements.rs", "a generation that the next has taken the place of"),
            (
                "consent/src/store/scylla/policies.rs",
                "a policy that is in force no more; it stays by its hash",
            ),
            ("consent/src/store/scylla/identifiers.rs", "what a batch had staged"),
            ("consent/src/store/scylla/feed/writes.rs", "what a batch had staged"),
            ("audit/src/store/sqlite/write.rs", "what was staged and never committed"),
            ("ingest/src/node/sqlite.rs", "an epoch that was left"),
            (
                "ingest/src/store/sqlite/row.rs",
                "a list of a row that is written anew in the same transaction",
            ),
            ("ingest/src/store/sqlite/knock.rs", "knocks that were heard"),
            ("ingest/src/store/scylla/owed.rs", "what was told and knocks that were heard"),
            ("eventlog/src/sqlite/membership.rs", "a member that left"),
            ("eventlog/src/sqlite/streams.rs", "records below a committed offset"),
            ("sqlite/src/outbox.rs", "events that were sent"),
            ("cql/src/migration/lock.rs", "the migration's own lock"),
        ],
    ),
];

#[test]
fn nothing_is_deleted_but_by_an_erasure_and_what_is_nobody_s() {
    for (way, places) in WAYS {
        let mut found: Vec<String> = Vec::new();
        for krate in tree::crates().iter().filter(|krate| krate.name != "tests" && krate.name != "objects") {
            for (path, text) in tree::rust_files(&krate.folder.join("src")) {
                let path = path.to_string_lossy().into_owned();
                if is_program(&path) && program(&text).contains(way) {
                    found.push(path);
                }
            }
        }
        for path in &found {
            let known = places.iter().any(|(place, _)| path.ends_with(place));
            assert!(known, "{path} deletes by `{way}`: everything goes through the erasure's saga");
        }
        for (place, what) in *places {
            let stands = found.iter().any(|path| path.ends_with(place));
            assert!(stands, "{place} does not use `{way}` any more ({what}): take it off the list");
        }
    }
}

/// Whether a file is part of what runs.
fn is_program(path: &str) -> bool {
    let parts = ["/tests/", "/tests.rs", "/testing", "/contract"];
    !parts.iter().any(|part| path.contains(part))
}

/// A file without the tests at its end.
fn program(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(program, _)| program)
}
