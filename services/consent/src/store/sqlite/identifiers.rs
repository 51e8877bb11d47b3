//! The identifier index in SQLite: a file of its own in the keys directory. It holds HMACs, never values.

use std::path::Path;

use ::sqlite::rusqlite::{Connection, Row, params};
use ::sqlite::{Component, Db, Error, Options};
use async_trait::async_trait;
use kernel::{SectionNo, SubjectId, TenantId, Timestamp};

use super::failed;
use super::rows::all;
use crate::identifier::Kind;
use crate::identity::{Choice, Known, Presented, choose};
use crate::store::{Identifiers, StoreError};

/// The index's tables.
pub const COMPONENT: Component = Component {
    name: "consent-identifiers",
    steps: &["CREATE TABLE identifier (
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
    ) STRICT, WITHOUT ROWID;"],
};

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
    async fn find(&self, tenant: &TenantId, presented: &[Presented]) -> Result<Vec<Known>, StoreError> {
        let (tenant, presented) = (tenant.clone(), presented.to_vec());
        let read = self.db.read(move |c| find(c, &tenant, &presented)).await;
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
        now: Timestamp,
    ) -> Result<Choice, StoreError> {
        let (tenant, presented) = (tenant.clone(), presented.to_vec());
        let written = self.db.write(move |tx| {
            let known = find(tx, &tenant, &presented)?;
            let mut theirs = Vec::new();
            for row in &known {
                theirs.extend(of_subject(tx, &tenant, row.subject)?);
            }
            let choice = choose(&presented, &known, &theirs, fresh);
            let mut insert = tx.prepare_cached("INSERT INTO identifier VALUES (?, ?, ?, ?, ?, NULL)")?;
            for Presented { kind, value } in &choice.added {
                let subject = choice.subject.to_bytes();
                insert.execute(params![tenant.as_str(), kind.number(), value, subject, now.0])?;
            }
            Ok(choice)
        });
        written.await.map_err(failed("resolve identifiers"))
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
        presented: &[Presented],
        section: SectionNo,
    ) -> Result<(), StoreError> {
        let (tenant, presented) = (tenant.clone(), presented.to_vec());
        let written = self.db.write(move |tx| {
            let mark = "UPDATE identifier SET section = ?
                WHERE tenant = ? AND kind = ? AND value = ? AND section IS NULL";
            let mut mark = tx.prepare_cached(mark)?;
            for Presented { kind, value } in &presented {
                mark.execute(params![section.0, tenant.as_str(), kind.number(), value])?;
            }
            Ok(())
        });
        written.await.map_err(failed("note sealed values"))
    }
}

fn find(c: &Connection, tenant: &TenantId, presented: &[Presented]) -> Result<Vec<Known>, Error> {
    let query = "SELECT * FROM identifier WHERE tenant = ? AND kind = ? AND value = ?";
    let mut known: Vec<Known> = Vec::new();
    for one in presented {
        for row in all(c, query, params![tenant.as_str(), one.kind.number(), one.value], read)? {
            if !known.contains(&row) {
                known.push(row);
            }
        }
    }
    Ok(known)
}

fn of_subject(c: &Connection, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Known>, Error> {
    let query = "SELECT * FROM identifier WHERE tenant = ? AND subject = ? ORDER BY kind, value";
    all(c, query, params![tenant.as_str(), subject.to_bytes()], read)
}

fn read(row: &Row<'_>) -> Result<Known, Error> {
    let kind = Kind::from_number(row.get("kind")?);
    Ok(Known {
        kind: kind.ok_or(Error::Row { table: "identifier", what: "a kind" })?,
        value: row.get("value")?,
        subject: SubjectId::from_bytes(row.get("subject")?),
        valid_from: Timestamp(row.get("valid_from")?),
        sealed_in: row.get::<_, Option<u32>>("section")?.map(SectionNo),
    })
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
