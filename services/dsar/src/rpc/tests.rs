//! What is asked is refused by its field, and what is told is what the acts have left.

use futures::StreamExt;
use kernel::{
    EventId, HoldId, LegNo, Position, PurposeName, RecordingId, RequestId, ServiceError, SubjectId, TenantId,
    Timestamp,
};
use policy::code::Code;
use policy::deadline;
use policy::request::{Asker, Channel, Ground, ItemKey, PlanName, Proof};
use policy::rights::{BasisState, Category, Gate, HoldState, Presence, Question, RULESET, Right};
use proto::common::v1::{Identifier, Interval};
use proto::dsar::v1::identify_request::Act as Identified;
use proto::dsar::v1::link_request::Link as Linked;
use proto::dsar::v1::open_request::Subject;

use super::*;
use crate::act::{Decided, Found, MAX_NAMED, MAX_STRETCHES, Received, Record};
use crate::file::Items;
use crate::plan::{Artefact, Language, PlanItem};
use crate::service::{Which, Who};

/// A Monday; a month later is a Thursday, and no holiday.
const START: &str = "2026-03-02T09:00:00Z";

fn start() -> Timestamp {
    Timestamp::parse(START).unwrap()
}

fn open() -> wire::OpenRequest {
    wire::OpenRequest {
        request_id: RequestId::new().to_bytes().to_vec(),
        rights: vec!["access".to_owned(), "erase".to_owned()],
        channel: "letter".to_owned(),
        asker: "self".to_owned(),
        received_at: 0,
        recording_id: Vec::new(),
        position: None,
        region: String::new(),
        language: String::new(),
        subject: Some(Subject::SubjectId(SubjectId::new().to_bytes().to_vec())),
    }
}

fn decide() -> wire::DecideRequest {
    wire::DecideRequest {
        request_id: RequestId::new().to_bytes().to_vec(),
        plan: "p".repeat(32),
        items: vec!["erase/consent".to_owned()],
        gate: "article-12-5".to_owned(),
        excess: Some(wire::Excess {
            reason: "A12ManifestlyExcessive".to_owned(),
            evidence: vec!["count".to_owned(), "unchanged".to_owned()],
            filed: "case-7".to_owned(),
        }),
        own_hold_waived: false,
        others_heard: Vec::new(),
        ground: String::new(),
        left: String::new(),
        complete: true,
    }
}

fn stretch(start: u64, end: u64) -> Interval {
    Interval { start, end }
}

/// The field that an answer names, and that it is the sender's fault.
#[track_caller]
fn names<T: std::fmt::Debug>(answer: Result<T, Error>, field: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.code(), kernel::ErrorCode::InvalidArgument, "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("{field} must ")) || text.starts_with(&format!("{field} is ")),
        "{text}"
    );
    assert!(!text.contains("Bianchi"), "a sender's text is not repeated: {text}");
}

