//! Erasures: each recording's, when it is about to begin and when it came out.

mod kept;

use std::collections::BTreeSet;

use journal::codes::{FieldError, Fields, Part, code, in_parts, malformed, packed};
use journal::{Act, Code, Kind, MAX_CODES};
use kernel::{Interval, Position, RecordingId, Timestamp};

use super::said::{Erased, Intent, Said, Settled};
use super::{Head, account, coded, words};
use crate::erasure::{Cause, Erasure, Item, KeptBy, Scope, Step, Target};

words! {
    Cause {
        PeriodOver "period-over",
        BasisLost "basis-lost",
        Order "order",
    }
}

const HEAD: [&str; 4] = ["erasure", "cause", "reason", "ordered-at"];
const ALL: &str = "all";
const DUE: &str = "due";
const RECORDING: &str = "recording";
const SCOPE: &str = "scope";
const UNLISTED: &str = "unlisted";
const DEFERRED: &str = "deferred";
const REFUSED: &str = "refused";

/// Of an item that is registered. One act, or several where its scope names more than one record takes.
pub fn erasure_intended(erasure: &Erasure, item: &Item) -> Vec<Act> {
    let mut head = head(erasure);
    head.push(match &erasure.target {
        Target::Due => code("target", DUE),
        Target::Recording(_) => code("target", RECORDING),
        Target::RecordingOf { subject, .. } => code("target", format_args!("recording-of:{subject}")),
        Target::Subject(subject) => code("target", format_args!("subject:{subject}")),
    });
    head.push(account::by(&erasure.ordered_by));
    if erasure.scope == Scope::Everything && item.scope != Scope::Everything {
        head.push(code("of", ALL));
    }
    let mut list = Vec::new();
    match &item.scope {
        Scope::Everything => head.push(code(SCOPE, ALL)),
        Scope::Purposes(purposes) => list = packed("purpose", purposes),
        Scope::Stretch { interval, legs } => {
            head.extend(packed("stretch", [interval.start().0, interval.end().0]));
            list = packed("leg", legs);
        }
    }
    of_item(Kind::ErasureIntended, item, erasure.ordered_at).acts(in_parts(&head, &list))
}

/// Of an item that was done.
pub fn erasure_done(erasure: &Erasure, item: &Item, at: Timestamp) -> Act {
    let mut codes = head(erasure);
    let kept_room = if item.kept.is_empty() { 0 } else { kept::LEAST };
    let listed = packed("erased", &item.erased);
    let is_scope = matches!(&item.scope, Scope::Purposes(purposes) if *purposes == item.erased);
    match codes.len() + listed.len() + kept_room <= MAX_CODES {
        true => codes.extend(listed),
        false if is_scope => codes.push(code("erased-as", SCOPE)),
        false => codes.push(code("erased-as", UNLISTED)),
    }
    codes.extend(kept::codes(&item.kept, MAX_CODES - codes.len()));
    of_item(Kind::ErasureDone, item, at).act(Part::WHOLE, codes)
}

/// Of an item of which all is kept.
pub fn erasure_refused(erasure: &Erasure, item: &Item, at: Timestamp) -> Act {
    let mut codes = head(erasure);
    let is_held = item.kept.iter().any(|kept| matches!(kept.by, KeptBy::Hold(_)));
    codes.push(code(
        "outcome",
        match item.step {
            Step::Deferred => DEFERRED,
            Step::Refused => REFUSED,
            // It is journalled before its row says so.
            Step::Registered | Step::Decided | Step::KeysRemoved | Step::ObjectsErased | Step::Done => {
                if is_held {
                    DEFERRED
                } else {
                    REFUSED
                }
            }
        },
    ));
    codes.extend(kept::codes(&item.kept, MAX_CODES - codes.len()));
    of_item(Kind::ErasureRefused, item, at).act(Part::WHOLE, codes)
}

fn head(erasure: &Erasure) -> Vec<Code> {
    let mut head = vec![code("erasure", erasure.id), code("cause", word(erasure.cause))];
    head.extend(coded("reason", &erasure.reason));
    head.push(code("ordered-at", erasure.ordered_at.0));
    head
}

/// The recording is what it is done to; one may have items of several erasures.
fn of_item(kind: Kind, item: &Item, at: Timestamp) -> Head<'_> {
    let Item { tenant, erasure, recording, version, .. } = item;
    let (id, within) = (recording.to_bytes(), Some(erasure.to_bytes()));
    Head { kind, tenant, id, version: *version, within, at }
}

