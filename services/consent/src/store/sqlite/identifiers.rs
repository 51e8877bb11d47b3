//! The identifier index in SQLite: a file of its own in the keys directory. It holds HMACs, never values.

use std::path::Path;

use ::sqlite::rusqlite::{Connection, Row, params};
use ::sqlite::{Component, Db, Error, Options};
use async_trait::async_trait;
use kernel::{SectionNo, SubjectId, TenantId, Timestamp};

use super::failed;
use super::rows::all;
use crate::identifier::Kind;
use crate::identity::{Choice, Known, Line, Owner, Presented, Reassigned, choose, in_turn, reassign};
use crate::store::{Identifiers, StoreError};

/// The index's tables.
pub const COMPONENT: Component = Component {
    name: "consent-identifiers",
    steps: &[
        "CREATE TABLE identifier (
        tenant TEXT NOT NULL,
        kind INTEGER NOT NULL,
        value BLOB NOT NULL CHECK (length(value) = 32),
        subject BLOB NOT NULL CHECK (length(subject) = 16),
        valid_from INTEGER NOT NULL,
        section INTEGER,
        PRIMARY KEY (tenant, kind, value)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX identifier_of_subject ON identifier (tenant, subject);
    CREATE TABLE subject_section (
        tenant TEXT NOT NULL,
        subject BLOB NOT NULL CHECK (length(subject) = 16),
        next INTEGER NOT NULL,
        PRIMARY KEY (tenant, subject)
    ) STRICT, WITHOUT ROWID;",
        // Who has an identifier first has it from ever, whenever that became known: `identifier.valid_from`.
        "ALTER TABLE identifier ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE later_owner (
        tenant TEXT NOT NULL,
        kind INTEGER NOT NULL,
        value BLOB NOT NULL CHECK (length(value) = 32),
        valid_from INTEGER NOT NULL,
        subject BLOB NOT NULL CHECK (length(subject) = 16),
        since INTEGER NOT NULL,
        section INTEGER,
        PRIMARY KEY (tenant, kind, value, valid_from)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX later_owner_of_subject ON later_owner (tenant, subject);",
    ],
};

/// The first section stays, for each who has the identifier.
const SEAL: &str = "UPDATE identifier SET section = ?
    WHERE tenant = ? AND kind = ? AND value = ? AND subject = ? AND section IS NULL";
const SEAL_LATER: &str = "UPDATE later_owner SET section = ?
    WHERE tenant = ? AND kind = ? AND value = ? AND subject = ? AND section IS NULL";

/// The index in one SQLite file.
#[derive(Clone)]
pub struct SqliteIdentifiers {
    db: Db,
}

impl SqliteIdentifiers {
    /// Opens the file, or makes it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = Db::open(path, Options::default(), &[COMPONENT]).await;
        Ok(Self { db: opened.map_err(failed("open the index"))? })
    }
}

#[async_trait]
impl Identifiers for SqliteIdentifiers {
    async fn find(
        &self,
        tenant: &TenantId,
        presented: &[Presented],
        at: Timestamp,
    ) -> Result<Vec<Known>, StoreError> {
        let (tenant, presented) = (tenant.clone(), presented.to_vec());
        let read = self.db.read(move |c| find(c, &tenant, &presented, at)).await;
        read.map_err(failed("look an identifier up"))
    }

    async fn of_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Known>, StoreError> {
        let tenant = tenant.clone();
        let read = self.db.read(move |c| of_subject(c, &tenant, subject)).await;
        read.map_err(failed("read a subject's identifiers"))
    }

