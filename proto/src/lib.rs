//! proto: the wire types of every service, and the rules that each RPC carries.
//!
//! The code under `gen/` is written by `cargo test -p proto` from the `.proto` files beside this crate and
//! committed, so that building needs no tool; the same test fails when it is stale. The descriptors keep the
//! `verbale.rules.v1.rule` option, which the platform's rule layer reads.
//!
//! Read the `.proto` files, not the generated code: `rules` first, then `ingest`, `consent`, `crypto`,
//! `archive`, `retention`, `dsar`, `audit`.

/// The encoded `FileDescriptorSet` of every file, options included.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.bin");

macro_rules! packages {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)+) => { $(
        $(#[$doc])*
        pub mod $name {
            #[allow(missing_docs, unreachable_pub, clippy::all, rustdoc::all)]
            pub mod v1 { include!(concat!("gen/", $file)); }
        }
    )+ };
}

packages! {
    /// The rule that every RPC carries.
    rules = "verbale.rules.v1.rs";
    /// Words that several services share.
    common = "verbale.common.v1.rs";
    /// Calls come in.
    ingest = "verbale.ingest.v1.rs";
    /// Subjects, notices, consent, authorisation, policies.
    consent = "verbale.consent.v1.rs";
    /// Keys and the unwrap gate.
    crypto = "verbale.crypto.v1.rs";
    /// Recordings found, replayed, verified.
    archive = "verbale.archive.v1.rs";
    /// How long recordings are kept, holds, erasures.
    retention = "verbale.retention.v1.rs";
    /// A person's requests over what is kept of them.
    dsar = "verbale.dsar.v1.rs";
    /// The ledger.
    audit = "verbale.audit.v1.rs";
}
