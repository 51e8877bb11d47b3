//! The JSON that says what a WAV file is: parties, purposes, timed events. `verbale record` sends both.

use std::time::Duration;

use kernel::{RecordingId, TenantId, Timestamp};
use serde::Deserialize;

/// Seconds that a call's told length may differ from its audio's: it is often told in whole ones.
const LENGTH_TOLERANCE_S: f64 = 1.0;

/// Why a call's JSON cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON of this shape; the message has line and column.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A value that is out of its range.
    #[error("{place}: {what}")]
    Value {
        /// The key's path.
        place: String,
        /// What is wrong.
        what: String,
    },
}

/// One call, as the JSON beside its WAV tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFile {
    /// The sender's id of the call.
    pub call_id: String,
    /// Unset: a fresh one is drawn.
    pub recording_id: Option<RecordingId>,
    /// Whose call it is.
    pub tenant: TenantId,
    /// BCP 47.
    pub language: String,
    /// Who called whom.
    pub direction: Direction,
    /// RFC 3339 with an offset.
    pub started_at: String,
    /// The agent, known by an employee id.
    pub agent: Agent,
    /// The customer.
    pub customer: Customer,
    /// Purposes asked for, from the tenant's policy.
    pub purposes: Vec<String>,
    /// Seconds; must agree with the WAV where it is told.
    pub duration_s: Option<f64>,
    /// What the channels are.
    pub audio: Audio,
    /// What was said, told for people.
    #[serde(default)]
    pub turns: Vec<serde_json::Value>,
    /// What happened when.
    #[serde(default)]
    pub events: Vec<TimedEvent>,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The customer called.
    Inbound,
    /// The agent called.
    Outbound,
    /// Two people of the tenant.
    Internal,
}

/// The agent on the line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Employee id.
    pub id: String,
}

/// The customer on the line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// E.164.
    pub phone: Option<String>,
    /// The CRM's id.
    pub crm_id: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
}

/// What the WAV's channels are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// File name, told for people.
    #[serde(default)]
    pub file: String,
    /// `PCMA`, `PCMU` or `L16`; must agree with the WAV.
    pub codec: String,
    /// Must agree with the WAV.
    pub sample_rate_hz: u32,
    /// Which party is on each channel.
    pub channels: Vec<Channel>,
}

/// The party on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The agent.
    Agent,
    /// The customer.
    Customer,
}

/// Something that happened during the call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedEvent {
    /// Seconds from the beginning.
    pub at_s: f64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// The purpose, for consent events.
    pub purpose: Option<String>,
    /// The notice, for `notice.played`.
    pub notice: Option<String>,
    /// The label, for marks.
    pub label: Option<String>,
    /// The reason code, for `pause` and `stop`.
    pub reason: Option<String>,
    /// The right, for `dsar.requested`.
    pub right: Option<String>,
}

impl CallFile {
    /// Reads and checks a call's JSON.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let call: Self = serde_json::from_str(text)?;
        call.started_at()?;
        if let Some(phone) = &call.customer.phone {
            let digits = phone.strip_prefix('+').unwrap_or_default();
            if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(value("customer.phone", "must be E.164: + and 7 to 15 digits"));
            }
        }
        if call.audio.channels.is_empty() {
            return Err(value("audio.channels", "names no channel"));
        }
        for (number, event) in call.events.iter().enumerate() {
            if !(0.0..=86_400.0).contains(&event.at_s) {
                return Err(value(&format!("events[{number}].at_s"), "must be 0 to 86,400 seconds"));
            }
            event.check(number)?;
        }
        Ok(call)
    }

    /// Checks what it says of time against the audio's length.
    pub fn check_length(&self, length: Duration) -> Result<(), Error> {
        let seconds = length.as_secs_f64();
        if let Some(told) = self.duration_s.filter(|told| (told - seconds).abs() > LENGTH_TOLERANCE_S) {
            return Err(value("duration_s", &format!("is {told}, but the audio has {seconds:.3} s")));
        }
        // Positions are told in milliseconds, and the last one may be rounded up.
        let end = length.as_micros().next_multiple_of(1_000);
        for (number, event) in self.events.iter().enumerate() {
            if u128::from(event.position()) > end {
                let what = format!("is {}, but the audio ends at {seconds:.3} s", event.at_s);
                return Err(value(&format!("events[{number}].at_s"), &what));
            }
        }
        Ok(())
    }

    /// When the call began.
    pub fn started_at(&self) -> Result<Timestamp, Error> {
        Timestamp::parse(&self.started_at)
            .map_err(|_| value("started_at", "must be an RFC 3339 time with an offset"))
    }
}

