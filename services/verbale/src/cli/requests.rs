//! `verbale request`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kernel::{RecordingId, RequestId, SubjectId};
use policy::code::Code;
use policy::deadline::{self, Region};
use policy::request::{Channel, Evidence, Ground, Proof};
use policy::rights::{Gate, Reason, Right};

use super::{Person, filled, reason};

/// The languages of answers.
const LANGUAGES: [&str; 2] = ["en", "it"];

/// `verbale request`.
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// Take a person's request in: its time runs from then on, and what it is about is held.
    Open(Box<OpenRequestArgs>),
    /// Show one: how far it is, until when it must be answered, what was done.
    Show {
        /// Request id.
        id: RequestId,
    },
    /// List requests, newest first; with --open or --subject oldest first.
    List {
        /// Only those that are not closed.
        #[arg(long)]
        open: bool,
        /// Only this person's.
        #[arg(long)]
        subject: Option<SubjectId>,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Say what was shown, or was not, of who asks.
    Identify(IdentifyArgs),
    /// Give it two months more, once, after the person was told why (GDPR Art. 12(3)).
    Extend {
        /// Request id.
        id: RequestId,
        /// Why: complexity or number.
        #[arg(long)]
        reason: deadline::Reason,
        /// When the notice of it was delivered to the person (RFC 3339).
        #[arg(long, value_name = "DATE-TIME")]
        notice: String,
    },
    /// Say that a request belongs together with another one.
    Link(LinkRequestArgs),
    /// Say whose the calls of a line are that several people use: until that is said of each, nothing is planned.
    Confirm(ConfirmArgs),
    /// Find what is kept of the person, and what the rules say of each artefact.
    ///
    /// The plan is frozen: people decide on it by its name, and a plan that has changed has another one.
    Plan {
        /// Request id.
        id: RequestId,
        /// Find and show, and keep nothing of it.
        #[arg(long)]
        dry_run: bool,
    },
    /// The frozen plan's items, with what was decided and what was done.
    Items {
        /// Request id.
        id: RequestId,
    },
    /// Decide on items of the plan: what the rules say of them, once what was found is taken into account.
    Decide(Box<DecideArgs>),
    /// Agree, as another person, to the decisions of a plan, or send them back.
    Approve {
        /// Request id.
        id: RequestId,
        /// The plan that was seen.
        #[arg(long, value_name = "NAME", value_parser = filled)]
        plan: String,
        /// No: what needs a second person is decided again.
        #[arg(long)]
        reject: bool,
    },
    /// Do what was decided, as far as it goes now. The mesh does so by itself, too.
    Execute {
        /// Request id.
        id: RequestId,
        /// Wait until it waits for somebody, or is answered.
        #[arg(long)]
        wait: bool,
    },
    /// Say that items were done by hand, where the mesh cannot: a correction; a statement that was filed, which is then
    /// attached to its recordings.
    Done {
        /// Request id.
        id: RequestId,
        /// The plan that was seen.
        #[arg(long, value_name = "NAME", value_parser = filled)]
        plan: String,
        /// An item's key, as `items` has it; may be repeated.
        #[arg(long, value_name = "KEY", required = true, value_parser = filled)]
        item: Vec<String>,
        /// Under which reference that is filed, a code.
        #[arg(long, value_name = "CODE")]
        filed: Code,
    },
    /// End what the request has restricted, once the person was told that it will end (GDPR Art. 18(3)).
    Lift {
        /// Request id.
        id: RequestId,
        /// When the notice of it was delivered to the person (RFC 3339).
        #[arg(long, value_name = "DATE-TIME")]
        notice: String,
    },
    /// The answer as a letter; with --delivered, that this letter was delivered, which closes the request.
    Answer(AnswerArgs),
    /// The copy, as a ZIP file that a person opens in a browser. It is made now and kept nowhere else.
    Package(PackageArgs),
    /// Who asked takes the request back.
    TakeBack {
        /// Request id.
        id: RequestId,
    },
    /// Verify a package offline, from its file alone: that it is as it was signed, each file of it.
    Verify(VerifyPackageArgs),
}

