//! The one list of permissions, and the roles that have each. The protos' rules name these.

use kernel::{Principal, Role};

use Role::{Agent, Auditor, Compliance, Operator, PrivacyOfficer, Sender, Service, Supervisor};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident $text:literal [$($role:ident),+ $(,)?],)+) => {
        /// What a rule may ask of a caller.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Permission { $($(#[$doc])* $name,)+ }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
            /// The name that rules use.
            pub fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)+ } }
            /// The roles that have it.
            pub fn roles(self) -> &'static [Role] { match self { $(Self::$name => &[$($role),+],)+ } }
        }
    };
}

/// What of the services of the mesh one does and no other. People have it by their roles, where these are in
/// the list.
const ONE_CALLER: &[(Permission, &str)] = &[
    (Permission::MeshAudit, "service/audit"),
    (Permission::MeshErasure, "service/retention"),
    (Permission::LedgerRead, DSAR),
    (Permission::RetentionRead, DSAR),
    (Permission::HoldPlace, DSAR),
    (Permission::HoldRelease, DSAR),
    (Permission::ErasureOrder, DSAR),
    (Permission::ErasureRead, DSAR),
    (Permission::MeshRequests, DSAR),
];
/// Carries out what was decided on people's requests.
const DSAR: &str = "service/dsar";

