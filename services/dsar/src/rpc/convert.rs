//! What is asked, checked field by field. A sender's text is never repeated.

use std::collections::BTreeSet;
use std::str::FromStr;

use kernel::{IntervalSet, Position, RecordingId, RequestId, SubjectId, Timestamp};
use policy::code::Code;
use policy::deadline::Region;
use policy::request::{Actor, Excess, ItemKey, PlanName};
use proto::common::v1::Interval;
use proto::dsar::v1 as wire;
use proto::dsar::v1::identify_request::Act as Identified;
use proto::dsar::v1::link_request::Link as Linked;
use proto::dsar::v1::open_request::Subject;
use seal::Hash;

use crate::act::{Act, Decided, Found, MAX_NAMED, MAX_STRETCHES};
use crate::error::Error;
use crate::plan::Language;
use crate::service::{Link, NewRequest, Which, Who};

/// Rows of a page, unless the caller says.
const PAGE: u32 = 100;
/// Rows of the largest page.
const PAGE_MAX: u32 = 500;
/// A field that was left empty.
const MISSING: &str = "must be given";

/// Which request.
pub(super) fn request_id(bytes: &[u8]) -> Result<RequestId, Error> {
    let id = RequestId::from_slice(bytes).map_err(|error| Error::invalid("request_id", error.reason))?;
    // Nobody draws it; it is what a client sends that has forgotten to.
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(Error::invalid("request_id", "must be drawn"));
    }
    Ok(id)
}

/// A request as an audit entry names it.
pub(super) fn object(id: RequestId) -> String {
    format!("request/{id}")
}

/// Who acts, by the token's subject.
pub(super) fn actor(account: &str) -> Result<Actor, Error> {
    Actor::new(account).map_err(|error| visible("account", error.max))
}

/// The name of the plan that was seen.
pub(super) fn plan_name(text: &str) -> Result<PlanName, Error> {
    given(text, "plan")?;
    PlanName::new(text).map_err(|error| visible("plan", error.max))
}

/// Items by their names; none of them twice.
pub(super) fn item_keys(names: &[String]) -> Result<BTreeSet<ItemKey>, Error> {
    if names.len() > MAX_NAMED {
        return Err(Error::invalid("items", format!("must be at most {MAX_NAMED}")));
    }
    let read = |name: &String| ItemKey::new(name.as_str()).map_err(|error| visible("items", error.max));
    distinct(names, read, "items")
}

/// A code that must be there.
pub(super) fn code(text: &str, what: &'static str) -> Result<Code, Error> {
    given(text, what)?;
    Code::new(text).map_err(|_| {
        let most = Code::MAX_LEN;
        let problem =
            format!("must have 1 to {most} letters, digits and - . _ / : and begin with a letter or digit");
        Error::invalid(what, problem)
    })
}

/// In which language; none where the request's own is meant.
pub(super) fn language(text: &str) -> Result<Option<Language>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let codes = Language::ALL.map(Language::as_str).join(", ");
    let unknown = || Error::invalid("language", format!("must be one of {codes}"));
    Language::named(text).map(Some).ok_or_else(unknown)
}

/// The letter that was delivered.
pub(super) fn letter_hash(bytes: &[u8]) -> Result<Hash, Error> {
    Hash::from_slice(bytes).ok_or_else(|| Error::invalid("letter_hash", "must be 32 bytes"))
}

/// How much of a list is asked for at once.
pub(super) fn page_size(asked: u32) -> Result<u32, Error> {
    match asked {
        0 => Ok(PAGE),
        1..=PAGE_MAX => Ok(asked),
        _ => Err(Error::invalid("page_size", format!("must be at most {PAGE_MAX}"))),
    }
}

/// The last request of the page before; none where the token is empty.
pub(super) fn last_request(token: &str) -> Result<Option<RequestId>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    token.parse().map(Some).map_err(|_| bad_token())
}

/// The place of the first item of a page: behind the one that the token names, of so many.
pub(super) fn after_item(token: &str, items: usize) -> Result<usize, Error> {
    if token.is_empty() {
        return Ok(0);
    }
    let last = token.parse::<usize>().ok().filter(|last| *last < items && last.to_string() == token);
    last.map(|last| last + 1).ok_or_else(bad_token)
}

