//! `verbale disclosure`.

use clap::{Args, Subcommand, ValueEnum};
use kernel::{DisclosureId, EventId, PurposeName, RecordingId};
use policy::code::Code;

/// `verbale disclosure`.
#[derive(Debug, Subcommand)]
pub enum DisclosureCommand {
    /// Note that somebody outside got something of a recording.
    ///
    /// It is told in the copies of everybody on it (GDPR Art. 15(1)(c)), and the recipient is to be told of each erasure,
    /// restriction and correction from then on (Art. 19). An authority that gets it in a particular inquiry is no recipient
    /// (Art. 4(9)): what must stay secret is not noted here. Copies that people ask for are noted by themselves.
    Record(RecordDisclosureArgs),
    /// Who got something of a recording, or who is still to be told of something; with what they were told.
    List(ListDisclosuresArgs),
    /// Say what came of telling a recipient. Until somebody does, it is published again and again.
    Answer(AnswerNoticeArgs),
}

/// `verbale disclosure record`.
#[derive(Debug, Clone, Args)]
pub struct RecordDisclosureArgs {
    /// Of this recording.
    #[arg(long, value_name = "ID")]
    pub recording: RecordingId,
    /// Who got it: a code such as stt-vendor, never a person's name.
    #[arg(long, value_name = "CODE")]
    pub recipient: Code,
    /// For which purpose.
    #[arg(long)]
    pub purpose: Option<PurposeName>,
    /// Under which reference that is filed, a code.
    #[arg(long, value_name = "CODE")]
    pub filed: Code,
    /// When (RFC 3339); now where not given.
    #[arg(long, value_name = "DATE-TIME")]
    pub at: Option<String>,
    /// Disclosure id, by which a repetition is known; drawn where not given.
    #[arg(long)]
    pub id: Option<DisclosureId>,
}

/// `verbale disclosure list`.
#[derive(Debug, Clone, Args)]
pub struct ListDisclosuresArgs {
    /// Which.
    #[command(flatten)]
    pub which: WhichDisclosures,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// Which disclosures are listed.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct WhichDisclosures {
    /// Those of this recording.
    #[arg(long, value_name = "ID")]
    pub recording: Option<RecordingId>,
    /// Those whose recipients are still to be told of something.
    #[arg(long)]
    pub unanswered: bool,
}

/// `verbale disclosure answer`.
#[derive(Debug, Clone, Args)]
pub struct AnswerNoticeArgs {
    /// Disclosure id.
    pub id: DisclosureId,
    /// The act that the recipient was to be told of, as `list` has it: an erasure, a hold or a request.
    #[arg(long, value_name = "ID")]
    pub act: EventId,
    /// What came of it.
    #[arg(long, value_enum)]
    pub state: Told,
    /// Under which reference that is filed; of what failed or is impossible why. A code.
    #[arg(long, value_name = "CODE", required_if_eq_any = [("state", "failed"), ("state", "impossible")])]
    pub filed: Option<Code>,
}

/// What came of telling a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Told {
    /// The recipient knows.
    Acknowledged,
    /// They could not be told this time; it is published again.
    Failed,
    /// They cannot be told, or only with disproportionate effort.
    Impossible,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn check(words: &str, is_read: bool) {
        let line = format!("verbale disclosure {words}");
        assert_eq!(Cli::try_parse_from(line.split(' ')).is_ok(), is_read, "{words}");
    }

    #[test]
    fn a_disclosure_names_its_recording_its_recipient_and_where_it_is_filed() {
        let id = RecordingId::new();
        check(&format!("record --recording {id} --recipient stt-vendor --filed contract-7"), true);
        let whole = "--recipient consob --purpose quality --filed order-3 --at 2026-03-02T09:00:00Z";
        check(&format!("record --recording {id} {whole}"), true);
        check("record --recipient stt-vendor --filed contract-7", false);
        check(&format!("record --recording {id} --filed contract-7"), false);
        check(&format!("record --recording {id} --recipient stt-vendor"), false);
        check(&format!("record --recording {id} --recipient a@b.it --filed contract-7"), false);
    }

    #[test]
    fn a_recording_s_are_listed_or_the_unanswered_ones() {
        let id = RecordingId::new();
        check(&format!("list --recording {id}"), true);
        check("list --unanswered", true);
        check("list", false);
        check(&format!("list --recording {id} --unanswered"), false);
    }

    #[test]
    fn what_was_not_told_says_why() {
        let (id, act) = (DisclosureId::new(), EventId::new());
        let answer = |rest: &str, is_read: bool| check(&format!("answer {id} --act {act} {rest}"), is_read);
        answer("--state acknowledged", true);
        answer("--state failed --filed smtp-550", true);
        answer("--state impossible --filed unknown-address", true);
        answer("--state failed", false);
        answer("--state impossible", false);
        answer("--state due", false);
    }
}
