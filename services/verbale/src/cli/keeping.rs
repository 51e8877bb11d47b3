//! `verbale retention`, `hold`, `erasure`, `keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use kernel::{ErasureId, HoldId, PurposeName, RecordingId, RegimeName, SubjectId};

use super::filled;

/// `verbale retention`.
#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// What is due, in order of date.
    Due {
        /// By then (RFC 3339); now where not given.
        #[arg(long)]
        by: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Erase what is due; with --plan only show what that is.
    ///
    /// A sweep that would erase more than the configured share waits until a second person agrees to the same plan.
    Sweep {
        /// Only show what would go.
        #[arg(long, conflicts_with = "agree")]
        plan: bool,
        /// Carry out exactly this plan, as its second person.
        #[arg(long, value_name = "PLAN", value_parser = filled)]
        agree: Option<String>,
    },
    /// Why a recording is kept, and until when: each rule, its article, who set it, and which one wins.
    Explain {
        /// Recording id.
        id: RecordingId,
    },
    /// Lengthen what a regime has set, by an authority's order. Nothing shortens it again.
    Extend(ExtendArgs),
}

/// `verbale retention extend`.
#[derive(Debug, Clone, Args)]
pub struct ExtendArgs {
    /// The authority's reference, a code of `a-z 0-9 . : -`.
    #[arg(long, value_parser = filled)]
    pub reference: String,
    /// The regime that it lengthens, such as mifid2-16-7.
    #[arg(long)]
    pub regime: RegimeName,
    /// Until when (RFC 3339).
    #[arg(long)]
    pub until: String,
    /// Of recordings that began from then on (RFC 3339).
    #[arg(long)]
    pub from: String,
    /// And before then (RFC 3339).
    #[arg(long)]
    pub to: String,
    /// Only those that this person is on; may be repeated.
    #[arg(long)]
    pub subject: Vec<SubjectId>,
}

/// `verbale hold`.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Place a hold: what it covers is kept, what comes later too; a restriction keeps nothing and leaves it
    /// stored only.
    Place(PlaceArgs),
    /// Ask for a hold's release, or agree to it: two other people than the one who placed it.
    Release {
        /// Hold id.
        id: HoldId,
    },
    /// The holds that stand.
    List {
        /// Those that were released instead.
        #[arg(long)]
        released: bool,
    },
}

/// `verbale hold place`.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Why it is held.
    #[arg(long, value_enum)]
    pub kind: HoldKind,
    /// These recordings; may be repeated.
    #[arg(long, conflicts_with_all = ["subject", "from", "to"])]
    pub recording: Vec<RecordingId>,
    /// Whatever one of these persons is on; may be repeated.
    #[arg(long)]
    pub subject: Vec<SubjectId>,
    /// Whatever began from then on (RFC 3339); with --subject of these persons.
    #[arg(long, requires = "to")]
    pub from: Option<String>,
    /// And before then (RFC 3339).
    #[arg(long, requires = "from")]
    pub to: Option<String>,
    /// Of a restriction: only this purpose; may be repeated. Every purpose where none is given.
    #[arg(long)]
    pub purpose: Vec<PurposeName>,
    /// A code, such as a case number: `a-z 0-9 . : -`; never free text.
    #[arg(long, value_parser = filled)]
    pub reason: String,
    /// When somebody is to look whether it is still needed (RFC 3339).
    #[arg(long)]
    pub review: String,
    /// Hold id, by which a repetition is known; drawn where not given.
    #[arg(long)]
    pub id: Option<HoldId>,
}

/// Why something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HoldKind {
    /// A claim in court.
    Litigation,
    /// An authority's order.
    Regulator,
    /// The person needs it (GDPR Art. 18(1)(c)).
    Subject,
    /// A request that is open.
    OpenRequest,
    /// Storage only, nothing is kept beyond its period (GDPR Art. 18(1)(a), (b), (d)).
    Restriction,
}

/// `verbale erasure`.
#[derive(Debug, Subcommand)]
pub enum ErasureCommand {
    /// Order an erasure: of a person, a recording, one purpose of it, or a stretch of it.
    Order(Box<OrderArgs>),
    /// Each recording's and each store's state and date.
    Show {
        /// Erasure id.
        id: ErasureId,
    },
    /// Erasures, newest first.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// The signed receipt.
    Receipt {
        /// Erasure id.
        id: ErasureId,
        /// File for the signed document.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Verify a receipt offline, from its file alone, and say what it says.
    Verify(VerifyReceiptArgs),
}

/// `verbale erasure verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyReceiptArgs {
    /// The signed document, as `erasure receipt -o` wrote it.
    pub file: PathBuf,
    /// What `trust export` printed.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
}

/// `verbale erasure order`.
#[derive(Debug, Clone, Args)]
pub struct OrderArgs {
    /// Of this recording.
    #[arg(long, group = "whose")]
    pub recording: Option<RecordingId>,
    /// Or of every recording that this person is on.
    #[command(flatten)]
    pub person: Someone,
    /// Only this purpose; may be repeated.
    #[arg(long, conflicts_with = "from")]
    pub purpose: Vec<PurposeName>,
    /// Of the recording only from this position (`h:mm:ss.mmm`, `m:ss.mmm` or seconds), for every purpose.
    #[arg(long, requires = "to", requires = "recording")]
    pub from: Option<String>,
    /// Up to this position.
    #[arg(long, requires = "from")]
    pub to: Option<String>,
    /// Of the stretch only this leg; may be repeated.
    #[arg(long, requires = "from")]
    pub leg: Vec<u32>,
    /// Why, a code such as art-17-1-d or pci-3-3-1; never free text.
    #[arg(long, value_parser = filled)]
    pub reason: String,
    /// Erasure id, by which a repetition is known; drawn where not given.
    #[arg(long)]
    pub id: Option<ErasureId>,
}

/// A person, or nobody.
#[derive(Debug, Clone, Args)]
pub struct Someone {
    /// Subject id.
    #[arg(long, group = "whose")]
    pub subject: Option<SubjectId>,
    /// Phone number (E.164).
    #[arg(long, group = "whose", value_parser = filled)]
    pub phone: Option<String>,
    /// CRM id.
    #[arg(long, group = "whose", value_parser = filled)]
    pub crm: Option<String>,
    /// E-mail address.
    #[arg(long, group = "whose", value_parser = filled)]
    pub email: Option<String>,
    /// An agent's id at the tenant.
    #[arg(long, group = "whose", value_name = "ID", value_parser = filled)]
    pub employee: Option<String>,
}

/// `verbale keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// The tenant's epochs, what holds them up, and where keys are copied to.
    Status,
    /// End the active epoch, and take ended ones as far as they go now.
    Turn,
    /// Open the canaries with every key that is there: what was removed must not open once its epoch is destroyed.
    Canary,
    /// Whether a copy of the key tables would open today, before anyone restores it.
    Check {
        /// The copy.
        copy: PathBuf,
    },
}