/// A token that nobody gave.
pub(super) fn bad_token() -> Error {
    Error::invalid("page_token", "is not one that was given")
}

/// Which requests are listed. Of a person all are found, and those that are closed left out afterwards.
pub(super) fn which(asked: &wire::ListRequest) -> Result<Which, Error> {
    if !asked.subject_id.is_empty() {
        return Ok(Which::Of(subject_id(&asked.subject_id)?));
    }
    Ok(if asked.open { Which::Open } else { Which::All })
}

fn subject_id(bytes: &[u8]) -> Result<SubjectId, Error> {
    SubjectId::from_slice(bytes).map_err(|error| Error::invalid("subject_id", error.reason))
}

/// A request as it comes in.
pub(super) fn new_request(asked: wire::OpenRequest) -> Result<NewRequest, Error> {
    let who = match asked.subject {
        Some(Subject::SubjectId(id)) => Who::Subject(subject_id(&id)?),
        Some(Subject::Identifier(identifier)) => Who::Identifier(identifier),
        None => return Err(Error::invalid("subject", "must be a person's id or an identifier")),
    };
    Ok(NewRequest {
        id: request_id(&asked.request_id)?,
        rights: words(&asked.rights, "rights")?,
        channel: word(&asked.channel, "channel")?,
        asker: word(&asked.asker, "asker")?,
        who,
        received_at: received_at(asked.received_at)?,
        said_in: said_in(&asked.recording_id, asked.position)?,
        region: region(&asked.region)?,
        language: language(&asked.language)?,
    })
}

fn received_at(asked: i64) -> Result<Option<Timestamp>, Error> {
    match asked {
        0 => Ok(None),
        at @ 1.. => Ok(Some(Timestamp(at))),
        _ => Err(Error::invalid("received_at", "must not be before 1970")),
    }
}

fn said_in(
    recording: &[u8],
    position: Option<u64>,
) -> Result<Option<(RecordingId, Option<Position>)>, Error> {
    if recording.is_empty() {
        return match position {
            Some(_) => Err(Error::invalid("position", "must be in a recording that recording_id names")),
            None => Ok(None),
        };
    }
    let id = RecordingId::from_slice(recording).map_err(|error| Error::invalid("recording_id", error.reason));
    Ok(Some((id?, position.map(Position))))
}

fn region(text: &str) -> Result<Option<Region>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let problem = "must be the code of a part of a country with holidays of its own, such as DE-BY or GB-SCT";
    text.parse().map(Some).map_err(|_| Error::invalid("region", problem))
}

/// What was shown of who asks, or not.
pub(super) fn identified(asked: Option<Identified>) -> Result<Act, Error> {
    match asked {
        Some(Identified::Proved(proof)) => Ok(Act::Proved(word(&proof, "proved")?)),
        Some(Identified::Wrong(proof)) => Ok(Act::Wrong(word(&proof, "wrong")?)),
        Some(Identified::Verified(is_so)) => stated(is_so, "verified", Act::Verified),
        Some(Identified::Doubted(is_so)) => stated(is_so, "doubted", Act::Doubted),
        Some(Identified::Answered(is_so)) => stated(is_so, "answered", Act::Answered),
        Some(Identified::Failed(is_so)) => stated(is_so, "failed", Act::IdentityFailed),
        Some(Identified::Authority(authority)) => Ok(Act::Authority {
            filed: code(&authority.filed, "authority.filed")?,
            rights: words(&authority.rights, "authority.rights")?,
        }),
        None => Err(Error::invalid("act", "must say what was shown, or was not")),
    }
}

/// What is not so is no act.
fn stated(is_so: bool, what: &'static str, act: Act) -> Result<Act, Error> {
    if is_so { Ok(act) } else { Err(Error::invalid(what, "must be true where it is given")) }
}

/// Two months more.
pub(super) fn extended(asked: &wire::ExtendRequest) -> Result<Act, Error> {
    let reason = word(&asked.reason, "reason")?;
    Ok(Act::Extended { reason, notice_delivered_at: notice(asked.notice_delivered_at)? })
}

/// When a notice was delivered.
pub(super) fn notice(delivered_at: i64) -> Result<Timestamp, Error> {
    match delivered_at {
        at @ 1.. => Ok(Timestamp(at)),
        0 => Err(Error::invalid("notice_delivered_at", MISSING)),
        _ => Err(Error::invalid("notice_delivered_at", "must not be before 1970")),
    }
}

