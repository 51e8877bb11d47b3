//! What things are called in English.

use kernel::RegimeName;
use policy::request::{Channel, Ending, Need};
use policy::rights::{BasisState, Category, Right};

use crate::letter::authority::Authority;
use crate::letter::phrases::{Barrier, Voice};

pub(super) fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Call => "in a call with us",
        Channel::Phone => "by telephone",
        Channel::Letter => "by letter",
        Channel::Email => "by e-mail",
        Channel::Web => "through our website",
        Channel::App => "through our app",
        Channel::InPerson => "in person",
        Channel::Other => "in the way that you chose",
    }
}

pub(super) fn asked(right: Right) -> &'static str {
    match right {
        Right::Access => "to tell you which data we keep of you, and to give you a copy of it (Art. 15)",
        Right::Rectify => "to put right what is wrong in your data (Art. 16)",
        Right::Erase => "to erase your data (Art. 17)",
        Right::Restrict => "to store your data and do nothing else with it (Art. 18)",
        Right::Port => "to give you what you provided in a form that machines can read (Art. 20)",
        Right::Object => "to stop using your data, as you object to that (Art. 21(1))",
        Right::ObjectMarketing => "to stop using your data for direct marketing (Art. 21(2))",
        Right::Withdraw => "to take note that you withdraw your consent (Art. 7(3))",
    }
}

pub(super) fn heading(right: Right) -> &'static str {
    match right {
        Right::Access => "Access and copy (Art. 15)",
        Right::Rectify => "Correction (Art. 16)",
        Right::Erase => "Erasure (Art. 17)",
        Right::Restrict => "Restriction (Art. 18)",
        Right::Port => "Data portability (Art. 20)",
        Right::Object => "Objection (Art. 21(1))",
        Right::ObjectMarketing => "Objection to direct marketing (Art. 21(2))",
        Right::Withdraw => "Withdrawal of consent (Art. 7(3))",
    }
}

/// A kind of data, and whose voice is meant where that matters.
pub(super) fn title(kind: Category, voice: Option<Voice>) -> String {
    match voice {
        Some(voice) => format!("{}, {}", category(kind), whose(voice)),
        None => category(kind).to_owned(),
    }
}

fn whose(voice: Voice) -> &'static str {
    match voice {
        Voice::Own => "your voice",
        Voice::Other => "the other voice",
    }
}

fn category(category: Category) -> &'static str {
    match category {
        Category::AudioLeg => "Sound recordings of your calls",
        Category::AudioMix => "Sound recordings in which all voices are mixed",
        Category::Transcript => "Transcripts of your calls",
        Category::CallMetadata => "Facts about your calls, such as their time and length",
        Category::Signalling => "Technical messages that set up and ended your calls",
        Category::Dtmf => "Keys that were pressed during your calls",
        Category::Screen => "Recordings of our agents' screens",
        Category::AgentNote => "Notes that our agents wrote",
        Category::Derived => "Scores, summaries and whatever else was computed of your calls",
        Category::Voiceprint => "Voiceprint",
        Category::SearchIndex => "Entries of a search index",
        Category::Embedding => "Numbers computed of your calls so that they can be searched by meaning",
        Category::ConsentEvidence => "Proof of your consent",
        Category::AccessLog => "Log of who opened your data",
        Category::DsarFile => "Files of your requests",
        Category::BackupCopy => "Copies in our backups",
    }
}

pub(super) fn basis(basis: BasisState) -> &'static str {
    match basis {
        BasisState::ConsentLive => "based on consent",
        BasisState::ConsentGone => "based on a consent that no longer stands",
        BasisState::Explicit9a => "based on an explicit consent",
        BasisState::ContractRunning => "based on a contract that runs",
        BasisState::ContractEnded => "based on a contract that has ended",
        BasisState::DutyRunning => "based on a legal duty",
        BasisState::DutyEnded => "based on a legal duty that has ended",
        BasisState::VitalInterest => "based on a vital interest",
        BasisState::PublicTask => "based on a public task",
        BasisState::LegitimateInterest => "based on a legitimate interest",
        BasisState::None => "without a recorded basis",
    }
}

pub(super) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Fulfilled => "In short: what you asked is done, for all the data that it concerns.",
        Ending::Partial => {
            "In short: we have done part of what you asked. What is missing, and why, is explained below."
        }
        Ending::Refused => "In short: we could not do what you asked. The reasons are explained below.",
        Ending::Unverified => {
            "In short: it could not be shown to us that you are the person concerned, or may act for them. \
             So we could not do what you asked."
        }
        Ending::Withdrawn => {
            "You have taken your request back. We close it and do nothing more under it. You may ask again \
             at any time."
        }
    }
}

/// The sources of the regimes that `policy` knows.
pub(super) fn regime(regime: &RegimeName) -> Option<&'static str> {
    match regime.as_str() {
        "mifid2-16-7" => Some("MiFID II Art. 16(7)"),
        "uk-sysc-10a" => Some("FCA Handbook, SYSC 10A.1.15"),
        _ => None,
    }
}

pub(super) fn authority(authority: Authority) -> &'static str {
    match authority {
        Authority::Named(name) => name,
        Authority::OfTheLand => {
            "the data protection authority of the German Land in which we are established"
        }
        Authority::OfTheCountry => "the data protection authority of the country in which we are established",
    }
}

pub(super) fn barred(barrier: Barrier) -> &'static str {
    match barrier {
        Barrier::Awaited => {
            "Before we look for anything, we need to know that we are dealing with the right person: data \
             must not reach a stranger, nor be lost to its owner. This concerns:"
        }
        Barrier::Failed => {
            "It could not be shown to us that you are the person whose data is concerned (Art. 12(2) and \
             (6)). To protect that person we have looked for nothing and done nothing under the rights \
             below; this says nothing about whether any data is kept."
        }
        Barrier::Authority => {
            "It was not shown to us that you may ask for the following on behalf of the person concerned. \
             So we have looked for nothing and done nothing under these rights."
        }
    }
}

pub(super) fn proof(need: Need) -> &'static str {
    match need {
        Need::Nothing => "You need to show us nothing for this.",
        Need::Control => {
            "You can show who you are, at any time, in one of these ways: by logging in to your account \
             with us, by a code that we send to the number or address that you use with us, or by speaking \
             to one of our staff. We need neither a copy of an identity document nor your voice as a \
             proof."
        }
        Need::Person => {
            "You can show who you are, at any time, in one of these ways: by logging in to your account \
             with us; by a code that we send to the number or address that you use with us, together with \
             an answer about a call that only somebody in it can know; or by speaking to one of our staff. \
             We need neither a copy of an identity document nor your voice as a proof."
        }
    }
}
