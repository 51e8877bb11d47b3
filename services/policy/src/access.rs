//! Who may claim which use of a purpose's audio: the policy's part of the gate's answer.
//!
//! `replay` and `review` belong to a purpose and its roles. `rights`, `legal_claim` and `authority` belong to
//! whoever the tenant charges with them, whatever the purpose. `probe` is verbale's own check of its keys, which opens
//! nothing for anybody. Audio serves another purpose than the one that it is kept for only where [`compatible`]
//! knows the assessment. Whether a basis stands, a hold covers or a lease runs is not asked here.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{PurposeName, Role, Use};

use crate::code::Code;
use crate::document::TenantPolicy;
use crate::words::words;

words! {
    /// Why a use was refused.
    Refusal {
        /// The policy does not have this purpose.
        PurposeNotInPolicy = 1 "purpose-not-in-policy",
        /// The purpose does not serve this use.
        UseNotAllowed = 2 "use-not-allowed",
        /// None of the caller's roles may claim it.
        RoleNotAllowed = 3 "role-not-allowed",
    }
}

/// Whether somebody with `roles` may claim `wanted` on audio kept for `purpose`.
pub fn may_claim(
    policy: &TenantPolicy,
    purpose: &PurposeName,
    wanted: Use,
    roles: &BTreeSet<Role>,
) -> Result<(), Refusal> {
    let terms = policy.purposes.get(purpose).ok_or(Refusal::PurposeNotInPolicy)?;
    let allowed = match wanted {
        Use::Replay | Use::Review if !terms.uses.contains(&wanted) => return Err(Refusal::UseNotAllowed),
        Use::Replay | Use::Review => &terms.roles,
        Use::Rights | Use::LegalClaim | Use::Authority => {
            policy.claims.get(&wanted).ok_or(Refusal::UseNotAllowed)?
        }
        Use::Probe => return Err(Refusal::UseNotAllowed),
    };
    if allowed.is_disjoint(roles) { Err(Refusal::RoleNotAllowed) } else { Ok(()) }
}

/// The assessment by which audio kept for one purpose may also be used for another; none where nobody found the
/// two compatible (GDPR Art. 6(4)). What the other purpose may do, and who for it, its own terms say.
pub fn compatible<'a>(
    policy: &'a TenantPolicy,
    kept_for: &PurposeName,
    wanted: &PurposeName,
) -> Option<&'a Code> {
    policy.purposes.get(kept_for)?.compatible.get(wanted)
}

/// Who may claim what belongs to no one purpose, where the document does not say.
pub(crate) fn default_claims() -> BTreeMap<Use, BTreeSet<Role>> {
    BTreeMap::from([
        (Use::Rights, BTreeSet::from([Role::PrivacyOfficer])),
        (Use::LegalClaim, BTreeSet::from([Role::Compliance, Role::PrivacyOfficer])),
        (Use::Authority, BTreeSet::from([Role::Compliance])),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "
tenant: t
jurisdiction: IT
claims: { authority: [auditor] }
purposes:
  duty: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
  quality: { basis: legitimate_interest, retention: P90D, uses: [review], roles: [supervisor] }
  kept: { basis: legitimate_interest, retention: P90D }
";

    fn check(purpose: &str, wanted: Use, role: Role, expected: Result<(), Refusal>) {
        let policy = crate::parse(POLICY, &|_| None).unwrap();
        let purpose = PurposeName::new(purpose).unwrap();
        assert_eq!(may_claim(&policy, &purpose, wanted, &BTreeSet::from([role])), expected);
    }

    #[test]
    fn replay_and_review_belong_to_the_purposes_roles_and_uses() {
        check("duty", Use::Replay, Role::Compliance, Ok(()));
        check("duty", Use::Replay, Role::Supervisor, Err(Refusal::RoleNotAllowed));
        check("duty", Use::Review, Role::Compliance, Err(Refusal::UseNotAllowed));
        check("quality", Use::Review, Role::Supervisor, Ok(()));
        check("quality", Use::Replay, Role::Supervisor, Err(Refusal::UseNotAllowed));
        check("kept", Use::Replay, Role::Compliance, Err(Refusal::RoleNotAllowed));
        check("other", Use::Replay, Role::Compliance, Err(Refusal::PurposeNotInPolicy));
    }

    #[test]
    fn claims_belong_to_those_whom_the_tenant_charges() {
        check("quality", Use::Rights, Role::PrivacyOfficer, Ok(()));
        check("quality", Use::Rights, Role::Supervisor, Err(Refusal::RoleNotAllowed));
        check("duty", Use::Authority, Role::Auditor, Ok(()));
        check("duty", Use::Authority, Role::Compliance, Err(Refusal::RoleNotAllowed));
    }

    #[test]
    fn another_purpose_is_compatible_only_one_way_and_by_name() {
        let text = POLICY.replace("kept: {", "kept: { compatible: { quality: dpia-2026-07 },");
        let policy = crate::parse(&text, &|_| None).unwrap();
        let code = |kept_for, wanted| {
            let name = |text| PurposeName::new(text).unwrap();
            compatible(&policy, &name(kept_for), &name(wanted)).map(Code::as_str)
        };
        assert_eq!(code("kept", "quality"), Some("dpia-2026-07"));
        assert_eq!(code("quality", "kept"), None, "the other way was not assessed");
        assert_eq!(code("kept", "duty"), None);
        assert_eq!(code("kept", "kept"), None);
        assert_eq!(code("other", "quality"), None);
    }

    #[test]
    fn a_probe_opens_audio_for_nobody() {
        for role in [Role::Service, Role::Auditor, Role::Operator, Role::Supervisor] {
            check("quality", Use::Probe, role, Err(Refusal::UseNotAllowed));
        }
    }
}