/// How two requests belong together.
pub(super) fn link(asked: Option<&Linked>) -> Result<Link, Error> {
    match asked {
        Some(Linked::DuplicateOf(other)) => Ok(Link::DuplicateOf(other_id(other, "duplicate_of")?)),
        Some(Linked::Merge(other)) => Ok(Link::Merge(other_id(other, "merge")?)),
        Some(Linked::Unmerge(other)) => Ok(Link::Unmerge(other_id(other, "unmerge")?)),
        None => Err(Error::invalid("link", "must say how the two belong together")),
    }
}

fn other_id(bytes: &[u8], what: &'static str) -> Result<RequestId, Error> {
    RequestId::from_slice(bytes).map_err(|error| Error::invalid(what, error.reason))
}

/// Calls by their ids; none of them twice.
pub(super) fn calls(ids: &[Vec<u8>], what: &'static str) -> Result<BTreeSet<RecordingId>, Error> {
    if ids.len() > MAX_NAMED {
        return Err(Error::invalid(what, format!("must be at most {MAX_NAMED}")));
    }
    let read = |id: &Vec<u8>| RecordingId::from_slice(id).map_err(|error| Error::invalid(what, error.reason));
    distinct(ids, read, what)
}

/// One person's decision.
pub(super) fn decided(asked: wire::DecideRequest) -> Result<Decided, Error> {
    let gate = (!asked.gate.is_empty()).then(|| word(&asked.gate, "gate")).transpose()?;
    let left = (!asked.left.is_empty()).then(|| code(&asked.left, "left")).transpose()?;
    Ok(Decided {
        plan: plan_name(&asked.plan)?,
        items: item_keys(&asked.items)?,
        found: Found {
            gate,
            excess: asked.excess.map(|shown| excess(&shown)).transpose()?,
            own_hold_waived: asked.own_hold_waived,
            others_heard: stretches(&asked.others_heard)?,
            ground: (!asked.ground.is_empty()).then(|| word(&asked.ground, "ground")).transpose()?,
        },
        left,
    })
}

/// Stretches of legs, which may touch and overlap.
fn stretches(asked: &[Interval]) -> Result<IntervalSet, Error> {
    let problem = format!("must be at most {MAX_STRETCHES} stretches, each of which ends after it begins");
    let read = |one: &Interval| kernel::Interval::new(Position(one.start), Position(one.end));
    let all = asked.iter().map(read).collect::<Option<IntervalSet>>();
    all.filter(|_| asked.len() <= MAX_STRETCHES).ok_or_else(|| Error::invalid("others_heard", problem))
}

fn excess(shown: &wire::Excess) -> Result<Excess, Error> {
    Ok(Excess {
        reason: word(&shown.reason, "excess.reason")?,
        evidence: words(&shown.evidence, "excess.evidence")?,
        filed: code(&shown.filed, "excess.filed")?,
    })
}

/// One of policy's words; which there are, the answer says.
fn word<T: FromStr<Err = String>>(text: &str, what: &'static str) -> Result<T, Error> {
    text.parse().map_err(|problem: String| Error::invalid(what, problem))
}

/// At least one of policy's words, none of them twice.
fn words<T: FromStr<Err = String> + Ord>(all: &[String], what: &'static str) -> Result<BTreeSet<T>, Error> {
    if all.is_empty() {
        return Err(Error::invalid(what, "must name at least one"));
    }
    distinct(all, |text| word(text, what), what)
}

fn distinct<S, T: Ord>(
    all: &[S],
    read: impl Fn(&S) -> Result<T, Error>,
    what: &'static str,
) -> Result<BTreeSet<T>, Error> {
    let mut found = BTreeSet::new();
    for one in all {
        if !found.insert(read(one)?) {
            return Err(Error::invalid(what, "must not name the same one twice"));
        }
    }
    Ok(found)
}

fn given(text: &str, what: &'static str) -> Result<(), Error> {
    if text.is_empty() { Err(Error::invalid(what, MISSING)) } else { Ok(()) }
}

fn visible(what: &'static str, most: usize) -> Error {
    Error::invalid(what, format!("must have 1 to {most} visible ASCII characters"))
}
