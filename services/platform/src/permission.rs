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

/// What one role of the mesh does and no other.
const ONE_CALLER: &[(Permission, &str)] =
    &[(Permission::MeshAudit, "service/audit"), (Permission::MeshErasure, "service/retention")];

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
    /// Read a tenant's policy.
    PolicyRead "policy.read" [Sender, Supervisor, Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// Find recordings and see their facts.
    RecordingRead "recording.read" [Supervisor, Compliance, Auditor, PrivacyOfficer, Service],
    /// Listen again; the tenant's policy then says who may for which purpose.
    RecordingReplay "recording.replay" [Supervisor, Compliance, Auditor, PrivacyOfficer],
    /// Check a recording against its manifest, without keys.
    RecordingVerify "recording.verify" [Supervisor, Compliance, Auditor, PrivacyOfficer, Operator],
    /// Read a tenant's part of the ledger.
    LedgerRead "ledger.read" [Compliance, Auditor, PrivacyOfficer],
    /// Read the ledger's signed checkpoints.
    LedgerCheckpoint "ledger.checkpoint" [Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// Read the public keys that offline verification needs.
    TrustRead "trust.read" [Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// See until when recordings are kept and what holds them.
    RetentionRead "retention.read" [Supervisor, Compliance, Auditor, PrivacyOfficer, Operator],
    /// Place an authority's order that lengthens a duty.
    RetentionExtend "retention.extend" [Compliance],
    /// Have what is due erased, and agree to a sweep over the bound.
    RetentionSweep "retention.sweep" [Compliance, PrivacyOfficer],
    /// Order that something is not erased.
    HoldPlace "hold.place" [Compliance, PrivacyOfficer],
    /// Ask for a hold's release, or agree to it.
    HoldRelease "hold.release" [Compliance, PrivacyOfficer],
    /// Order an erasure.
    ErasureOrder "erasure.order" [Compliance, PrivacyOfficer],
    /// See erasures and their receipts.
    ErasureRead "erasure.read" [Compliance, Auditor, PrivacyOfficer],
    /// See how the keys stand.
    KeysRead "keys.read" [Compliance, Auditor, PrivacyOfficer, Operator, Service],
    /// End a key epoch before its time.
    KeysTurn "keys.turn" [Compliance, Operator],
    /// Calls between the roles of the mesh.
    MeshInternal "mesh.internal" [Service],
    /// Calls that only the audit role makes.
    MeshAudit "mesh.audit" [Service],
    /// Calls that only the erasure saga makes.
    MeshErasure "mesh.erasure" [Service],
}

impl Permission {
    /// The permission with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == name)
    }
    /// Whether this principal has it.
    pub fn granted_to(self, principal: &Principal) -> bool {
        let is_its_caller = self.caller().is_none_or(|caller| principal.id == caller);
        principal.has_any(self.roles()) && is_its_caller
    }
    /// The one role of the mesh that has it, by the subject of its tokens; none where a role in the token is enough.
    pub fn caller(self) -> Option<&'static str> {
        let own = ONE_CALLER.iter().find(|(permission, _)| *permission == self);
        own.map(|(_, caller)| *caller)
    }
}
