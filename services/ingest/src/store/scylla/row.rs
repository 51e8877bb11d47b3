//! A session's columns from and to its types.

use kernel::{EventId, FrameNo, InstanceId, LegNo, Position, SessionEpoch, SubjectId, Timestamp};
use proto::common::v1::{Grant, PartyRole};
use proto::ingest::v1 as wire;
use scylla::{DeserializeRow, SerializeRow};
use seal::Codec;
use uuid::Uuid;

use super::session::Session;
use crate::anchor::Anchor;
use crate::error::Error;
use crate::leg::LegSpec;
use crate::session::SessionEvent;
use crate::store::columns::EventColumns;
use crate::store::{Authorisation, Fence, LegRow, Phase, SessionKey, SessionRow};

pub(super) const STATE: &str = "SELECT DISTINCT tenant, recording, version, changed_by, epoch, owner, owner_address,
        streams, phase, started_at, direction, language, policy_hash, consent_version, meta_sealed, meta_sections,
        changed_at, events, parties, legs, grants
    FROM {ks}.ingest_session WHERE tenant = ? AND recording = ?";
pub(super) const EVENTS: &str =
    "SELECT number, event, position, derived_error, at, kind, name, code, act, party,
        expression, evidence
    FROM {ks}.ingest_session WHERE tenant = ? AND recording = ? AND number > 0";
// The version is the condition: a stream, the one that overtakes it and a control beside them do not undo each
// other's changes, and whoever lost decides again on the row that stands.
pub(super) const CHANGE: &str = "UPDATE {ks}.ingest_session SET version = ?, changed_by = ?, epoch = ?, owner = ?,
        owner_address = ?, streams = ?, phase = ?, started_at = ?, direction = ?, language = ?, policy_hash = ?,
        consent_version = ?, meta_sealed = ?, meta_sections = ?, changed_at = ?, events = ?, parties = ?, legs = ?,
        grants = ?
    WHERE tenant = ? AND recording = ? IF version = :before";
pub(super) const ADD_EVENT: &str =
    "INSERT INTO {ks}.ingest_session (tenant, recording, number, event, position,
        derived_error, at, kind, name, code, act, party, expression, evidence)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Role, subject.
type PartyColumns = (i32, Option<Vec<u8>>);
/// Leg, codec, rate, party, sections; the anchor's RTP timestamp, position, SSRC and frame.
type LegColumns = (i32, String, i64, i64, i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>);
/// Purpose, outcome, basis, regime, mark, reason, evidence, until its mark.
type GrantColumns = (String, i32, i32, String, String, String, Vec<u8>, bool);

/// What identifies a session's partition.
pub(super) fn key_columns(key: &SessionKey) -> (String, Vec<u8>) {
    (key.tenant.as_str().to_owned(), key.recording.to_bytes().to_vec())
}

/// The static columns, as they are read.
#[derive(DeserializeRow)]
pub(super) struct StateColumns {
    #[allow(dead_code, reason = "a distinct selection names the partition key")]
    tenant: String,
    #[allow(dead_code, reason = "a distinct selection names the partition key")]
    recording: Vec<u8>,
    version: Option<i64>,
    changed_by: Uuid,
    epoch: i64,
    owner: Vec<u8>,
    owner_address: String,
    streams: i64,
    phase: i64,
    started_at: i64,
    direction: i32,
    language: String,
    policy_hash: Option<Vec<u8>>,
    consent_version: i64,
    meta_sealed: bool,
    meta_sections: i64,
    changed_at: i64,
    events: i64,
    parties: Option<Vec<PartyColumns>>,
    legs: Option<Vec<LegColumns>>,
    grants: Option<Vec<GrantColumns>>,
}

/// The static columns, as they are written on the condition of the version before.
#[derive(SerializeRow)]
pub(super) struct ChangedColumns {
    tenant: String,
    recording: Vec<u8>,
    version: Option<i64>,
    changed_by: Uuid,
    epoch: i64,
    owner: Vec<u8>,
    owner_address: String,
    streams: i64,
    phase: i64,
    started_at: i64,
    direction: i32,
    language: String,
    policy_hash: Option<Vec<u8>>,
    consent_version: i64,
    meta_sealed: bool,
    meta_sections: i64,
    changed_at: i64,
    events: i64,
    parties: Vec<PartyColumns>,
    legs: Vec<LegColumns>,
    grants: Vec<GrantColumns>,
    before: Option<i64>,
}

