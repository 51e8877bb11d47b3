//! How brokers and client know each other.

use std::fmt;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How brokers and client know each other. Everything but plaintext needs a build with the feature `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "protocol", rename_all = "kebab-case", try_from = "Written")]
pub enum Security {
    /// Neither encrypted nor authenticated.
    #[default]
    Plaintext,
    /// Encrypted; the client is known by its certificate, where it has one.
    Tls {
        /// Certificates of the authorities that brokers' certificates are checked against; the system's where
        /// none is given.
        ca_file: Option<PathBuf>,
        /// The client's certificate and key.
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

/// As it is read: every key of every protocol, so that a key of none is refused. serde's own form of the enum takes
/// any key beside `protocol = "plaintext"`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    protocol: Protocol,
    ca_file: Option<PathBuf>,
    identity: Option<Identity>,
    mechanism: Option<Mechanism>,
    username: Option<String>,
    password_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Protocol {
    Plaintext,
    Tls,
    Sasl,
}

/// Largest password file that is read.
const MAX_PASSWORD: u64 = 4 << 10;

impl Security {
    /// Adds what the client has to be told.
    pub(super) fn apply(&self, config: &mut ClientConfig) -> Result<(), Error> {
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

impl TryFrom<Written> for Security {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { protocol, ca_file, identity, mechanism, username, password_file } = written;
        let authority = ("ca_file", ca_file.is_some());
        let certificate = ("identity", identity.is_some());
        let password = [
            ("mechanism", mechanism.is_some()),
            ("username", username.is_some()),
            ("password_file", password_file.is_some()),
        ];
        match protocol {
            Protocol::Plaintext => {
                refuse("plaintext", &[authority, certificate])?;
                refuse("plaintext", &password)?;
                Ok(Self::Plaintext)
            }
            Protocol::Tls => {
                refuse("tls", &password)?;
                Ok(Self::Tls { ca_file, identity })
            }
            Protocol::Sasl => {
                refuse("sasl", &[certificate])?;
                let missing = |key: &str| format!("{key} is missing, which the protocol sasl needs");
                Ok(Self::Sasl {
                    mechanism: mechanism.ok_or_else(|| missing("mechanism"))?,
                    username: username.ok_or_else(|| missing("username"))?,
                    password_file: password_file.ok_or_else(|| missing("password_file"))?,
                    ca_file,
                })
            }
        }
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

/// Refuses keys that are set and are not this protocol's.
fn refuse(protocol: &str, keys: &[(&str, bool)]) -> Result<(), String> {
    match keys.iter().find(|(_, set)| *set) {
        Some((key, _)) => Err(format!("{key} must not be set, as the protocol is {protocol}")),
        None => Ok(()),
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

#[cfg(test)]
mod tests;
