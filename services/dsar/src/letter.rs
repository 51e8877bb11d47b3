//! Answer letters: what was asked, what became of it and why, in the words of whoever reads it. Pure.
//!
//! A letter follows from the file alone, so that the one that was shown has the same hash when it is
//! delivered, unless the file has changed in between. It names no staff and no id but the request's, and does
//! not say who placed a hold or why. What may not be tipped off about (rule A1) reads like whatever else is
//! not decided yet.
//!
//! Read [`write`] first, then `body` (what stands in which order), `groups` (how items become paragraphs) and
//! `phrases` (every sentence there is; `english` and `italian` say them).

mod authority;
mod body;
mod calls;
mod english;
mod groups;
mod italian;
mod phrases;

use kernel::Timestamp;
use policy::request::{Actor, Ending, Event, Request, State};
use seal::Hash;

use self::body::Body;
use self::phrases::Phrases;
use crate::act::RequestKey;
use crate::file::File;
use crate::plan::Language;

/// A letter to whoever asked; whoever sends it adds name and address, which the mesh does not know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// Markdown that reads well as plain text.
    pub text: String,
    /// In which language.
    pub language: Language,
    /// SHA-256 of the text.
    pub hash: Hash,
}

/// What kind of letter it is.
enum Kind {
    /// Nothing is decided yet: it was received, and is due.
    Acknowledgement,
    /// Something is decided, and the request goes on.
    Interim,
    /// The answer, with what the request ends as.
    Answer(Ending),
    /// Who asked has taken it back.
    TakenBack,
    /// The letter about another request of theirs is its answer.
    AnsweredWith,
}

/// The letter of a request as its acts have left it, in a language. It does not change with `now`.
pub fn write(file: &File, key: &RequestKey, now: Timestamp, language: Language) -> Letter {
    let body = Body::new(phrases(language), file, key);
    let blocks = match Kind::of(&file.request, now) {
        Kind::Acknowledgement => body.acknowledgement(),
        Kind::Interim => body.interim(),
        Kind::Answer(ending) => body.answer(ending),
        Kind::TakenBack => body.taken_back(),
        Kind::AnsweredWith => body.answered_with(),
    };
    let text = format!("{}\n", blocks.join("\n\n"));
    let hash = Hash::of(text.as_bytes());
    Letter { text, language, hash }
}

impl Kind {
    fn of(request: &Request, now: Timestamp) -> Self {
        if request.merged_into().is_some() {
            return Self::AnsweredWith;
        }
        match ending(request, now) {
            Some(Ending::Withdrawn) => Self::TakenBack,
            Some(ending @ (Ending::Fulfilled | Ending::Partial | Ending::Refused | Ending::Unverified)) => {
                Self::Answer(ending)
            }
            None if request.items().values().any(|item| item.decision().is_some()) => Self::Interim,
            None => Self::Acknowledgement,
        }
    }
}

/// What a request ended as; of one that is being answered, what it ends as when this letter is delivered. The
/// lifecycle alone knows that, so it is asked by delivering to a copy.
fn ending(request: &Request, now: Timestamp) -> Option<Ending> {
    if request.state() != State::Responding {
        return request.ended();
    }
    let by = Actor::new("letter").ok()?;
    request.apply(Event::Delivered { answer: request.owed(), by }, now).ok()?.ended()
}

fn phrases(language: Language) -> &'static dyn Phrases {
    match language {
        Language::English => &english::English,
        Language::Italian => &italian::Italian,
    }
}

#[cfg(test)]
mod tests;
