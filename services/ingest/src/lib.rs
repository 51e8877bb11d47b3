//! ingest

pub mod anchor;
pub mod config;
pub mod error;
pub mod intake;
pub mod leg;
pub mod session;
pub mod store;
pub mod verdict;
