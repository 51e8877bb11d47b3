//! The `kafka` and `cql` sections: how the engines that `storage` names are used. What S3 needs is in its URL,
//! and its credentials are where its clients look for them anyway.

use platform::config::{ByteSize, Period, SecretRef, Strings, above_zero};
use serde::{Deserialize, Serialize};

/// How Apache Kafka is used, where `storage.log` names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// Put before the names of topics and groups, so that several meshes can share a cluster.
    pub prefix: String,
    /// How brokers and client know each other.
    pub security: eventlog::Security,
    /// Replicas of each topic that is made.
    pub replication: u16,
    /// How many of them must have a record before it is acknowledged.
    pub min_in_sync: u16,
    /// Whether a topic that may lose acknowledged records with one broker is used nevertheless.
    pub accept_weak: bool,
    /// A consumer that shows no life for so long loses its partitions.
    pub session_timeout: Period,
    /// How long any one request may take, all its tries together.
    pub request_timeout: Period,
    /// How long an append may take.
    pub append_timeout: Period,
    /// How long a record waits for others to share its request.
    pub linger: Period,
    /// Bytes of appends that are under way.
    pub queue: ByteSize,
}

/// How the CQL cluster is used, where `storage.store` names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cql {
    /// The cluster's role that this process logs in as; needs `password`.
    pub user: Option<String>,
    /// Where its password is: `file:PATH` or `env:NAME`.
    pub password: Option<SecretRef>,
    /// How long a request may take, with all its tries.
    pub request_timeout: Period,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            security: eventlog::Security::Plaintext,
            replication: 3,
            min_in_sync: 2,
            accept_weak: false,
            session_timeout: Period::secs(30),
            request_timeout: Period::secs(10),
            append_timeout: Period::secs(15),
            linger: Period::millis(1),
            queue: ByteSize::mib(64),
        }
    }
}

impl Default for Cql {
    fn default() -> Self {
        Self { user: None, password: None, request_timeout: Period::secs(5) }
    }
}

impl Kafka {
    /// What the adapter is opened with. The adapter checks the rest, when it opens.
    pub fn options(&self, url: &str) -> Result<eventlog::KafkaOptions, eventlog::Error> {
        Ok(eventlog::KafkaOptions {
            prefix: self.prefix.clone(),
            security: self.security.clone(),
            replication: self.replication,
            min_in_sync: self.min_in_sync,
            accept_weak: self.accept_weak,
            session_timeout: self.session_timeout.0,
            request_timeout: self.request_timeout.0,
            append_timeout: self.append_timeout.0,
            linger: self.linger.0,
            queue_bytes: self.queue.as_usize(),
            ..eventlog::KafkaOptions::at(url)?
        })
    }

    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("session_timeout", &self.session_timeout),
            ("request_timeout", &self.request_timeout),
            ("append_timeout", &self.append_timeout),
            ("queue", &self.queue),
        ])
    }
}

impl Cql {
    /// Where the cluster is and how it is called. Credentials are not looked for.
    pub fn at(&self, url: &str) -> Result<cql::Options, cql::InvalidOptions> {
        let options: cql::Options = url.parse()?;
        Ok(cql::Options { request_timeout: self.request_timeout.0, ..options })
    }

    /// What sessions are opened with.
    pub fn options(&self, url: &str, strings: &dyn Strings) -> anyhow::Result<cql::Options> {
        let credentials = match (&self.user, &self.password) {
            (Some(user), Some(password)) => Some(cql::Credentials {
                user: user.clone(),
                password: password.resolve(strings)?.expose().to_owned(),
            }),
            (Some(_), None) | (None, Some(_)) | (None, None) => None,
        };
        Ok(self.at(url)?.with_credentials(credentials))
    }

    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        if self.user.is_some() != self.password.is_some() {
            return Err("password and cql.user belong together: set both or none".to_owned());
        }
        above_zero(&[("request_timeout", &self.request_timeout)])
    }
}
