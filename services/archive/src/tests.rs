//! The role as a whole, over memory adapters and fakes of its neighbours.

mod annotating;
mod consuming;
mod erasing;
mod finding;
mod locking;
mod replaying;
mod settling;