/// A field, and what makes it one that cannot be.
type Spoilt<M> = (&'static str, fn(&mut M));

#[test]
fn a_request_is_read_as_it_was_asked() {
    let recording = RecordingId::new();
    let asked = wire::OpenRequest {
        recording_id: recording.to_bytes().to_vec(),
        position: Some(7),
        region: "DE-BY".to_owned(),
        language: "it".to_owned(),
        received_at: start().0,
        asker: "representative".to_owned(),
        ..open()
    };
    let id = RequestId::from_slice(&asked.request_id).unwrap();
    let new = convert::new_request(asked).unwrap();
    assert_eq!(new.id, id);
    assert_eq!(new.rights, [Right::Access, Right::Erase].into());
    assert_eq!((new.channel, new.asker), (Channel::Letter, Asker::Representative));
    assert_eq!(new.said_in, Some((recording, Some(Position(7)))));
    assert_eq!(new.region.map(|region| region.as_str()), Some("DE-BY"));
    assert_eq!((new.language, new.received_at), (Some(Language::Italian), Some(start())));
    let identifier = Identifier { kind: 1, value: "+390612345678".to_owned() };
    let asked = wire::OpenRequest { subject: Some(Subject::Identifier(identifier.clone())), ..open() };
    let new = convert::new_request(asked).unwrap();
    assert_eq!(new.who, Who::Identifier(identifier));
    assert_eq!((new.said_in, new.region, new.language, new.received_at), (None, None, None, None));
}

#[test]
fn a_request_that_cannot_be_is_refused_by_its_field() {
    let cases: &[Spoilt<wire::OpenRequest>] = &[
        ("request_id", |asked| asked.request_id.clear()),
        ("request_id", |asked| asked.request_id = vec![0; 16]),
        ("rights", |asked| asked.rights.clear()),
        ("rights", |asked| asked.rights.push("access".to_owned())),
        ("rights", |asked| asked.rights.push("Anna Bianchi".to_owned())),
        ("channel", |asked| asked.channel = "pigeon".to_owned()),
        ("asker", |asked| asked.asker.clear()),
        ("subject", |asked| asked.subject = None),
        ("subject_id", |asked| asked.subject = Some(Subject::SubjectId(vec![7; 15]))),
        ("received_at", |asked| asked.received_at = -1),
        ("recording_id", |asked| asked.recording_id.push(7)),
        ("position", |asked| asked.position = Some(0)),
        ("region", |asked| asked.region = "Bianchi".to_owned()),
        ("language", |asked| asked.language = "fr".to_owned()),
    ];
    for (field, spoil) in cases {
        let mut asked = open();
        spoil(&mut asked);
        names(convert::new_request(asked), field);
    }
}

#[test]
fn what_was_shown_of_who_asks_is_one_act() {
    let read = |act: Identified| convert::identified(Some(act));
    let word = "one-time-code".to_owned();
    assert_eq!(read(Identified::Proved(word.clone())).unwrap(), Act::Proved(Proof::OneTimeCode));
    assert_eq!(read(Identified::Wrong(word)).unwrap(), Act::Wrong(Proof::OneTimeCode));
    assert_eq!(read(Identified::Verified(true)).unwrap(), Act::Verified);
    assert_eq!(read(Identified::Failed(true)).unwrap(), Act::IdentityFailed);
    let authority = |filed: &str, rights: &[&str]| {
        let rights = rights.iter().map(|right| (*right).to_owned()).collect();
        Identified::Authority(wire::Authority { filed: filed.to_owned(), rights })
    };
    let expected = Act::Authority { filed: Code::new("mandate-7").unwrap(), rights: [Right::Access].into() };
    assert_eq!(read(authority("mandate-7", &["access"])).unwrap(), expected);
    names(read(authority("Anna Bianchi", &["access"])), "authority.filed");
    names(read(authority("", &["access"])), "authority.filed");
    names(read(authority("mandate-7", &[])), "authority.rights");
    names(read(Identified::Proved("passport".to_owned())), "proved");
    names(read(Identified::Doubted(false)), "doubted");
    names(read(Identified::Answered(false)), "answered");
    names(convert::identified(None), "act");
}

#[test]
fn a_decision_is_read_as_it_was_taken() {
    let decided = convert::decided(decide()).unwrap();
    assert_eq!(decided.items.len(), 1);
    assert_eq!(decided.found.gate, Some(Gate::Article12));
    assert_eq!(decided.found.excess.unwrap().evidence.len(), 2);
    assert_eq!(decided.left, None);
    let plain = wire::DecideRequest { items: Vec::new(), gate: String::new(), excess: None, ..decide() };
    let decided = convert::decided(plain).unwrap();
    assert_eq!((decided.items.len(), decided.found), (0, Found::default()));
    let others_heard = vec![stretch(70, 95), stretch(90, 99)];
    let heard = wire::DecideRequest { others_heard, ground: "claims".to_owned(), ..decide() };
    let found = convert::decided(heard).unwrap().found;
    assert_eq!((found.others_heard.iter().len(), found.others_heard.micros()), (1, 29), "as one");
    assert_eq!(found.ground, Some(Ground::Claims));
}

#[test]
fn a_decision_that_cannot_be_is_refused_by_its_field() {
    let cases: &[Spoilt<wire::DecideRequest>] = &[
        ("plan", |asked| asked.plan.clear()),
        ("plan", |asked| asked.plan = "Anna Bianchi".to_owned()),
        ("items", |asked| asked.items.push("erase/consent".to_owned())),
        ("items", |asked| asked.items.push(String::new())),
        ("items", |asked| asked.items = (0..=MAX_NAMED).map(|item| item.to_string()).collect()),
        ("gate", |asked| asked.gate = "open".to_owned()),
        ("excess.reason", |asked| asked.excess.as_mut().unwrap().reason.clear()),
        ("excess.evidence", |asked| asked.excess.as_mut().unwrap().evidence.clear()),
        ("excess.filed", |asked| asked.excess.as_mut().unwrap().filed.clear()),
        ("left", |asked| asked.left = "Anna Bianchi".to_owned()),
        ("ground", |asked| asked.ground = "Anna Bianchi".to_owned()),
        ("others_heard", |asked| asked.others_heard = vec![stretch(9, 9)]),
        ("others_heard", |asked| asked.others_heard = vec![stretch(0, 9); MAX_STRETCHES + 1]),
    ];
    for (field, spoil) in cases {
        let mut asked = decide();
        spoil(&mut asked);
        names(convert::decided(asked), field);
    }
    let many =
        wire::DecideRequest { items: (0..=MAX_NAMED).map(|item| item.to_string()).collect(), ..decide() };
    let told = convert::decided(many).unwrap_err().to_string();
    assert_eq!(told, "items must be at most 1000", "it says the bound");
}

#[test]
fn other_fields_are_refused_by_their_names_too() {
    let extend = |reason: &str, at: i64| {
        convert::extended(&wire::ExtendRequest {
            request_id: Vec::new(),
            reason: reason.to_owned(),
            notice_delivered_at: at,
        })
    };
    let (reason, notice_delivered_at) = (deadline::Reason::Number, start());
    assert_eq!(extend("number", start().0).unwrap(), Act::Extended { reason, notice_delivered_at });
    names(extend("holidays", 1), "reason");
    names(extend("number", 0), "notice_delivered_at");
    names(extend("number", -1), "notice_delivered_at");
    assert_eq!(convert::notice(start().0).unwrap(), start());
    names(convert::notice(0), "notice_delivered_at");
    names(convert::letter_hash(&[7; 31]), "letter_hash");
    let (one, other) = (RecordingId::new().to_bytes().to_vec(), RecordingId::new().to_bytes().to_vec());
    assert_eq!(convert::calls(&[one.clone(), other], "theirs").unwrap().len(), 2);
    names(convert::calls(&[vec![7; 15]], "theirs"), "theirs");
    names(convert::calls(&[one.clone(), one.clone()], "not_theirs"), "not_theirs");
    names(convert::calls(&vec![one; MAX_NAMED + 1], "not_theirs"), "not_theirs");
    names(convert::actor("Anna Bianchi"), "account");
    names(convert::page_size(501), "page_size");
    assert_eq!((convert::page_size(0).unwrap(), convert::page_size(500).unwrap()), (100, 500));
}

#[test]
fn a_link_says_one_thing_of_another_request() {
    let other = RequestId::new();
    let bytes = other.to_bytes().to_vec();
    let check = |asked: Linked, expected: Link| {
        assert_eq!(convert::link(Some(&asked)).unwrap(), expected);
    };
    check(Linked::DuplicateOf(bytes.clone()), Link::DuplicateOf(other));
    check(Linked::Merge(bytes.clone()), Link::Merge(other));
    check(Linked::Unmerge(bytes), Link::Unmerge(other));
    names(convert::link(Some(&Linked::DuplicateOf(Vec::new()))), "duplicate_of");
    names(convert::link(Some(&Linked::Merge(vec![7; 15]))), "merge");
    names(convert::link(Some(&Linked::Unmerge(vec![7; 17]))), "unmerge");
    names(convert::link(None), "link");
}

#[test]
fn a_token_is_one_that_was_given() {
    assert_eq!(convert::last_request("").unwrap(), None);
    let last = RequestId::new();
    assert_eq!(convert::last_request(&last.to_string()).unwrap(), Some(last));
    names(convert::last_request("Bianchi"), "page_token");
    assert_eq!(convert::after_item("", 0).unwrap(), 0);
    assert_eq!(convert::after_item("4", 5).unwrap(), 5);
    for token in ["5", "-1", "+4", "04", "x", "99999999999999999999999"] {
        names(convert::after_item(token, 5), "page_token");
    }
}

#[test]
fn a_person_s_requests_are_listed_whether_open_or_not() {
    let subject = SubjectId::new();
    let list = |open: bool, subject_id: Vec<u8>| {
        convert::which(&wire::ListRequest { open, subject_id, ..wire::ListRequest::default() })
    };
    assert_eq!(list(false, Vec::new()).unwrap(), Which::All);
    assert_eq!(list(true, Vec::new()).unwrap(), Which::Open);
    assert_eq!(list(true, subject.to_bytes().to_vec()).unwrap(), Which::Of(subject));
    names(list(false, vec![7]), "subject_id");
}

struct Told {
    id: RequestId,
    records: Vec<Record>,
    items: Items,
}

impl Told {
    fn new() -> Self {
        Self { id: RequestId::new(), records: Vec::new(), items: Items::new() }.and(Act::Received(Received {
            rights: [Right::Access, Right::Erase].into(),
            channel: Channel::Letter,
            asker: Asker::Oneself,
            subject: SubjectId::new(),
            received_at: start(),
            said_in: None,
            jurisdiction: "IT".parse().unwrap(),
            region: None,
            calendar: deadline::Calendars::NEWEST,
            language: Language::Italian,
        }))
    }

    fn and(mut self, act: Act) -> Self {
        let version = self.records.len() as u64 + 1;
        self.records.push(Record {
            id: EventId::new(),
            key: RequestKey { tenant: TenantId::new("banca-alfa").unwrap(), id: self.id },
            version,
            at: Timestamp(start().0 + i64::try_from(version).unwrap()),
            by: Actor::new("officer").unwrap(),
            act,
        });
        self
    }

    fn planned(mut self) -> Self {
        let recording = RecordingId::new();
        let erase = |leg: u16, basis, kept_by: &str| PlanItem {
            artefact: Artefact::Leg(recording, LegNo(leg)),
            purpose: Some(PurposeName::new("quality").unwrap()),
            question: Question {
                right: Right::Erase,
                category: Category::AudioLeg,
                basis,
                hold: HoldState::None,
                presence: Presence::Dialog,
                gate: Gate::Clear,
            },
            kept_by: kept_by.to_owned(),
            until: None,
            began: Some(start()),
        };
        let found =
            [erase(0, BasisState::DutyRunning, "regime:mifid2-16-7"), erase(1, BasisState::ConsentLive, "")];
        self.items = found.into_iter().map(|item| (item.key().unwrap(), item)).collect();
        let items = u32::try_from(self.items.len()).unwrap();
        let plan = plan_name();
        self.and(Act::Acknowledged { hold: None })
            .and(Act::Proved(Proof::Human))
            .and(Act::Verified)
            .and(Act::PlanFrozen { plan, ruleset: RULESET, items })
    }

    fn decided(self) -> Self {
        let (plan, found) = (plan_name(), Found::default());
        let decided = Decided { plan, items: Default::default(), found, left: None };
        self.and(Act::Decided(decided)).and(Act::DecisionsClosed)
    }

    fn file(&self) -> File {
        File::fold(&self.records, self.items.clone()).unwrap()
    }

    fn request(&self) -> wire::Request {
        shown::request(self.id, &self.file(), start())
    }
}

fn plan_name() -> PlanName {
    PlanName::new("p".repeat(32)).unwrap()
}

#[test]
fn a_request_that_is_new_says_until_when_and_what_it_needs() {
    let told = Told::new().request();
    assert_eq!((told.state.as_str(), told.version, told.items), ("received", 1, 0));
    assert_eq!((told.plan.as_str(), told.ending.as_str(), told.language.as_str()), ("", "", "it"));
    let deadline = told.deadline.unwrap();
    assert_eq!((deadline.state.as_str(), deadline.extended.as_str()), ("running", ""));
    assert_eq!((deadline.jurisdiction.as_str(), deadline.calendar.as_str()), ("IT", "it-v1"));
    assert_eq!((deadline.base_day.as_str(), deadline.due_day.as_str()), ("2026-04-02", "2026-04-02"));
    assert_eq!((deadline.effective_day, deadline.target_day), ("2026-04-02".into(), "2026-03-26".into()));
    assert_eq!(deadline.warnings, Vec::<String>::new());
    let identity = told.identity.unwrap();
    let needs: Vec<_> = identity.needs.iter().map(|need| (need.need.as_str(), need.shown)).collect();
    assert_eq!(needs, [("person", false), ("person", false)]);
}

#[test]
fn a_request_that_is_overdue_or_extended_says_so() {
    let told = Told::new();
    let late = shown::request(told.id, &told.file(), Timestamp::parse("2026-04-03T09:00:00Z").unwrap());
    let deadline = late.deadline.unwrap();
    assert_eq!(deadline.state, "overdue");
    assert_eq!(deadline.warnings, ["internal-target", "due-soon", "overdue"]);
    let reason = deadline::Reason::Complexity;
    let extended = told.and(Act::Extended { reason, notice_delivered_at: start() }).request();
    let deadline = extended.deadline.unwrap();
    assert_eq!((deadline.state.as_str(), deadline.extended.as_str()), ("running", "complexity"));
    assert_eq!(deadline.due_day, "2026-06-03", "the second is a holiday in Italy");
}

#[test]
fn items_say_what_the_rules_say_and_what_was_decided() {
    let told = Told::new().planned();
    let request = told.request();
    assert_eq!((request.state.as_str(), request.items, request.undecided), ("deciding", 2, 2));
    assert_eq!(request.plan, "p".repeat(32));
    let page = shown::items(&told.file(), 0, 500);
    assert_eq!(page.next_page_token, "");
    let [kept, erased] = page.items.as_slice() else { panic!("two items") };
    assert_eq!(
        (kept.leg, kept.kept_by.as_str(), kept.state.as_str()),
        (Some(0), "regime:mifid2-16-7", "open")
    );
    let proposed = kept.proposed.clone().unwrap();
    assert_eq!((proposed.rule.as_str(), proposed.outcome.as_str()), ("E5", "defer-restrict"));
    assert_eq!(proposed.reasons, ["A17LegallyRequired"]);
    assert_eq!((kept.needs_second_person, erased.needs_second_person), (false, true));
    assert_eq!((&kept.decided, kept.decided_by.as_str()), (&None, ""));
    let told = told.decided();
    let page = shown::items(&told.file(), 1, 500);
    let [erased] = page.items.as_slice() else { panic!("one item") };
    assert_eq!(erased.decided.clone().unwrap().outcome, "erase");
    assert_eq!((erased.decided_by.as_str(), erased.approved_by.as_str()), ("officer", ""));
    assert_eq!(told.request().state, "awaiting-approval");
}

#[test]
fn requests_that_belong_together_are_told_with_the_day_of_the_first() {
    let (first, earlier) = (RequestId::new(), Timestamp::parse("2026-02-20T10:00:00Z").unwrap());
    let told = Told::new().planned();
    let alone = told.request();
    assert_eq!((alone.answer_day.as_str(), alone.parts.len()), ("2026-04-02", 0));
    assert_eq!((alone.duplicate_of.len(), alone.merged_into.len(), alone.lifted_at), (0, 0, 0));
    let part = crate::act::MergedPart {
        request: first,
        rights: [Right::Port].into(),
        received_at: earlier,
        jurisdiction: "IT".parse().unwrap(),
        region: None,
        calendar: deadline::Calendars::NEWEST,
        extended: None,
    };
    let merged = Told::new().planned().and(Act::Merged(part)).request();
    assert_eq!((merged.answer_day.as_str(), merged.parts), ("2026-03-20", vec![first.to_bytes().to_vec()]));
    assert_eq!(merged.rights, ["access", "erase", "port"]);
    assert_eq!((merged.state.as_str(), merged.items), ("discovering", 0), "it is found anew");
    let away = Told::new().planned().and(Act::MergedInto(first)).request();
    assert_eq!((away.merged_into, away.waits_for.as_str()), (first.to_bytes().to_vec(), "other-request"));
    let again = Told::new().and(Act::DuplicateOf(first)).request();
    assert_eq!(again.duplicate_of, first.to_bytes());
}

#[test]
fn what_turned_out_to_be_another_one_s_is_told_as_not_theirs() {
    let mut told = Told::new().planned().decided().and(Act::Approved(plan_name()));
    told.records.last_mut().unwrap().by = Actor::new("another").unwrap();
    let strange = told.items.keys().next_back().unwrap().clone();
    let told = told.and(Act::NotTheirs([strange].into()));
    let states: Vec<_> =
        shown::items(&told.file(), 0, 500).items.into_iter().map(|item| item.state).collect();
    assert_eq!(states, ["open", "not-theirs"]);
    assert_eq!(told.request().unsettled, 1);
}

#[test]
fn items_come_in_pages_that_end() {
    let file = Told::new().planned().file();
    let first = shown::items(&file, 0, 1);
    assert_eq!((first.items.len(), first.next_page_token.as_str()), (1, "0"));
    let from = convert::after_item(&first.next_page_token, file.items.len()).unwrap();
    let second = shown::items(&file, from, 1);
    assert_eq!((second.items.len(), second.next_page_token.as_str()), (1, ""));
    assert_ne!(first.items[0].key, second.items[0].key);
}

#[test]
fn the_history_has_codes_and_numbers() {
    let told = Told::new().planned().decided();
    let acts: Vec<_> = told.records.iter().map(history::act).collect();
    let words: Vec<_> = acts.iter().map(|act| act.what.as_str()).collect();
    let expected =
        ["received", "acknowledged", "proved", "verified", "plan-frozen", "decided", "decisions-closed"];
    assert_eq!(words, expected);
    assert_eq!(acts[0].facts["rights"], "access,erase");
    assert_eq!(acts[0].facts["received-at"], START);
    assert_eq!(acts[2].facts["proof"], "human");
    assert_eq!((acts[4].facts["items"].as_str(), acts[5].facts["items"].as_str()), ("2", "open"));
    assert_eq!((acts[6].version, acts[6].by.as_str()), (7, "officer"));
    let hold = HoldId::new();
    let deferred = Act::ItemsDeferred {
        items: [ItemKey::new("erase/consent").unwrap()].into(),
        hold: Code::new(hold.to_string()).unwrap(),
    };
    let deferred = history::act(&Told::new().and(deferred).records[1]);
    assert_eq!(deferred.what, "items-deferred");
    assert_eq!(deferred.facts["hold"], hold.to_string());
}

#[tokio::test]
async fn a_package_comes_in_small_messages_and_ends_with_its_error() {
    let big: Vec<u8> = (0..3 * stream::CHUNK + 7).map(|n| (n % 251) as u8).collect();
    let parts = vec![Ok(vec![1; 10]), Ok(big.clone()), Err(Error::Damaged("an item"))];
    let chunks: Vec<_> =
        stream::chunks(futures::stream::iter(parts).boxed(), Default::default()).collect().await;
    let (last, whole) = chunks.split_last().unwrap();
    assert_eq!(last.as_ref().unwrap_err().code(), tonic::Code::DataLoss);
    let whole: Vec<&wire::PackageChunk> = whole.iter().map(|chunk| chunk.as_ref().unwrap()).collect();
    assert!(whole.iter().all(|chunk| chunk.data.len() <= stream::CHUNK));
    let bytes: Vec<u8> = whole.iter().flat_map(|chunk| chunk.data.iter().copied()).collect();
    assert_eq!(bytes, [vec![1; 10], big].concat());
}
