//! Rows into domain types, the same for both adapters: an engine's row has [`Columns`], named alike in its tables.
//!
//! Unsigned 64-bit numbers are kept as the same 64 bits, signed. What cannot be is an error that names its table,
//! never a guess.

use std::collections::BTreeMap;

use kernel::{
    Basis, ErasureId, EventId, FrameNo, InstanceId, KeyEpoch, LegNo, MarkLabel, Position, PurposeName,
    RegimeName, RequestId, SectionNo, SessionEpoch, SpanNo, SubjectId, Timestamp,
};
use objects::Key;
use policy::{BasisChange, Cause, ChangeKind};
use proto::common::v1::Grant;
use seal::manifest::ReasonCode;
use seal::receipt::PlainCode;
use seal::{Hash, SectionKind, SpanSet};

use super::{Document, DocumentKind, ErasedRow, ErasureRow, Error, LegRow, SectionRow, StatementRow};
use crate::fact::{
    Anchor, Anchors, ClosedSection, DropReason, Dropped, Edge, Gone, Leg, MarkEdge, Note, Party, PauseEdge,
    SectionBegan, Span, StoredObject,
};

/// A row being read. Booleans are numbers here, whatever the engine calls them.
pub(super) trait Columns {
    /// Its table's name.
    fn table(&self) -> &'static str;
    fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, Error>;
    fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Error>;
    fn maybe_blob(&self, column: &'static str) -> Result<Option<Vec<u8>>, Error>;
}

impl dyn Columns + '_ {
    fn bad(&self, what: &'static str) -> Error {
        Error::Row { table: self.table(), what }
    }
    pub(super) fn int(&self, column: &'static str) -> Result<i64, Error> {
        self.maybe_int(column)?.ok_or_else(|| self.bad(column))
    }
    pub(super) fn text(&self, column: &'static str) -> Result<String, Error> {
        self.maybe_text(column)?.ok_or_else(|| self.bad(column))
    }
    pub(super) fn blob(&self, column: &'static str) -> Result<Vec<u8>, Error> {
        self.maybe_blob(column)?.ok_or_else(|| self.bad(column))
    }
    pub(super) fn u64(&self, column: &'static str) -> Result<u64, Error> {
        Ok(self.int(column)?.cast_unsigned())
    }
    pub(super) fn maybe_u64(&self, column: &'static str) -> Result<Option<u64>, Error> {
        Ok(self.maybe_int(column)?.map(i64::cast_unsigned))
    }
    /// A number that its column's type holds.
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, Error> {
        T::try_from(self.int(column)?).map_err(|_| self.bad(column))
    }
    pub(super) fn hash(&self, column: &'static str) -> Result<Hash, Error> {
        Hash::from_slice(&self.blob(column)?).ok_or_else(|| self.bad(column))
    }
    /// A value that one of its type's own constructors takes.
    pub(super) fn parsed<T, V, E>(
        &self,
        column: &'static str,
        value: V,
        parse: impl FnOnce(V) -> Result<T, E>,
    ) -> Result<T, Error> {
        parse(value).map_err(|_| self.bad(column))
    }
    pub(super) fn id<T, E>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, Error> {
        parse(&self.blob(column)?).map_err(|_| self.bad(column))
    }
    /// An enum by its number.
    pub(super) fn coded<T>(
        &self,
        column: &'static str,
        from_number: impl FnOnce(i32) -> Option<T>,
    ) -> Result<T, Error> {
        from_number(self.number(column)?).ok_or_else(|| self.bad(column))
    }
    pub(super) fn flag(&self, column: &'static str) -> Result<bool, Error> {
        Ok(self.int(column)? != 0)
    }
}

/// The same 64 bits, as the engines can hold them.
pub(super) fn bits(value: u64) -> i64 {
    value.cast_signed()
}

/// A lock class in one column.
pub(super) fn regimes_text(regimes: &[RegimeName]) -> String {
    regimes.iter().map(RegimeName::as_str).collect::<Vec<_>>().join(",")
}

pub(super) fn party(row: &dyn Columns) -> Result<Party, Error> {
    Ok(Party { subject: row.id("subject", SubjectId::from_slice)?, role: row.number("role")? })
}

pub(super) fn leg(row: &dyn Columns) -> Result<Leg, Error> {
    Ok(Leg {
        leg: LegNo(row.number("leg")?),
        codec: row.text("codec")?,
        clock_rate: row.number("clock_rate")?,
        party: row.number("party")?,
    })
}

