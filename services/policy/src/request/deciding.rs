//! Plans, decisions and approvals: from discovering to executing.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Refused;
use super::item::{Approval, Decision, Evidence, Excess, Item, is_pending};
use super::names::{Actor, ItemKey, PlanName};
use super::{Frozen, MAX_ITEMS, Request, State};
use crate::code::Code;
use crate::rights::{Right, RuleId, Verdict};

impl Request {
    /// Freezes a plan, the first or another one. Another plan is decided on anew, item by item.
    pub(super) fn freeze(
        &mut self,
        name: PlanName,
        ruleset: u32,
        items: BTreeMap<ItemKey, (Right, Verdict)>,
        silent: BTreeSet<Code>,
    ) -> Result<(), Refused> {
        if !silent.is_empty() {
            return Err(Refused::StoresSilent { stores: silent });
        }
        if items.len() > MAX_ITEMS {
            return Err(Refused::TooManyItems);
        }
        let rights = self.rights();
        let mut planned = BTreeMap::new();
        for (item, (right, proposed)) in items {
            if !rights.contains(&right) || !self.is_cleared(right) {
                return Err(Refused::RightBarred { item, right });
            }
            planned.insert(item, Item::new(right, proposed));
        }
        self.items = planned;
        self.plan = Some(Frozen { name, ruleset });
        self.newer_rules = None;
        self.state = State::Deciding;
        Ok(())
    }

    pub(super) fn decide(&mut self, item: ItemKey, decision: Decision) -> Result<(), Refused> {
        let plans = self.plan.as_ref().map(|plan| plan.ruleset);
        if plans != Some(decision.ruleset) && self.newer_rules != Some(decision.ruleset) {
            return Err(Refused::OtherRuleset { item, ruleset: decision.ruleset });
        }
        let Some(decided) = self.items.get_mut(&item) else {
            return Err(Refused::NoSuchItem { item });
        };
        let outcome = decision.verdict.outcome();
        if decision.left.is_some() && !is_pending(outcome) {
            return Err(Refused::NotPending { item, outcome });
        }
        if decision.verdict.rule() == RuleId::G2 {
            proven(&item, decision.verdict, decision.excess.as_ref())?;
        }
        decided.decision = Some(decision);
        decided.approval = None;
        Ok(())
    }

    /// On to approval; where nothing needs a second person there is nobody to wait for.
    pub(super) fn close_decisions(&mut self) -> Result<(), Refused> {
        if let Some((item, _)) = self.items.iter().find(|(_, item)| !item.is_decided()) {
            return Err(Refused::Undecided { item: item.clone() });
        }
        self.state = if self.awaits_approval() { State::AwaitingApproval } else { State::Executing };
        Ok(())
    }

    fn awaits_approval(&self) -> bool {
        self.items.values().any(|item| item.needs_second_person() && item.approval.is_none())
    }

    /// Tells what newer rules say. Decisions stay as they are until people decide again (scenario 60).
    pub(super) fn change_rules(
        &mut self,
        ruleset: u32,
        verdicts: &BTreeMap<ItemKey, Verdict>,
    ) -> Result<(), Refused> {
        let plans = self.plan.as_ref().map_or(0, |plan| plan.ruleset);
        let known = self.newer_rules.unwrap_or(plans);
        if ruleset <= known {
            return Err(Refused::OldRuleset { ruleset, known });
        }
        if let Some(item) = verdicts.keys().find(|item| !self.items.contains_key(*item)) {
            return Err(Refused::NoSuchItem { item: item.clone() });
        }
        for (key, item) in &mut self.items {
            let Some(verdict) = verdicts.get(key) else {
                return Err(Refused::NoVerdict { item: key.clone() });
            };
            item.rerun = Some(*verdict);
        }
        self.newer_rules = Some(ruleset);
        Ok(())
    }

    /// Approves of what somebody else decided. Where several people decided, each may approve of the others' decisions,
    /// and the rest waits.
    pub(super) fn approve(&mut self, seen: &PlanName, by: &Actor) -> Result<(), Refused> {
        self.saw(seen)?;
        let mut approved = false;
        for item in self.items.values_mut() {
            let decided_by_another = item.decision.as_ref().is_some_and(|decision| decision.by != *by);
            if decided_by_another && item.needs_second_person() && item.approval.is_none() {
                item.approval = Some(Approval { by: by.clone(), plan: seen.clone() });
                approved = true;
            }
        }
        if !approved {
            return Err(Refused::SamePerson { by: by.clone() });
        }
        if !self.awaits_approval() {
            self.state = State::Executing;
        }
        Ok(())
    }

    /// Back to deciding. What needs a second person is decided anew; the rest stays decided.
    pub(super) fn reject(&mut self, seen: &PlanName) -> Result<(), Refused> {
        self.saw(seen)?;
        for item in self.items.values_mut().filter(|item| item.needs_second_person()) {
            item.decision = None;
            item.approval = None;
        }
        self.state = State::Deciding;
        Ok(())
    }

    fn saw(&self, seen: &PlanName) -> Result<(), Refused> {
        match &self.plan {
            Some(plan) if plan.name != *seen => {
                Err(Refused::StalePlan { seen: seen.clone(), frozen: plan.name.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Rule G2: Art. 12(5) is proven by more than a count, and for a reason that the rule knows (scenario 28).
fn proven(item: &ItemKey, verdict: Verdict, excess: Option<&Excess>) -> Result<(), Refused> {
    let Some(excess) = excess.filter(|excess| !excess.evidence.is_empty()) else {
        return Err(Refused::NoEvidence { item: item.clone() });
    };
    if excess.evidence.iter().all(|evidence| *evidence == Evidence::Count) {
        return Err(Refused::CountAlone { item: item.clone() });
    }
    if !verdict.reasons().contains(&excess.reason) {
        return Err(Refused::OtherReason { item: item.clone(), reason: excess.reason });
    }
    Ok(())
}
