//! The command line: every command, its arguments and what they mean.

mod backup;
mod bench;
mod disclosures;
mod keeping;
mod requests;
mod subjects;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kernel::{EventId, PurposeName, RecordingId, Role, SubjectId, TenantId, Use};
use platform::auth::Token;
use platform::call::MAX_REASON;

pub use self::backup::BackupCommand;
pub use self::bench::{BenchCommand, BenchIngestArgs};
pub use self::disclosures::{
    AnswerNoticeArgs, DisclosureCommand, ListDisclosuresArgs, RecordDisclosureArgs, Told, WhichDisclosures,
};
pub use self::keeping::{
    ErasureCommand, ExtendArgs, HoldCommand, HoldKind, KeysCommand, OrderArgs, PlaceArgs, RetentionCommand,
    Someone, VerifyReceiptArgs,
};
pub use self::requests::{
    AnswerArgs, ConfirmArgs, DecideArgs, IdentifyArgs, LinkRequestArgs, LinkedRequest, OpenRequestArgs,
    PackageArgs, RequestCommand, Showing, VerifyPackageArgs,
};
pub use self::subjects::{LinkAct, LinkArgs, Named, PairArgs, SubjectCommand, Whom};

/// Compliance recording for contact centres: recorded lawfully, sealed, provable, opened by purpose.
#[derive(Debug, Parser)]
#[command(name = "verbale", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What all commands share.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Print JSON instead of tables, and an error as one JSON object on standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// Configuration file (TOML).
    #[arg(long, global = true, env = "VERBALE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one configuration key, as `section.key=value`; may be repeated.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Where the mesh listens: `http://` or `https://`; of several, comma-separated, any that can be reached.
    /// `http://127.0.0.1:7420` where not given.
    #[arg(long, global = true, env = "VERBALE_SERVER")]
    pub server: Option<String>,
    /// Certificate authorities (PEM) to trust for an `https://` server; `tls.ca` where not given. System roots are
    /// not used. A client certificate, where the mesh asks for one, is `tls.cert` and `tls.key`.
    #[arg(long, global = true, env = "VERBALE_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Bearer token (JWT). Without one, a token is issued with the key in the local keys directory.
    #[arg(long, global = true, env = "VERBALE_TOKEN", hide_env_values = true, value_parser = token)]
    pub token: Option<Token>,
    /// Whose data. Needed by every command that touches a tenant's data.
    #[arg(long, global = true, env = "VERBALE_TENANT")]
    pub tenant: Option<TenantId>,
    /// Directory of data, ciphertext and facts; `verbale-data` where not given.
    #[arg(long, global = true, env = "VERBALE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Directory of keys; beside the data directory where not given, never inside it.
    #[arg(long, global = true, env = "VERBALE_KEYS", value_name = "DIR")]
    pub keys: Option<PathBuf>,
}

impl Global {
    /// Where the mesh listens.
    pub fn server(&self) -> &str {
        self.server.as_deref().unwrap_or("http://127.0.0.1:7420")
    }
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run every role in this process, on embedded storage.
    Up(UpArgs),
    /// Run some roles, as a cluster does.
    Serve(ServeArgs),
    /// Record the five sample calls and show what came of each.
    Demo(DemoArgs),
    /// Send a WAV file as a call, with its timed events.
    ///
    /// Exit code 3 where nothing of the call can be recorded, or an event of it had no effect. A customer who does not
    /// consent is no failure: that call ends with 0.
    Record(RecordArgs),
    /// Find, show and verify recordings.
    #[command(subcommand)]
    Recordings(RecordingsCommand),
    /// Listen again, for a purpose and a reason.
    Replay(ReplayArgs),
    /// Show, give or withdraw a person's consent.
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// Who is who: one person under two ids, a number that was given out again, a line of many.
    #[command(subcommand)]
    Subject(SubjectCommand),
    /// What is kept until when, what is due, and a sweep of it.
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Orders not to erase.
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Order erasures, and see what became of them.
    #[command(subcommand)]
    Erasure(ErasureCommand),
    /// People's requests over what is kept of them: received, decided, carried out, answered.
    #[command(subcommand)]
    Request(RequestCommand),
    /// Who outside got something of a recording, and whether they were told of what became of it.
    #[command(subcommand)]
    Disclosure(DisclosureCommand),
    /// How the keys stand: epochs, canaries, copies.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Read and prove the ledger.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check and explain a tenant's policy file.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// What an offline verifier needs.
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Verify recordings and ledger offline, from files alone.
    Verify(VerifyArgs),
    /// Back up a data directory, without keys, and restore it.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Measure the mesh.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Issue a token with the local issuer key, for the tenant of --tenant.
    Token(TokenArgs),
    /// Make certificates to try a split mesh with.
    #[command(subcommand)]
    Certs(CertsCommand),
    /// Make the tables of this release in the CQL cluster that `storage.store` names.
    Migrate,
    /// Show and check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print shell completions.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// `verbale up`.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Directory of policies, one folder a tenant.
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
}

