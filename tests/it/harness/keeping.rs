//! Keeping and erasing: people by their names, what they order, what is waited for, and what is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use kernel::{
    ErasureId, HoldId, Interval, IntervalSet, Position, PrincipalKind, RecordingId, Role, SubjectId,
    TenantId, Timestamp,
};
use platform::auth::{Token, TokenRequest};
use platform::config::Period;
use proto::archive::v1::{Recording, RecordingState};
use proto::common::v1::{Identifier, IdentifierKind};
use proto::consent::v1::ResolveSubjectRequest;
use proto::consent::v1::consent_client::ConsentClient;
use proto::retention::v1::order_erasure_request::What;
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{
    self as wire, ErasedRecording, Erasure, ErasureCause, ErasureState, ExplainResponse, Hold, HoldKind,
    HoldSelector, OrderErasureRequest, PlaceHoldRequest,
};
use seal::{TrustRoots, VerifyingKey};
use tokio::time::sleep;
use tonic::{Code, Status};
use verbale::commands::{erasure, recordings, retention, trust};
use verbale::config::Config;
use verbale::connect::{self, Caller, issue_own};

use super::{PATIENCE, Sample, World, eventually, id_of, reason};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// How long after a leap every process goes by it at the latest: the clock's file is looked at every 50 ms.
const LOOKED: Duration = Duration::from_millis(60);
/// Erasures that are looked through.
const LISTED: u32 = 500;
/// Why a test orders an erasure, as a code.
pub(crate) const ON_REQUEST: &str = "art-17-1-d";
/// Why a sweep does, and a basis that was lost.
pub(crate) const BY_PERIOD: &str = "art-5-1-e";
pub(crate) const BY_BASIS: &str = "art-17-1-b";
/// Why a test holds, as a code.
pub(crate) const CASE: &str = "case-2026-117";

/// What goes by itself goes soon; on engines, which many tests ask at once, not quite as soon.
pub(super) fn soon(config: &mut Config, is_embedded: bool) {
    config.ledger.root_interval = Period::secs(1);
    // An erasure waits for a lease to run out, and a replay must not.
    let (lease, sweep, rest) = if is_embedded { (2, 200, 50) } else { (6, 1_000, 500) };
    config.crypto.lease = Period::secs(lease);
    config.retention.sweep = Period::millis(sweep);
    config.retention.rest = Period::millis(rest);
    config.dsar.rest = Period::millis(rest);
    // One of the sample calls asks for a copy, which would hold what many scenarios erase.
    config.dsar.heard = false;
}

impl World {
    /// A person by name, with every role that listens, checks and answers.
    pub(crate) fn named(&self, server: &str, tenant: &TenantId, name: &str) -> Caller {
        let config = self.settings().config;
        let tls = connect::tls(server, self.authority().as_deref(), &config.tls).unwrap();
        let token = self.token_of(tenant, name);
        Caller::over(server, &config.wire, tls.as_ref(), token, Some(tenant.clone())).unwrap()
    }

    /// That person's token, for a command.
    pub(crate) fn token_of(&self, tenant: &TenantId, name: &str) -> Token {
        let request = TokenRequest {
            subject: name.to_owned(),
            kind: PrincipalKind::Person,
            roles: [Role::Supervisor, Role::Compliance, Role::Auditor, Role::PrivacyOfficer].into(),
            tenants: BTreeSet::from([tenant.clone()]),
            life: Duration::from_secs(3_600),
        };
        issue_own(&self.settings().config, &request).unwrap()
    }

    /// Domain time.
    pub(crate) fn now(&self) -> Timestamp {
        self.settings().clock.now()
    }

    /// Leaps ahead, and returns when every process goes by it.
    pub(crate) async fn pass(&self, time: Duration) {
        self.leap(time);
        sleep(LOOKED).await;
    }

    /// Leaps to a moment, or a second behind it at most.
    pub(crate) async fn pass_to(&self, at: Timestamp) {
        let ahead = at.since(self.now());
        assert!(!ahead.is_zero(), "{at:?} is past already: {:?}", self.now());
        self.pass(Duration::from_secs(ahead.as_secs() + 1)).await;
    }