/// `verbale request open`.
#[derive(Debug, Clone, Args)]
pub struct OpenRequestArgs {
    /// About whom.
    #[command(flatten)]
    pub person: Person,
    /// What is asked: access, rectify, erase, restrict, port, object, object-marketing or withdraw; may be
    /// repeated.
    #[arg(long, required = true)]
    pub right: Vec<Right>,
    /// How it came: call, phone, letter, email, web, app, in-person or other. Where not given, call with
    /// --call, and else other.
    #[arg(long)]
    pub channel: Option<Channel>,
    /// Somebody asks for the person.
    #[arg(long)]
    pub representative: bool,
    /// When it was received (RFC 3339); with the call, or now, where not given.
    #[arg(long, value_name = "DATE-TIME")]
    pub received: Option<String>,
    /// The recording in which it was said.
    #[arg(long, value_name = "ID")]
    pub call: Option<RecordingId>,
    /// Where in it (`h:mm:ss.mmm`, `m:ss.mmm` or seconds).
    #[arg(long, requires = "call")]
    pub position: Option<String>,
    /// A region whose holidays count, such as DE-BY; the whole country's where not given.
    #[arg(long)]
    pub region: Option<Region>,
    /// Of the answer; the country's where not given.
    #[arg(long, value_parser = LANGUAGES)]
    pub language: Option<String>,
    /// Request id, by which a repetition is known; drawn where not given.
    #[arg(long)]
    pub id: Option<RequestId>,
}

/// `verbale request identify`.
#[derive(Debug, Clone, Args)]
pub struct IdentifyArgs {
    /// Request id.
    pub id: RequestId,
    /// What was shown, or was not.
    #[command(flatten)]
    pub showing: Showing,
    /// A right that the authority covers; may be repeated.
    #[arg(long, requires = "authority", conflicts_with_all = ["proved", "wrong", "verified", "doubted", "answered", "failed"])]
    pub right: Vec<Right>,
}

/// What was shown of who asks, or was not.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Showing {
    /// This was shown: session, one-time-code, call-knowledge, human.
    #[arg(long, value_name = "WHAT")]
    pub proved: Option<Proof>,
    /// A wrong code or answer to this; five of them lock the request.
    #[arg(long, value_name = "WHAT")]
    pub wrong: Option<Proof>,
    /// Enough was shown for every right.
    #[arg(long)]
    pub verified: bool,
    /// More was asked for.
    #[arg(long)]
    pub doubted: bool,
    /// They have answered.
    #[arg(long)]
    pub answered: bool,
    /// It could not be shown that they are the person.
    #[arg(long)]
    pub failed: bool,
    /// They act for the person, by a mandate that is filed under this reference; with --right.
    #[arg(long, value_name = "CODE", requires = "right")]
    pub authority: Option<Code>,
}

/// `verbale request link`.
#[derive(Debug, Clone, Args)]
pub struct LinkRequestArgs {
    /// Request id.
    pub id: RequestId,
    /// How it belongs together with another one.
    #[command(flatten)]
    pub linked: LinkedRequest,
}

/// How a request belongs together with another one.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct LinkedRequest {
    /// It asks the same as this one. Each of them is answered.
    #[arg(long, value_name = "REQUEST")]
    pub duplicate_of: Option<RequestId>,
    /// This one is answered with it: both are verified, and of one person.
    #[arg(long, value_name = "REQUEST")]
    pub merge: Option<RequestId>,
    /// This one is not of the same person after all. Each is answered for itself again.
    #[arg(long, value_name = "REQUEST")]
    pub unmerge: Option<RequestId>,
}