/// `verbale serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Roles, comma-separated: ingest, consent, crypto, archive, retention, dsar, audit.
    #[arg(long, value_delimiter = ',', required = true)]
    pub roles: Vec<String>,
    /// What `up` takes.
    #[command(flatten)]
    pub up: UpArgs,
}

/// `verbale demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Stay up afterwards, to try the commands that the demo names.
    #[arg(long)]
    pub keep: bool,
    /// Times real time at which calls are sent; 0 as fast as it can.
    #[arg(long, default_value_t = 40.0, value_parser = speed)]
    pub speed: f64,
}

/// `verbale record`.
#[derive(Debug, Clone, Args)]
pub struct RecordArgs {
    /// WAV file: A-law, mu-law or 16-bit PCM, one channel a party.
    pub file: PathBuf,
    /// The call's JSON: parties, purposes, timed events.
    #[arg(long, value_name = "FILE")]
    pub meta: PathBuf,
    /// Times real time; 0 sends as fast as it can.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// The recording's id; drawn where neither this nor the JSON gives one.
    #[arg(long)]
    pub recording: Option<RecordingId>,
}

/// `verbale recordings`.
#[derive(Debug, Subcommand)]
pub enum RecordingsCommand {
    /// List a tenant's recordings, newest first.
    List(ListArgs),
    /// Show one: per leg, what was kept, for which purpose, what was not and why.
    Show {
        /// Recording id.
        id: RecordingId,
    },
    /// Verify one against its signed manifest, without keys.
    Verify {
        /// Recording id.
        id: RecordingId,
    },
}

/// `verbale recordings list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Not before (RFC 3339).
    #[arg(long)]
    pub from: Option<String>,
    /// Before (RFC 3339).
    #[arg(long)]
    pub to: Option<String>,
    /// Only of this subject.
    #[arg(long, conflicts_with_all = ["phone", "agent", "correlation"])]
    pub subject: Option<SubjectId>,
    /// Only of the person with this phone number.
    #[arg(long, conflicts_with_all = ["agent", "correlation"], value_parser = filled)]
    pub phone: Option<String>,
    /// Only of the agent with this employee id.
    #[arg(long, conflicts_with = "correlation", value_parser = filled)]
    pub agent: Option<String>,
    /// Only with this call id or correlation id.
    #[arg(long, value_parser = filled)]
    pub correlation: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// `verbale replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Recording id.
    pub id: RecordingId,
    /// The purpose to listen for, from the tenant's policy.
    #[arg(long)]
    pub purpose: PurposeName,
    /// Why, in words of at most 4,096 bytes; sealed, and kept in the ledger by its commitment.
    #[arg(long, value_parser = reason)]
    pub reason: String,
    /// The use: replay, review, rights, legal_claim or authority.
    #[arg(long = "use", default_value = "replay", value_parser = reader_use)]
    pub use_: Use,
    /// From this position (`h:mm:ss.mmm`, `m:ss.mmm` or seconds).
    #[arg(long, conflicts_with = "mark")]
    pub from: Option<String>,
    /// Up to this position.
    #[arg(long, conflicts_with = "mark")]
    pub to: Option<String>,
    /// The stretch of this mark, as a clip.
    #[arg(long, value_parser = filled)]
    pub mark: Option<String>,
    /// Only this leg; may be repeated.
    #[arg(long)]
    pub leg: Vec<u32>,
    /// What covers a legal claim or an authority's use: a hold's id, or an order's reference.
    #[arg(long, value_parser = filled)]
    pub reference: Option<String>,
    /// WAV file to write.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// Who a consent command is about.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Person {
    /// Subject id.
    #[arg(long)]
    pub subject: Option<SubjectId>,
    /// Phone number (E.164).
    #[arg(long, value_parser = filled)]
    pub phone: Option<String>,
    /// CRM id.
    #[arg(long, value_parser = filled)]
    pub crm: Option<String>,
    /// E-mail address.
    #[arg(long, value_parser = filled)]
    pub email: Option<String>,
    /// An agent's id at the tenant.
    #[arg(long, value_name = "ID", value_parser = filled)]
    pub employee: Option<String>,
}

