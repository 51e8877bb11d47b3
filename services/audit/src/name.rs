//! What things are called: incarnations, logs, their origins, and the keys of their objects.
//!
//! ```text
//! ledger/<incarnation>/<log>/tile/<L>/<N>[.p/<W>]          tiles (C2SP tlog-tiles)
//! ledger/<incarnation>/root/tile/entries/<N>[.p/<W>]       the root log's leaves, in entry bundles
//! ledger/<incarnation>/<log>/checkpoint                    the newest signed note
//! ledger/<incarnation>/<log>/signer/<key id>               certificate of a key that signed notes
//! ledger/<incarnation>/<partition>/state/<size>            where the topic goes on, and the producers
//! ledger/<tenant>/entries/<incarnation>/<partition>/<first index>   sealed entries
//! ```
//!
//! An incarnation begins with `log_`, which no tenant's name can.

use std::fmt;
use std::str::FromStr;

use kernel::TenantId;
use merkle::{KeyId, KeyName, TileId};
use objects::{Key, Prefix};
use uuid::Uuid;

/// One history of the ledger. Another one begins only where it cannot go on, and says so ([`crate::succession`]). It is
/// in the key of every object and in the origin of every checkpoint, so that two are never taken for one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(Uuid);

/// One Merkle log of an incarnation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogName {
    /// The log of a partition of the audit topic.
    Partition(u32),
    /// The log whose leaves are every partition's size and root.
    Root,
}

const MARK: &str = "log_";

impl Incarnation {
    /// Names a new one; later ones sort after earlier ones.
    #[allow(clippy::new_without_default, reason = "every call gives another one")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
    /// The incarnation with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
    /// Its 16 bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
    /// As the restrictive journal has it.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for Incarnation {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}", self.0)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no incarnation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the name of a ledger's incarnation")]
pub struct InvalidIncarnation;

impl FromStr for Incarnation {
    type Err = InvalidIncarnation;

    fn from_str(text: &str) -> Result<Self, InvalidIncarnation> {
        let uuid = text.strip_prefix(MARK).and_then(|uuid| Uuid::parse_str(uuid).ok());
        let read = uuid.map(Self).ok_or(InvalidIncarnation)?;
        // A UUID has several writings; only one is a name.
        if read.to_string() == text { Ok(read) } else { Err(InvalidIncarnation) }
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(partition) => write!(f, "{partition}"),
            Self::Root => f.write_str("root"),
        }
    }
}

impl fmt::Debug for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The origin line of a log's checkpoints, which is also the name of the keys that sign them.
pub fn origin(incarnation: Incarnation, log: LogName) -> String {
    format!("verbale.ledger/{incarnation}/{log}")
}

/// The origin as a key's name.
pub fn key_name(incarnation: Incarnation, log: LogName) -> KeyName {
    KeyName::new(origin(incarnation, log)).expect("an origin has neither spaces nor plus signs")
}

/// The key of a tile.
pub fn tile(incarnation: Incarnation, log: LogName, id: TileId) -> Key {
    key(format!("ledger/{incarnation}/{log}/{id}"))
}

/// The key of a bundle of the root log's leaves; cut like tiles of level 0.
pub fn bundle(incarnation: Incarnation, id: TileId) -> Key {
    let path = id.to_string();
    let place = path.strip_prefix("tile/0/").expect("a bundle is cut like a tile of level 0");
    key(format!("ledger/{incarnation}/{}/tile/entries/{place}", LogName::Root))
}

/// Where the writings of the root log's first bundle are; each of them begins with its first leaf.
pub fn first_bundle(incarnation: Incarnation) -> Prefix {
    let full = TileId::new(0, 0, 256).expect("every log may have this tile");
    Prefix::from(&bundle(incarnation, full))
}

/// Whether a tile or bundle with this key is full: it has no `.p/<W>`.
pub fn is_full(key: &Key) -> bool {
    key.segments().nth_back(1).is_some_and(|above| !above.ends_with(".p"))
}

/// Where the narrower writings of a full tile are.
pub fn partials(full: &Key) -> Prefix {
    prefix(format!("{full}.p/"))
}

/// The key of a log's newest checkpoint.
pub fn checkpoint(incarnation: Incarnation, log: LogName) -> Key {
    key(format!("ledger/{incarnation}/{log}/checkpoint"))
}

/// The key of the certificate of a key that signed checkpoints.
pub fn signer(incarnation: Incarnation, log: LogName, id: KeyId) -> Key {
    key(format!("ledger/{incarnation}/{log}/signer/{id}"))
}

/// The key of a partition's state at a size.
pub fn state(incarnation: Incarnation, partition: u32, size: u64) -> Key {
    key(format!("ledger/{incarnation}/{partition}/state/{size:020}"))
}

/// Where a partition's states are.
pub fn states(incarnation: Incarnation, partition: u32) -> Prefix {
    prefix(format!("ledger/{incarnation}/{partition}/state/"))
}

/// The key of an entry object.
pub fn entries(tenant: &TenantId, incarnation: Incarnation, partition: u32, first: u64) -> Key {
    key(format!("ledger/{tenant}/entries/{incarnation}/{partition}/{first:020}"))
}

/// Where a tenant's entry objects of a partition are.
pub fn entries_of(tenant: &TenantId, incarnation: Incarnation, partition: u32) -> Prefix {
    prefix(format!("ledger/{tenant}/entries/{incarnation}/{partition}/"))
}

/// Where every incarnation is.
pub fn incarnations() -> Prefix {
    prefix(format!("ledger/{MARK}"))
}

/// The incarnation whose object this is, and a key after all of its objects.
pub fn incarnation_of(object: &Key) -> Option<(Incarnation, Key)> {
    let incarnation: Incarnation = object.segments().nth(1)?.parse().ok()?;
    Some((incarnation, key(format!("ledger/{incarnation}/zz"))))
}

fn key(text: String) -> Key {
    Key::new(text).expect("made of names and numbers that are legal in keys")
}

fn prefix(text: String) -> Prefix {
    Prefix::new(text).expect("made of names and numbers that are legal in keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_is_read_as_it_is_written_and_no_tenant_is_called_so() {
        let incarnation = Incarnation::new();
        let text = incarnation.to_string();
        assert_eq!(text.parse(), Ok(incarnation));
        assert!(TenantId::new(text.clone()).is_err());
        assert_eq!(text.to_uppercase().parse::<Incarnation>(), Err(InvalidIncarnation));
    }

    #[test]
    fn the_deepest_keys_are_legal() {
        let incarnation = Incarnation::new();
        let tile_id = TileId::new(0, (u64::MAX >> 8) - 1, 255).unwrap();
        let tenant = TenantId::new("x".repeat(TenantId::MAX_LEN)).unwrap();
        tile(incarnation, LogName::Partition(u32::MAX), tile_id);
        assert!(!is_full(&bundle(incarnation, tile_id)));
        assert!(is_full(&bundle(incarnation, TileId::new(0, 1_000, 256).unwrap())));
        entries(&tenant, incarnation, u32::MAX, u64::MAX);
        for width in [1, 255, 256] {
            let first = bundle(incarnation, TileId::new(0, 0, width).unwrap());
            assert!(first_bundle(incarnation).matches(&first), "{first}");
        }
        assert!(!first_bundle(incarnation).matches(&bundle(incarnation, TileId::new(0, 1_000, 1).unwrap())));
        let (found, after) = incarnation_of(&checkpoint(incarnation, LogName::Root)).unwrap();
        assert_eq!(found, incarnation);
        assert!(after > tile(incarnation, LogName::Root, tile_id));
    }
}
