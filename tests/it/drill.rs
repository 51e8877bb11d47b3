//! The restore drill: data of an older day come back, and what was erased since does not.
//!
//! [`calls`] has the calls and what becomes of them after the backup, [`found`] what must be found of them at the end,
//! and [`moves`] how keys turn and data come back. [`restored`] is the drill itself, [`stale`] the same with key tables
//! that are too old, [`copies`] and [`holders`] what keeps a key epoch alive, and [`engines`] the drill in a cluster.

mod calls;
mod copies;
mod engines;
mod found;
mod holders;
mod moves;
mod restored;
mod stale;
