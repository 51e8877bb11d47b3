//! What a handler notes for the audit entry.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{RecordingId, SubjectId};
use parking_lot::Mutex;

use crate::audit::AuditEntry;

/// Most objects of one entry; how many more there were is a fact of it.
const OBJECTS_MAX: usize = 1_000;
/// Longest name of an object, and longest fact.
const TEXT_MAX: usize = 200;
/// Most facts of one entry.
const FACTS_MAX: usize = 32;

/// Whose data a call touched, and facts about it: ids, codes and numbers only. Clones share one note.
#[derive(Clone, Debug, Default)]
pub struct Touched(Arc<Mutex<Note>>);

#[derive(Debug, Default)]
struct Note {
    objects: BTreeSet<String>,
    omitted: u64,
    facts: BTreeMap<&'static str, String>,
    outcome: Option<String>,
}

impl Touched {
    /// A recording.
    pub fn recording(&self, id: RecordingId) -> &Self {
        self.object(format!("recording/{id}"))
    }
    /// A subject, by its random id.
    pub fn subject(&self, id: SubjectId) -> &Self {
        self.object(format!("subject/{id}"))
    }
    /// Anything else, as `kind/id`; never a sender's text.
    pub fn object(&self, object: impl Into<String>) -> &Self {
        let object = object.into();
        let mut note = self.0.lock();
        if note.objects.len() < OBJECTS_MAX && object.len() <= TEXT_MAX {
            note.objects.insert(object);
        } else if !note.objects.contains(&object) {
            note.omitted += 1;
        }
        self
    }
    /// A code or a number.
    pub fn fact(&self, name: &'static str, value: impl Display) -> &Self {
        let value = value.to_string();
        let mut note = self.0.lock();
        if value.len() <= TEXT_MAX && (note.facts.len() < FACTS_MAX || note.facts.contains_key(name)) {
            note.facts.insert(name, value);
        }
        self
    }
    /// An outcome other than `ok` of a call that is answered all the same, as a code (`not-recorded`).
    pub fn outcome(&self, code: &'static str) -> &Self {
        self.0.lock().outcome = Some(code.to_owned());
        self
    }

    pub(crate) fn write_into(&self, entry: &mut AuditEntry) {
        let note = self.0.lock();
        entry.objects = note.objects.iter().cloned().collect();
        entry.facts.extend(note.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if note.omitted > 0 {
            entry.facts.insert("objects-omitted".to_owned(), note.omitted.to_string());
        }
        if let (Some(code), "ok") = (&note.outcome, entry.outcome.as_str()) {
            entry.outcome.clone_from(code);
        }
    }
}

/// What a stream really sent, as its handler counts it; the guard counts bytes by itself.
#[derive(Clone, Debug, Default)]
pub struct Sent(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    messages: AtomicU64,
    micros: AtomicU64,
}

impl Sent {
    /// One message more.
    pub fn message(&self) {
        self.0.messages.fetch_add(1, Ordering::Relaxed);
    }
    /// So much audio more, in microseconds on the recording's timeline.
    pub fn audio(&self, micros: u64) {
        self.0.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn write_into(&self, entry: &mut AuditEntry) {
        for (name, count) in [("sent-messages", &self.0.messages), ("sent-audio-us", &self.0.micros)] {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                entry.facts.insert(name.to_owned(), count.to_string());
            }
        }
    }
}