permissions! {
    /// Send a call.
    CallRecord "call.record" [Sender],
    /// Pause, resume, stop or mark a running call.
    CallControl "call.control" [Sender, Agent, Supervisor, Service],
    /// See the state of a session.
    CallRead "call.read" [Sender, Operator, Service],
    /// Record that somebody was told, asked, agreed, refused or withdrew.
    ConsentRecord "consent.record" [Sender, Agent, PrivacyOfficer, Service],
    /// Read a subject's consent and its history.
    ConsentRead "consent.read" [Compliance, Auditor, PrivacyOfficer, Service],
    /// Find a subject by an identifier.
    SubjectResolve "subject.resolve" [Compliance, PrivacyOfficer, Service],
    /// Read what a subject is known by, and who is the same person.
    SubjectRead "subject.read" [Compliance, Auditor, PrivacyOfficer, Service],
    /// Say that two subjects are one person, that a number is somebody else's, that a line is shared.
    SubjectLink "subject.link" [Compliance, PrivacyOfficer],
    /// Read a tenant's policy.
    PolicyRead "policy.read" [Sender, Supervisor, Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// Find recordings and see their facts.
    RecordingRead "recording.read" [Supervisor, Compliance, Auditor, PrivacyOfficer, Service],
    /// Listen again; the tenant's policy then says who may for which purpose.
    RecordingReplay "recording.replay" [Supervisor, Compliance, Auditor, PrivacyOfficer],
    /// Check a recording against its manifest, without keys.
    RecordingVerify "recording.verify" [Supervisor, Compliance, Auditor, PrivacyOfficer, Operator],
    /// Read a tenant's part of the ledger.
    LedgerRead "ledger.read" [Compliance, Auditor, PrivacyOfficer, Service],
    /// Read the ledger's signed checkpoints.
    LedgerCheckpoint "ledger.checkpoint" [Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// Read the public keys that offline verification needs.
    TrustRead "trust.read" [Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// See until when recordings are kept and what holds them.
    RetentionRead "retention.read" [Supervisor, Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// Place an authority's order that lengthens a duty.
    RetentionExtend "retention.extend" [Compliance],
    /// Have what is due erased, and agree to a sweep over the bound.
    RetentionSweep "retention.sweep" [Compliance, PrivacyOfficer],
    /// Order that something is not erased, or that it is stored only.
    HoldPlace "hold.place" [Compliance, PrivacyOfficer, Service],
    /// Ask for a hold's release, or agree to it.
    HoldRelease "hold.release" [Compliance, PrivacyOfficer, Service],
    /// Order an erasure.
    ErasureOrder "erasure.order" [Compliance, PrivacyOfficer, Service],
    /// See erasures and their receipts.
    ErasureRead "erasure.read" [Compliance, Auditor, PrivacyOfficer, Service],
    /// Enter a person's request.
    RequestOpen "request.open" [Agent, Supervisor, Compliance, PrivacyOfficer],
    /// See people's requests and how far they are.
    RequestRead "request.read" [Compliance, Auditor, PrivacyOfficer],
    /// Take a request further: identify, ask back, extend, note.
    RequestHandle "request.handle" [Compliance, PrivacyOfficer],
    /// Decide on a request, and have that carried out.
    RequestDecide "request.decide" [Compliance, PrivacyOfficer],
    /// Open the package of what a person gets.
    RequestPackage "request.package" [PrivacyOfficer],
    /// Note who got what of a recording, and what they answered.
    DisclosureRecord "disclosure.record" [Compliance, PrivacyOfficer],
    /// See who got what.
    DisclosureRead "disclosure.read" [Compliance, Auditor, PrivacyOfficer],
    /// See how the keys stand.
    KeysRead "keys.read" [Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// End a key epoch before its time.
    KeysTurn "keys.turn" [Compliance, Operator],
    /// Calls between the roles of the mesh.
    MeshInternal "mesh.internal" [Service],
    /// Calls that only the audit role makes.
    MeshAudit "mesh.audit" [Service],
    /// Calls that only requests make.
    MeshRequests "mesh.requests" [Service],
    /// Calls that only the erasure saga makes.
    MeshErasure "mesh.erasure" [Service],
}

impl Permission {
    /// The permission with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == name)
    }
    /// Whether this principal has it. Who has the role of a service must be the one, whatever else its token
    /// says.
    pub fn granted_to(self, principal: &Principal) -> bool {
        let is_service = principal.roles.contains(&Service);
        let may_call = self.caller().is_none_or(|caller| !is_service || principal.id == caller);
        principal.has_any(self.roles()) && may_call
    }
    /// The one role of the mesh that has it, by the subject of its tokens; none where a role in the token is
    /// enough, which it always is for people.
    pub fn caller(self) -> Option<&'static str> {
        let own = ONE_CALLER.iter().find(|(permission, _)| *permission == self);
        own.map(|(_, caller)| *caller)
    }
}

#[cfg(test)]
mod tests {
    use kernel::PrincipalKind;

    use super::*;

    fn bearer(id: &str, roles: &[Role]) -> Principal {
        let roles = roles.iter().copied().collect();
        Principal { id: id.to_owned(), kind: PrincipalKind::Person, roles, tenants: [].into() }
    }

    #[test]
    fn of_the_services_only_the_one_has_what_is_its_own() {
        for (permission, caller) in ONE_CALLER {
            assert_eq!(permission.caller(), Some(*caller));
            assert!(permission.granted_to(&bearer(caller, &[Service])), "{permission:?}");
            for other in ["service/ingest", "service/dsa", "anna", ""] {
                assert!(!permission.granted_to(&bearer(other, &[Service])), "{permission:?} {other}");
                // No role beside that of a service makes up for it.
                let both = bearer(other, Role::ALL);
                assert!(!permission.granted_to(&both), "{permission:?} {other}");
            }
        }
        let named: std::collections::BTreeSet<_> =
            ONE_CALLER.iter().map(|(permission, _)| *permission).collect();
        assert_eq!(named.len(), ONE_CALLER.len(), "each once");
    }

    #[test]
    fn people_go_by_their_roles_whoever_of_the_services_has_it_too() {
        for permission in Permission::ALL {
            for role in Role::ALL.iter().filter(|role| **role != Service) {
                let expected = permission.roles().contains(role);
                assert_eq!(
                    permission.granted_to(&bearer("anna", &[*role])),
                    expected,
                    "{permission:?} {role}"
                );
            }
        }
    }

    #[test]
    fn only_the_role_for_requests_reads_orders_and_holds_what_people_decide() {
        let permissions = [
            Permission::RetentionRead,
            Permission::HoldPlace,
            Permission::HoldRelease,
            Permission::ErasureOrder,
            Permission::ErasureRead,
            Permission::LedgerRead,
        ];
        for permission in permissions {
            assert!(permission.granted_to(&bearer("service/dsar", &[Service])), "{permission:?}");
            assert!(!permission.granted_to(&bearer("service/retention", &[Service])), "{permission:?}");
            assert!(permission.granted_to(&bearer("paola", &[PrivacyOfficer])), "{permission:?}");
        }
        let not_its = [Permission::MeshAudit, Permission::MeshErasure, Permission::RequestDecide];
        for permission in not_its {
            assert!(!permission.granted_to(&bearer("service/dsar", &[Service])), "{permission:?}");
        }
    }
}
