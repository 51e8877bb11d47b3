//! it: whole scenarios against the running program, through its real contract over TCP.
//!
//! Each test has its own directories and its own mesh. [`harness`] has what they share: a mesh and callers
//! ([`harness::World`]), the sample calls and what is to be expected of them ([`harness::Sample`],
//! [`harness::Expected`]), a sender by hand ([`harness::Line`]), and readers that go past the program, with the
//! keys in hand ([`harness::Keyring`], [`harness::Shelf`]).

#![allow(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod harness;

mod bench;
mod breaks;
mod calls;
mod codecs;
mod command_line;
mod crowds;
mod disk;
mod disorder;
mod drill;
mod entries;
mod erasures;
mod faults;
mod input;
mod keeping;
mod kills;
mod ledger;
mod offline;
mod pauses;
mod plaintext;
mod refusals;
mod requests;
mod stops;
mod time;
mod withdrawals;
