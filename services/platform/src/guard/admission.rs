//! Whether a rule lets a principal in: a function of the rule, the principal and the call's metadata.

use base64::Engine;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use http::HeaderMap;
use kernel::{ErrorCode, Principal, PurposeName, TenantId};
use tonic::Status;

use crate::call::{MAX_REASON, PURPOSE, REASON, TENANT};
use crate::error::refusal;
use crate::rules::{Need, Rule, Scope};

/// gRPC's `-bin` metadata: base64, padded or not.
const BINARY: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the caller stated, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stated {
    pub(super) tenant: Option<TenantId>,
    pub(super) purpose: Option<PurposeName>,
    pub(super) reason: Option<String>,
}

/// A refusal, and the tenant whose ledger it belongs to: only one that the caller serves.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: Status,
    pub(super) tenant: Option<TenantId>,
}

pub(super) fn admit(rule: &Rule, principal: &Principal, headers: &HeaderMap) -> Result<Stated, Refused> {
    let own = tenant(rule, principal, headers);
    let known = own.as_ref().ok().cloned().flatten();
    let refused = |status| Refused { status, tenant: known.clone() };
    if !rule.permission.granted_to(principal) {
        let text = format!("the call needs the permission {}", rule.permission.as_str());
        return Err(refused(refusal(ErrorCode::PermissionDenied, "role", text)));
    }
    Ok(Stated {
        tenant: own.map_err(refused)?,
        purpose: purpose(rule, headers).map_err(refused)?,
        reason: reason(rule, headers).map_err(refused)?,
    })
}

fn tenant(rule: &Rule, principal: &Principal, headers: &HeaderMap) -> Result<Option<TenantId>, Status> {
    match (rule.scope, text(headers, TENANT)?) {
        (Scope::Deployment, _) => Ok(None),
        (Scope::Tenant, None) => Err(invalid("tenant-missing", format!("{TENANT} must name a tenant"))),
        (Scope::Tenant, Some(name)) => {
            let tenant = TenantId::new(name)
                .map_err(|error| invalid("tenant-malformed", format!("{TENANT}: {error}")))?;
            if principal.serves(&tenant) {
                Ok(Some(tenant))
            } else {
                let text = format!("the token is not for tenant {tenant}");
                Err(refusal(ErrorCode::PermissionDenied, "tenant", text))
            }
        }
    }
}

fn purpose(rule: &Rule, headers: &HeaderMap) -> Result<Option<PurposeName>, Status> {
    match (rule.purpose, text(headers, PURPOSE)?) {
        (Need::Required, None) => Err(invalid("purpose-missing", format!("{PURPOSE} must name a purpose"))),
        (Need::None, None) => Ok(None),
        (Need::None | Need::Required, Some(name)) => PurposeName::new(name)
            .map(Some)
            .map_err(|error| invalid("purpose-malformed", format!("{PURPOSE}: {error}"))),
    }
}

fn reason(rule: &Rule, headers: &HeaderMap) -> Result<Option<String>, Status> {
    let missing = || invalid("reason-missing", format!("{REASON} must say why"));
    let malformed =
        || invalid("reason-malformed", format!("{REASON} must be text of at most {MAX_REASON} bytes"));
    let Some(value) = headers.get(REASON) else {
        return match rule.reason {
            Need::Required => Err(missing()),
            Need::None => Ok(None),
        };
    };
    // Base64 is four bytes for three.
    if value.len() > MAX_REASON.div_ceil(3) * 4 {
        return Err(malformed());
    }
    let bytes = BINARY.decode(value.as_bytes()).map_err(|_| malformed())?;
    let reason = String::from_utf8(bytes).map_err(|_| malformed())?;
    match (rule.reason, reason.trim().is_empty(), reason.len() <= MAX_REASON) {
        (_, _, false) => Err(malformed()),
        (Need::Required, true, true) => Err(missing()),
        (Need::None, true, true) => Ok(None),
        (Need::None | Need::Required, false, true) => Ok(Some(reason)),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, Status> {
    let value = headers.get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| invalid("metadata-malformed", format!("{name} must be plain text")))
}

fn invalid(reason: &'static str, text: String) -> Status {
    refusal(ErrorCode::InvalidArgument, reason, text)
}
