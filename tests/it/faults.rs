//! What may break does: processes, brokers, engines, networks, a disk; on engines of these tests' own.
//!
//! After each: what was acknowledged is heard, once and as it was sent; every recording is sealed; the ledger
//! verifies, and lacks no number of any producer; and what could not go on had said so. [`stage`] has the mesh,
//! [`told`] these checks.

mod brokers;
mod duplicates;
mod full;
mod outages;
mod roles;
mod stage;
mod told;
mod zombies;
