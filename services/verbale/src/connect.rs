//! How commands reach the mesh: address, token, tenant.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use kernel::{PrincipalKind, PurposeName, Role, TenantId};
use platform::auth::{LocalIssuer, Token, TokenRequest};
use platform::call::{self, CallMetadata};
use platform::wire::{self, Wire};
use tonic::Request;
use tonic::transport::Endpoint;

/// How long a token lives that a command issues for itself.
const TOKEN_LIFE: Duration = Duration::from_secs(3_600);

/// Who a command speaks as, where it brings no token of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// A recorder.
    Sender,
    /// A person who listens, checks and answers.
    Person,
}

impl Speaker {
    fn kind(self) -> PrincipalKind {
        match self {
            Self::Sender => PrincipalKind::Service,
            Self::Person => PrincipalKind::Person,
        }
    }
    fn roles(self) -> BTreeSet<Role> {
        match self {
            Self::Sender => BTreeSet::from([Role::Sender]),
            Self::Person => {
                BTreeSet::from([Role::Supervisor, Role::Compliance, Role::Auditor, Role::PrivacyOfficer])
            }
        }
    }
}

/// A way to call the mesh as somebody, about one tenant's data.
#[derive(Clone, Debug)]
pub struct Caller {
    wire: Wire,
    token: Token,
    tenant: Option<TenantId>,
}

impl Caller {
    /// Reaches `server` with this token.
    pub fn new(server: &str, token: Token, tenant: Option<TenantId>) -> Result<Self> {
        // A token sent in the clear to an https address would be a promise broken silently.
        anyhow::ensure!(
            server.starts_with("http://"),
            "--server {server} must be an address such as http://127.0.0.1:7420; TLS is not built in yet"
        );
        let endpoint = Endpoint::from_shared(server.to_owned())
            .with_context(|| format!("--server {server} is no address such as http://127.0.0.1:7420"))?
            .connect_timeout(Duration::from_secs(5));
        Ok(Self { wire: wire::remote(&endpoint), token, tenant })
    }

    /// The wire to the mesh; connects when first used.
    pub fn wire(&self) -> Wire {
        self.wire.clone()
    }

    /// A request about the caller's tenant.
    pub fn request<M>(&self, message: M) -> Result<Request<M>> {
        let tenant = self.tenant.as_ref().context("this command needs --tenant")?;
        Ok(self.request_for(tenant, message))
    }

    /// A request about a named tenant.
    pub fn request_for<M>(&self, tenant: &TenantId, message: M) -> Request<M> {
        call::request(tenant, message).bearer(&self.token)
    }

    /// A request that touches no tenant's data.
    pub fn deployment<M>(&self, message: M) -> Request<M> {
        Request::new(message).bearer(&self.token)
    }

    /// A request that states what for and why.
    pub fn stated<M>(&self, message: M, purpose: &PurposeName, reason: &str) -> Result<Request<M>> {
        Ok(self.request(message)?.purpose(purpose).reason(reason))
    }
}

/// Issues a token with the key in the local keys directory.
pub fn local_token(
    keys: &Path,
    audience: &str,
    subject: &str,
    speaker: Speaker,
    tenant: Option<&TenantId>,
) -> Result<Token> {
    let request = TokenRequest {
        subject: subject.to_owned(),
        kind: speaker.kind(),
        roles: speaker.roles(),
        tenants: tenant.into_iter().cloned().collect(),
        life: TOKEN_LIFE,
    };
    issue(keys, audience, &request)
}

/// Issues any token with that key.
pub fn issue(keys: &Path, audience: &str, request: &TokenRequest) -> Result<Token> {
    // An issuer made here would be one that no running mesh trusts.
    anyhow::ensure!(
        keys.is_dir(),
        "there is no keys directory {}; give --keys, or a token by --token or VERBALE_TOKEN",
        keys.display()
    );
    let issuer = LocalIssuer::open(keys, audience)?;
    Ok(issuer.issue(request)?)
}
