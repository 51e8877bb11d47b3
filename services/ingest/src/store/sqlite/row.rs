//! A session's row from and to its tables.

use kernel::{
    EventId, FrameNo, InstanceId, LegNo, MarkLabel, NoticeName, Position, PurposeName, RecordingId,
    SectionNo, SessionEpoch, SubjectId, TenantId, Timestamp,
};
use proto::common::v1::{Grant, PartyRole};
use proto::consent::v1::ConsentScope;
use proto::ingest::v1 as wire;
use rusqlite::{Connection, OptionalExtension, Row, params};
use seal::Codec;
use sqlite::Tx;

use super::Failure;
use crate::anchor::Anchor;
use crate::error::Error;
use crate::intake::{ConsentAct, Expression};
use crate::leg::LegSpec;
use crate::session::{NOTICE_PLAYED, SessionEvent, SessionEventKind};
use crate::store::{
    Authorisation, Fence, LegRow, META_LEG, Opening, Phase, SessionKey, SessionRow, Telling, Untold,
    UntoldWord,
};

/// SQLite's integers are signed; every bit of ours survives.
pub(super) fn to_column(value: u64) -> i64 {
    value as i64
}
/// Back again.
pub(super) fn from_column(value: i64) -> u64 {
    value as u64
}

pub(super) fn load(connection: &Connection, key: &SessionKey) -> Result<Option<SessionRow>, Failure> {
    let damaged = |what| Error::Damaged { recording: key.recording, what };
    let mut select = connection.prepare_cached(
        "SELECT epoch, owner, phase, started_at, direction, language, policy_hash, consent_version, meta_sealed,
             streams
         FROM session WHERE tenant = ? AND recording = ?",
    )?;
    let mut rows = select.query(params![key.tenant.as_str(), key.recording.to_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let owner: Vec<u8> = row.get(1)?;
    let policy_hash: Option<Vec<u8>> = row.get(6)?;
    let (roles, subjects) = parties(connection, key)?;
    let authorisation = match policy_hash {
        None => None,
        Some(hash) => Some(Authorisation {
            subjects,
            grants: grants(connection, key)?,
            policy_hash: hash.try_into().map_err(|_| damaged("the policy's hash"))?,
            consent_version: from_column(row.get(7)?),
        }),
    };
    Ok(Some(SessionRow {
        fence: Fence { key: key.clone(), epoch: SessionEpoch(from_column(row.get(0)?)) },
        owner: InstanceId::from_slice(&owner).map_err(|_| damaged("the owner"))?,
        streams: row.get(9)?,
        phase: Phase::from_number(row.get(2)?).ok_or_else(|| damaged("the phase"))?,
        started_at: Timestamp(row.get(3)?),
        direction: wire::Direction::try_from(row.get::<_, i32>(4)?).map_err(|_| damaged("the direction"))?,
        language: row.get(5)?,
        parties: roles,
        legs: legs(connection, key)?,
        authorisation,
        meta_sealed: row.get(8)?,
        events: events(connection, key)?,
    }))
}

pub(super) fn insert(tx: &Tx<'_>, opening: &Opening) -> Result<(), Failure> {
    let key = &opening.fence.key;
    let (tenant, recording) = (key.tenant.as_str(), key.recording.to_bytes());
    tx.execute(
        "INSERT INTO session (tenant, recording, epoch, owner, phase, started_at, direction, language,
             opened_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            tenant,
            recording,
            to_column(opening.fence.epoch.0),
            opening.owner.to_bytes(),
            Phase::Opening.number(),
            opening.started_at.0,
            opening.direction as i32,
            opening.language,
            opening.at.0,
            opening.at.0
        ],
    )?;
    for (place, role) in opening.parties.iter().enumerate() {
        tx.execute(
            "INSERT INTO session_party (tenant, recording, place, role) VALUES (?, ?, ?, ?)",
            params![tenant, recording, place as i64, *role as i32],
        )?;
    }
    for spec in &opening.legs {
        tx.execute(
            "INSERT INTO session_leg (tenant, recording, leg, codec, rate, party) VALUES (?, ?, ?, ?, ?, ?)",
            params![tenant, recording, spec.leg.0, spec.codec.name(), spec.rate, spec.party],
        )?;
    }
    Ok(())
}

pub(super) fn replace_grants(tx: &Tx<'_>, key: &SessionKey, grants: &[Grant]) -> Result<(), Failure> {
    let (tenant, recording) = (key.tenant.as_str(), key.recording.to_bytes());
    tx.execute("DELETE FROM session_grant WHERE tenant = ? AND recording = ?", params![tenant, recording])?;
    for grant in grants {
        tx.execute(
            "INSERT INTO session_grant VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                tenant,
                recording,
                grant.purpose,
                grant.outcome,
                grant.basis,
                grant.regime,
                grant.mark,
                grant.reason,
                grant.evidence,
                grant.until_mark
            ],
        )?;
    }
    Ok(())
}

