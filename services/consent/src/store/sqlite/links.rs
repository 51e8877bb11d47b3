//! The steps of two subjects' link: each found from both of them.

use ::sqlite::rusqlite::{Connection, Row, params};
use ::sqlite::{Error, Tx};
use kernel::{SubjectId, TenantId, Timestamp};

use super::rows::all;
use crate::links::LinkStep;
use crate::store::{Stepped, columns};

/// By pair and number.
pub(super) fn steps(c: &Connection, tenant: &TenantId, subject: SubjectId) -> Result<Vec<LinkStep>, Error> {
    let find = "SELECT * FROM link_step WHERE tenant = ?1 AND (a = ?2 OR b = ?2) ORDER BY a, b, number";
    all(c, find, params![tenant.as_str(), subject.to_bytes()], read)
}

pub(super) fn add(tx: &Tx<'_>, tenant: &TenantId, step: &LinkStep) -> Result<Stepped, Error> {
    let insert = "INSERT INTO link_step VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let added = tx.prepare_cached(insert)?.execute(params![
        tenant.as_str(),
        step.pair.a().to_bytes(),
        step.pair.b().to_bytes(),
        step.number,
        step.stage.number(),
        step.op.number(),
        step.evidence.as_str(),
        step.by,
        step.at.0,
    ])?;
    Ok(if added == 0 { Stepped::Overtaken } else { Stepped::Now })
}

fn read(row: &Row<'_>) -> Result<LinkStep, Error> {
    let bad = |what| Error::Row { table: "link_step", what };
    let (a, b) = (SubjectId::from_bytes(row.get("a")?), SubjectId::from_bytes(row.get("b")?));
    Ok(LinkStep {
        pair: columns::pair(a, b).map_err(bad)?,
        number: row.get("number")?,
        stage: columns::stage(row.get("stage")?).map_err(bad)?,
        op: columns::link_op(row.get("op")?).map_err(bad)?,
        evidence: columns::evidence(row.get("evidence")?).map_err(bad)?,
        by: row.get("made_by")?,
        at: Timestamp(row.get("made_at")?),
    })
}
