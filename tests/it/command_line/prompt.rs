//! Commands as somebody types them, against one server.

use kernel::TenantId;
use serde_json::Value;

use crate::harness::{Ended, World};

/// Commands against one server, about one tenant.
pub(super) struct Prompt<'w> {
    pub(super) world: &'w World,
    pub(super) server: String,
    pub(super) tenant: TenantId,
}

impl Prompt<'_> {
    /// What a command says to people.
    pub(super) async fn told(&self, args: &[&str]) -> String {
        let ended = self.run(args).await;
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended.out
    }

    /// What it says to scripts.
    pub(super) async fn json(&self, args: &[&str]) -> Value {
        let ended = self.run(&[args, &["--json"]].concat()).await;
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended.json()
    }

    /// The same as somebody else than whose keys directory it is.
    pub(super) async fn json_as(&self, name: &str, args: &[&str]) -> Value {
        let token = self.world.token_of(&self.tenant, name);
        self.json(&[args, &["--token", token.expose()]].concat()).await
    }

    /// How it ends, and its word, where it is refused.
    pub(super) async fn refused(&self, args: &[&str]) -> (i32, String) {
        let ended = self.run(&[args, &["--json"]].concat()).await;
        let word = ended.error()["code"].as_str().unwrap_or_else(|| panic!("{ended:?}")).to_owned();
        (ended.code, word)
    }

    pub(super) async fn run(&self, args: &[&str]) -> Ended {
        self.world.run(&self.server, self.tenant.as_str(), args).await
    }
}
