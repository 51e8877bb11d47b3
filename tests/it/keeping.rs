//! Until when something is kept, and what keeps it longer.
//!
//! [`periods`] end at their moment, [`holds`] keep what is due and what comes, [`orders`] of authorities lengthen what
//! the law has set, [`sweeps`] of much at once need two people, and [`unknown`] things are told so.

mod holds;
mod orders;
mod periods;
mod sweeps;
mod unknown;
