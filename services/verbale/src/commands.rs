//! One file a command. Each takes what it needs and tells how it ended.

pub mod audit;
pub mod backup;
pub mod certs;
pub mod consent;
pub mod disclosure;
pub mod erasure;
pub mod hold;
pub mod keys;
pub mod migrate;
pub mod policy;
pub mod record;
pub mod recordings;
pub mod replay;
pub mod request;
pub mod retention;
pub mod subject;
pub mod trust;
pub mod verify;

use anyhow::{Context, Result};
use kernel::{ErrorCode, Timestamp};
use platform::error::{reason, refusal};
use proto::consent::v1::GetPolicyRequest;
use proto::consent::v1::consent_client::ConsentClient;

use crate::connect::Caller;

/// Consent's word for a tenant without a policy.
const NO_POLICY: &str = "no-policy";

/// Reads an RFC 3339 time from the command line.
pub fn moment(text: &str) -> Result<Timestamp> {
    Timestamp::parse(text)
        .with_context(|| format!("{text:?} is no RFC 3339 time, such as 2026-03-02T09:00:00Z"))
}

/// Refuses a tenant of whom no policy is in force: a name that is mistyped would otherwise be answered with nothing, as
/// that of a tenant who has nothing, and be given keys of its own for the ledger's entry. Whatever else hinders the
/// question is for the command itself to meet.
pub async fn ensure_policy(caller: &Caller) -> Result<()> {
    let request = caller.request(GetPolicyRequest { policy_hash: Vec::new() })?;
    match ConsentClient::new(caller.wire()).get_policy(request).await {
        Err(status) if reason(&status) == NO_POLICY => {
            let tenant = caller.tenant().map_or("", |tenant| tenant.as_str());
            let text = format!("no policy of tenant {tenant} is in force");
            Err(refusal(ErrorCode::NotFound, NO_POLICY, text).into())
        }
        Err(_) | Ok(_) => Ok(()),
    }
}
