//! From a draft to a policy: what its parts mean together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{Basis, MarkLabel, PurposeName, RegimeName, Use};

use super::read::{At, Draft, DraftFrom, DraftPurpose};
use super::{Anchor, DEFAULT_SPAN, From, Party, Problem, Purpose, Retention, TenantPolicy, Until};
use crate::access::default_claims;
use crate::code::Code;
use crate::jurisdiction::Jurisdiction;
use crate::regime;

/// What is sound of the draft; every fault is in `problems`, and with any there the result is not to be used.
pub(super) fn check(draft: Draft, problems: &mut Vec<Problem>) -> TenantPolicy {
    let told: BTreeSet<&PurposeName> =
        draft.notices.iter().flat_map(|(_, notice)| &notice.notice.purposes).collect();
    for named in draft.notices.iter().flat_map(|(_, notice)| &notice.purposes) {
        if !draft.purpose_names.contains(&named.value) {
            let message = format!("notice names purpose {}, which the policy does not have", named.value);
            problems.push(named.place.problem(message));
        }
    }
    let mut purposes = Vec::new();
    for (name, purpose) in &draft.purposes {
        if purpose.basis.value == Basis::Consent && !told.contains(&name.value) {
            let message = format!("no notice tells of purpose {}, which rests on consent", name.value);
            problems.push(name.place.problem(message));
        }
        let mut checker = Checker { name, draft: &draft, problems };
        purposes.extend(checker.purpose(purpose).map(|purpose| (name.value.clone(), purpose)));
    }
    let awaited = purposes.iter().filter_map(|(_, purpose)| match &purpose.from {
        From::Mark(label) => Some(label.clone()),
        From::Start | From::Consent => None,
    });
    let marks = draft.marks.iter().cloned().chain(awaited).collect();
    let mut claims = default_claims();
    claims.extend(draft.claims);
    TenantPolicy {
        tenant: draft.tenant,
        jurisdiction: draft.jurisdiction,
        span: draft.span.unwrap_or(DEFAULT_SPAN),
        hold_back: draft.hold_back.unwrap_or(Duration::ZERO),
        marks,
        claims,
        employee_consent: draft.employee_consent,
        purposes: purposes.into_iter().collect(),
        notices: draft.notices.into_iter().map(|(name, draft)| (name.value, draft.notice)).collect(),
    }
}

