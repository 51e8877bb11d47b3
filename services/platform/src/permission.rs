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
    /// Calls between the roles of the mesh.
    MeshInternal "mesh.internal" [Service],
    /// Calls that only the audit role makes.
    MeshAudit "mesh.audit" [Service],
}

impl Permission {
    /// The permission with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == name)
    }
    /// Whether this principal has it.
    pub fn granted_to(self, principal: &Principal) -> bool {
        principal.has_any(self.roles())
    }
}
