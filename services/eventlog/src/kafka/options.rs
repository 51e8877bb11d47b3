//! Where the brokers are, how to be let in, and the bounds on time and memory; turned into client settings.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::{Deserialize, Serialize};

use crate::bounds::{MAX_BATCH, MAX_RECORD};
use crate::error::Error;

/// How to use an Apache Kafka cluster.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// `host:port`, separated by commas: where to begin; the cluster tells the rest.
    pub brokers: String,
    /// Put before the names of topics and groups, so that several meshes can share a cluster.
    pub prefix: String,
    /// How brokers call this client in their logs and quotas.
    pub client_id: String,
    /// How brokers and client know each other.
    pub security: Security,
    /// Replicas of each topic that the log makes.
    pub replication: u16,
    /// How many replicas of such a topic must have a record before it is acknowledged.
    pub min_in_sync: u16,
    /// Whether a topic on fewer than three brokers, or acknowledged by fewer than two, is used nevertheless.
    pub accept_weak: bool,
    /// A consumer that neither polls nor commits for so long loses its partitions. One whose process ended
    /// is missed after the same time, or after 6 s where this is shorter, as brokers allow no less.
    pub session_timeout: Duration,
    /// How long any one request to the cluster may take, all its tries together.
    pub request_timeout: Duration,
    /// How long an append may take: waiting for room, and then for the brokers, each.
    pub append_timeout: Duration,
    /// How long a record waits for others to share its request.
    pub linger: Duration,
    /// Bytes of appends that are under way; at least two appends of the largest size.
    pub queue_bytes: usize,
}

/// How brokers and client know each other. Everything but plaintext needs a build with the feature `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "protocol", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Security {
    /// Neither encrypted nor authenticated.
    #[default]
    Plaintext,
    /// Encrypted; the client is known by its certificate, where it has one.
    Tls {
        /// Certificates of the authorities that brokers' certificates are checked against; the system's where
        /// none is given.
        #[serde(default)]
        ca_file: Option<PathBuf>,
        /// The client's certificate and key.
        #[serde(default)]
        identity: Option<Identity>,
    },
    /// Encrypted; the client is known by name and password.
    Sasl {
        /// How the password is proven.
        mechanism: Mechanism,
        /// The client's name.
        username: String,
        /// The file that holds its password; a newline at its end does not count.
        password_file: PathBuf,
        /// As for TLS.
        #[serde(default)]
        ca_file: Option<PathBuf>,
    },
}

/// A client's certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The certificate, with those between it and its authority.
    pub certificate_file: PathBuf,
    /// The key, not encrypted.
    pub key_file: PathBuf,
}

/// How a password is proven to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// It is sent.
    #[serde(rename = "plain")]
    Plain,
    /// By challenge and response, SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// By challenge and response, SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

/// Shortest and longest session that brokers allow unless told otherwise.
const BROKER_SESSION: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(1_800));
/// Longest time between polls that the client library can be told.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(86_400);
/// Largest password file that is read.
const MAX_PASSWORD: u64 = 4 << 10;
/// What a request with one record of the largest size has beside the record.
pub(super) const FRAMING: usize = 64 << 10;

impl KafkaOptions {
    /// The usual options for `kafka://host:port[,host:port]`.
    pub fn at(url: &str) -> Result<Self, Error> {
        Ok(Self {
            brokers: brokers(url)?,
            prefix: String::new(),
            client_id: "verbale".to_owned(),
            security: Security::Plaintext,
            replication: 3,
            min_in_sync: 2,
            accept_weak: false,
            session_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(10),
            append_timeout: Duration::from_secs(15),
            linger: Duration::from_millis(1),
            queue_bytes: 64 << 20,
        })
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let invalid = |what, reason| Err(Error::Invalid { what, reason });
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if self.prefix.len() > 64 || !self.prefix.bytes().all(legal) {
            return invalid("prefix", "must be at most 64 of the characters A-Z a-z 0-9 . _ -");
        }
        if self.replication == 0 || self.min_in_sync == 0 || self.min_in_sync > self.replication {
            return invalid("min in-sync replicas", "must be between 1 and the number of replicas");
        }
        if self.queue_bytes < 2 * MAX_BATCH || self.queue_bytes > 1 << 30 {
            return invalid("append queue", "must be between two largest appends (16 MiB) and 1 GiB");
        }
        let (shortest, longest) = (Duration::from_millis(100), Duration::from_secs(300));
        for (what, period) in
            [("request timeout", self.request_timeout), ("append timeout", self.append_timeout)]
        {
            if period < shortest || period > longest {
                return invalid(what, "must be between 100 ms and 5 min");
            }
        }
        if self.session_timeout < shortest || self.session_timeout > MAX_POLL_INTERVAL {
            return invalid("session timeout", "must be between 100 ms and a day");
        }
        if self.linger >= self.append_timeout {
            return invalid("linger", "must be shorter than the append timeout");
        }
        Ok(())
    }

