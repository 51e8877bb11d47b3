//! What the restrictive journal holds of holds, orders and erasures, and how it is read back. Pure.
//!
//! ```text
//! hold-placed       hold:<kind> reason:<code> placed-at:<us> review-at:<us> <account> part:<n>-of-<m>
//!                   over:recordings | over:subjects | range:<us>:<us>   recording:<uuid>... | subject:<uuid>...
//!                   purpose:<name>...
//! hold-released     <account>...
//! order-placed      order:<reference> regime:<name> until:<us> range:<us>:<us> placed-at:<us> <account>
//!                   part:<n>-of-<m>   subject:<uuid>...
//! erasure-intended  <erasure> <target> <account> [of:all] part:<n>-of-<m>
//!                   scope:all | purpose:<name>... | stretch:<us>:<us> leg:<n>...
//! erasure-done      <erasure> erased:<name>... | erased-as:scope | erased-as:unlisted   <kept>...
//! erasure-refused   <erasure> outcome:deferred | outcome:refused   <kept>...
//!
//! <target>  = target:due | target:recording | target:recording-of:<uuid> | target:subject:<uuid>   the uuid a subject's
//! <erasure> = erasure:<uuid> cause:<word> reason:<code> ordered-at:<us>
//! <account> = account:<id> | by:<16 hex>                  see [`account`]
//! <kept>    = kept-by-hold:<uuid> | kept-by-rule:<code>   [kept-until:<us>] [kept:<name>...]   and kept-more:<n>
//! ```
//!
//! An act is known by its id, which follows from what it says of which version of what: the same act again has the same
//! one. What does not fit into one record comes in parts, each of which stands for itself: to unite them means to unite
//! whom or what they name. Every part of a hold names somebody or something where the hold does, since a
//! range without persons is everybody's. The codes' form is [`journal::codes`]'s.

mod account;
mod erasures;
mod holds;
mod orders;
mod said;

use journal::codes::Part;
use journal::{About, Act, Code, Kind};
use kernel::{EventId, TenantId, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use self::account::is_same;
pub use self::erasures::{erasure_done, erasure_intended, erasure_refused};
pub use self::holds::{hold_placed, hold_released};
pub use self::orders::order_placed;
pub use self::said::{Erased, Intent, Release, Said, Settled, read};
pub use journal::codes::Unreadable;

/// What an act says, without its codes.
struct Head<'a> {
    kind: Kind,
    tenant: &'a TenantId,
    /// What it is done to.
    id: [u8; 16],
    version: u64,
    /// The erasure where it is done to a recording.
    within: Option<[u8; 16]>,
    at: Timestamp,
}

impl Head<'_> {
    fn act(&self, part: Part, codes: Vec<Code>) -> Act {
        let Self { kind, tenant, id, version, within, at } = self;
        let numbers = [version.to_be_bytes(), u64::from(part.number).to_be_bytes()].concat();
        let within = within.as_ref().map_or(&[][..], |id| id);
        let digest = digest(&[&[kind.number()], tenant.as_str().as_bytes(), id, within, &numbers]);
        let about = About::Aggregate { id: Uuid::from_bytes(*id), version: *version };
        let tenant = TenantId::clone(tenant);
        Act { id: EventId::from_bytes(digest), at: *at, tenant, kind: *kind, about, codes }
    }

    fn acts(&self, parts: Vec<(Part, Vec<Code>)>) -> Vec<Act> {
        parts.into_iter().map(|(part, codes)| self.act(part, codes)).collect()
    }
}

/// 16 bytes of the SHA-256 of these, each with its length before it.
fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut sha = Sha256::new().chain_update(b"verbale.retention.act.v1");
    for part in parts {
        sha = sha.chain_update((part.len() as u64).to_be_bytes()).chain_update(part);
    }
    let digest: [u8; 32] = sha.finalize().into();
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    first
}

/// A policy's code, which a reason or a reference is.
fn coded(key: &str, text: &policy::code::Code) -> Vec<Code> {
    journal::codes::text(key, text.as_str()).expect("a policy's code has only characters that can be written")
}

/// Words for what is written, both ways.
macro_rules! words {
    ($type:ident { $($variant:ident $word:literal,)+ }) => {
        fn word(value: $type) -> &'static str {
            match value { $($type::$variant => $word,)+ }
        }
        fn of_word(word: &str) -> Option<$type> {
            match word { $($word => Some($type::$variant),)+ _ => None }
        }
    };
}
use words;

#[cfg(test)]
mod tests;
