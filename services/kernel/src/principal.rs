//! Who calls: a person or a service, what it may do, and for which tenants.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::basis::codes;
use crate::ids::TenantId;

codes! {
    /// A role in the token: what its bearer may do.
    Role {
        /// A recorder, PBX or CRM that sends calls and their events.
        Sender = 1 "sender",
        /// A part of the mesh itself.
        Service = 2 "service",
        /// Listens again to coach.
        Supervisor = 3 "supervisor",
        /// Watches over the firm's duties.
        Compliance = 4 "compliance",
        /// Verifies records and the ledger.
        Auditor = 5 "auditor",
        /// Answers people's requests.
        PrivacyOfficer = 6 "privacy-officer",
        /// Runs the deployment; hears nothing.
        Operator = 7 "operator",
        /// Talks with customers.
        Agent = 8 "agent",
    }
}

/// Whether a principal is a person; what persons read, play or export is audited before the first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// Somebody.
    Person,
    /// A machine.
    Service,
}

/// The verified bearer of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The token's subject: an account id, never a person's name.
    pub id: String,
    /// Person or machine.
    pub kind: PrincipalKind,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Whose data it may touch.
    pub tenants: BTreeSet<TenantId>,
}

impl Principal {
    /// Whether it may touch this tenant's data.
    pub fn serves(&self, tenant: &TenantId) -> bool {
        self.tenants.contains(tenant)
    }
    /// Whether it has any of these roles.
    pub fn has_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.contains(role))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}
