//! The rules of the contract, read from the descriptors: path of an RPC -> what its callers must bring.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use proto::rules::v1 as wire;

use crate::permission::Permission;

/// Whether a caller must state something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// May be left out.
    None,
    /// Refused without.
    Required,
}

/// Whose data a call touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// One of the token's tenants, which the call names.
    Tenant,
    /// The deployment's own.
    Deployment,
}

/// When a call's audit entry counts as durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audit {
    /// In the audit topic, before the first byte of the answer.
    BeforeAnswer,
    /// In the role's outbox, before the first byte of the answer.
    Outbox,
    /// No entry.
    None,
}

/// Which sides of a call are streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// One message each way.
    Unary,
    /// Many messages in, one out.
    ClientStream,
    /// One message in, many out.
    ServerStream,
    /// Many both ways.
    Bidirectional,
}

/// What one RPC's callers must bring, and what is written about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// `/verbale.x.v1.Service/Method`.
    pub path: String,
    /// Which sides are streams.
    pub shape: Shape,
    /// What the caller must be allowed.
    pub permission: Permission,
    /// Whose data it touches.
    pub scope: Scope,
    /// Whether a purpose must be stated.
    pub purpose: Need,
    /// Whether a reason must be stated.
    pub reason: Need,
    /// When its entry is durable.
    pub audit: Audit,
    /// What the ledger calls it; empty only with [`Audit::None`].
    pub action: String,
    /// A restrictive act, which is never refused for want of audit.
    pub may_restrict: bool,
}

/// A contract whose rules cannot be read: a fault of the build, found at start.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The descriptors are not what the compiler wrote.
    #[error("the contract's descriptors cannot be decoded")]
    Descriptors {
        /// Why.
        #[source]
        source: prost_reflect::DescriptorError,
    },
    /// The option that carries the rules is not among them.
    #[error("the contract has no rule option")]
    NoOption,
    /// One method's rule is missing or incomplete.
    #[error("{method}: {problem}")]
    Method {
        /// The method's full name.
        method: String,
        /// What is wrong with its rule.
        problem: &'static str,
    },
}

/// Every RPC's rule.
#[derive(Clone, Debug)]
pub struct RuleBook {
    rules: BTreeMap<String, Rule>,
}

impl RuleBook {
    /// Reads the contract's own rules.
    pub fn of_the_contract() -> Result<Self, RuleError> {
        Self::decode(proto::DESCRIPTORS)
    }

    /// Reads the rules of an encoded `FileDescriptorSet`.
    pub fn decode(descriptors: &[u8]) -> Result<Self, RuleError> {
        let pool = DescriptorPool::decode(descriptors).map_err(|source| RuleError::Descriptors { source })?;
        let option = pool.get_extension_by_name("verbale.rules.v1.rule").ok_or(RuleError::NoOption)?;
        let mut rules = BTreeMap::new();
        for method in pool.services().flat_map(|s| s.methods().collect::<Vec<_>>()) {
            let options = method.options();
            let fault = |problem| RuleError::Method { method: method.full_name().to_owned(), problem };
            if !options.has_extension(&option) {
                return Err(fault("has no rule"));
            }
            let value = options.get_extension(&option);
            let message: &DynamicMessage =
                value.as_message().ok_or_else(|| fault("its rule is no message"))?;
            let stated: wire::Rule = message.transcode_to().map_err(|_| fault("its rule cannot be read"))?;
            let rule = typed(&method, stated).map_err(fault)?;
            rules.insert(rule.path.clone(), rule);
        }
        Ok(Self { rules })
    }

    /// The rule of one path.
    pub fn get(&self, path: &str) -> Option<&Rule> {
        self.rules.get(path)
    }
    /// Every rule, in the order of paths.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.values()
    }
}

impl Shape {
    /// Whether the answer is a stream.
    pub fn answers_in_a_stream(self) -> bool {
        matches!(self, Self::ServerStream | Self::Bidirectional)
    }
    /// Whether the request is a stream.
    pub fn asks_in_a_stream(self) -> bool {
        matches!(self, Self::ClientStream | Self::Bidirectional)
    }
}

fn typed(method: &MethodDescriptor, stated: wire::Rule) -> Result<Rule, &'static str> {
    let shape = match (method.is_client_streaming(), method.is_server_streaming()) {
        (false, false) => Shape::Unary,
        (true, false) => Shape::ClientStream,
        (false, true) => Shape::ServerStream,
        (true, true) => Shape::Bidirectional,
    };
    let rule = Rule {
        path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
        shape,
        permission: Permission::named(&stated.permission).ok_or("its permission is not in the list")?,
        scope: match stated.scope() {
            wire::Scope::Tenant => Scope::Tenant,
            wire::Scope::Deployment => Scope::Deployment,
            wire::Scope::Unspecified => return Err("its scope is unspecified"),
        },
        purpose: need(stated.purpose()).ok_or("whether it needs a purpose is unspecified")?,
        reason: need(stated.reason()).ok_or("whether it needs a reason is unspecified")?,
        audit: match stated.audit() {
            wire::Audit::BeforeAnswer => Audit::BeforeAnswer,
            wire::Audit::Outbox => Audit::Outbox,
            wire::Audit::None => Audit::None,
            wire::Audit::Unspecified => return Err("its audit is unspecified"),
        },
        may_restrict: stated.may_restrict,
        action: stated.action,
    };
    if rule.action.is_empty() != (rule.audit == Audit::None) {
        return Err("an audited method names its action, and no other does");
    }
    Ok(rule)
}

fn need(stated: wire::Need) -> Option<Need> {
    match stated {
        wire::Need::None => Some(Need::None),
        wire::Need::Required => Some(Need::Required),
        wire::Need::Unspecified => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::Role;

    use super::*;

    #[test]
    fn every_method_of_the_contract_has_a_rule() {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
        let methods: usize = pool.services().map(|s| s.methods().len()).sum();
        let book = RuleBook::of_the_contract().unwrap();
        assert_eq!(book.iter().len(), methods);
        let replay = book.get("/verbale.archive.v1.Recordings/Replay").unwrap();
        assert_eq!(
            (replay.purpose, replay.reason, replay.shape),
            (Need::Required, Need::Required, Shape::ServerStream)
        );
    }

    #[test]
    fn no_permission_of_the_list_is_unused() {
        let book = RuleBook::of_the_contract().unwrap();
        let used: BTreeSet<_> = book.iter().map(|rule| rule.permission).collect();
        assert_eq!(used, Permission::ALL.iter().copied().collect());
    }

    #[test]
    fn only_services_have_the_mesh_s_own_permissions() {
        for permission in [Permission::MeshInternal, Permission::MeshAudit, Permission::MeshErasure] {
            assert_eq!(permission.roles(), [Role::Service]);
        }
    }

    #[test]
    fn bytes_that_are_no_descriptors_are_refused() {
        assert!(matches!(RuleBook::decode(b"\xff\xff"), Err(RuleError::Descriptors { .. })));
        assert!(matches!(RuleBook::decode(b""), Err(RuleError::NoOption)));
    }
}