pub(super) fn claim_section(
    tx: &Tx<'_>,
    key: &SessionKey,
    leg: LegNo,
    anchor: Option<Anchor>,
) -> Result<SectionNo, Failure> {
    let (tenant, recording) = (key.tenant.as_str(), key.recording.to_bytes());
    let claimed: Option<u32> = if leg == META_LEG {
        tx.query_row(
            "UPDATE session SET meta_sections = meta_sections + 1 WHERE tenant = ? AND recording = ?
             RETURNING meta_sections - 1",
            params![tenant, recording],
            |row| row.get(0),
        )
        .optional()?
    } else {
        tx.query_row(
            "UPDATE session_leg SET sections = sections + 1, anchor_timestamp = ?, anchor_position = ?,
                 anchor_ssrc = ?, anchor_frame = ?
             WHERE tenant = ? AND recording = ? AND leg = ? RETURNING sections - 1",
            params![
                anchor.map(|a| to_column(a.rtp_timestamp)),
                anchor.map(|a| to_column(a.position.0)),
                anchor.map(|a| a.ssrc),
                anchor.map(|a| to_column(a.frame.0)),
                tenant,
                recording,
                leg.0
            ],
            |row| row.get(0),
        )
        .optional()?
    };
    Ok(claimed.map(SectionNo).ok_or(Error::NoSession(key.recording))?)
}

pub(super) fn insert_event(
    tx: &Tx<'_>,
    key: &SessionKey,
    event: &SessionEvent,
    telling: Telling,
) -> Result<(), Failure> {
    let columns = EventColumns::of(&event.kind);
    tx.execute(
        "INSERT INTO session_event (tenant, recording, event, position, derived_error, at, kind, name, code,
             act, party, expression, evidence, owed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant, recording, event) DO NOTHING",
        params![
            key.tenant.as_str(),
            key.recording.to_bytes(),
            event.id.to_bytes(),
            to_column(event.position.0),
            event.derived_error.map(to_column),
            event.at.0,
            columns.kind,
            columns.name,
            columns.code,
            columns.act,
            columns.party,
            columns.expression,
            columns.evidence.map(EventId::to_bytes),
            telling == Telling::Owed
        ],
    )?;
    Ok(())
}

