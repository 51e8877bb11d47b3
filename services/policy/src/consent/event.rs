//! What is said about consent, once, and kept.

use std::collections::BTreeSet;

use kernel::{EventId, PurposeName, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};

use super::scope::Scope;
use crate::words::words;

words! {
    /// How somebody expressed their will.
    Expression {
        /// A key press.
        Dtmf = 1 "dtmf",
        /// A spoken yes.
        VoiceYes = 2 "voice-yes",
        /// In an app.
        App = 3 "app",
        /// On a web page.
        Web = 4 "web",
        /// On paper or by mail.
        Written = 5 "written",
        /// Said to an agent, who attests it.
        AgentAttested = 6 "agent-attested",
        /// By the SIP recording preference (RFC 7866).
        SipRecordPref = 7 "sip-recordpref",
    }
}

/// What an event says. A grant without its expression cannot be written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// A notice was read out or shown.
    NoticePresented,
    /// The question was put. A notice that names a consent purpose puts it.
    Asked,
    /// They agreed.
    Given {
        /// How.
        expression: Expression,
        /// When it runs out, where the policy or the form said so.
        valid_until: Option<Timestamp>,
    },
    /// They declined.
    Refused,
    /// They did not answer.
    Silence,
    /// They left before answering.
    HungUp,
    /// They took it back.
    Withdrawn,
    /// The controller let it run out.
    Expired,
    /// The controller gave it up.
    Revoked,
    /// It was never valid.
    Invalidated,
    /// The notice changed in what it asks for; the event's purposes are those of the new notice.
    NoticeMajor,
    /// The notice changed in its wording only.
    NoticeMinor,
}

impl ConsentKind {
    /// The number that leaves the process; never reused, never 0.
    pub fn number(&self) -> i32 {
        match self {
            Self::NoticePresented => 1,
            Self::Asked => 2,
            Self::Given { .. } => 3,
            Self::Refused => 4,
            Self::Silence => 5,
            Self::HungUp => 6,
            Self::Withdrawn => 7,
            Self::Expired => 8,
            Self::Revoked => 9,
            Self::Invalidated => 10,
            Self::NoticeMajor => 11,
            Self::NoticeMinor => 12,
        }
    }

    /// Whether it can only take away.
    pub fn is_restrictive(&self) -> bool {
        match self {
            Self::Refused
            | Self::Silence
            | Self::HungUp
            | Self::Withdrawn
            | Self::Expired
            | Self::Revoked
            | Self::Invalidated => true,
            Self::NoticePresented
            | Self::Asked
            | Self::Given { .. }
            | Self::NoticeMajor
            | Self::NoticeMinor => false,
        }
    }

    /// Its place among events of one instant: the question before its answer, no answer before a yes, and
    /// what takes away after all else, so that it prevails.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::NoticePresented | Self::NoticeMajor | Self::NoticeMinor => 0,
            Self::Asked => 1,
            Self::Silence | Self::HungUp => 2,
            Self::Given { .. } => 3,
            Self::Refused | Self::Withdrawn | Self::Expired | Self::Revoked | Self::Invalidated => 4,
        }
    }
}

/// One event about one subject's consent; immutable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConsentEvent {
    /// Its identity: counts once.
    pub id: EventId,
    /// Whose will.
    pub subject: SubjectId,
    /// Which purposes; each is folded by itself.
    pub purposes: BTreeSet<PurposeName>,
    /// How far it reaches.
    pub scope: Scope,
    /// What it says.
    pub kind: ConsentKind,
    /// When it was said.
    pub occurred_at: Timestamp,
}