/// An event's row.
#[derive(DeserializeRow)]
pub(super) struct EventRow {
    number: i64,
    event: Vec<u8>,
    position: i64,
    derived_error: Option<i64>,
    at: i64,
    kind: i64,
    name: String,
    code: String,
    act: i64,
    party: i64,
    expression: i32,
    evidence: Option<Vec<u8>>,
}

impl ChangedColumns {
    pub(super) fn of(session: &Session, before: Option<i64>) -> Self {
        let row = &session.row;
        let (tenant, recording) = key_columns(&row.fence.key);
        let decided = row.authorisation.as_ref();
        let subjects = decided.map(|decided| decided.subjects.as_slice()).unwrap_or_default();
        let party = |(place, role): (usize, &PartyRole)| {
            (*role as i32, subjects.get(place).map(|subject| subject.to_bytes().to_vec()))
        };
        Self {
            tenant,
            recording,
            version: session.version,
            changed_by: session.changed_by,
            epoch: row.fence.epoch.0.cast_signed(),
            owner: row.owner.to_bytes().to_vec(),
            owner_address: row.owner_address.clone(),
            streams: i64::from(row.streams),
            phase: row.phase.number(),
            started_at: row.started_at.0,
            direction: row.direction as i32,
            language: row.language.clone(),
            policy_hash: decided.map(|decided| decided.policy_hash.to_vec()),
            consent_version: decided.map_or(0, |decided| decided.consent_version.cast_signed()),
            meta_sealed: row.meta_sealed,
            meta_sections: i64::from(session.meta_sections),
            changed_at: session.changed_at.0,
            events: i64::try_from(row.events.len()).unwrap_or(i64::MAX),
            parties: row.parties.iter().enumerate().map(party).collect(),
            legs: row.legs.iter().map(leg_columns).collect(),
            grants: decided
                .map(|decided| decided.grants.iter().map(grant_columns).collect())
                .unwrap_or_default(),
            before,
        }
    }
}

impl StateColumns {
    /// The session, with those of its events that count.
    pub(super) fn read(self, key: &SessionKey, events: Vec<EventRow>) -> Result<Session, Error> {
        let damaged = |what| Error::Damaged { recording: key.recording, what };
        let parties = self.parties.unwrap_or_default();
        let roles = parties.iter().map(|(role, _)| PartyRole::try_from(*role).map_err(|_| damaged("a role")));
        let subject = |(_, subject): &PartyColumns| subject.as_ref().map(|id| SubjectId::from_slice(id));
        let subjects = parties.iter().filter_map(subject);
        let authorisation = match self.policy_hash {
            None => None,
            Some(hash) => Some(Authorisation {
                subjects: subjects.collect::<Result<_, _>>().map_err(|_| damaged("a subject id"))?,
                grants: self.grants.unwrap_or_default().into_iter().map(grant).collect(),
                policy_hash: hash.try_into().map_err(|_| damaged("the policy's hash"))?,
                consent_version: self.consent_version.cast_unsigned(),
            }),
        };
        let legs = self.legs.unwrap_or_default().into_iter();
        let legs =
            legs.map(|columns| leg(columns).ok_or_else(|| damaged("a leg"))).collect::<Result<_, _>>()?;
        // A later one belongs to a change that was made between the two reads.
        let counted = events.into_iter().filter(|row| row.number <= self.events);
        let events = counted.map(|row| row.read().ok_or_else(|| damaged("an event")));
        let count = |number: i64, what| u32::try_from(number).map_err(|_| damaged(what));
        let row = SessionRow {
            fence: Fence { key: key.clone(), epoch: SessionEpoch(self.epoch.cast_unsigned()) },
            owner: InstanceId::from_slice(&self.owner).map_err(|_| damaged("the owner"))?,
            owner_address: self.owner_address,
            streams: count(self.streams, "the number of streams")?,
            phase: Phase::from_number(self.phase).ok_or_else(|| damaged("the phase"))?,
            started_at: Timestamp(self.started_at),
            direction: wire::Direction::try_from(self.direction).map_err(|_| damaged("the direction"))?,
            language: self.language,
            parties: roles.collect::<Result<_, _>>()?,
            legs,
            authorisation,
            meta_sealed: self.meta_sealed,
            events: events.collect::<Result<_, _>>()?,
        };
        Ok(Session {
            row,
            meta_sections: count(self.meta_sections, "the number of sections")?,
            changed_at: Timestamp(self.changed_at),
            version: self.version,
            changed_by: self.changed_by,
        })
    }
}

