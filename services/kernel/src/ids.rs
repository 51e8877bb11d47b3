//! Typed ids and names: one list, so that a recording's id is never passed where a subject's is meant.
//!
//! Random ids are UUIDv7 (RFC 9562), which sort by time; a subject's is UUIDv4, so that it does not tell
//! when a person first called. Names (tenant, purpose, regime, notice, ...) are short slugs from a tenant's
//! policy, and never personal data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A string or byte slice that is not the id or name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {reason}")]
pub struct InvalidId {
    /// Which kind of id was expected.
    pub kind: &'static str,
    /// What is wrong with it; never repeats the value, which may be a sender's text.
    pub reason: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $new:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Draws a fresh id.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self { Self(Uuid::$new()) }
            /// The id with exactly these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self { Self(Uuid::from_bytes(bytes)) }
            /// The id's 16 bytes, big-endian as RFC 9562 writes them.
            pub const fn to_bytes(self) -> [u8; 16] { self.0.into_bytes() }
            /// Reads an id from bytes that came from outside; they must be 16.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
                Uuid::from_slice(bytes).map(Self)
                    .map_err(|_| InvalidId { kind: $kind, reason: "must be 16 bytes" })
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId { kind: $kind, reason: "must be a UUID" })
            }
        }
    };
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => { name_id!($(#[$doc])* $name, $kind, except &[]); };
    ($(#[$doc:meta])* $name:ident, $kind:literal, except $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Longest name, in bytes.
            pub const MAX_LEN: usize = 63;
            /// Takes 1 to 63 characters of `a-z 0-9 -`, beginning and ending with a letter or digit.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check_slug($kind, &text)?;
                check_free($kind, &text, $reserved)?;
                Ok(Self(text))
            }
            /// The name as text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> { Self::new(text) }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str { &self.0 }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The number after this one, or `None` at the end of the range.
            pub fn next(self) -> Option<Self> { self.0.checked_add(1).map(Self) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
    };
}

uuid_id!(/// One call's record. Chosen by the sender, unique in its tenant.
    RecordingId, "recording id", now_v7);
uuid_id!(/// A person: customer, agent, supervisor, bystander. Random, so it does not tell when they first called.
    SubjectId, "subject id", new_v4);
uuid_id!(/// One event, in a topic or in a call; what makes consumers idempotent.
    EventId, "event id", now_v7);
uuid_id!(/// One running process of the mesh; signs with its own key.
    InstanceId, "instance id", now_v7);
uuid_id!(/// A page of entries under one page key.
    PageId, "page id", now_v7);
uuid_id!(/// An order not to erase.
    HoldId, "hold id", now_v7);
uuid_id!(/// One erasure, of one recording or many; the restrictive journal and addenda name it.
    ErasureId, "erasure id", now_v7);
uuid_id!(/// A person's request over what is kept of them.
    RequestId, "request id", now_v7);
uuid_id!(/// That a recipient outside got something of a recording.
    DisclosureId, "disclosure id", now_v7);
uuid_id!(/// Permission to hold a part of a key tree for at most 60 s of machine time.
    LeaseId, "lease id", now_v7);

name_id!(/// A controller. Every row, key, object and topic key carries its tenant; none is named `journal`, `ledger` or
    /// `quarantine`, which are the object store's own.
    TenantId, "tenant", except RESERVED_TENANTS);
name_id!(/// Why audio may be kept or used, from the tenant's policy.
    PurposeName, "purpose");
name_id!(/// A retention duty laid down by law, such as `mifid2-16-7`.
    RegimeName, "regime");
name_id!(/// A text that tells people about recording, from the tenant's policy.
    NoticeName, "notice");
name_id!(/// A marked stretch's label, from the tenant's policy.
    MarkLabel, "mark label");

number_id!(/// A leg of a recording: the audio of one party on one channel, numbered from 0.
    LegNo, u16);
number_id!(/// A section of a leg: what one writer sealed under one leg key, numbered from 0.
    SectionNo, u32);
number_id!(/// A span of a section, numbered from 0; below 2^20.
    SpanNo, u32);
number_id!(/// A frame of a leg, numbered by the sender without gaps and never reused.
    FrameNo, u64);
number_id!(/// A sender's fencing number for one recording: the higher one wins.
    SessionEpoch, u64);
number_id!(/// A key epoch of a tenant, numbered from 1.
    KeyEpoch, u64);

/// What the object store keeps for itself beside the tenants' folders, whose names are the tenants': a tenant
/// of such a name would lie among the ledger's entries, or among bytes that nobody vouches for.
const RESERVED_TENANTS: &[&str] = &["journal", "ledger", "quarantine"];

impl TenantId {
    /// The name under which the mesh notes what concerns no tenant alone; no tenant's policy may take it.
    pub const DEPLOYMENT: &str = "verbale-deployment";
}

fn check_slug(kind: &'static str, text: &str) -> Result<(), InvalidId> {
    let refuse = |reason| Err(InvalidId { kind, reason });
    if text.is_empty() || text.len() > 63 {
        return refuse("must have 1 to 63 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return refuse("may only have the characters a-z, 0-9 and -");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return refuse("must begin and end with a letter or digit");
    }
    Ok(())
}

fn check_free(kind: &'static str, text: &str, reserved: &[&str]) -> Result<(), InvalidId> {
    if reserved.contains(&text) {
        return Err(InvalidId { kind, reason: "must not be a name that the object store keeps for itself" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::de::value::StrDeserializer;

    use super::*;

    #[test]
    fn names_are_slugs() {
        for good in ["a", "banca-alfa", "mifid2-16-7", &"x".repeat(63)] {
            assert_eq!(TenantId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "Banca", "a b", "a/b", "à", "a_b", &"x".repeat(64)] {
            assert!(TenantId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_tenant_lies_where_the_object_store_keeps_its_own() {
        for taken in ["ledger", "quarantine"] {
            assert!(TenantId::new(taken).unwrap_err().to_string().contains("object store"), "{taken}");
            let read = StrDeserializer::<serde::de::value::Error>::new(taken);
            assert!(TenantId::deserialize(read).is_err(), "{taken}");
            assert!(PurposeName::new(taken).is_ok(), "only tenants have folders there");
        }
        assert!(TenantId::new("ledger-bank").is_ok());
        assert!(TenantId::new(TenantId::DEPLOYMENT).is_ok(), "the mesh itself writes under it");
    }

    #[test]
    fn a_refused_name_is_not_repeated_in_its_error() {
        let error = PurposeName::new("+390612345678").unwrap_err();
        assert!(!error.to_string().contains("0612"));
    }

    #[test]
    fn ids_round_trip_as_text_and_bytes() {
        let id = RecordingId::new();
        assert_eq!(id.to_string().parse::<RecordingId>().unwrap(), id);
        assert_eq!(RecordingId::from_slice(&id.to_bytes()).unwrap(), id);
        assert!(RecordingId::from_slice(&[0; 15]).is_err());
    }
}
