//! The copy that a person gets (GDPR Art. 15 and 20), as a ZIP: made for one stream and kept nowhere.
//!
//! What was granted is read from the file of the request (`granted`), every fact is gathered before the
//! first byte (`gather`), and the audio is fetched while it streams, chunk by chunk (`packing`), and made silent
//! where others are heard (`silence`). What tells of the audio comes after it, so that it tells of what is really
//! there: `data.json` (`data`, made by `told`), the page (`page`), the vCons (`vcon`), and last the signed list
//! of all files (`manifest`). A ZIP that ends in the middle has no list of its files, and nobody takes it for a
//! whole one.

mod choice;
mod container;
mod data;
mod gather;
mod granted;
mod manifest;
mod packing;
mod page;
mod silence;
mod told;
mod vcon;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::stream::BoxStream;
use kernel::{Clock, RecordingId, RequestId, Timestamp};
use platform::auth::Token;
use platform::{Instance, PolicyBook};
use policy::request::ItemKey;

use self::granted::Granted;
use self::packing::Packing;
use crate::act::RequestKey;
use crate::error::Error;
use crate::file::File;
use crate::mesh::Mesh;
use crate::store::Disclosures;

/// Most recordings that one package tells of.
const MAX_RECORDINGS: usize = 10_000;
/// Most pieces of audio that one package has: the signed list of its files holds no more.
const MAX_AUDIO: usize = 12_000;

/// What a package is made with.
#[derive(Clone)]
pub struct Parts {
    /// archive, retention, consent and audit.
    pub mesh: Arc<dyn Mesh>,
    /// Who outside got something of a recording.
    pub disclosures: Arc<dyn Disclosures>,
    /// The tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Signs the list of its files.
    pub instance: Arc<Instance>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
}

/// Another request of the same person, of which a copy tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Earlier {
    /// Its id.
    pub id: RequestId,
    /// When it was received.
    pub received_at: Timestamp,
    /// What was asked, by the words of `policy::rights::Right`.
    pub rights: Vec<&'static str>,
    /// What it ended as, by the words of `policy::request::Ending`; none while it is open.
    pub ended: Option<&'static str>,
}

/// A package that is handed out.
pub struct Handed {
    /// What it answers.
    pub items: BTreeSet<ItemKey>,
    /// The recordings that it tells of.
    pub recordings: BTreeSet<RecordingId>,
    /// The ZIP. It ends with an error where it cannot be whole.
    pub stream: BoxStream<'static, Result<Vec<u8>, Error>>,
}

/// Makes the package of a request's granted copies, with the token and the reason of whoever hands it out.
/// `earlier` are the person's other requests, of which it tells those that were granted, and all the copies. A store that does not
/// answer is an error here, before the first byte, and so is a request that was granted and is not told of.
pub async fn hand_out(
    parts: Parts,
    key: RequestKey,
    file: File,
    token: Token,
    reason: String,
    earlier: Vec<Earlier>,
) -> Result<Handed, Error> {
    let granted = Granted::of(&file);
    if granted.items.is_empty() {
        return Err(Error::refused("nothing-granted", "no copy was granted that could be handed out"));
    }
    within("recordings of one package", granted.recordings.len(), MAX_RECORDINGS)?;
    let own: BTreeSet<RequestId> = earlier.iter().map(|request| request.id).collect();
    let earlier = granted.told_of(earlier)?;
    let now = parts.clock.now();
    manifest::can_be_signed(&parts.instance, now)?;
    let facts = gather::gather(&parts, &key, file.received.subject, &granted, &own).await?;
    let wanted = choice::candidates(&facts, &granted);
    within("pieces of audio in one package", wanted.len(), MAX_AUDIO)?;
    let data = told::told(&key, &file, &facts, &granted, &earlier, now);
    let (items, recordings) = (granted.items, granted.recordings);
    let stream = Packing::new(parts, key, &file.received, token, reason, data, wanted).stream();
    Ok(Handed { items, recordings, stream })
}

fn within(what: &'static str, count: usize, bound: usize) -> Result<(), Error> {
    if count > bound { Err(Error::TooMany { what, bound: bound as u64 }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