impl EventRow {
    fn read(self) -> Option<SessionEvent> {
        let evidence = self.evidence.map(|id| EventId::from_slice(&id)).transpose().ok()?;
        let columns = EventColumns {
            kind: self.kind,
            name: self.name,
            code: self.code,
            act: self.act,
            party: u32::try_from(self.party).ok()?,
            expression: self.expression,
            evidence,
        };
        Some(SessionEvent {
            id: EventId::from_slice(&self.event).ok()?,
            position: Position(self.position.cast_unsigned()),
            derived_error: self.derived_error.map(i64::cast_unsigned),
            at: Timestamp(self.at),
            kind: columns.kind()?,
        })
    }
}

/// An event's columns, under its number in the session.
pub(super) fn event_columns(key: &SessionKey, number: usize, event: &SessionEvent) -> AddedEvent {
    let (tenant, recording) = key_columns(key);
    let columns = EventColumns::of(&event.kind);
    (
        tenant,
        recording,
        i64::try_from(number).unwrap_or(i64::MAX),
        event.id.to_bytes().to_vec(),
        event.position.0.cast_signed(),
        event.derived_error.map(u64::cast_signed),
        event.at.0,
        columns.kind,
        columns.name,
        columns.code,
        columns.act,
        i64::from(columns.party),
        columns.expression,
        columns.evidence.map(|id| id.to_bytes().to_vec()),
    )
}

/// In the order of [`ADD_EVENT`].
pub(super) type AddedEvent = (
    String,
    Vec<u8>,
    i64,
    Vec<u8>,
    i64,
    Option<i64>,
    i64,
    i64,
    String,
    String,
    i64,
    i64,
    i32,
    Option<Vec<u8>>,
);

fn leg_columns(leg: &LegRow) -> LegColumns {
    let LegSpec { leg: number, codec, rate, party } = &leg.spec;
    let anchor = leg.anchor;
    (
        i32::from(number.0),
        codec.name().to_owned(),
        i64::from(*rate),
        i64::from(*party),
        i64::from(leg.sections),
        anchor.map(|a| a.rtp_timestamp.cast_signed()),
        anchor.map(|a| a.position.0.cast_signed()),
        anchor.map(|a| i64::from(a.ssrc)),
        anchor.map(|a| a.frame.0.cast_signed()),
    )
}

fn leg(columns: LegColumns) -> Option<LegRow> {
    let (leg, codec, rate, party, sections, rtp_timestamp, position, ssrc, frame) = columns;
    let spec = LegSpec {
        leg: LegNo(u16::try_from(leg).ok()?),
        codec: Codec::from_name(&codec).ok()?,
        rate: rate.try_into().ok()?,
        party: party.try_into().ok()?,
    };
    let anchor = match (rtp_timestamp, position, ssrc, frame) {
        (Some(rtp_timestamp), Some(position), Some(ssrc), Some(frame)) => Some(Anchor {
            rtp_timestamp: rtp_timestamp.cast_unsigned(),
            position: Position(position.cast_unsigned()),
            ssrc: u32::try_from(ssrc).ok()?,
            frame: FrameNo(frame.cast_unsigned()),
        }),
        _ => None,
    };
    Some(LegRow { spec, sections: u32::try_from(sections).ok()?, anchor })
}

fn grant_columns(grant: &Grant) -> GrantColumns {
    let Grant { purpose, outcome, basis, regime, mark, reason, evidence, until_mark } = grant.clone();
    (purpose, outcome, basis, regime, mark, reason, evidence, until_mark)
}

fn grant(columns: GrantColumns) -> Grant {
    let (purpose, outcome, basis, regime, mark, reason, evidence, until_mark) = columns;
    Grant { purpose, outcome, basis, regime, mark, reason, evidence, until_mark }
}
