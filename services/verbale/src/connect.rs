//! How commands reach the mesh: address, token, tenant.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use kernel::{PrincipalKind, PurposeName, Role, TenantId};
use platform::auth::{LocalIssuer, Token, TokenRequest};
use platform::call::{self, CallMetadata};
use platform::tls::Tls;
use platform::wire::{self, Peers, Wire};
use tonic::Request;

use crate::config::Config;

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
    /// Reaches `server` in plain text with this token.
    pub fn new(server: &str, token: Token, tenant: Option<TenantId>) -> Result<Self> {
        Self::over(server, &wire::Config::default(), None, token, tenant)
    }

    /// Reaches `server` with this token, over TLS where it is an `https` address.
    pub fn over(
        server: &str,
        config: &wire::Config,
        tls: Option<&Tls>,
        token: Token,
        tenant: Option<TenantId>,
    ) -> Result<Self> {
        let peers: Peers = server.parse().context("--server cannot be used")?;
        let wire = wire::remote(&peers, config, tls).context("--server cannot be used; give --ca FILE")?;
        Ok(Self { wire, token, tenant })
    }

    /// The wire to the mesh; connects when first used.
    pub fn wire(&self) -> Wire {
        self.wire.clone()
    }

    /// Whose data this is about, where it is about a tenant's.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
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

/// The TLS that a command needs to reach `server`: none for a plain address.
pub fn tls(server: &str, ca: Option<&Path>, config: &platform::tls::Config) -> Result<Option<Tls>> {
    let peers: Peers = server.parse().context("--server cannot be used")?;
    if !peers.uses_tls() {
        return Ok(None);
    }
    let mut config = config.clone();
    if let Some(ca) = ca {
        config.ca = Some(ca.to_owned());
    }
    // What a command shows is for the mesh to ask; nobody calls a command.
    config.check().map_err(|problem| anyhow::anyhow!("tls.{problem}"))?;
    Ok(config.load()?)
}

/// Issues a token with the key in the local keys directory.
pub fn local_token(
    keys: &Path,
    audience: &str,
    subject: &str,
    speaker: Speaker,
    tenant: Option<&TenantId>,
) -> Result<Token> {
    let request = local_request(subject, speaker, tenant);
    issue(keys, audience, &request)
}

/// Issues a token with the issuer key that the configuration names, or else the one in its keys directory.
pub fn own_token(config: &Config, speaker: Speaker, tenant: Option<&TenantId>) -> Result<Token> {
    issue_own(config, &local_request("local", speaker, tenant))
}

/// Issues any token with that key.
pub fn issue_own(config: &Config, request: &TokenRequest) -> Result<Token> {
    match &config.auth.issuer_key {
        Some(key) => Ok(LocalIssuer::read(key, &config.auth.audience)?.issue(request)?),
        None => issue(&config.storage.keys(), &config.auth.audience, request),
    }
}

fn local_request(subject: &str, speaker: Speaker, tenant: Option<&TenantId>) -> TokenRequest {
    TokenRequest {
        subject: subject.to_owned(),
        kind: speaker.kind(),
        roles: speaker.roles(),
        tenants: tenant.into_iter().cloned().collect(),
        life: TOKEN_LIFE,
    }
}

/// Issues any token with the key in this keys directory.
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