/// `verbale request confirm`.
#[derive(Debug, Clone, Args)]
pub struct ConfirmArgs {
    /// Request id.
    pub id: RequestId,
    /// Recordings of calls that are the person's.
    #[arg(long, value_name = "RECORDING", num_args = 1.., required_unless_present = "not_theirs")]
    pub theirs: Vec<RecordingId>,
    /// Recordings of calls that are somebody else's: of these nothing is told, not even that they exist.
    #[arg(long, value_name = "RECORDING", num_args = 1..)]
    pub not_theirs: Vec<RecordingId>,
}

/// `verbale request decide`.
#[derive(Debug, Clone, Args)]
pub struct DecideArgs {
    /// Request id.
    pub id: RequestId,
    /// The plan that was seen.
    #[arg(long, value_name = "NAME", value_parser = filled)]
    pub plan: String,
    /// An item's key, as `items` has it; may be repeated. Every item that is not decided where not given.
    #[arg(long, value_name = "KEY", value_parser = filled)]
    pub item: Vec<String>,
    /// What was found: clear, identity-failed, article-12-5, article-23, compelling, risk, no-ground.
    #[arg(long)]
    pub gate: Option<Gate>,
    /// Why Art. 12(5) is invoked, with --gate article-12-5: A12ManifestlyUnfounded or A12ManifestlyExcessive.
    #[arg(long, value_name = "REASON", requires = "evidence", requires = "filed")]
    pub excess: Option<Reason>,
    /// What shows that: count, unchanged, abusive-intent, extortion; may be repeated.
    #[arg(long, requires = "excess")]
    pub evidence: Vec<Evidence>,
    /// Under which reference that is filed, a code.
    #[arg(long, value_name = "CODE", requires = "excess")]
    pub filed: Option<Code>,
    /// The person does not need what they asked to be kept any more (GDPR Art. 18(1)(c)).
    #[arg(long)]
    pub waive_own_hold: bool,
    /// Others are heard there on the legs that --item names, so that a copy is silent: FROM-TO, such as 1:10-1:35; may be
    /// repeated (GDPR Art. 15(4)).
    #[arg(long, value_name = "FROM-TO", requires = "item", value_parser = filled)]
    pub others_heard: Vec<String>,
    /// On which ground the items that --item names are restricted: accuracy, unlawful, claims or objection (GDPR
    /// Art. 18(1)). What is needed for claims is also kept.
    #[arg(long, requires = "item")]
    pub ground: Option<Ground>,
    /// What is pending stays so while the request is answered, and is weighed on under this reference.
    #[arg(long, value_name = "CODE")]
    pub left: Option<Code>,
    /// Nothing is left to decide.
    #[arg(long)]
    pub complete: bool,
}

/// `verbale request answer`.
#[derive(Debug, Clone, Args)]
pub struct AnswerArgs {
    /// Request id.
    pub id: RequestId,
    /// In which language; the request's where not given.
    #[arg(long, value_parser = LANGUAGES)]
    pub language: Option<String>,
    /// Write the letter to this file instead.
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// This very letter was delivered.
    #[arg(long)]
    pub delivered: bool,
}

/// `verbale request package`.
#[derive(Debug, Clone, Args)]
pub struct PackageArgs {
    /// Request id.
    pub id: RequestId,
    /// ZIP file to write; only its owner may read it.
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Encrypt it for the holder of this age public key (age1...) while it is written; may be repeated.
    #[arg(long, value_name = "KEY", conflicts_with = "passphrase_file", value_parser = filled)]
    pub recipient: Vec<String>,
    /// Encrypt it with the passphrase in this file, of at least 12 characters: tell it the person another way.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Why, in words of at most 4,096 bytes; sealed, and kept in the ledger by its commitment.
    #[arg(long, value_parser = reason)]
    pub reason: String,
}

