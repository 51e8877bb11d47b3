//! tidy: what the house style asks of the tree itself, held by a test instead of by reviewers.

mod directions;
mod sources;
mod tree;