pub(super) fn intended(act: &Act, id: [u8; 16], version: u64) -> Result<Said, FieldError> {
    let own = ["target", "of", "scope", "purpose", "stretch", "leg"];
    let fields = Fields::of(&act.codes, &[&HEAD[..], &own, &account::KEYS].concat())?;
    let recording = RecordingId::from_bytes(id);
    let scope = scope(&fields)?;
    let of_each = match fields.find("of")? {
        None => scope.clone(),
        Some(ALL) => Scope::Everything,
        Some(_) => return Err(malformed("of")),
    };
    let intent = Intent {
        tenant: act.tenant.clone(),
        erasure: fields.read("erasure")?,
        recording,
        version,
        cause: cause(&fields)?,
        target: target(fields.one("target")?, recording)?,
        of_each,
        scope,
        reason: fields.read_text("reason")?,
        ordered_by: account::one(&fields)?,
        ordered_at: Timestamp(fields.read("ordered-at")?),
    };
    Ok(Said::Intended { intent, part: fields.part()? })
}

fn cause(fields: &Fields) -> Result<Cause, FieldError> {
    of_word(fields.one("cause")?).ok_or(malformed("cause"))
}

fn target(value: &str, recording: RecordingId) -> Result<Target, FieldError> {
    let subject = |text: &str| journal::codes::read("target", text);
    match value.split_once(':') {
        None if value == DUE => Ok(Target::Due),
        None if value == RECORDING => Ok(Target::Recording(recording)),
        Some(("subject", of)) => Ok(Target::Subject(subject(of)?)),
        Some(("recording-of", of)) => Ok(Target::RecordingOf { recording, subject: subject(of)? }),
        Some(_) | None => Err(malformed("target")),
    }
}

fn scope(fields: &Fields) -> Result<Scope, FieldError> {
    let purposes: BTreeSet<_> = fields.read_all("purpose")?.into_iter().collect();
    let legs: BTreeSet<_> = fields.read_all("leg")?.into_iter().map(kernel::LegNo).collect();
    match (fields.find(SCOPE)?, fields.read_two("stretch")?) {
        (Some(ALL), None) if purposes.is_empty() && legs.is_empty() => Ok(Scope::Everything),
        (None, Some((start, end))) if purposes.is_empty() => {
            let interval = Interval::new(Position(start), Position(end)).ok_or(malformed("stretch"))?;
            Ok(Scope::Stretch { interval, legs })
        }
        (None, None) if !purposes.is_empty() && legs.is_empty() => Ok(Scope::Purposes(purposes)),
        (Some(_) | None, _) => Err(FieldError { field: SCOPE, problem: "is not one thing" }),
    }
}

pub(super) fn done(act: &Act, id: [u8; 16], version: u64) -> Result<Said, FieldError> {
    let own = ["erased", "erased-as"];
    let fields = Fields::of(&act.codes, &[&HEAD[..], &own, &kept::KEYS].concat())?;
    let listed: BTreeSet<_> = fields.read_all("erased")?.into_iter().collect();
    let erased = match fields.find("erased-as")? {
        None => Erased::Purposes(listed),
        Some(SCOPE) if listed.is_empty() => Erased::Scope,
        Some(UNLISTED) if listed.is_empty() => Erased::Unlisted,
        Some(_) => return Err(malformed("erased-as")),
    };
    Ok(Said::Done { settled: settled(act, id, version, &fields)?, erased })
}

pub(super) fn refused(act: &Act, id: [u8; 16], version: u64) -> Result<Said, FieldError> {
    let fields = Fields::of(&act.codes, &[&HEAD[..], &["outcome"], &kept::KEYS].concat())?;
    let step = match fields.one("outcome")? {
        DEFERRED => Step::Deferred,
        REFUSED => Step::Refused,
        _ => return Err(malformed("outcome")),
    };
    Ok(Said::Refused { settled: settled(act, id, version, &fields)?, step })
}

fn settled(act: &Act, id: [u8; 16], version: u64, fields: &Fields) -> Result<Settled, FieldError> {
    Ok(Settled {
        tenant: act.tenant.clone(),
        erasure: fields.read("erasure")?,
        recording: RecordingId::from_bytes(id),
        version,
        cause: cause(fields)?,
        reason: fields.read_text("reason")?,
        ordered_at: Timestamp(fields.read("ordered-at")?),
        at: act.at,
        kept: kept::read_back(fields)?,
    })
}