pub(super) fn untold(connection: &Connection, limit: u32) -> Result<Vec<Untold>, Failure> {
    // A notice has no party of its own and is joined to the first: where that one is known, all are.
    let mut select = connection.prepare_cached(
        "SELECT e.tenant, e.recording, e.event, e.position, e.at, p.subject,
             coalesce((SELECT length(g.evidence) > 0 FROM session_grant g WHERE g.tenant = e.tenant
                 AND g.recording = e.recording AND g.purpose = e.name), 0),
             e.kind, e.name, e.code, e.act, e.party, e.expression, e.evidence
         FROM session_event e JOIN session_party p
           ON p.tenant = e.tenant AND p.recording = e.recording AND p.place = e.party
         WHERE e.owed = 1 AND p.subject IS NOT NULL ORDER BY e.number LIMIT ?",
    )?;
    let mut rows = select.query([limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let recording: Vec<u8> = row.get(1)?;
        let recording = RecordingId::from_slice(&recording).map_err(|_| bad("a recording id"))?;
        let damaged = |what| Error::Damaged { recording, what };
        let tenant = TenantId::new(row.get::<_, String>(0)?).map_err(|_| damaged("a tenant"))?;
        let (event, subject): (Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(5)?);
        let subject = SubjectId::from_slice(&subject).map_err(|_| damaged("a subject id"))?;
        let stood_before = row.get(6)?;
        let kind = EventColumns::read(row, 7)?.and_then(EventColumns::kind);
        let word = kind.and_then(|kind| word(kind, subject, stood_before));
        found.push(Untold {
            key: SessionKey { tenant, recording },
            event: EventId::from_slice(&event).map_err(|_| damaged("an event id"))?,
            word: word.ok_or_else(|| damaged("an event that is owed"))?,
            position: from_column(row.get(3)?),
            at: Timestamp(row.get(4)?),
        });
    }
    Ok(found)
}

/// What consent is to hear of an event; none for what is none of its business.
fn word(kind: SessionEventKind, subject: SubjectId, stood_before: bool) -> Option<UntoldWord> {
    match kind {
        SessionEventKind::Consent { act, purpose, expression, .. } => {
            let scope = if stood_before { ConsentScope::Account } else { ConsentScope::Call };
            Some(UntoldWord::Act { subject, act, purpose, expression, scope, notice: None })
        }
        SessionEventKind::ConsentOwed { purpose, expression, notice, .. } => {
            let (act, scope) = (ConsentAct::Given, ConsentScope::Call);
            Some(UntoldWord::Act { subject, act, purpose, expression, scope, notice })
        }
        SessionEventKind::Note { kind, code } if kind == NOTICE_PLAYED => {
            Some(UntoldWord::Notice(NoticeName::new(code).ok()?))
        }
        SessionEventKind::Started
        | SessionEventKind::ConsentLost
        | SessionEventKind::ConsentRegained
        | SessionEventKind::MarkBegin { .. }
        | SessionEventKind::MarkEnd { .. }
        | SessionEventKind::Pause { .. }
        | SessionEventKind::Resume
        | SessionEventKind::Stop { .. }
        | SessionEventKind::Note { .. }
        | SessionEventKind::Ended => None,
    }
}

fn bad(what: &'static str) -> sqlite::Error {
    sqlite::Error::Row { table: "session_event", what }
}

type Parties = (Vec<PartyRole>, Vec<SubjectId>);

fn parties(connection: &Connection, key: &SessionKey) -> Result<Parties, Failure> {
    let damaged = |what| Error::Damaged { recording: key.recording, what };
    let mut select = connection.prepare_cached(
        "SELECT role, subject FROM session_party WHERE tenant = ? AND recording = ? ORDER BY place",
    )?;
    let mut rows = select.query(params![key.tenant.as_str(), key.recording.to_bytes()])?;
    let (mut roles, mut subjects) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        roles.push(PartyRole::try_from(row.get::<_, i32>(0)?).map_err(|_| damaged("a party's role"))?);
        if let Some(subject) = row.get::<_, Option<Vec<u8>>>(1)? {
            subjects.push(SubjectId::from_slice(&subject).map_err(|_| damaged("a subject id"))?);
        }
    }
    Ok((roles, subjects))
}

fn legs(connection: &Connection, key: &SessionKey) -> Result<Vec<LegRow>, Failure> {
    let damaged = |what| Error::Damaged { recording: key.recording, what };
    let mut select = connection.prepare_cached(
        "SELECT leg, codec, rate, party, sections, anchor_timestamp, anchor_position, anchor_ssrc, anchor_frame
         FROM session_leg WHERE tenant = ? AND recording = ? ORDER BY leg",
    )?;
    let mut rows = select.query(params![key.tenant.as_str(), key.recording.to_bytes()])?;
    let mut legs = Vec::new();
    while let Some(row) = rows.next()? {
        let codec = Codec::from_name(&row.get::<_, String>(1)?).map_err(|_| damaged("a codec"))?;
        let (rate, party) = (row.get(2)?, row.get(3)?);
        let spec = LegSpec { leg: LegNo(row.get(0)?), codec, rate, party };
        legs.push(LegRow { spec, sections: row.get(4)?, anchor: anchor(row)? });
    }
    Ok(legs)
}

fn anchor(row: &Row<'_>) -> Result<Option<Anchor>, Failure> {
    let Some(rtp_timestamp) = row.get::<_, Option<i64>>(5)?.map(from_column) else { return Ok(None) };
    Ok(Some(Anchor {
        rtp_timestamp,
        position: Position(from_column(row.get(6)?)),
        ssrc: row.get(7)?,
        frame: FrameNo(from_column(row.get(8)?)),
    }))
}

