//! Where the cluster is and how it is called, from `scylla://host:port,host:port/keyspace?replication=3`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Nodes that an address may name; the others are found through them.
pub const MAX_NODES: usize = 64;
/// Longest time limit of a request: an outbox row has to be where its sweep looks before the sweep has passed.
pub const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Where the cluster is, and how it is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// `host:port` of some of its nodes.
    pub nodes: Vec<String>,
    /// The keyspace for data; the key tables' is named after it.
    pub keyspace: Keyspace,
    /// Who this process is; none where the cluster asks nobody.
    pub credentials: Option<Credentials>,
    /// How many copies `migrate` orders when it makes the keyspaces.
    pub replication: Replication,
    /// The datacentre whose replicas are asked. Quorums and conditional writes hold within one datacentre, so
    /// that all processes of a deployment must name the same.
    pub datacenter: Option<String>,
    /// How long a request may take, with all its attempts. At most [`MAX_REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long a read waits for one replica before another is asked as well.
    pub speculate_after: Duration,
}

/// The name of the keyspace for data: 1 to 43 characters of `a-z 0-9 _`, beginning with a letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Keyspace(String);

/// Which of the two keyspaces: they never share a backup.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Space {
    /// `<keyspace>`: ciphertext and facts.
    Data,
    /// `<keyspace>_keys`: key tables and the identifier index.
    Keys,
}

/// How many copies of each row there are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replication {
    /// So many in every datacentre.
    Factor(u8),
    /// So many in each datacentre named.
    Datacenters(BTreeMap<String, u8>),
}

/// A role of the cluster and its password, which no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The role's name.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// An address or setting that cannot be used. It never repeats what was given, which may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the CQL address {0}")]
pub struct InvalidOptions(pub &'static str);

const SCHEME: &str = "scylla://";
const DEFAULT_PORT: u16 = 9042;
const DEFAULT_KEYSPACE: &str = "verbale";
/// Three copies: one may fail, and quorums still answer.
const DEFAULT_REPLICATION: Replication = Replication::Factor(3);

impl Options {
    /// Settings for these nodes, with defaults.
    pub fn new(nodes: Vec<String>, keyspace: Keyspace) -> Self {
        Self {
            nodes,
            keyspace,
            credentials: None,
            replication: DEFAULT_REPLICATION,
            datacenter: None,
            request_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            speculate_after: Duration::from_millis(100),
        }
    }

    /// The same for a role of the cluster.
    pub fn with_credentials(self, credentials: Option<Credentials>) -> Self {
        Self { credentials, ..self }
    }

    /// Refuses settings that cannot work.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        if self.nodes.is_empty() || self.nodes.len() > MAX_NODES {
            return Err(InvalidOptions("must name 1 to 64 nodes"));
        }
        if self.request_timeout.is_zero() || self.request_timeout > MAX_REQUEST_TIMEOUT {
            return Err(InvalidOptions("has a request timeout that is not within 15 s"));
        }
        if self.connect_timeout.is_zero() || self.speculate_after.is_zero() {
            return Err(InvalidOptions("has a time limit of zero"));
        }
        let several = matches!(&self.replication, Replication::Datacenters(each) if each.len() > 1);
        if several && self.datacenter.is_none() {
            return Err(InvalidOptions("must name the datacentre that is asked, as there are several"));
        }
        Ok(())
    }
}

impl FromStr for Options {
    type Err = InvalidOptions;

    /// Reads `scylla://host[:port][,...][/keyspace][?replication=3|dc1:3,dc2:3][&datacenter=dc1]`.
    fn from_str(text: &str) -> Result<Self, InvalidOptions> {
        let rest = text.strip_prefix(SCHEME).ok_or(InvalidOptions("must begin with scylla://"))?;
        if rest.contains('@') {
            return Err(InvalidOptions("must not hold a user or password: they are settings of their own"));
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, keyspace) = place.split_once('/').unwrap_or((place, ""));
        let keyspace = if keyspace.is_empty() { DEFAULT_KEYSPACE } else { keyspace };
        let nodes = hosts.split(',').map(node).collect::<Result<_, _>>()?;
        let mut options = Self::new(nodes, keyspace.parse()?);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("replication", value)) => options.replication = value.parse()?,
                Some(("datacenter", value)) => options.datacenter = Some(datacenter(value)?),
                Some(_) | None => {
                    return Err(InvalidOptions("may only be followed by ?replication= and &datacenter="));
                }
            }
        }
        options.check()?;
        Ok(options)
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn node(text: &str) -> Result<String, InvalidOptions> {
    let malformed = InvalidOptions("must name nodes as host:port, with commas between");
    let (host, port) = match text.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']').ok_or(malformed)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| malformed)?;
            (format!("[{host}]"), if rest.is_empty() { None } else { rest.strip_prefix(':').or(Some("")) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (text.to_owned(), None),
        },
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    if host.is_empty() || host.len() > 255 || !host.chars().all(plain) {
        return Err(malformed);
    }
    let port = port.map_or(Ok(DEFAULT_PORT), |port| port.parse::<u16>().map_err(|_| malformed))?;
    if port == 0 { Err(malformed) } else { Ok(format!("{host}:{port}")) }
}

/// A datacentre's name stands inside a statement, so that its characters are few.
fn datacenter(text: &str) -> Result<String, InvalidOptions> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        return Err(InvalidOptions("names a datacentre with other characters than letters, digits, - and _"));
    }
    Ok(text.to_owned())
}

impl Keyspace {
    /// Longest name: with `_keys` behind it, it is still one for the server.
    pub const MAX_LEN: usize = 43;

    /// The name of one of the two.
    pub fn of(&self, space: Space) -> String {
        match space {
            Space::Data => self.0.clone(),
            Space::Keys => format!("{}_keys", self.0),
        }
    }
}

impl FromStr for Keyspace {
    type Err = InvalidOptions;

    fn from_str(text: &str) -> Result<Self, InvalidOptions> {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if !plain || !begins || text.len() > Self::MAX_LEN {
            return Err(InvalidOptions(
                "names a keyspace that is not 1 to 43 characters of a-z, 0-9 and _, beginning with a letter",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Replication {
    /// As `CREATE KEYSPACE` takes it.
    pub(crate) fn to_cql(&self) -> String {
        let parts = match self {
            Self::Factor(factor) => format!("'replication_factor': {factor}"),
            Self::Datacenters(each) => {
                each.iter().map(|(name, factor)| format!("'{name}': {factor}")).collect::<Vec<_>>().join(", ")
            }
        };
        format!("{{'class': 'NetworkTopologyStrategy', {parts}}}")
    }
}

impl FromStr for Replication {
    type Err = InvalidOptions;

    /// Reads `3`, or `dc1:3,dc2:3`.
    fn from_str(text: &str) -> Result<Self, InvalidOptions> {
        let malformed = InvalidOptions("has a replication that is neither 1 to 9 nor dc1:3,dc2:3");
        let factor = |text: &str| match text.parse::<u8>() {
            Ok(factor @ 1..=9) => Ok(factor),
            Ok(_) | Err(_) => Err(malformed),
        };
        if !text.contains(':') {
            return factor(text).map(Self::Factor);
        }
        let mut each = BTreeMap::new();
        for part in text.split(',') {
            let (name, count) = part.split_once(':').ok_or(malformed)?;
            if each.insert(datacenter(name)?, factor(count)?).is_some() {
                return Err(malformed);
            }
        }
        Ok(Self::Datacenters(each))
    }
}

impl fmt::Display for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, redacted)", self.user)
    }
}

#[cfg(test)]
mod tests;
