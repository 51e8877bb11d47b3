//! One log's objects: tiles, checkpoint, signers' certificates. What is written is made from committed state
//! only, so two writers that meet on a key bring the same bytes, or one of them is wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use merkle::{Checkpoint, Edge, Hash, Note, Tile, TileId, TileSet, edge_tiles};
use objects::{Error as ObjectsError, IfExists, Key, ObjectStore, Prefix, PutOptions, Version};
use seal::SignedCert;
use tracing::warn;

use crate::error::Error;
use crate::files::{LedgerFiles, ObjectFiles, keys};
use crate::name::{self, Incarnation, LogName};

/// Hashes of a full tile.
const FULL: u64 = 256;

/// The objects of one log.
#[derive(Clone)]
pub(crate) struct Shelf {
    objects: Arc<dyn ObjectStore>,
    files: ObjectFiles,
    incarnation: Incarnation,
    log: LogName,
}

/// A checkpoint as it was found: read, its signature not verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) note: Note,
    pub(crate) checkpoint: Checkpoint,
}

impl Shelf {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, incarnation: Incarnation, log: LogName) -> Self {
        Self { files: ObjectFiles(Arc::clone(&objects)), objects, incarnation, log }
    }

    pub(crate) fn log(&self) -> LogName {
        self.log
    }
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The newest checkpoint.
    pub(crate) async fn checkpoint(&self) -> Result<Option<Found>, Error> {
        let key = name::checkpoint(self.incarnation, self.log);
        let bytes = self.files.read(&key).await.map_err(Error::objects(self.log))?;
        let Some(bytes) = bytes else { return Ok(None) };
        found(&bytes, self.incarnation, self.log)
            .map(Some)
            .map_err(|problem| Error::damaged(self.log, problem))
    }

    /// These tiles of a tree of `size` leaves.
    pub(crate) async fn tiles(&self, ids: BTreeSet<TileId>, size: u64) -> Result<TileSet, Error> {
        let mut set = TileSet::default();
        for id in ids {
            let read = read_tile(&self.files, self.incarnation, self.log, id, size).await;
            let tile = read.map_err(Error::objects(self.log))?;
            set.insert(tile.ok_or(Error::damaged(self.log, "a published tile is missing or cut"))?);
        }
        Ok(set)
    }

    /// The edge at `at` leaves, out of the tiles of a tree of `size`, which is not smaller.
    pub(crate) async fn edge(&self, at: u64, size: u64) -> Result<Edge, Error> {
        let tiles = self.tiles(edge_tiles(at), size).await?;
        tiles.edge(at).map_err(|_| Error::damaged(self.log, "the published tiles do not reach the size"))
    }

    /// The hashes of the leaves from `from` to `to`, out of the tiles of a tree of `size`.
    pub(crate) async fn leaves(&self, from: u64, to: u64, size: u64) -> Result<Vec<Hash>, Error> {
        let (mut leaves, mut at) = (Vec::new(), from);
        while at < to {
            let (number, first) = (at / FULL, at % FULL);
            let end = (to - number * FULL).min(FULL);
            let width = u16::try_from(end).unwrap_or(u16::MAX);
            let id = TileId::new(0, number, width).ok_or(Error::TreeFull(self.log))?;
            let read = read_tile(&self.files, self.incarnation, self.log, id, size).await;
            let tile = read.map_err(Error::objects(self.log))?;
            let tile = tile.ok_or(Error::damaged(self.log, "a published tile is missing or cut"))?;
            leaves.extend(tile.hashes().iter().take(usize::from(width)).skip(first as usize));
            at = number * FULL + end;
        }
        Ok(leaves)
    }

    /// Publishes a tile. A full one makes its narrower writings superfluous.
    pub(crate) async fn put_tile(&self, tile: &Tile) -> Result<(), Error> {
        let key = name::tile(self.incarnation, self.log, tile.id());
        self.put_equal(&key, tile.to_bytes().into()).await?;
        if tile.id().is_full() {
            self.drop_partials(&key).await;
        }
        Ok(())
    }

    /// Publishes an object whose bytes follow from its key.
    pub(crate) async fn put_equal(&self, key: &Key, bytes: Bytes) -> Result<(), Error> {
        match self.objects.put(key, bytes.clone(), PutOptions::default()).await {
            Ok(_) => Ok(()),
            Err(ObjectsError::AlreadyExists { .. }) => {
                let standing = self.files.read(key).await.map_err(Error::objects(self.log))?;
                if standing.as_ref() == Some(&bytes) {
                    return Ok(());
                }
                Err(Error::damaged(self.log, "an object stands that another history has written"))
            }
            Err(source) => Err(Error::Objects { log: self.log, source }),
        }
    }

    /// Publishes a checkpoint in place of the one before; answers its version.
    pub(crate) async fn put_checkpoint(&self, note: &Note) -> Result<Version, Error> {
        let key = name::checkpoint(self.incarnation, self.log);
        let options = PutOptions { if_exists: IfExists::NewVersion, ..PutOptions::default() };
        let put = self.objects.put(&key, note.to_string().into(), options).await;
        Ok(put.map_err(Error::objects(self.log))?.version)
    }

    /// The versions of the checkpoint that are there, oldest first.
    pub(crate) async fn checkpoint_versions(&self) -> Result<Vec<Version>, Error> {
        let prefix = Prefix::from(&name::checkpoint(self.incarnation, self.log));
        let listed = self.objects.list_versions(&prefix, None, objects::MAX_LIST).await;
        let listed = listed.map_err(Error::objects(self.log))?;
        Ok(listed.into_iter().rev().map(|listed| listed.version).collect())
    }

    /// Takes away a checkpoint that a newer one has replaced. Best effort: it does no harm if it stays.
    pub(crate) async fn drop_checkpoint(&self, version: &Version) {
        let key = name::checkpoint(self.incarnation, self.log);
        self.drop_version(&key, version).await;
    }

    /// Publishes the certificate of a key that signs.
    pub(crate) async fn put_signer(&self, key: merkle::KeyId, certificate: &SignedCert) -> Result<(), Error> {
        let malformed = |_| Error::damaged(self.log, "the signer's certificate cannot be written");
        let bytes = certificate.encode().map_err(malformed)?;
        let options = PutOptions { if_exists: IfExists::NewVersion, ..PutOptions::default() };
        let key = name::signer(self.incarnation, self.log, key);
        self.objects.put(&key, bytes.into(), options).await.map_err(Error::objects(self.log))?;
        Ok(())
    }

    /// Narrower writings of a full tile may go; what stays does no harm.
    pub(crate) async fn drop_partials(&self, full: &Key) {
        let partials = match keys(&self.files, &name::partials(full)).await {
            Ok(partials) => partials,
            Err(error) => return warn!(log = %self.log, error = kernel::chain(&error), "partial tiles stay"),
        };
        for key in partials {
            match self.objects.head(&key, None).await {
                Ok(head) => self.drop_version(&key, &head.version).await,
                Err(error) => warn!(log = %self.log, error = kernel::chain(&error), "a partial tile stays"),
            }
        }
    }

    async fn drop_version(&self, key: &Key, version: &Version) {
        if let Err(error) = self.objects.delete_version(key, version).await {
            warn!(log = %self.log, error = kernel::chain(&error), "a superseded object stays");
        }
    }
}

