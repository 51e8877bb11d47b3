//! The tables of a deployment in a CQL cluster: every role's, so that one migration serves all processes.

use cql::Component;

/// Every component.
pub(crate) fn all() -> Vec<Component> {
    let parts: [&[Component]; 8] = [
        &[eventlog::FENCE_TABLES],
        &crypto::store::scylla::COMPONENTS,
        consent::store::scylla::COMPONENTS,
        ingest::store::scylla::COMPONENTS,
        archive::store::scylla::COMPONENTS,
        retention::store::scylla::COMPONENTS,
        dsar::store::scylla::COMPONENTS,
        audit::store::scylla::COMPONENTS,
    ];
    parts.concat()
}
