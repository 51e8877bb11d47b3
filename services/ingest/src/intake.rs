//! What senders say, checked before anything else sees it: every id, name, number and length within bounds.

mod event;
mod media;
mod open;

pub use event::{CallerEvent, CallerEventKind, ConsentAct, Expression};
pub(crate) use media::elapsed;
pub use media::{CloseCall, close, frames};
pub use open::{OpenCall, PartyFacts, Present, open};

use crate::error::BadInput;

/// Most legs of a call.
pub const MAX_LEGS: usize = 16;
/// Most parties of a call.
pub const MAX_PARTIES: usize = 16;
/// Most identifiers of a party.
pub const MAX_IDENTIFIERS: usize = 16;
/// Most correlation ids of a call.
pub const MAX_CORRELATION: usize = 32;
/// Longest identifier, call id and correlation id, in bytes.
pub const MAX_TEXT: usize = 256;
/// Longest key of a correlation id, in bytes.
pub const MAX_KEY: usize = 64;
/// Longest language tag, in bytes (RFC 5646 section 4.4.1).
pub const MAX_LANGUAGE: usize = 35;
/// Longest code, in characters.
pub const MAX_CODE: usize = 32;
/// Largest payload of a frame, in bytes.
pub const MAX_PAYLOAD: usize = 4_096;
/// Most frames of one message.
pub const MAX_MESSAGE_FRAMES: usize = 1_000;
/// Highest RTP clock rate, in Hz.
pub const MAX_RATE: u32 = 384_000;

fn at_most(place: &'static str, found: usize, bound: usize) -> Result<(), BadInput> {
    if found <= bound {
        return Ok(());
    }
    Err(BadInput::Bound { place, found: found as u64, bound: bound as u64 })
}

/// A short code of `a-z 0-9 -`; `None` for anything else.
fn code(text: &str) -> Option<&str> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (!text.is_empty() && text.len() <= MAX_CODE && text.bytes().all(legal)).then_some(text)
}

#[cfg(test)]
mod tests;
