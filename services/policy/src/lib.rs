//! policy: what a tenant may keep, for which purpose, on which basis, for how long, and who may hear it.
//!
//! It owns the tenant's policy document, the grant decision for a call, the fold of a call's events into
//! the basis timeline, the fold of consent events into a state, the arithmetic of retention and of deadlines,
//! the decision matrix of people's rights, and the lifecycle of their requests. It does no I/O, reads no clock, and
//! knows no role, wire or store: what a rule needs is passed in.
//!
//! Read [`document`] first, then [`grant`] (before a call), [`standing`] (during it), [`timeline`] (after
//! it) and [`consent`]; [`regime`] and [`retention`] answer the question how long, [`access`] the question who,
//! [`rights`] what a person's request comes to, [`deadline`] until when it must be answered, and [`request`] how it
//! gets from its receipt to its answer.

pub mod document;
pub mod grant;
pub mod standing;
pub mod timeline;

pub mod access;
pub mod change;
pub mod code;
pub mod consent;
pub mod deadline;
pub mod explain;
pub mod hash;
pub mod jurisdiction;
pub mod period;
pub mod regime;
pub mod request;
pub mod retention;
pub mod rights;

mod words;
mod yaml;

pub use change::{BasisChange, Cause, ChangeKind};
pub use code::Code;
pub use document::{
    Anchor, From, Notice, Party, PolicyError, Problem, Purpose, Retention, TenantPolicy, Until, parse,
};
pub use grant::{CallFacts, Decision, DenyReason, Grant, Outcome, PurposeConsent, Terms};
pub use hash::PolicyHash;
pub use retention::{DataKind, Stamp};
pub use standing::{CallEvent, CallEventKind, Standing};
pub use timeline::{BasisInterval, BasisTimeline, fold};
