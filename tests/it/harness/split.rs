//! Each role in two processes of its own, which find each other by address and know each other by certificate.

use std::path::Path;

use anyhow::Result;
use platform::tls::ClientAuth;
use verbale::config::Config;
use verbale::role::RoleName;

use super::child::free_port;
use super::process::{Environment, Process};
use super::program;

/// Replicas of each role.
pub(crate) const REPLICAS: usize = 2;

/// The processes of a mesh.
pub(crate) struct Split {
    processes: Vec<Replica>,
}

/// One of a role's processes.
struct Replica {
    role: RoleName,
    port: u16,
    process: Process,
}

impl Split {
    /// Starts every role's replicas in a folder that has certificates, all at once: each waits for the others.
    pub(crate) async fn start(folder: &Path, config: &Config, environment: &Environment) -> Self {
        let places: Vec<_> = RoleName::ALL
            .iter()
            .flat_map(|role| (0..REPLICAS).map(move |number| (*role, number, free_port())))
            .collect();
        let mut config = config.clone();
        let addresses = |role: RoleName| {
            let own = places.iter().filter(|(other, ..)| *other == role);
            let urls: Vec<_> = own.map(|(.., port)| format!("https://127.0.0.1:{port}")).collect();
            Some(urls.join(",").parse().unwrap())
        };
        config.peers.ingest = addresses(RoleName::Ingest);
        config.peers.consent = addresses(RoleName::Consent);
        config.peers.crypto = addresses(RoleName::Crypto);
        config.peers.archive = addresses(RoleName::Archive);
        config.peers.retention = addresses(RoleName::Retention);
        config.peers.dsar = addresses(RoleName::Dsar);
        config.peers.audit = addresses(RoleName::Audit);
        config.peers.forward = true;
        config.tls.client_auth = ClientAuth::Optional;

        let mut processes = Vec::new();
        for (role, number, port) in places {
            let mut own = config.clone();
            let certs = folder.join("certs");
            own.tls.ca = Some(certs.join("ca.crt"));
            own.tls.cert = Some(certs.join(format!("{role}.crt")));
            own.tls.key = Some(certs.join(format!("{role}.key")));
            own.server.listen = format!("127.0.0.1:{port}");
            own.peers.own = Some(format!("https://127.0.0.1:{port}"));
            own.storage.data = folder.join(format!("{role}-{number}"));
            let name = format!("{role}-{number}");
            let process = Process::new(folder, &name, role.as_str(), own, environment);
            processes.push(Replica { role, port, process });
        }
        futures::future::join_all(processes.iter_mut().map(|replica| replica.process.start())).await;
        Self { processes }
    }

    /// An ingest, which passes on what is for others.
    pub(crate) fn server(&self) -> String {
        let front = self.processes.iter().find(|process| process.role == RoleName::Ingest);
        format!("https://127.0.0.1:{}", front.unwrap().port)
    }

    /// Every ingest, so that a sender goes on at another where one is gone.
    pub(crate) fn servers(&self) -> String {
        let fronts = self.processes.iter().filter(|replica| replica.role == RoleName::Ingest);
        let urls: Vec<_> = fronts.map(|replica| format!("https://127.0.0.1:{}", replica.port)).collect();
        urls.join(",")
    }

    /// One process of a role.
    pub(crate) fn replica(&mut self, role: RoleName, number: usize) -> &mut Process {
        let mut own = self.processes.iter_mut().filter(|replica| replica.role == role);
        &mut own.nth(number).unwrap().process
    }

    /// Stops them as a cluster does: those that take calls in first.
    pub(crate) async fn stop(mut self) -> Result<()> {
        for role in [
            RoleName::Ingest,
            RoleName::Archive,
            RoleName::Dsar,
            RoleName::Retention,
            RoleName::Consent,
            RoleName::Audit,
            RoleName::Crypto,
        ] {
            let own = self.processes.iter_mut().filter(|process| process.role == role);
            let ended = futures::future::join_all(own.map(|replica| replica.process.stop())).await;
            ended.into_iter().collect::<Result<()>>()?;
        }
        Ok(())
    }
}

/// Makes the certificates and the issuer's key, by the program's own command.
pub(crate) async fn certify(folder: &Path) {
    let ended = program::run(folder, &["certs", "dev", "--out", "certs"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
}

/// Makes the tables, by the program's own command.
pub(crate) async fn migrate(folder: &Path, config: &Config) {
    let file = folder.join("migrate.toml");
    std::fs::write(&file, platform::config::dump(config).unwrap()).unwrap();
    let ended = program::run(folder, &["migrate", "--config", file.to_str().unwrap()]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
}
