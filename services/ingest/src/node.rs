//! What this node's disk remembers of key epochs: which instances were given keys of which tenants.
//!
//! An instance leaves the epochs that it was given once nothing that it sealed to them is on its way. One that was
//! killed cannot say so; the next one on the same disk, which has that one's spool, says it in its place.

mod sqlite;

pub use self::sqlite::Node;