pub(super) fn leg_end(row: &dyn Columns) -> Result<(LegNo, u64), Error> {
    Ok((LegNo(row.number("leg")?), row.u64("frames")?))
}

/// Legs with their ends. Of two ends of one leg the one with more frames is the later: frames are never taken
/// back.
pub(super) fn legs(legs: Vec<Leg>, ends: Vec<(LegNo, u64)>) -> Vec<LegRow> {
    let mut frames: BTreeMap<LegNo, u64> = BTreeMap::new();
    for (leg, end) in ends {
        let most = frames.entry(leg).or_default();
        *most = end.max(*most);
    }
    legs.into_iter().map(|leg| LegRow { frames: frames.get(&leg.leg).copied(), leg }).collect()
}

pub(super) fn grant(row: &dyn Columns) -> Result<Grant, Error> {
    Ok(Grant {
        purpose: row.text("purpose")?,
        outcome: row.number("outcome")?,
        basis: row.number("basis")?,
        regime: row.text("regime")?,
        mark: row.text("mark")?,
        reason: row.text("reason")?,
        evidence: row.blob("evidence")?,
        until_mark: row.flag("until_mark")?,
    })
}

pub(super) fn section(row: &dyn Columns) -> Result<SectionBegan, Error> {
    Ok(SectionBegan {
        leg: LegNo(row.number("leg")?),
        section: SectionNo(row.number("section")?),
        kind: row.coded("kind", |number| SectionKind::from_number(u32::try_from(number).ok()?))?,
        session_epoch: SessionEpoch(row.u64("session_epoch")?),
        key_epoch: KeyEpoch(row.u64("key_epoch")?),
        writer: row.id("writer", InstanceId::from_slice)?,
    })
}

pub(super) fn section_end(row: &dyn Columns) -> Result<((LegNo, SectionNo), ClosedSection), Error> {
    let section = SectionNo(row.number("section")?);
    let closed = ClosedSection { section, spans: row.number("spans")?, root: row.hash("root")? };
    Ok(((LegNo(row.number("leg")?), section), closed))
}

/// Sections with their ends.
pub(super) fn sections(
    began: Vec<SectionBegan>,
    ends: Vec<((LegNo, SectionNo), ClosedSection)>,
) -> Vec<SectionRow> {
    let ends: BTreeMap<_, _> = ends.into_iter().collect();
    let with_end = |began: SectionBegan| {
        let closed = ends.get(&(began.leg, began.section)).copied();
        SectionRow { began, closed }
    };
    began.into_iter().map(with_end).collect()
}

pub(super) fn anchor(row: &dyn Columns) -> Result<((LegNo, SectionNo), Anchor), Error> {
    let anchor = Anchor {
        frame: FrameNo(row.u64("frame")?),
        rtp_timestamp: row.u64("rtp_timestamp")?,
        position: Position(row.u64("position")?),
        ssrc: row.number("ssrc")?,
    };
    Ok(((LegNo(row.number("leg")?), SectionNo(row.number("section")?)), anchor))
}

/// Anchors by section, each section's in order.
pub(super) fn anchors(all: Vec<((LegNo, SectionNo), Anchor)>) -> Vec<Anchors> {
    let mut sections: BTreeMap<(LegNo, SectionNo), Vec<Anchor>> = BTreeMap::new();
    for (section, anchor) in all {
        sections.entry(section).or_default().push(anchor);
    }
    let sorted = sections.into_iter().map(|((leg, section), mut anchors)| {
        anchors.sort_unstable();
        Anchors { leg, section, anchors }
    });
    sorted.collect()
}

pub(super) fn span(row: &dyn Columns) -> Result<Span, Error> {
    Ok(Span {
        leg: LegNo(row.number("leg")?),
        section: SectionNo(row.number("section")?),
        span: SpanNo(row.number("span")?),
        first_frame: FrameNo(row.u64("first_frame")?),
        last_frame: FrameNo(row.u64("last_frame")?),
        start: Position(row.u64("start_at")?),
        end: Position(row.u64("end_at")?),
        ct_root: row.hash("ct_root")?,
        offset: row.u64("offset")?,
        length: row.number("length")?,
    })
}