    /// Goes by policies of its own from its next start on: all tenants', with one text of one of them replaced.
    pub(crate) fn with_policy(&self, tenant: &str, from: &str, to: &str) {
        let own = self.folder().join("policies");
        copy(&self.policies(), &own);
        let file = own.join(tenant).join("policy.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "the policy of {tenant} has no {from}");
        std::fs::write(&file, text.replace(from, to)).unwrap();
    }

    /// Records a call, and waits until retention knows until when it is kept.
    pub(crate) async fn kept(&self, server: &str, sample: &Sample) -> RecordingId {
        let id = id_of(&self.record(server, sample).await);
        explained(&self.person(server, &sample.tenant), id).await;
        id
    }
}

/// A folder with what is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

/// What retention says of a recording, once it knows it.
pub(crate) async fn explained(caller: &Caller, id: RecordingId) -> ExplainResponse {
    eventually("retention knows the recording", async || retention::explained(caller, id).await.ok()).await
}

/// Whose identifier this is.
pub(crate) async fn subject(caller: &Caller, kind: IdentifierKind, value: &str) -> SubjectId {
    let identifier = Some(Identifier { kind: kind.into(), value: value.to_owned() });
    let request = caller.request(ResolveSubjectRequest { identifier, at: 0 }).unwrap();
    let found = ConsentClient::new(caller.wire()).resolve_subject(request).await.unwrap().into_inner();
    SubjectId::from_slice(&found.subject_id).unwrap()
}

/// The customer of a sample call.
pub(crate) async fn customer(caller: &Caller, sample: &Sample) -> SubjectId {
    subject(caller, IdentifierKind::Phone, sample.phone()).await
}

/// These recordings.
pub(crate) fn over(recordings: &[RecordingId]) -> HoldSelector {
    let recording_ids = recordings.iter().map(|id| id.to_bytes().to_vec()).collect();
    HoldSelector { recording_ids, ..Default::default() }
}

/// Whatever this person is on.
pub(crate) fn over_person(subject: SubjectId) -> HoldSelector {
    HoldSelector { subject_ids: vec![subject.to_bytes().to_vec()], ..Default::default() }
}

/// Whatever began in this range.
pub(crate) fn over_range(from: Timestamp, to: Timestamp) -> HoldSelector {
    HoldSelector { from: from.0, to: to.0, ..Default::default() }
}

/// A hold as it is asked for, under a fresh id, to be looked at in half a year.
pub(crate) fn new_hold(world: &World, kind: HoldKind, selector: HoldSelector) -> PlaceHoldRequest {
    PlaceHoldRequest {
        hold_id: HoldId::new().to_bytes().to_vec(),
        kind: kind.into(),
        selector: Some(selector),
        reason: CASE.to_owned(),
        review_at: world.now().plus(180 * DAY).0,
        purposes: Vec::new(),
    }
}

/// Asks for a hold.
pub(crate) async fn place(
    caller: &Caller,
    asked: &PlaceHoldRequest,
) -> Result<wire::PlaceHoldResponse, Status> {
    let request = caller.request(asked.clone()).unwrap();
    Ok(RetentionClient::new(caller.wire()).place_hold(request).await?.into_inner())
}

/// Places a hold that must be placed.
pub(crate) async fn hold(world: &World, caller: &Caller, kind: HoldKind, selector: HoldSelector) -> HoldId {
    let placed = place(caller, &new_hold(world, kind, selector)).await.unwrap();
    HoldId::from_slice(&placed.hold.unwrap().hold_id).unwrap()
}

/// Asks for a hold's release, or agrees to it.
pub(crate) async fn release(caller: &Caller, id: HoldId) -> Result<Hold, Status> {
    let request = caller.request(wire::ReleaseHoldRequest { hold_id: id.to_bytes().to_vec() }).unwrap();
    let answer = RetentionClient::new(caller.wire()).release_hold(request).await?.into_inner();
    Ok(answer.hold.unwrap())
}

/// One hold, whatever its state.
pub(crate) async fn hold_of(caller: &Caller, id: HoldId) -> Result<Hold, Status> {
    let asked = wire::ListHoldsRequest { hold_id: id.to_bytes().to_vec(), ..Default::default() };
    let answer = RetentionClient::new(caller.wire()).list_holds(caller.request(asked).unwrap()).await?;
    let mut holds = answer.into_inner().holds;
    assert_eq!(holds.len(), 1, "{holds:?}");
    Ok(holds.remove(0))
}

/// All that is kept of a person.
pub(crate) fn of_person(subject: SubjectId) -> OrderErasureRequest {
    new_order(What::SubjectId(subject.to_bytes().to_vec()))
}

/// A whole recording.
pub(crate) fn of_recording(id: RecordingId) -> OrderErasureRequest {
    new_order(What::RecordingId(id.to_bytes().to_vec()))
}

/// A stretch of a recording; of every leg where none is named.
pub(crate) fn of_stretch(id: RecordingId, stretch: Interval, legs: &[u32]) -> OrderErasureRequest {
    let (start, end) = (stretch.start().0, stretch.end().0);
    OrderErasureRequest {
        stretch: Some(proto::common::v1::Interval { start, end }),
        legs: legs.to_vec(),
        ..of_recording(id)
    }
}

fn new_order(what: What) -> OrderErasureRequest {
    OrderErasureRequest {
        erasure_id: ErasureId::new().to_bytes().to_vec(),
        what: Some(what),
        reason: ON_REQUEST.to_owned(),
        ..Default::default()
    }
}

/// Orders an erasure.
pub(crate) async fn order(caller: &Caller, asked: &OrderErasureRequest) -> Result<ErasureId, Status> {
    let request = caller.request(asked.clone()).unwrap();
    let answer = RetentionClient::new(caller.wire()).order_erasure(request).await?.into_inner();
    let erasure = answer.erasure.unwrap();
    assert_eq!(erasure.erasure_id, asked.erasure_id);
    Ok(ErasureId::from_slice(&erasure.erasure_id).unwrap())
}

/// Orders an erasure that must be taken, and waits until it is settled.
pub(crate) async fn erased(
    caller: &Caller,
    asked: &OrderErasureRequest,
) -> (ErasureId, Erasure, Vec<ErasedRecording>) {
    let id = order(caller, asked).await.unwrap();
    let (erasure, recordings) = settled(caller, id).await;
    (id, erasure, recordings)
}

/// Waits until every recording of an erasure is settled.
pub(crate) async fn settled(caller: &Caller, id: ErasureId) -> (Erasure, Vec<ErasedRecording>) {
    erasure::settled(caller, id, PATIENCE).await.unwrap()
}

/// Waits until an erasure that nobody ordered has taken exactly these purposes of a recording, and is settled.
pub(crate) async fn swept_away(
    caller: &Caller,
    cause: ErasureCause,
    recording: RecordingId,
    purposes: &[&str],
) -> (Erasure, ErasedRecording) {
    let what = format!("an erasure by {} has taken {purposes:?} of {recording}", cause.as_str_name());
    eventually(&what, async || {
        for found in erasure::all(caller, LISTED).await.unwrap() {
            if found.cause() != cause {
                continue;
            }
            let id = ErasureId::from_slice(&found.erasure_id).unwrap();
            let (erasure, items) = erasure::get(caller, id).await.unwrap();
            let own = items.into_iter().find(|item| item.recording_id == recording.to_bytes());
            if let Some(own) = own.filter(|own| own.erased == purposes && is_settled(&erasure)) {
                return Some((erasure, own));
            }
        }
        None
    })
    .await
}

fn is_settled(erasure: &Erasure) -> bool {
    match erasure.state() {
        ErasureState::Done | ErasureState::Partial | ErasureState::Refused => true,
        ErasureState::Running | ErasureState::Unspecified => false,
    }
}

/// Waits until nobody can open anything of a recording; what is told of it then.
pub(crate) async fn gone(caller: &Caller, id: RecordingId) -> Recording {
    eventually(&format!("{id} is erased"), async || {
        let recording = recordings::get(caller, id).await.unwrap();
        (recording.state() == RecordingState::Erased).then_some(recording)
    })
    .await
}

/// How far a store has come with one recording of an erasure: its word and its date.
pub(crate) fn store<'r>(recording: &'r ErasedRecording, name: &str) -> (&'r str, i64) {
    let found = recording.stores.iter().find(|store| store.store == name);
    let found = found.unwrap_or_else(|| panic!("nothing is said of {name}: {:?}", recording.stores));
    (&found.state, found.at)
}

/// Where a leg was erased, by what archive tells of a recording.
pub(crate) fn erased_of(recording: &Recording, leg: u32) -> IntervalSet {
    let own = recording.erased.iter().filter(|erased| erased.leg == leg);
    own.map(|erased| Interval::new(Position(erased.start), Position(erased.end)).unwrap()).collect()
}

/// A refusal because what was asked for is gone: erased, or gone for one of these reasons.
pub(crate) fn must_be_gone(refused: &Status, why: &[&str]) {
    let is_code = matches!(refused.code(), Code::PermissionDenied | Code::FailedPrecondition);
    let word = reason(refused);
    assert!(is_code && (word == "erased" || why.contains(&word)), "not gone, but {word}: {refused}");
}

/// What an offline verifier goes by.
pub(crate) async fn roots(caller: &Caller) -> TrustRoots {
    let trust = trust::fetch(caller).await.unwrap();
    let keys = trust.roots().unwrap();
    keys.iter().map(|key| VerifyingKey::from_bytes(key).unwrap()).collect()
}
