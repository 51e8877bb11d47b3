//! What a request reaches: what it asks itself, and what those ask that are answered with it.

use std::collections::BTreeSet;

use kernel::{PurposeName, Timestamp};
use policy::rights::Right;

use super::Service;
use crate::act::RequestKey;
use crate::error::Error;
use crate::file::File;
use crate::finding::Confirmed;

/// How far a request reaches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Scope {
    /// What began later is no part of it.
    pub(crate) received_at: Timestamp,
    /// What was consented to later is not taken back by it: as of those that ask for that.
    pub(crate) consented_by: Timestamp,
    /// Purposes for which consent was taken back at a receipt.
    pub(crate) withdrawn: BTreeSet<PurposeName>,
    /// Whose calls of shared lines are.
    pub(crate) confirmed: Confirmed,
}

impl Scope {
    fn of(file: &File) -> Self {
        let received = &file.received;
        let withdraws = received.rights.contains(&Right::Withdraw);
        let mut confirmed = Confirmed { theirs: file.theirs.clone(), not_theirs: file.not_theirs.clone() };
        // Whoever asked in a call was in it.
        confirmed.theirs.extend(received.said_in.map(|(recording, _)| recording));
        Self {
            received_at: received.received_at,
            consented_by: if withdraws { received.received_at } else { Timestamp(i64::MIN) },
            withdrawn: file.withdrawn.clone().unwrap_or_default(),
            confirmed,
        }
    }

    fn add(&mut self, part: Self) {
        self.received_at = self.received_at.max(part.received_at);
        self.consented_by = self.consented_by.max(part.consented_by);
        self.withdrawn.extend(part.withdrawn);
        self.confirmed.add(&part.confirmed);
    }
}

impl Service {
    /// How far a request reaches, with those that are answered with it.
    pub(crate) async fn scope(&self, key: &RequestKey, file: &File) -> Result<Scope, Error> {
        let mut scope = Scope::of(file);
        for part in file.parts() {
            scope.add(Scope::of(&self.file(&key.beside(part)).await?));
        }
        Ok(scope)
    }
}
