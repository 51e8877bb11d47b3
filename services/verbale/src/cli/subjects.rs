//! `verbale subject`.

use clap::{Args, Subcommand};
use kernel::SubjectId;
use policy::code::Code;

use super::filled;

/// `verbale subject`.
#[derive(Debug, Subcommand)]
pub enum SubjectCommand {
    /// What a subject is known by, without values, and who else is the same person.
    Show(Whom),
    /// Ask that two subjects be one person, or two again; or agree to it, as another person on the same
    /// evidence.
    ///
    /// Nothing is moved by it: keys, consent and recordings stay whose they were.
    Link(LinkArgs),
    /// Ask that two subjects be one person, or agree to it: as `link --merge`.
    Merge(PairArgs),
    /// Ask that they be two again, or agree to it: as `link --unmerge`.
    Unmerge(PairArgs),
    /// Give a number, or another identifier, to somebody new from a moment on. Whoever has it keeps it
    /// before.
    Reassign {
        /// Which.
        #[command(flatten)]
        named: Named,
        /// From when on (RFC 3339); not in the future.
        #[arg(long, value_name = "DATE-TIME")]
        from: String,
    },
    /// Say that several people use a line, such as a switchboard's number.
    Shared {
        /// Which.
        #[command(flatten)]
        named: Named,
        /// They do not.
        #[arg(long)]
        off: bool,
    },
}

/// A subject, by id or by what it is known by.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Whom {
    /// Subject id.
    pub id: Option<SubjectId>,
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

/// What somebody is known by.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Named {
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

/// `verbale subject link`.
#[derive(Debug, Clone, Args)]
pub struct LinkArgs {
    /// Subject id.
    pub a: SubjectId,
    /// The other subject's id.
    pub b: SubjectId,
    /// What is found of them.
    #[command(flatten)]
    pub act: LinkAct,
    /// Under which reference the evidence is filed, a code.
    #[arg(long, value_name = "CODE")]
    pub evidence: Code,
}

/// `verbale subject merge` and `unmerge`.
#[derive(Debug, Clone, Args)]
pub struct PairArgs {
    /// Subject id.
    pub a: SubjectId,
    /// The other subject's id.
    pub b: SubjectId,
    /// Under which reference the evidence is filed, a code.
    #[arg(long, value_name = "CODE")]
    pub evidence: Code,
}

/// What is found of two subjects.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct LinkAct {
    /// They are one person.
    #[arg(long)]
    pub merge: bool,
    /// They are two after all.
    #[arg(long)]
    pub unmerge: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn check(words: &str, is_read: bool) {
        let line = format!("verbale subject {words}");
        let read = Cli::try_parse_from(line.split(' '));
        assert_eq!(read.is_ok(), is_read, "{line}");
    }

    #[test]
    fn a_subject_is_named_in_one_way() {
        let id = SubjectId::new();
        check(&format!("show {id}"), true);
        check("show --phone +390612345678", true);
        check("show --employee agent-101", true);
        check("show", false);
        check("show anna", false);
        check(&format!("show {id} --phone +390612345678"), false);
        check("show --crm T-1 --email anna@example.org", false);
    }

    #[test]
    fn a_link_says_one_thing_of_two_subjects_on_evidence() {
        let (a, b) = (SubjectId::new(), SubjectId::new());
        check(&format!("link {a} {b} --merge --evidence case/2026-7"), true);
        check(&format!("link {a} {b} --unmerge --evidence case/2026-7"), true);
        check(&format!("link {a} {b} --evidence case/2026-7"), false);
        check(&format!("link {a} {b} --merge --unmerge --evidence case/2026-7"), false);
        check(&format!("link {a} {b} --merge"), false);
        check(&format!("link {a} {b} --merge --evidence anna@example.org"), false);
        check(&format!("link {a} --merge --evidence case/2026-7"), false);
        for word in ["merge", "unmerge"] {
            check(&format!("{word} {a} {b} --evidence case/2026-7"), true);
            check(&format!("{word} {a} {b}"), false);
            check(&format!("{word} {a} --evidence case/2026-7"), false);
            check(&format!("{word} {a} {b} --merge --evidence case/2026-7"), false);
        }
    }

    #[test]
    fn what_is_given_on_or_shared_is_an_identifier() {
        let id = SubjectId::new();
        check("reassign --phone +390612345678 --from 2025-06-01T00:00:00Z", true);
        check("reassign --phone +390612345678", false);
        check("reassign --from 2025-06-01T00:00:00Z", false);
        check(&format!("reassign {id} --from 2025-06-01T00:00:00Z"), false);
        check("shared --phone +390612345678", true);
        check("shared --phone +390612345678 --off", true);
        check("shared --off", false);
    }

    #[test]
    fn consent_and_requests_and_erasures_are_an_agent_s_too() {
        for words in [
            "consent show --employee agent-101",
            "request open --right access --employee agent-101",
            "erasure order --reason art-17-1-d --employee agent-101",
        ] {
            let line = format!("verbale {words}");
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
            let both = format!("{line} --phone +390612345678");
            assert!(Cli::try_parse_from(both.split(' ')).is_err(), "{both}");
        }
    }
}