pub(super) fn object(row: &dyn Columns) -> Result<StoredObject, Error> {
    let regimes = row.text("regimes")?;
    let regimes = regimes.split(',').filter(|name| !name.is_empty());
    Ok(StoredObject {
        name: row.parsed("name", row.text("name")?, Key::new)?,
        sha256: row.hash("sha256")?,
        length: row.u64("length")?,
        lock_until: row.maybe_int("lock_until")?.map(Timestamp),
        regimes: regimes
            .map(|name| row.parsed("regimes", name, RegimeName::new))
            .collect::<Result<_, _>>()?,
        leg: LegNo(row.number("leg")?),
        section: SectionNo(row.number("section")?),
        spans: Vec::new(),
        document: match row.maybe_int("document")? {
            None => None,
            Some(_) => Some(row.number("document")?),
        },
        deleted_at: row.maybe_int("deleted_at")?.map(Timestamp),
    })
}

pub(super) fn change(row: &dyn Columns) -> Result<BasisChange, Error> {
    let evidence = row.maybe_blob("evidence")?;
    Ok(BasisChange {
        event: row.id("cause_event", EventId::from_slice)?,
        position: Position(row.u64("position")?),
        purpose: row.parsed("purpose", row.text("purpose")?, PurposeName::new)?,
        basis: row.coded("basis", Basis::from_number)?,
        kind: row.coded("kind", ChangeKind::from_number)?,
        cause: row.coded("cause", Cause::from_number)?,
        evidence: evidence
            .map(|id| row.parsed("evidence", id.as_slice(), EventId::from_slice))
            .transpose()?,
        derived_error_us: row.maybe_u64("derived_error")?,
    })
}

pub(super) fn pause(row: &dyn Columns) -> Result<PauseEdge, Error> {
    Ok(PauseEdge {
        event: row.id("cause_event", EventId::from_slice)?,
        position: Position(row.u64("position")?),
        begins: row.maybe_text("reason")?,
        derived_error: row.maybe_u64("derived_error")?,
    })
}

pub(super) fn mark(row: &dyn Columns) -> Result<MarkEdge, Error> {
    Ok(MarkEdge {
        event: row.id("cause_event", EventId::from_slice)?,
        position: Position(row.u64("position")?),
        label: row.parsed("label", row.text("label")?, MarkLabel::new)?,
        edge: if row.flag("begins")? { Edge::Begins } else { Edge::Ends },
    })
}

pub(super) fn note(row: &dyn Columns) -> Result<Note, Error> {
    Ok(Note {
        event: row.id("cause_event", EventId::from_slice)?,
        position: Position(row.u64("position")?),
        kind: row.text("kind")?,
        code: row.text("code")?,
    })
}

pub(super) fn dropped(row: &dyn Columns) -> Result<Dropped, Error> {
    Ok(Dropped {
        leg: LegNo(row.number("leg")?),
        first: FrameNo(row.u64("first_frame")?),
        last: FrameNo(row.u64("last_frame")?),
        reason: row.coded("reason", DropReason::from_number)?,
        start: Position(row.u64("start_at")?),
        end: Position(row.u64("end_at")?),
    })
}

pub(super) fn gone(row: &dyn Columns) -> Result<Gone, Error> {
    Ok(Gone {
        purpose: row.parsed("purpose", row.text("purpose")?, PurposeName::new)?,
        reason: row.text("reason")?,
    })
}

pub(super) fn erased(row: &dyn Columns) -> Result<ErasedRow, Error> {
    Ok(ErasedRow {
        leg: LegNo(row.number("leg")?),
        section: SectionNo(row.number("section")?),
        spans: row.parsed("spans", row.blob("spans")?, |bytes| SpanSet::decode(&bytes))?,
        reason: row.parsed("reason", row.text("reason")?, |text| ReasonCode::new(&text))?,
        at: Timestamp(row.int("at")?),
        erasure: row.id("erasure", ErasureId::from_slice)?,
        document: row.number("document")?,
    })
}

pub(super) fn stated(row: &dyn Columns) -> Result<StatementRow, Error> {
    Ok(StatementRow {
        filed: row.parsed("filed", row.text("filed")?, PlainCode::new)?,
        request: row.id("request", RequestId::from_slice)?,
        at: Timestamp(row.int("at")?),
        document: row.number("document")?,
    })
}

pub(super) fn erasure(row: &dyn Columns) -> Result<ErasureRow, Error> {
    Ok(ErasureRow {
        erasure: row.id("erasure", ErasureId::from_slice)?,
        log_end: row.u64("log_end")?,
        through: row.number("through")?,
    })
}

pub(super) fn document(row: &dyn Columns) -> Result<Document, Error> {
    Ok(Document {
        version: row.number("version")?,
        kind: row.coded("kind", DocumentKind::from_number)?,
        name: row.parsed("name", row.text("name")?, Key::new)?,
        sha256: row.hash("sha256")?,
        at: Timestamp(row.int("at")?),
    })
}