    /// What every client of the cluster is told.
    pub(super) fn client(&self) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Warning);
        config.set("bootstrap.servers", &self.brokers);
        config.set("client.id", &self.client_id);
        config.set("socket.timeout.ms", millis(self.request_timeout));
        // The library takes no less than a second here.
        let setup = self.request_timeout.max(Duration::from_secs(1));
        config.set("socket.connection.setup.timeout.ms", millis(setup));
        config.set("socket.keepalive.enable", "true");
        config.set("reconnect.backoff.ms", "50");
        config.set("reconnect.backoff.max.ms", "1000");
        // A topic that was made a moment ago, or moved, is looked for again soon.
        config.set("topic.metadata.refresh.interval.ms", "10000");
        self.security.apply(&mut config)?;
        Ok(config)
    }

    /// What the client that appends is told besides: in order and without duplicates over any retry, answered
    /// when all in-sync replicas have it.
    pub(super) fn producer(&self, client: &ClientConfig) -> ClientConfig {
        let mut config = client.clone();
        config.set("enable.idempotence", "true");
        config.set("acks", "all");
        config.set("max.in.flight.requests.per.connection", "5");
        config.set("linger.ms", millis(self.linger));
        config.set("batch.size", MAX_RECORD.to_string());
        config.set("message.max.bytes", (MAX_RECORD + FRAMING).to_string());
        config.set("compression.type", "none");
        config.set("delivery.timeout.ms", millis(self.append_timeout));
        config.set("request.timeout.ms", millis(self.request_timeout.min(self.append_timeout)));
        config.set("retry.backoff.ms", "50");
        // Our own bound on bytes is met first: it is waited for in order, the library's is not.
        config.set("queue.buffering.max.messages", "2000000");
        config.set("queue.buffering.max.kbytes", (2 * self.queue_bytes / 1024).to_string());
        config
    }

    /// What a client that reads is told besides. Nothing is committed but by us.
    pub(super) fn consumer(&self, client: &ClientConfig) -> ClientConfig {
        let mut config = client.clone();
        config.set("allow.auto.create.topics", "false");
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("isolation.level", "read_uncommitted");
        config.set("check.crcs", "true");
        config.set("fetch.message.max.bytes", (MAX_RECORD + FRAMING).to_string());
        config.set("fetch.max.bytes", MAX_BATCH.to_string());
        // For each partition: what is fetched ahead.
        config.set("queued.max.messages.kbytes", "4096");
        config
    }

    /// What a member of a group is told besides.
    pub(super) fn member(&self, client: &ClientConfig, group: &str) -> ClientConfig {
        let mut config = self.consumer(client);
        let session = self.session_timeout.clamp(BROKER_SESSION.0, BROKER_SESSION.1);
        config.set("group.id", self.named(group));
        config.set("partition.assignment.strategy", "cooperative-sticky");
        config.set("session.timeout.ms", millis(session));
        // Ten beats in a session, but a rebalance is learnt of by a beat: it should not take long.
        config.set("heartbeat.interval.ms", millis((session / 10).min(Duration::from_secs(1))));
        // A member that does not poll is missed by us, as commits count too; the library's own watch is for
        // when ours is stuck.
        let unpolled = (10 * self.session_timeout).clamp(session, MAX_POLL_INTERVAL);
        config.set("max.poll.interval.ms", millis(unpolled));
        // What was deleted below is stepped over.
        config.set("auto.offset.reset", "earliest");
        // A partition that is won or sought joins the next request for records: it waits no longer than this.
        config.set("fetch.wait.max.ms", "100");
        config
    }

    /// A topic's or group's name in the cluster.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Security {
    fn apply(&self, config: &mut ClientConfig) -> Result<(), Error> {
        if *self != Self::Plaintext && !cfg!(feature = "tls") {
            return Err(Error::Invalid {
                what: "security of Kafka",
                reason: "needs a build with the feature tls, which this one is not",
            });
        }
        match self {
            Self::Plaintext => {
                config.set("security.protocol", "plaintext");
            }
            Self::Tls { ca_file, identity } => {
                config.set("security.protocol", "ssl");
                set_file(config, "ssl.ca.location", ca_file.as_deref());
                let identity = identity.as_ref();
                set_file(
                    config,
                    "ssl.certificate.location",
                    identity.map(|own| own.certificate_file.as_path()),
                );
                set_file(config, "ssl.key.location", identity.map(|own| own.key_file.as_path()));
            }
            Self::Sasl { mechanism, username, password_file, ca_file } => {
                config.set("security.protocol", "sasl_ssl");
                config.set("sasl.mechanism", mechanism.to_string());
                config.set("sasl.username", username);
                config.set("sasl.password", password(password_file)?);
                set_file(config, "ssl.ca.location", ca_file.as_deref());
            }
        }
        Ok(())
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        })
    }
}

fn brokers(url: &str) -> Result<String, Error> {
    let invalid = Error::Invalid { what: "URL of Kafka", reason: "must be kafka://host:port[,host:port]" };
    let list = url.strip_prefix("kafka://").map(|list| list.trim_end_matches('/'));
    let is_broker = |broker: &str| {
        let port = broker.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(['/', '@']));
        port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port != 0))
    };
    match list {
        Some(list) if list.split(',').all(is_broker) => Ok(list.to_owned()),
        Some(_) | None => Err(invalid),
    }
}

fn password(file: &Path) -> Result<String, Error> {
    let unreadable = |source: std::io::Error| Error::Unavailable {
        attempt: "read its password file",
        source: source.into(),
    };
    if std::fs::metadata(file).map_err(unreadable)?.len() > MAX_PASSWORD {
        return Err(Error::Invalid { what: "password file", reason: "is longer than a password can be" });
    }
    Ok(std::fs::read_to_string(file).map_err(unreadable)?.trim_end_matches(['\r', '\n']).to_owned())
}

fn set_file(config: &mut ClientConfig, key: &str, file: Option<&Path>) {
    if let Some(file) = file {
        config.set(key, file.to_string_lossy());
    }
}

fn millis(period: Duration) -> String {
    period.as_millis().to_string()
}

#[cfg(test)]
mod tests;
