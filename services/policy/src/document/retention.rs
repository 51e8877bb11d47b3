//! How long a purpose may keep each kind of data, and from when that period runs.

use std::fmt;

use crate::period::Period;
use crate::retention::DataKind;
use crate::words::words;

words! {
    /// From when a retention period runs.
    Anchor {
        /// From the recording's start.
        Start = 1 "start",
        /// From the end of the call.
        End = 2 "end",
        /// From the end of the purpose's last mark.
        Mark = 3 "mark",
    }
}

/// How long a purpose may be kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Retention {
    /// How long its audio.
    pub audio: Period,
    /// How long what is known of it without opening the audio.
    pub metadata: Period,
    /// From when both run.
    pub anchor: Anchor,
}

impl Retention {
    /// As laws count: everything for one period, from the moment at which the record was created (Delegated
    /// Regulation (EU) 2017/565 Art. 76(11)).
    pub fn from_start(period: Period) -> Self {
        Self { audio: period, metadata: period, anchor: Anchor::Start }
    }

    /// How long this kind of data.
    pub fn of(&self, kind: DataKind) -> Period {
        match kind {
            DataKind::Audio => self.audio,
            DataKind::Metadata => self.metadata,
        }
    }
}

/// In a person's words: `90 days`, `audio 90 days, metadata 1 year`, `2 years from the end of the mark`.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let anchor = match self.anchor {
            Anchor::Start => "",
            Anchor::End => " from the end of the call",
            Anchor::Mark => " from the end of the mark",
        };
        let (audio, metadata) = (self.audio.in_words(), self.metadata.in_words());
        if self.audio == self.metadata {
            return write!(f, "{audio}{anchor}");
        }
        let both = if anchor.is_empty() { "" } else { ", both" };
        write!(f, "audio {audio}, metadata {metadata}{both}{anchor}")
    }
}