impl TimedEvent {
    /// Microseconds on the timeline.
    pub fn position(&self) -> u64 {
        u64::try_from(Duration::from_secs_f64(self.at_s).as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
    }

    fn check(&self, number: usize) -> Result<(), Error> {
        let needs = match self.kind.as_str() {
            "notice.played" => ("notice", &self.notice),
            "consent.given" | "consent.refused" | "consent.withdrawn" => ("purpose", &self.purpose),
            "mark.begin" | "mark.end" => ("label", &self.label),
            "pause" | "stop" => ("reason", &self.reason),
            "dsar.requested" => ("right", &self.right),
            "resume" => return Ok(()),
            _ => {
                return Err(value(
                    &format!("events[{number}].type"),
                    "must be notice.played, consent.given, consent.refused, consent.withdrawn, mark.begin, \
                     mark.end, pause, resume, stop or dsar.requested",
                ));
            }
        };
        match needs {
            (_, Some(_)) => Ok(()),
            (key, None) => Err(value(&format!("events[{number}].{key}"), "is missing for this type")),
        }
    }
}

fn value(place: &str, what: &str) -> Error {
    Error::Value { place: place.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = include_str!("../../../tests/data/calls/card-payment-en/call.json");

    #[test]
    fn a_sample_call_is_read() {
        let call = CallFile::parse(CALL).unwrap();
        assert_eq!(call.tenant.as_str(), "shop-gamma");
        assert_eq!(call.events.len(), 6);
        assert_eq!(call.events[4].position(), 20_752_000);
    }

    #[test]
    fn times_that_the_audio_does_not_have_are_refused_with_the_place() {
        let check = |from: &str, to: &str, needle: Option<&str>| {
            assert!(CALL.contains(from));
            let call = CallFile::parse(&CALL.replacen(from, to, 1)).unwrap();
            let told = call.check_length(Duration::from_micros(32_840_875)).err().map(|e| e.to_string());
            assert_eq!(told.as_deref(), needle, "{to}");
        };
        let duration = "\"duration_s\": 32.841,";
        check(duration, "", None);
        check(duration, "\"duration_s\": 33.8,", None);
        check(duration, "\"duration_s\": 5,", Some("duration_s: is 5, but the audio has 32.841 s"));
        check(duration, "\"duration_s\": 0,", Some("duration_s: is 0, but the audio has 32.841 s"));
        check("\"at_s\": 28.186", "\"at_s\": 32.841", None);
        let late = "events[5].at_s: is 32.842, but the audio ends at 32.841 s";
        check("\"at_s\": 28.186", "\"at_s\": 32.842", Some(late));
        let late = "events[0].at_s: is 1000, but the audio ends at 32.841 s";
        check("\"at_s\": 6.578", "\"at_s\": 1000", Some(late));
    }

    #[test]
    fn bad_values_are_refused_with_the_place() {
        let check = |from: &str, to: &str, needle: &str| {
            assert!(CALL.contains(from));
            let error = CallFile::parse(&CALL.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(needle), "{error}");
        };
        check("\"at_s\": 6.578", "\"at_s\": -1", "events[0].at_s");
        check("\"pause\"", "\"pauze\"", "events[4].type");
        check("\"reason\": \"pci-dss\"", "\"label\": \"x\"", "events[4].reason");
        check("2026-03-03T15:02:11+00:00", "yesterday", "started_at");
        check("+442079460123", "ciao", "customer.phone");
        check("\"tenant\": \"shop-gamma\"", "\"tenant\": \"Shop\"", "line 3 column");
        check("\"direction\"", "\"directions\"", "unknown field `directions`");
    }
}
