//! The addresses of a role's replicas, and how they are reached.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::config::{Period, above_zero};

/// Most addresses of one role.
const PEERS_MAX: usize = 64;

/// The `wire` section of a configuration: calls to other processes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a connection may take to be made, TLS included; also how long a name may take to be resolved.
    pub connect: Period,
    /// How often a connection is asked whether its other end is still there.
    pub keep_alive: Period,
    /// How long that answer may take; then the connection is given up, with the calls on it.
    pub keep_alive_wait: Period,
    /// How long the addresses of a name hold before it is resolved again.
    pub resolve: Period,
    /// The longest time that an address which cannot be reached is passed over.
    pub pause: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect: Period::secs(2),
            keep_alive: Period::secs(10),
            keep_alive_wait: Period::secs(5),
            resolve: Period::secs(30),
            pause: Period::secs(15),
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        above_zero(&[
            ("connect", &self.connect),
            ("keep_alive", &self.keep_alive),
            ("keep_alive_wait", &self.keep_alive_wait),
            ("resolve", &self.resolve),
            ("pause", &self.pause),
        ])
    }
}

/// Addresses that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PeerError {
    /// It is no address.
    #[error("{text:?} is no address such as https://crypto.example:7420")]
    Malformed {
        /// What was written, without user and password.
        text: String,
    },
    /// There are too many.
    #[error("there are more than {PEERS_MAX} addresses")]
    TooMany,
    /// An https address without authorities to trust.
    #[error("{peer} needs tls.ca, the certificate authorities to trust; system roots are not used")]
    NoAuthority {
        /// The address.
        peer: String,
    },
}

/// The replicas of one role: a comma-separated list of `http://host:port` or `https://host:port`. A name stands
/// for all of its addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peers(Vec<Target>);

/// One address of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    /// A name or an IP address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Peers {
    pub(super) fn targets(&self) -> &[Target] {
        &self.0
    }
    /// Whether any of them is called over TLS.
    pub fn uses_tls(&self) -> bool {
        self.0.iter().any(|target| target.tls)
    }
}

impl FromStr for Peers {
    type Err = PeerError;
    fn from_str(text: &str) -> Result<Self, PeerError> {
        let targets: Vec<Target> =
            text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>()?;
        if targets.len() > PEERS_MAX {
            return Err(PeerError::TooMany);
        }
        Ok(Self(targets))
    }
}

impl FromStr for Target {
    type Err = PeerError;
    fn from_str(text: &str) -> Result<Self, PeerError> {
        // What is before an `@` may be a password, which no error shows.
        let shown = text.rsplit_once('@').map_or(text, |(_, place)| place);
        let malformed = || PeerError::Malformed { text: shown.to_owned() };
        let uri: http::Uri = text.parse().map_err(|_| malformed())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(malformed()),
        };
        let authority = uri.authority().ok_or_else(malformed)?;
        let has_path = uri.path_and_query().is_some_and(|path| path.as_str() != "/");
        if has_path || authority.as_str().contains('@') {
            return Err(malformed());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        if host.is_empty() {
            return Err(malformed());
        }
        Ok(Self { host: host.to_owned(), port, tls })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, target) in self.0.iter().enumerate() {
            write!(f, "{}{target}", if number == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Serialize for Peers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Peers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