struct Checker<'a> {
    name: &'a At<PurposeName>,
    draft: &'a Draft,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn purpose(&mut self, draft: &DraftPurpose) -> Option<Purpose> {
        let basis = draft.basis.value;
        let retention = self.retention(draft);
        let consent_of = self.consent_of(draft);
        let compatible = self.compatible(draft);
        let from = self.from(draft);
        let anchor = self.anchor(draft, from.as_ref());
        let from = from?;
        let until = self.until(draft, &from);
        Some(Purpose {
            basis,
            regime: draft.regime.as_ref().map(|regime| regime.value.clone()),
            retention: Retention { anchor: anchor?, ..retention? },
            uses: draft.uses.clone().unwrap_or_else(|| BTreeSet::from([Use::Replay])),
            roles: draft.roles.clone(),
            consent_of: consent_of?,
            from,
            until: until?,
            compatible: compatible?,
        })
    }

    /// The regime's period under a regime, the document's own otherwise; exactly one of them.
    fn retention(&mut self, draft: &DraftPurpose) -> Option<Retention> {
        let duty = draft.basis.value == Basis::LegalObligation;
        match (&draft.regime, &draft.retention) {
            (None, _) if duty => {
                self.fault(&draft.basis, "rests on a legal obligation and names no regime".to_owned())
            }
            (Some(regime), _) if !duty => {
                self.fault(regime, format!("has a regime, but its basis is {}", draft.basis.value))
            }
            (Some(regime), Some(retention)) => {
                let message = format!("may not set a retention: {} does", regime.value);
                self.fault(retention, message)
            }
            (Some(regime), None) => self.regime(regime, self.draft.jurisdiction),
            (None, Some(retention)) => Some(retention.value),
            (None, None) => self.fault(&draft.basis, "has no retention".to_owned()),
        }
    }

    fn regime(&mut self, name: &At<RegimeName>, jurisdiction: Jurisdiction) -> Option<Retention> {
        let Some(found) = regime::find(&name.value) else {
            let known = regime::ALL.iter().map(|regime| regime.name).collect::<Vec<_>>().join(", ");
            return self.fault(name, format!("names an unknown regime; known are {known}"));
        };
        if found.area != jurisdiction.area() {
            return self.fault(name, format!("names a regime that is not the law of {jurisdiction}"));
        }
        Some(Retention::from_start(found.minimum))
    }

    /// A mark counts only where one is waited for; under a regime the law says from when.
    fn anchor(&mut self, draft: &DraftPurpose, from: Option<&From>) -> Option<Anchor> {
        let Some(anchor) = &draft.anchor else { return Some(Anchor::Start) };
        if let Some(regime) = &draft.regime {
            return self.fault(anchor, format!("may not set an anchor: {} does", regime.value));
        }
        match (anchor.value, from) {
            (Anchor::Mark, Some(from @ (From::Start | From::Consent))) => {
                self.fault(anchor, format!("is kept from the end of a mark, but recorded from {from}"))
            }
            (anchor, _) => Some(anchor),
        }
    }

    fn consent_of(&mut self, draft: &DraftPurpose) -> Option<BTreeSet<Party>> {
        let consent = draft.basis.value == Basis::Consent;
        let Some(parties) = &draft.consent_of else {
            let of = if consent { BTreeSet::from([Party::Customer]) } else { BTreeSet::new() };
            return Some(of);
        };
        if !consent {
            return self.fault(parties, format!("has consent_of, but its basis is {}", draft.basis.value));
        }
        if parties.value.is_empty() {
            return self.fault(parties, "asks for nobody's consent".to_owned());
        }
        let employees = parties.value.iter().any(|party| party.is_employee());
        if employees && self.draft.employee_consent.is_none() {
            // An employee can hardly say no (EDPB guidelines 05/2020, 3.1.1).
            let message = "rests on an employee's consent, which is presumed not free; choose another basis, or \
                           name the data protection officer's decision as employee_consent";
            return self.fault(parties, message.to_owned());
        }
        Some(parties.value.clone())
    }

    /// Consent is to one purpose (EDPB guidelines 05/2020 section 3.2): an assessment can neither widen what
    /// somebody agreed to nor stand for asking them.
    fn compatible(&mut self, draft: &DraftPurpose) -> Option<BTreeMap<PurposeName, Code>> {
        let Some(compatible) = &draft.compatible else { return Some(BTreeMap::new()) };
        if draft.basis.value == Basis::Consent && !compatible.value.is_empty() {
            let message = "rests on consent, and calls other purposes compatible";
            return self.fault(compatible, message.to_owned());
        }
        for (other, _) in &compatible.value {
            let name = &other.value;
            let why_not = if *name == self.name.value {
                "is itself"
            } else if !self.draft.purpose_names.contains(name) {
                "the policy does not have"
            } else if self.basis_of(name) == Some(Basis::Consent) {
                "rests on consent"
            } else {
                continue;
            };
            self.fault::<(), _>(other, format!("calls {name} compatible, which {why_not}"));
        }
        Some(compatible.value.iter().map(|(other, code)| (other.value.clone(), code.clone())).collect())
    }

    /// None where that purpose is left out for a fault of its own.
    fn basis_of(&self, name: &PurposeName) -> Option<Basis> {
        let found = self.draft.purposes.iter().find(|(other, _)| other.value == *name);
        found.map(|(_, purpose)| purpose.basis.value)
    }

    fn from(&mut self, draft: &DraftPurpose) -> Option<From> {
        let basis = draft.basis.value;
        match draft.from.as_ref().map(|from| (from, &from.value)) {
            None => Some(match basis {
                Basis::Consent => From::Consent,
                Basis::Contract => From::Mark(self.own_label()?),
                Basis::LegalObligation
                | Basis::VitalInterest
                | Basis::PublicTask
                | Basis::LegitimateInterest => From::Start,
            }),
            Some((from, DraftFrom::Start)) if basis == Basis::Consent => {
                self.fault(from, "rests on consent and cannot run from the start".to_owned())
            }
            Some((from, DraftFrom::Consent)) if basis != Basis::Consent => {
                self.fault(from, format!("waits for consent, but its basis is {basis}"))
            }
            Some((_, DraftFrom::Start)) => Some(From::Start),
            Some((_, DraftFrom::Consent)) => Some(From::Consent),
            Some((_, DraftFrom::Mark(Some(label)))) => Some(From::Mark(label.clone())),
            Some((_, DraftFrom::Mark(None))) => Some(From::Mark(self.own_label()?)),
        }
    }

    fn until(&mut self, draft: &DraftPurpose, from: &From) -> Option<Until> {
        match (&draft.until, from) {
            (None, From::Mark(_)) => Some(Until::Mark),
            (None, From::Start | From::Consent) => Some(Until::End),
            (Some(until), From::Start | From::Consent) if until.value == Until::Mark => {
                self.fault(until, format!("runs until a mark, but from {from}"))
            }
            (Some(until), _) => Some(until.value),
        }
    }

    /// The label named like the purpose; both are slugs, so it always is one.
    fn own_label(&mut self) -> Option<MarkLabel> {
        match MarkLabel::new(self.name.value.as_str()) {
            Ok(label) => Some(label),
            Err(error) => self.fault(self.name, error.to_string()),
        }
    }

    fn fault<T, P>(&mut self, at: &At<P>, message: String) -> Option<T> {
        self.problems.push(at.place.problem(format!("purpose {} {message}", self.name.value)));
        None
    }
}