/// `verbale consent`.
#[derive(Debug, Subcommand)]
pub enum ConsentCommand {
    /// A person's consent, with its history.
    Show {
        /// Who.
        #[command(flatten)]
        person: Person,
    },
    /// Record that a person gave consent in writing or by another channel.
    Give {
        /// Who.
        #[command(flatten)]
        person: Person,
        /// For which purposes.
        #[arg(long, required = true)]
        purpose: Vec<PurposeName>,
        /// On which notice of the policy.
        #[arg(long, value_parser = filled)]
        notice: String,
        /// How it was expressed.
        #[arg(long, value_enum)]
        by: Expression,
    },
    /// Record that a person withdrew it; needs no reason and no document.
    Withdraw {
        /// Who.
        #[command(flatten)]
        person: Person,
        /// For which purposes.
        #[arg(long, required = true)]
        purpose: Vec<PurposeName>,
        /// For one recording only.
        #[arg(long)]
        recording: Option<RecordingId>,
        /// How it was expressed.
        #[arg(long, value_enum, default_value_t = Expression::Written)]
        by: Expression,
    },
}

/// How a person expressed themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Expression {
    /// A key press.
    Dtmf,
    /// Spoken.
    Voice,
    /// In an app.
    App,
    /// On a web page.
    Web,
    /// In writing.
    Written,
    /// An agent says so.
    Agent,
}

/// `verbale audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// The newest entries.
    Tail {
        /// How many.
        #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        lines: u32,
    },
    /// Entries by object, subject, actor, action, time.
    Query(AuditQuery),
    /// Prove that one entry is in the ledger.
    Prove {
        /// The entry's event id.
        id: EventId,
    },
    /// Recompute every log from its tiles and entries.
    Verify,
}

/// `verbale audit query`.
#[derive(Debug, Clone, Args)]
pub struct AuditQuery {
    /// Such as `recording/<id>`; an id alone is a recording's.
    #[arg(long, value_parser = filled)]
    pub object: Option<String>,
    /// A subject.
    #[arg(long)]
    pub subject: Option<SubjectId>,
    /// An account.
    #[arg(long, value_parser = filled)]
    pub actor: Option<String>,
    /// Such as `recording.replayed`.
    #[arg(long, value_parser = filled)]
    pub action: Option<String>,
    /// Not before (RFC 3339).
    #[arg(long)]
    pub from: Option<String>,
    /// Before (RFC 3339).
    #[arg(long)]
    pub to: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// `verbale policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check a policy file; every error has its line.
    Check {
        /// The policy's YAML.
        file: PathBuf,
    },
    /// Say in words what a policy means.
    Explain {
        /// The policy's YAML.
        file: PathBuf,
    },
}

/// `verbale trust`.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Print the signing roots' and ledger's public keys.
    Export {
        /// Write to this file instead.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// `verbale verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Directory of objects, as it lies in the data directory (`DATA/objects`) or in a copy of it.
    pub directory: PathBuf,
    /// What `trust export` printed.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
}

/// `verbale token`.
#[derive(Debug, Clone, Args)]
pub struct TokenArgs {
    /// Role; may be repeated.
    #[arg(long, required = true)]
    pub role: Vec<Role>,
    /// Account id of the bearer; never a person's name.
    #[arg(long, default_value = "local")]
    pub subject: String,
    /// Valid for so many minutes, at most a day.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1_440))]
    pub minutes: u32,
}

/// `verbale certs`.
#[derive(Debug, Subcommand)]
pub enum CertsCommand {
    /// Make a development certificate authority, a certificate per role and one for clients.
    Dev(CertsDevArgs),
}

