//! Conditional writes, tried until it is known what became of them.

use std::time::Duration;

use futures::future::BoxFuture;
use kernel::EventId;

use super::error::Error;

/// How often a conditional write is tried.
const ATTEMPTS: u32 = 8;
/// The longest pause before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(10);

/// What tells an own write from another's: drawn for each, and kept in its row.
pub(super) type Act = [u8; 16];

/// One that nobody has.
pub(super) fn new_act() -> Act {
    EventId::new().to_bytes()
}

/// What a serial read says after a conditional write that was refused, or whose answer did not come.
pub(super) enum Found<T> {
    /// The row tells what became of the write.
    Outcome(T),
    /// The condition still holds: the write was not applied, and the serial read has seen to it that this try of
    /// it will not be.
    Open,
}

/// Tries a conditional write. Where the answer is no, or does not come, the row is read at SERIAL before anything
/// else is decided: `find` tells an own write from another's by what the row holds. Repeating is safe, as each
/// try hangs on the same condition.
pub(super) async fn decide<'a, T>(
    applied: T,
    attempt: impl Fn() -> BoxFuture<'a, Result<bool, cql::Error>>,
    find: impl Fn() -> BoxFuture<'a, Result<Found<T>, Error>>,
) -> Result<T, Error> {
    let mut last = Error::Contended;
    for tried in 0..ATTEMPTS {
        match attempt().await {
            Ok(true) => return Ok(applied),
            Ok(false) => {}
            Err(error) if error.is_uncertain() => last = error.into(),
            Err(error) => return Err(error.into()),
        }
        match find().await? {
            Found::Outcome(outcome) => return Ok(outcome),
            Found::Open => pause(tried).await,
        }
    }
    Err(last)
}

/// Writers that met once would meet again if they waited equally long.
pub(super) async fn pause(tried: u32) {
    let longest = PAUSE * 2_u32.pow(tried.min(ATTEMPTS));
    let share = getrandom::u32().map_or(1.0, |drawn| f64::from(drawn) / f64::from(u32::MAX));
    tokio::time::sleep(longest.mul_f64(share)).await;
}

/// Tries left to writers that read anew what they hang on.
pub(super) fn tries() -> std::ops::Range<u32> {
    0..ATTEMPTS
}

#[cfg(test)]
mod tests;