/// Reads a tile of a tree of `size` leaves at the width asked for or wider: of a narrower writing only the
/// full tile may be left, and of a tile that was never published at a width only the tree's own.
pub(crate) async fn read_tile(
    files: &dyn LedgerFiles,
    incarnation: Incarnation,
    log: LogName,
    id: TileId,
    size: u64,
) -> Result<Option<Tile>, ObjectsError> {
    let level = size.checked_shr(8 * u32::from(id.level())).unwrap_or(0);
    let in_tree = level.saturating_sub(id.index().saturating_mul(FULL)).min(FULL);
    for width in [u64::from(id.width()), in_tree, FULL] {
        let width = u16::try_from(width).unwrap_or(0);
        let Some(wider) = TileId::new(id.level(), id.index(), width).filter(|own| own.width() >= id.width())
        else {
            continue;
        };
        if let Some(bytes) = files.read(&name::tile(incarnation, log, wider)).await? {
            return Ok(Tile::from_bytes(wider, &bytes).ok());
        }
    }
    Ok(None)
}

/// Reads a checkpoint of this log; its signature is not verified.
pub(crate) fn found(bytes: &[u8], incarnation: Incarnation, log: LogName) -> Result<Found, &'static str> {
    let note = Note::parse(bytes).map_err(|_| "the checkpoint is no signed note")?;
    let checkpoint = Checkpoint::parse(note.unverified_text()).map_err(|_| "the note is no checkpoint")?;
    if checkpoint.origin() != name::origin(incarnation, log) {
        return Err("the checkpoint is of another log");
    }
    Ok(Found { note, checkpoint })
}
