//! Replay: who may hear what was decided by crypto; here is what was asked for, span by span.
//!
//! [`plan`] says which spans a purpose may open in the ranges asked for and why the rest does not play. The
//! [`Player`] is pulled by the stream that it feeds: it fetches, opens and hands out one span at a time, so
//! memory is bounded by the read-ahead and nothing runs when nobody listens. Leases are renewed on the way;
//! one that is refused ends the stream.

pub mod plan;

mod fetch;
mod player;
mod sound;

pub use plan::{Plan, Request};
pub use player::{Heard, Played, Player};
pub use sound::{Counted, Sounded, Sounding};