/// `verbale request verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyPackageArgs {
    /// The ZIP file, as `request package` wrote it.
    pub file: PathBuf,
    /// What `trust export` printed.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn read(line: &str) -> Result<Cli, String> {
        Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())
    }

    #[test]
    fn one_thing_is_shown_of_who_asks() {
        let id = RequestId::new();
        let check = |shown: &str, is_read: bool| {
            let line = format!("verbale request identify {id} {shown}");
            assert_eq!(read(line.trim_end()).is_ok(), is_read, "{shown}");
        };
        check("--proved session", true);
        check("--verified", true);
        check("--authority mandate-7 --right access --right erase", true);
        check("", false);
        check("--verified --failed", false);
        check("--authority mandate-7", false);
        check("--verified --right access", false);
        check("--proved passport", false);
    }

    #[test]
    fn a_request_is_about_somebody_and_asks_for_something() {
        let subject = SubjectId::new();
        let check = |words: &str, is_read: bool| {
            assert_eq!(read(&format!("verbale request open {words}")).is_ok(), is_read, "{words}");
        };
        check(&format!("--right access --subject {subject}"), true);
        check("--right access --right erase --phone +390612345678 --channel letter --language it", true);
        check("--right access", false);
        check(&format!("--subject {subject}"), false);
        check(&format!("--right access --subject {subject} --position 0:10"), false);
        check(&format!("--right access --subject {subject} --language fr"), false);
        let told = read(&format!("verbale request open --subject {subject} --right everything")).unwrap_err();
        assert!(told.contains("must be one of access, rectify"), "{told}");
    }

    #[test]
    fn a_restriction_is_not_lifted_without_a_notice() {
        let id = RequestId::new();
        assert!(read(&format!("verbale request lift {id} --notice 2026-03-02T09:00:00Z")).is_ok());
        assert!(read(&format!("verbale request lift {id}")).is_err());
    }

    #[test]
    fn a_request_is_linked_to_one_other_in_one_way() {
        let (id, other) = (RequestId::new(), RequestId::new());
        let check = |words: &str, is_read: bool| {
            let line = format!("verbale request link {id} {words}");
            assert_eq!(read(line.trim_end()).is_ok(), is_read, "{words}");
        };
        check(&format!("--duplicate-of {other}"), true);
        check(&format!("--merge {other}"), true);
        check(&format!("--unmerge {other}"), true);
        check("", false);
        check("--merge", false);
        check(&format!("--merge {other} --unmerge {other}"), false);
        check(&format!("--merge {other} {id}"), false);
    }

    #[test]
    fn calls_are_the_person_s_or_somebody_else_s() {
        let (id, call, other) = (RequestId::new(), RecordingId::new(), RecordingId::new());
        let check = |words: &str, is_read: bool| {
            let line = format!("verbale request confirm {id} {words}");
            assert_eq!(read(line.trim_end()).is_ok(), is_read, "{words}");
        };
        check(&format!("--theirs {call} {other}"), true);
        check(&format!("--theirs {call} --theirs {other}"), true);
        check(&format!("--theirs {call} --not-theirs {other}"), true);
        check(&format!("--not-theirs {call} {other}"), true);
        check("", false);
        check("--theirs", false);
        check("--theirs anna", false);
    }

    #[test]
    fn what_is_found_excessive_is_proven() {
        let id = RequestId::new();
        let check = |words: &str, is_read: bool| {
            let line = format!("verbale request decide {id} --plan p {words}");
            assert_eq!(read(line.trim_end()).is_ok(), is_read, "{words}");
        };
        check("", true);
        check("--item a/b --item c/d --complete", true);
        let proven =
            "--gate article-12-5 --excess A12ManifestlyExcessive --evidence unchanged --filed case-7";
        check(proven, true);
        check("--excess A12ManifestlyExcessive", false);
        check("--item a/b --others-heard 1:10-1:35 --others-heard 100-101.5", true);
        check("--others-heard 1:10-1:35", false);
        check("--item a/b --ground claims", true);
        check("--ground claims", false);
        check("--evidence unchanged", false);
    }
}