fn grants(connection: &Connection, key: &SessionKey) -> Result<Vec<Grant>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT purpose, outcome, basis, regime, mark, reason, evidence, until_mark
         FROM session_grant WHERE tenant = ? AND recording = ? ORDER BY purpose",
    )?;
    let found = select.query_map(params![key.tenant.as_str(), key.recording.to_bytes()], |row| {
        Ok(Grant {
            purpose: row.get(0)?,
            outcome: row.get(1)?,
            basis: row.get(2)?,
            regime: row.get(3)?,
            mark: row.get(4)?,
            reason: row.get(5)?,
            evidence: row.get(6)?,
            until_mark: row.get(7)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn events(connection: &Connection, key: &SessionKey) -> Result<Vec<SessionEvent>, Failure> {
    let damaged = |what| Error::Damaged { recording: key.recording, what };
    let mut select = connection.prepare_cached(
        "SELECT event, position, derived_error, at, kind, name, code, act, party, expression, evidence
         FROM session_event WHERE tenant = ? AND recording = ? ORDER BY number",
    )?;
    let mut rows = select.query(params![key.tenant.as_str(), key.recording.to_bytes()])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let id: Vec<u8> = row.get(0)?;
        let columns = EventColumns::read(row, 4)?;
        events.push(SessionEvent {
            id: EventId::from_slice(&id).map_err(|_| damaged("an event id"))?,
            position: Position(from_column(row.get(1)?)),
            derived_error: row.get::<_, Option<i64>>(2)?.map(from_column),
            at: Timestamp(row.get(3)?),
            kind: columns.and_then(EventColumns::kind).ok_or_else(|| damaged("an event"))?,
        });
    }
    Ok(events)
}

/// An event's contents as columns; the numbers of kinds are never reused.
#[derive(Default)]
struct EventColumns {
    kind: i64,
    name: String,
    code: String,
    act: i64,
    party: u32,
    expression: i32,
    evidence: Option<EventId>,
}

impl EventColumns {
    /// From seven columns, the first of them this one; none where the evidence is no id.
    fn read(row: &Row<'_>, first: usize) -> Result<Option<Self>, Failure> {
        let evidence: Option<Vec<u8>> = row.get(first + 6)?;
        let evidence = evidence.map(|bytes| EventId::from_slice(&bytes)).transpose();
        let Ok(evidence) = evidence else { return Ok(None) };
        Ok(Some(Self {
            kind: row.get(first)?,
            name: row.get(first + 1)?,
            code: row.get(first + 2)?,
            act: row.get(first + 3)?,
            party: row.get(first + 4)?,
            expression: row.get(first + 5)?,
            evidence,
        }))
    }

    fn of(kind: &SessionEventKind) -> Self {
        let plain = |kind: i64| Self { kind, ..Self::default() };
        let named = |kind: i64, name: &str| Self { kind, name: name.to_owned(), ..Self::default() };
        match kind {
            SessionEventKind::Started => plain(1),
            SessionEventKind::Consent { act, purpose, party, expression, evidence } => Self {
                act: act.number(),
                party: *party,
                expression: *expression as i32,
                evidence: Some(*evidence),
                ..named(2, purpose.as_str())
            },
            SessionEventKind::ConsentLost => plain(3),
            SessionEventKind::ConsentRegained => plain(4),
            SessionEventKind::MarkBegin { label } => named(5, label.as_str()),
            SessionEventKind::MarkEnd { label } => named(6, label.as_str()),
            SessionEventKind::Pause { reason } => named(7, reason),
            SessionEventKind::Resume => plain(8),
            SessionEventKind::Stop { reason } => named(9, reason),
            SessionEventKind::Note { kind, code } => Self { code: code.clone(), ..named(10, kind) },
            SessionEventKind::Ended => plain(11),
            SessionEventKind::ConsentOwed { purpose, party, expression, notice } => Self {
                code: notice.as_ref().map(ToString::to_string).unwrap_or_default(),
                act: ConsentAct::Given.number(),
                party: *party,
                expression: *expression as i32,
                ..named(12, purpose.as_str())
            },
        }
    }

    fn kind(self) -> Option<SessionEventKind> {
        Some(match self.kind {
            1 => SessionEventKind::Started,
            2 => SessionEventKind::Consent {
                act: ConsentAct::from_number(self.act)?,
                purpose: PurposeName::new(self.name).ok()?,
                party: self.party,
                expression: Expression::try_from(self.expression).ok()?,
                evidence: self.evidence?,
            },
            3 => SessionEventKind::ConsentLost,
            4 => SessionEventKind::ConsentRegained,
            5 => SessionEventKind::MarkBegin { label: MarkLabel::new(self.name).ok()? },
            6 => SessionEventKind::MarkEnd { label: MarkLabel::new(self.name).ok()? },
            7 => SessionEventKind::Pause { reason: self.name },
            8 => SessionEventKind::Resume,
            9 => SessionEventKind::Stop { reason: self.name },
            10 => SessionEventKind::Note { kind: self.name, code: self.code },
            11 => SessionEventKind::Ended,
            12 => SessionEventKind::ConsentOwed {
                purpose: PurposeName::new(self.name).ok()?,
                party: self.party,
                expression: Expression::try_from(self.expression).ok()?,
                notice: match self.code.as_str() {
                    "" => None,
                    _ => Some(NoticeName::new(self.code).ok()?),
                },
            },
            _ => return None,
        })
    }
}
