//! To whom something was given, and the copies that the person has.

use kernel::Timestamp;
use serde::Serialize;

/// Somebody outside of the controller got something of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::package) struct Recipient {
    /// Which call.
    pub(in crate::package) recording: String,
    /// Who: a code, and never a person's name.
    pub(in crate::package) who: String,
    /// When.
    pub(in crate::package) at: String,
    /// For what; none where for no one purpose.
    pub(in crate::package) purpose: Option<String>,
    /// What became of the call since, and whether they were told.
    pub(in crate::package) told: Vec<Telling>,
    /// That moment.
    #[serde(skip)]
    pub(in crate::package) moment: Timestamp,
}

/// What a recipient must know of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::package) struct Telling {
    /// `erased`, `restricted`, `corrected`.
    pub(in crate::package) what: &'static str,
    /// Since when they are to be told.
    pub(in crate::package) since: String,
    /// `due`, `failed`, `acknowledged`, `impossible`.
    pub(in crate::package) state: &'static str,
}

/// A copy that was handed out before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::package) struct Copied {
    /// Of which call.
    pub(in crate::package) recording: String,
    /// By which request.
    pub(in crate::package) request: String,
    /// To the person (`data-subject`), or to whoever asked for them (`representative`).
    pub(in crate::package) to: &'static str,
    /// When.
    pub(in crate::package) at: String,
    /// That moment.
    #[serde(skip)]
    pub(in crate::package) moment: Timestamp,
}