    async fn resolve(
        &self,
        tenant: &TenantId,
        presented: &[Presented],
        fresh: SubjectId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Choice, StoreError> {
        let (tenant, presented) = (tenant.clone(), presented.to_vec());
        let written = self.db.write(move |tx| {
            let known = find(tx, &tenant, &presented, at)?;
            let mut theirs = Vec::new();
            for row in &known {
                theirs.extend(of_subject(tx, &tenant, row.subject)?.into_iter().filter(|one| one.is_at(at)));
            }
            let choice = choose(&presented, &known, &theirs, fresh);
            let insert = "INSERT INTO identifier (tenant, kind, value, subject, valid_from)
                VALUES (?, ?, ?, ?, ?)";
            let mut insert = tx.prepare_cached(insert)?;
            for Presented { kind, value } in &choice.added {
                let subject = choice.subject.to_bytes();
                insert.execute(params![tenant.as_str(), kind.number(), value, subject, now.0])?;
            }
            Ok(choice)
        });
        written.await.map_err(failed("resolve identifiers"))
    }

    async fn reassign(
        &self,
        tenant: &TenantId,
        one: &Presented,
        from: Timestamp,
        fresh: SubjectId,
        now: Timestamp,
    ) -> Result<Reassigned, StoreError> {
        let (tenant, one) = (tenant.clone(), *one);
        let written = self.db.write(move |tx| {
            let reassigned = reassign(&owners(tx, &tenant, &one)?, from);
            if let Reassigned::Now { .. } = reassigned {
                let insert = "INSERT INTO later_owner (tenant, kind, value, valid_from, subject, since)
                    VALUES (?, ?, ?, ?, ?, ?)";
                let (tenant, kind) = (tenant.as_str(), one.kind.number());
                let values = params![tenant, kind, one.value, from.0, fresh.to_bytes(), now.0];
                tx.prepare_cached(insert)?.execute(values)?;
            }
            Ok(reassigned)
        });
        written.await.map_err(failed("give an identifier to somebody new"))
    }

    async fn mark_line(&self, tenant: &TenantId, one: &Presented, line: Line) -> Result<bool, StoreError> {
        let (tenant, one) = (tenant.clone(), *one);
        let written = self.db.write(move |tx| {
            let mark = "UPDATE identifier SET shared = ? WHERE tenant = ? AND kind = ? AND value = ?";
            let values = params![line.is_shared(), tenant.as_str(), one.kind.number(), one.value];
            Ok(tx.prepare_cached(mark)?.execute(values)? > 0)
        });
        written.await.map_err(failed("mark a line"))
    }

    async fn claim_section(&self, tenant: &TenantId, subject: SubjectId) -> Result<SectionNo, StoreError> {
        let tenant = tenant.clone();
        let written = self.db.write(move |tx| {
            let claim = "INSERT INTO subject_section VALUES (?, ?, 1)
                ON CONFLICT DO UPDATE SET next = next + 1 RETURNING next - 1";
            let values = params![tenant.as_str(), subject.to_bytes()];
            Ok(SectionNo(tx.prepare_cached(claim)?.query_row(values, |row| row.get(0))?))
        });
        written.await.map_err(failed("claim a section"))
    }

    async fn mark_sealed(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        presented: &[Presented],
        section: SectionNo,
    ) -> Result<(), StoreError> {
        let (tenant, presented) = (tenant.clone(), presented.to_vec());
        let written = self.db.write(move |tx| {
            for mark in [SEAL, SEAL_LATER] {
                let mut mark = tx.prepare_cached(mark)?;
                for Presented { kind, value } in &presented {
                    let (tenant, kind, subject) = (tenant.as_str(), kind.number(), subject.to_bytes());
                    mark.execute(params![section.0, tenant, kind, value, subject])?;
                }
            }
            Ok(())
        });
        written.await.map_err(failed("note sealed values"))
    }
}

/// Each once, in the order in which they are presented.
fn find(
    c: &Connection,
    tenant: &TenantId,
    presented: &[Presented],
    at: Timestamp,
) -> Result<Vec<Known>, Error> {
    let mut known: Vec<Known> = Vec::new();
    for one in presented {
        if !known.iter().any(|row| row.is_of(one)) {
            known.extend(owners(c, tenant, one)?.into_iter().find(|row| row.is_at(at)));
        }
    }
    Ok(known)
}

fn of_subject(c: &Connection, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Known>, Error> {
    let query = "SELECT kind, value FROM identifier WHERE tenant = ?1 AND subject = ?2
        UNION SELECT kind, value FROM later_owner WHERE tenant = ?1 AND subject = ?2 ORDER BY kind, value";
    let mut theirs = Vec::new();
    for one in all(c, query, params![tenant.as_str(), subject.to_bytes()], presented)? {
        theirs.extend(owners(c, tenant, &one)?.into_iter().filter(|row| row.subject == subject));
    }
    Ok(theirs)
}

/// Everybody who has an identifier, one after the other.
fn owners(c: &Connection, tenant: &TenantId, one: &Presented) -> Result<Vec<Known>, Error> {
    let first = "SELECT subject, valid_from AS since, NULL AS valid_from, section, shared FROM identifier
        WHERE tenant = ? AND kind = ? AND value = ?";
    let later = "SELECT subject, since, valid_from, section FROM later_owner
        WHERE tenant = ? AND kind = ? AND value = ?";
    let key = params![tenant.as_str(), one.kind.number(), one.value];
    let first = all(c, first, key, |row| Ok((owner(row)?, row.get::<_, bool>("shared")?)))?.pop();
    let Some((first, is_shared)) = first else { return Ok(Vec::new()) };
    let mut owners = vec![first];
    owners.extend(all(c, later, key, owner)?);
    Ok(in_turn(one, if is_shared { Line::Shared } else { Line::Own }, owners))
}

fn owner(row: &Row<'_>) -> Result<Owner, Error> {
    Ok(Owner {
        subject: SubjectId::from_bytes(row.get("subject")?),
        since: Timestamp(row.get("since")?),
        valid_from: row.get::<_, Option<i64>>("valid_from")?.map(Timestamp),
        sealed_in: row.get::<_, Option<u32>>("section")?.map(SectionNo),
    })
}

fn presented(row: &Row<'_>) -> Result<Presented, Error> {
    let kind = Kind::from_number(row.get("kind")?);
    let kind = kind.ok_or(Error::Row { table: "identifier", what: "a kind" })?;
    Ok(Presented { kind, value: row.get("value")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fresh() -> Option<(SqliteIdentifiers, tempfile::TempDir)> {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteIdentifiers::open(&directory.path().join("identifiers.db")).await.unwrap();
        Some((store, directory))
    }

    async fn two() -> Option<(SqliteIdentifiers, SqliteIdentifiers, tempfile::TempDir)> {
        let (store, directory) = fresh().await?;
        Some((store.clone(), store, directory))
    }

    crate::identifiers_contract_suite!(fresh());
    crate::identifiers_race_suite!(two());
}
