//! One log: its checkpoint's signature, and its tiles recomputed from the leaf hashes up.

use merkle::{Edge, Hash, NoteKey, Tile, TileId, TreeHead, tiles_between};
use objects::Error;
use seal::SignedCert;

use super::{FindingKind, Means, Report, read};
use crate::files::LedgerFiles;
use crate::name::{self, Incarnation, LogName};
use crate::shelf;
use crate::signer;

/// A log whose checkpoint is genuine.
pub(super) struct Verified {
    /// The hash of every leaf, as the tiles have it.
    pub(super) hashes: Vec<Hash>,
}

/// Verifies a log; nothing where it has no checkpoint that can be believed.
pub(super) async fn verify(
    files: &dyn LedgerFiles,
    means: Means<'_>,
    incarnation: Incarnation,
    log: LogName,
    report: &mut Report,
) -> Result<Option<Verified>, Error> {
    let Some(head) = checkpoint(files, means, incarnation, log, report).await? else { return Ok(None) };
    let walk = Walk { files, incarnation, log, head };
    walk.run(report).await
}

pub(super) async fn checkpoint(
    files: &dyn LedgerFiles,
    means: Means<'_>,
    incarnation: Incarnation,
    log: LogName,
    report: &mut Report,
) -> Result<Option<TreeHead>, Error> {
    let key = name::checkpoint(incarnation, log);
    let told = report.findings.len();
    let Some(bytes) = read(files, &key, FindingKind::Checkpoint, report).await? else {
        if report.findings.len() == told {
            report.find(&key, FindingKind::Checkpoint, "is missing");
        }
        return Ok(None);
    };
    let found = match shelf::found(&bytes, incarnation, log) {
        Ok(found) => found,
        Err(problem) => {
            report.find(&key, FindingKind::Checkpoint, problem);
            return Ok(None);
        }
    };
    let mut known = Vec::new();
    for signature in found.note.signatures() {
        if signature.name.as_str() == name::origin(incarnation, log) {
            known.extend(note_key(files, means, incarnation, log, signature.id).await?);
        }
    }
    match found.note.open(&known) {
        Ok(_) => Ok(Some(found.checkpoint.head())),
        Err(error) => {
            report.find(&key, FindingKind::Checkpoint, error);
            Ok(None)
        }
    }
}

/// The key with this id, if a trusted root has certified it for checkpoints.
async fn note_key(
    files: &dyn LedgerFiles,
    means: Means<'_>,
    incarnation: Incarnation,
    log: LogName,
    id: merkle::KeyId,
) -> Result<Option<NoteKey>, Error> {
    let bytes = match files.read(&name::signer(incarnation, log, id)).await {
        Ok(bytes) => bytes,
        Err(Error::Damaged { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some(certificate) = bytes.and_then(|bytes| SignedCert::decode(&bytes).ok()) else { return Ok(None) };
    let is_trusted = means.roots.keys().iter().any(|root| certificate.is_signed_by(root));
    if !is_trusted || certificate.cert.role.as_str() != signer::ROLE {
        return Ok(None);
    }
    Ok(NoteKey::ed25519(name::key_name(incarnation, log), &certificate.cert.key.to_bytes()).ok())
}

struct Walk<'w> {
    files: &'w dyn LedgerFiles,
    incarnation: Incarnation,
    log: LogName,
    head: TreeHead,
}

impl Walk<'_> {
    async fn run(&self, report: &mut Report) -> Result<Option<Verified>, Error> {
        let mut hashes = Vec::new();
        let mut upper = Vec::new();
        for id in tiles_between(0, self.head.size) {
            let told = report.findings.len();
            match self.tile(id, report).await? {
                Some(tile) if id.level() == 0 => {
                    hashes.extend_from_slice(&tile.hashes()[..usize::from(id.width())])
                }
                Some(tile) => upper.push((id, tile)),
                None if report.findings.len() > told => return Ok(None),
                None => {
                    report.find(self.name(id), FindingKind::Tile, "is missing");
                    return Ok(None);
                }
            }
        }
        let computed = Edge::default().stage(&hashes);
        let Ok(computed) = computed else { return Ok(None) };
        if computed.edge.head() == self.head {
            // The leaves are as signed: whatever tile above them differs is wrong.
            for (id, tile) in &upper {
                let is = computed
                    .tiles
                    .iter()
                    .find(|own| (own.id().level(), own.id().index()) == (id.level(), id.index()));
                if is.is_none_or(|is| tile.hashes().get(..is.hashes().len()) != Some(is.hashes())) {
                    report.find(self.name(*id), FindingKind::Tile, "is not what the leaves give");
                }
            }
            return Ok(Some(Verified { hashes }));
        }
        let name = self.first_wrong(&hashes, &upper);
        report.find(name, FindingKind::Tile, "does not give the signed root");
        Ok(None)
    }

    /// The first tile of leaves that the tile above it does not have; the last one, where all above agree.
    fn first_wrong(&self, hashes: &[Hash], upper: &[(TileId, Tile)]) -> String {
        let above: Vec<Hash> = upper
            .iter()
            .filter(|(id, _)| id.level() == 1)
            .flat_map(|(_, tile)| tile.hashes().to_vec())
            .collect();
        let tiles = (0..).zip(hashes.chunks(256));
        let wrong = tiles
            .filter(|(number, chunk)| match above.get(*number) {
                Some(above) => merkle::root_of(chunk) != *above,
                None => true,
            })
            .filter_map(|(number, chunk)| {
                let width = u16::try_from(chunk.len()).ok()?;
                TileId::new(0, number as u64, width)
            });
        let id = wrong.into_iter().next();
        id.map_or_else(|| name::checkpoint(self.incarnation, self.log).to_string(), |id| self.name(id))
    }

    async fn tile(&self, id: TileId, report: &mut Report) -> Result<Option<Tile>, Error> {
        match shelf::read_tile(self.files, self.incarnation, self.log, id, self.head.size).await {
            Ok(tile) => Ok(tile),
            Err(Error::Damaged { key, reason }) => {
                report.find(key, FindingKind::Tile, reason);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn name(&self, id: TileId) -> String {
        name::tile(self.incarnation, self.log, id).to_string()
    }
}