/// `verbale certs dev`.
#[derive(Debug, Clone, Args)]
pub struct CertsDevArgs {
    /// Directory to write to; nothing in it is overwritten.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// A name or IP address under which roles are called, beside the loopback's; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Roles, comma-separated; all where not given.
    #[arg(long, value_delimiter = ',')]
    pub roles: Vec<String>,
    /// The SPIFFE trust domain of the names in the certificates.
    #[arg(long, default_value = "verbale.example")]
    pub trust_domain: String,
    /// Where all of them are there already, keep them; for something that runs at every start.
    #[arg(long)]
    pub keep: bool,
}

/// `verbale config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the configuration in force, secrets redacted.
    ///
    /// A key has its default, or what the file of --config says, or the environment as VERBALE__SECTION__KEY, or
    /// --set section.key=value; what comes later in this list wins. VERBALE__SERVER__LISTEN is server.listen. An unknown
    /// key is an error in each of them. Comments at the end name the keys that are not set.
    ///
    /// Of an engine's URL that the engine refuses only the scheme is shown, of other URLs no user or password.
    Dump,
    /// Say what is wrong with it.
    Check,
}

/// One word, as it goes into a header.
fn token(text: &str) -> Result<Token, String> {
    let legal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if legal { Ok(Token::new(text)) } else { Err("must be one word of printable characters".to_owned()) }
}

/// Times real time: finite and not negative.
fn speed(text: &str) -> Result<f64, String> {
    let speed: Option<f64> = text.parse().ok();
    speed.filter(|s| s.is_finite() && *s >= 0.0).ok_or_else(|| "must be a number from 0 on".to_owned())
}

/// Something: an empty text means nothing, or something else, to the mesh.
fn filled(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// What somebody may want audio for; a probe, verbale's own check, opens it for nobody.
fn reader_use(text: &str) -> Result<Use, String> {
    let open = || Use::ALL.iter().copied().filter(|wanted| *wanted != Use::Probe);
    open().find(|wanted| wanted.as_str() == text).ok_or_else(|| {
        let legal: Vec<_> = open().map(Use::as_str).collect();
        format!("must be one of {}", legal.join(", "))
    })
}

/// As long as the mesh takes.
fn reason(text: &str) -> Result<String, String> {
    match text.len() {
        1..=MAX_REASON => Ok(text.to_owned()),
        length => Err(format!("must have 1 to {MAX_REASON} bytes, has {length}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_use_that_nobody_may_claim_is_not_offered() {
        let parse = |wanted: &str| {
            let id = RecordingId::new();
            let line = format!("verbale replay {id} --purpose quality --reason x -o x --use {wanted}");
            Cli::try_parse_from(line.split(' '))
        };
        assert!(parse("legal_claim").is_ok());
        let refused = parse("probe").unwrap_err().to_string();
        let legal = "must be one of replay, review, rights, legal_claim, authority\n";
        assert!(refused.contains(legal), "{refused}");
    }

    #[test]
    fn an_empty_text_is_refused_where_it_would_mean_something_else() {
        let id = RecordingId::new().to_string();
        let hold =
            ["hold", "place", "--kind", "litigation", "--recording", &id, "--review", "2027-01-01T00:00:00Z"];
        let order = ["erasure", "order", "--recording", &id];
        let check = |command: &[&str], option: &str| {
            for (empty, is_read) in [("", false), (" ", false), ("x", true)] {
                let line = [&["verbale"][..], command, &[option, empty]].concat();
                let read = Cli::try_parse_from(&line);
                assert_eq!(read.is_ok(), is_read, "{line:?}");
                assert!(read.err().is_none_or(|error| error.to_string().contains("must not be empty")));
            }
        };
        check(&["retention", "sweep"], "--agree");
        check(&hold, "--reason");
        check(&order, "--reason");
        check(&["erasure", "order", "--reason", "art-17-1-d"], "--phone");
        check(&["recordings", "list"], "--correlation");
        check(&["audit", "query"], "--actor");
    }

    #[test]
    fn the_form_of_environment_names_is_in_the_help() {
        let mut cli = Cli::command();
        let config = cli.find_subcommand_mut("config").unwrap();
        let help = config.find_subcommand_mut("dump").unwrap().render_long_help().to_string();
        assert!(help.contains("VERBALE__SECTION__KEY"), "{help}");
    }
}
