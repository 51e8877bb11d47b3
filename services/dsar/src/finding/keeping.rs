//! What keeps a purpose's data of a recording: what it rests on, and what holds it. Pure.

use std::collections::BTreeMap;

use kernel::{Basis, HoldId, PurposeName};
use policy::rights::{BasisState, HoldState};
use proto::archive::v1::Recording;
use proto::retention::v1 as retention;

use super::{ARCHIVE, Asked, CONSENT, RETENTION};
use crate::error::Error;
use crate::mesh::basis;
use crate::person::Person;

/// How what a duty keeps begins to say so.
pub(super) const REGIME: &str = "regime:";

/// What a purpose rests on; of several bases the one that keeps most, as the others may go and it stays. None
/// where there is none.
pub(super) fn strongest(facts: &Recording, purpose: &PurposeName) -> Result<Option<Basis>, Error> {
    let mut strongest: Option<Basis> = None;
    for interval in facts.bases.iter().filter(|interval| interval.purpose == purpose.as_str()) {
        let own = basis(interval.basis).ok_or(Error::Answer { peer: ARCHIVE, what: "a basis" })?;
        if strongest.is_none_or(|known| rank(own) < rank(known)) {
            strongest = Some(own);
        }
    }
    Ok(strongest)
}

fn rank(basis: Basis) -> u8 {
    match basis {
        Basis::LegalObligation => 0,
        Basis::VitalInterest => 1,
        Basis::Contract => 2,
        Basis::PublicTask => 3,
        Basis::LegitimateInterest => 4,
        Basis::Consent => 5,
    }
}

/// What the rules are told of it. `live` says of purposes on consent whether that stands.
pub(super) fn basis_state(
    basis: Option<Basis>,
    purpose: &PurposeName,
    live: &BTreeMap<PurposeName, bool>,
) -> Result<BasisState, Error> {
    let Some(basis) = basis else { return Ok(BasisState::None) };
    Ok(match basis {
        Basis::LegalObligation => BasisState::DutyRunning,
        Basis::VitalInterest => BasisState::VitalInterest,
        Basis::Contract => BasisState::ContractRunning,
        Basis::PublicTask => BasisState::PublicTask,
        Basis::LegitimateInterest => BasisState::LegitimateInterest,
        Basis::Consent => match live.get(purpose) {
            Some(true) => BasisState::ConsentLive,
            Some(false) => BasisState::ConsentGone,
            None => return Err(Error::Answer { peer: CONSENT, what: "nothing about a consent" }),
        },
    })
}

/// The regime of a purpose, as `regime:<name>`; empty where the recording does not name it.
pub(super) fn regime(facts: &Recording, purpose: &PurposeName) -> String {
    let grants = facts.grants.iter().filter(|grant| grant.purpose == purpose.as_str());
    let named = grants.map(|grant| grant.regime.as_str()).find(|regime| !regime.is_empty());
    named.map(|regime| format!("{REGIME}{regime}")).unwrap_or_default()
}

/// What holds a recording against who asks: the first by [`HoldState`]'s order, and which hold that is.
pub(super) fn held(
    asked: &Asked<'_>,
    holds: &[retention::Hold],
) -> Result<Option<(HoldState, HoldId)>, Error> {
    let mut standing = Vec::new();
    for hold in holds {
        let id = HoldId::from_slice(&hold.hold_id);
        let id = id.map_err(|_| Error::Answer { peer: RETENTION, what: "a hold's id" })?;
        if let Some(state) = hold_state(asked, hold, id)? {
            standing.push((state, id));
        }
    }
    Ok(standing.into_iter().min_by_key(|(state, id)| (precedence(*state), *id)))
}

/// What the rules are told of one hold; none where it does not stand, or keeps nothing from who asks.
fn hold_state(asked: &Asked<'_>, hold: &retention::Hold, id: HoldId) -> Result<Option<HoldState>, Error> {
    match hold.state() {
        retention::HoldState::Placed | retention::HoldState::ReleaseAsked => {}
        retention::HoldState::Released => return Ok(None),
        retention::HoldState::Unspecified => {
            return Err(Error::Answer { peer: RETENTION, what: "a state of a hold" });
        }
    }
    let is_own = asked.own_hold == Some(id) || is_of_nobody_else(hold, asked.person);
    // A request names the recordings, and people the person.
    let is_for_them = asked.restricted.contains(&id) || names(hold, asked.person);
    Ok(match hold.kind() {
        retention::HoldKind::Litigation => Some(HoldState::Litigation),
        retention::HoldKind::Regulator => Some(HoldState::Regulator),
        retention::HoldKind::Subject if is_for_them => Some(HoldState::Subject18c),
        retention::HoldKind::Subject => Some(HoldState::OtherDsar),
        retention::HoldKind::OpenRequest if is_own => None,
        retention::HoldKind::OpenRequest => Some(HoldState::OtherDsar),
        // A restriction forbids use, and keeps nothing.
        retention::HoldKind::Restriction | retention::HoldKind::Unspecified => None,
    })
}

fn subjects(hold: &retention::Hold) -> &[Vec<u8>] {
    hold.selector.as_ref().map(|selector| selector.subject_ids.as_slice()).unwrap_or_default()
}

fn names(hold: &retention::Hold, person: &Person) -> bool {
    subjects(hold).iter().any(|id| person.is(id))
}

fn is_of_nobody_else(hold: &retention::Hold, person: &Person) -> bool {
    let named = subjects(hold);
    !named.is_empty() && named.iter().all(|id| person.is(id))
}

/// One that the person who asks cannot lift counts first.
fn precedence(state: HoldState) -> u8 {
    match state {
        HoldState::Litigation => 0,
        HoldState::Regulator => 1,
        HoldState::OtherDsar => 2,
        HoldState::Subject18c => 3,
        HoldState::None => 4,
    }
}
