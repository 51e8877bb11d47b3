//! What a person states about a recording (GDPR Art. 16): the audio stays as it was recorded, and a signed addendum says
//! under which reference the statement is filed, so that it is told with the recording from then on.
//!
//! Their words are not here: a document lies under a lock that outlives erasure, and what a person has said of themselves
//! must go when it has to.
//! As with an erasure every step may be done again: the addendum is put where none lies, and where another's was placed
//! first, that one is brought to its end and the statement is said after it. So a recording's documents are one chain, and
//! of one request at most one of them is a statement.

use kernel::RequestId;
use seal::receipt::PlainCode;
use seal::signing::DocumentKind as Signed;

use crate::document;
use crate::error::Error;
use crate::fact::RecordingKey;
use crate::sealing::Sealer;
use crate::store::{History, State, StatementRow};

/// Most statements of one recording: they are told with each replay.
pub const MAX_STATEMENTS: usize = 64;
/// How often others may make the recording's next document before one call gives up.
const TRIES: u32 = 5;

/// A statement about one recording, as archive is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// About which recording.
    pub recording: RecordingKey,
    /// The request that it came with; one that comes again is known by it.
    pub request: RequestId,
    /// Under which reference it is filed.
    pub filed: PlainCode,
}

impl Sealer {
    /// Attaches a statement, and answers it as it stands; one that stands already is not said again.
    pub async fn annotate(&self, asked: &Statement) -> Result<StatementRow, Error> {
        let key = &asked.recording;
        for _ in 0..TRIES {
            let history = self.history(key).await?;
            if let Some(stands) = standing(&history, asked)? {
                return Ok(stands.clone());
            }
            check(&history)?;
            let addendum = document::statement(&history, asked.request, &asked.filed);
            let addendum = addendum.ok_or(Error::NotSealedYet(key.id))?;
            let (version, payload) = (addendum.number + 1, addendum.encode()?);
            let placed = self.placer.place(&history, version, Signed::Addendum, payload).await?;
            self.settle_addendum(&history, &placed).await?;
        }
        Err(Error::Contended(key.id))
    }
}

/// What the request has stated about it before; refused where that is something else.
fn standing<'h>(history: &'h History, asked: &Statement) -> Result<Option<&'h StatementRow>, Error> {
    let stands = history.statements.iter().find(|row| row.request == asked.request);
    match stands {
        Some(row) if row.filed != asked.filed => Err(Error::OtherStatement(asked.recording.id)),
        stands => Ok(stands),
    }
}

/// Refuses what no statement can be attached to: where nothing is signed yet, nothing was recorded, or nobody can hear it.
fn check(history: &History) -> Result<(), Error> {
    let recording = history.recording.key.id;
    let refuse = |reason| Err(Error::NotAnnotatable { recording, reason });
    match history.recording.state {
        State::Open | State::Sealing => Err(Error::NotSealedYet(recording)),
        State::NotRecorded => refuse("not-recorded"),
        State::Erased => refuse("erased"),
        State::Sealed | State::Addended if history.statements.len() >= MAX_STATEMENTS => {
            refuse("too-many-statements")
        }
        State::Sealed | State::Addended => Ok(()),
    }
}
