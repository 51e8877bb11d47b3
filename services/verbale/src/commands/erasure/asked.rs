//! What an erasure was asked of.

use kernel::Position;
use proto::common::v1::Interval;
use proto::retention::v1 as wire;
use serde_json::{Value, json};

use crate::shown;

/// What somebody asked for; nothing where an erasure came by itself.
#[derive(Debug, Default)]
pub(super) struct Asked {
    recording: Option<String>,
    subject: Option<String>,
    /// Every purpose where there are none.
    purposes: Vec<String>,
    stretch: Option<Interval>,
    /// Every leg where there are none.
    legs: Vec<u32>,
}

/// What this one was asked of.
pub(super) fn asked(erasure: &wire::Erasure) -> Asked {
    let id = |bytes: &[u8]| (!bytes.is_empty()).then(|| shown::id(bytes));
    Asked {
        recording: id(&erasure.target_recording_id),
        subject: id(&erasure.target_subject_id),
        purposes: erasure.asked_purposes.clone(),
        stretch: erasure.asked_stretch,
        legs: erasure.asked_legs.clone(),
    }
}

impl Asked {
    /// On one line; nothing where nobody asked.
    pub(super) fn words(&self) -> Option<String> {
        let whose = match (&self.recording, &self.subject) {
            (Some(recording), None) => format!("recording {recording}"),
            (Some(recording), Some(subject)) => format!("recording {recording}, for subject {subject}"),
            (None, Some(subject)) => format!("every recording of subject {subject}"),
            (None, None) => return None,
        };
        let mut parts = vec![whose];
        if let Some(stretch) = &self.stretch {
            parts.push(format!("{}-{}", Position(stretch.start), Position(stretch.end)));
        }
        if !self.legs.is_empty() {
            let legs: Vec<_> = self.legs.iter().map(u32::to_string).collect();
            parts.push(format!("legs {}", legs.join(" and ")));
        }
        if !self.purposes.is_empty() {
            parts.push(format!("only for {}", self.purposes.join(" and ")));
        }
        Some(parts.join(", "))
    }

    /// As JSON; nothing where nobody asked.
    pub(super) fn shown(&self) -> Value {
        if self.recording.is_none() && self.subject.is_none() {
            return Value::Null;
        }
        let seconds = |position: u64| Position(position).as_secs_f64();
        json!({
            "recording": self.recording, "subject": self.subject, "purposes": self.purposes,
            "start_s": self.stretch.as_ref().map(|stretch| seconds(stretch.start)),
            "end_s": self.stretch.as_ref().map(|stretch| seconds(stretch.end)),
            "legs": self.legs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_told_as_far_as_somebody_asked() {
        let recording = || Some("019a".to_owned());
        let check = |asked: Asked, expected: Option<&str>| assert_eq!(asked.words().as_deref(), expected);
        check(Asked::default(), None);
        check(Asked { recording: recording(), ..Asked::default() }, Some("recording 019a"));
        let subject = Some("019b".to_owned());
        check(
            Asked { recording: recording(), subject, ..Asked::default() },
            Some("recording 019a, for subject 019b"),
        );
        let stretch = Some(Interval { start: 10_000_000, end: 13_000_000 });
        check(
            Asked { recording: recording(), stretch, legs: vec![0, 1], ..Asked::default() },
            Some("recording 019a, 0:10.000-0:13.000, legs 0 and 1"),
        );
        let purposes = vec!["quality".to_owned(), "training".to_owned()];
        check(
            Asked { subject: Some("019b".to_owned()), purposes, ..Asked::default() },
            Some("every recording of subject 019b, only for quality and training"),
        );
    }

    #[test]
    fn a_script_reads_of_what_and_null_where_nobody_asked() {
        assert_eq!(Asked::default().shown(), Value::Null);
        let stretch = Some(Interval { start: 10_000_000, end: 12_500_000 });
        let asked = Asked { recording: Some("019a".to_owned()), stretch, ..Asked::default() };
        let wanted = json!({
            "recording": "019a", "subject": null, "purposes": [], "start_s": 10.0, "end_s": 12.5, "legs": [],
        });
        assert_eq!(asked.shown(), wanted);
    }
}
