//! kernel: the words that every part of verbale shares.
//!
//! It owns the ids, positions on a recording's timeline, the two clocks, lawful bases and uses, the
//! principal, the topics, and what an error says about itself. It does no I/O and knows no role.
//!
//! Read [`ids`] and [`position`] first, then [`basis`], [`clock`], [`topics`], [`error`].

pub mod basis;
pub mod clock;
pub mod correlation;
pub mod envelope;
pub mod error;
pub mod ids;
pub mod position;
pub mod principal;
pub mod topics;

pub use basis::{Basis, Use};
pub use clock::{Clock, LeapingClock, ManualClock, SystemClock, Timestamp};
pub use envelope::{Envelope, TraceParent};
pub use error::{ErrorCode, Retry, ServiceError, chain};
pub use ids::*;
pub use position::{Interval, IntervalSet, Position};
pub use principal::{Principal, PrincipalKind, Role};
