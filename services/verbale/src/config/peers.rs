//! The `peers` section: where the roles are that do not run in this process.

use platform::wire::Peers as Addresses;
use serde::{Deserialize, Serialize};

use crate::role::RoleName;

/// Per role, the addresses of its replicas: `https://ingest-0:7420,https://ingest-1:7420`. What runs in this
/// process is called in this process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Peers {
    /// Of ingest.
    pub ingest: Option<Addresses>,
    /// Of consent.
    pub consent: Option<Addresses>,
    /// Of crypto.
    pub crypto: Option<Addresses>,
    /// Of archive.
    pub archive: Option<Addresses>,
    /// Of retention.
    pub retention: Option<Addresses>,
    /// Of dsar.
    pub dsar: Option<Addresses>,
    /// Of audit.
    pub audit: Option<Addresses>,
    /// Where the other replicas of this process's roles reach this one, for what only it can do; unset where there
    /// are none.
    pub own: Option<String>,
    /// Whether calls from outside for these roles are passed on to them, so that one address serves everyone.
    /// Who calls is judged where the role runs, as always.
    pub forward: bool,
}

impl Peers {
    /// A role's addresses, where they are known.
    pub fn of(&self, role: RoleName) -> Option<&Addresses> {
        match role {
            RoleName::Ingest => self.ingest.as_ref(),
            RoleName::Consent => self.consent.as_ref(),
            RoleName::Crypto => self.crypto.as_ref(),
            RoleName::Archive => self.archive.as_ref(),
            RoleName::Retention => self.retention.as_ref(),
            RoleName::Dsar => self.dsar.as_ref(),
            RoleName::Audit => self.audit.as_ref(),
        }
    }

    /// Refuses a process that cannot reach a role that its own roles call.
    pub fn check_reach(&self, roles: &[RoleName]) -> Result<(), String> {
        for role in roles {
            for called in role.calls().iter().filter(|called| !roles.contains(called)) {
                if self.of(*called).is_none() {
                    return Err(format!(
                        "{called} is not set, and {role} calls it: give its addresses, or serve both"
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(role: &str) -> Option<Addresses> {
        Some(format!("https://{role}:7420").parse().unwrap())
    }

    #[test]
    fn a_process_must_reach_what_its_roles_call() {
        let none = Peers::default();
        assert_eq!(none.check_reach(&RoleName::ALL), Ok(()));
        let problem = none.check_reach(&[RoleName::Ingest]).unwrap_err();
        assert!(problem.starts_with("consent "), "{problem}");
        let some = Peers { consent: at("consent"), crypto: at("crypto"), ..none };
        assert_eq!(some.check_reach(&[RoleName::Ingest]), Ok(()));
        assert_eq!(some.check_reach(&[RoleName::Audit]), Ok(()));
        assert!(some.check_reach(&[RoleName::Archive]).unwrap_err().starts_with("ingest "));
    }
}
