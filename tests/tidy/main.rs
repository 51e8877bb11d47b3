//! tidy: what the house style asks of the tree itself, held by a test instead of by reviewers.

#![allow(clippy::unwrap_used, reason = "a check that cannot go on has failed")]

mod deletion;
mod directions;
mod sources;
mod tree;
