//! The six axes of the matrix. A number or a word that was given is never given again: decisions are kept.

use crate::words::words;

words! {
    /// What a person may ask for.
    Right {
        /// To have a copy.
        Access = 1 "access",
        /// To have what is wrong put right.
        Rectify = 2 "rectify",
        /// To have it erased.
        Erase = 3 "erase",
        /// To have it stored and nothing else done with it.
        Restrict = 4 "restrict",
        /// To have what they provided in a form that machines read.
        Port = 5 "port",
        /// To object to a public task or a legitimate interest.
        Object = 6 "object",
        /// To object to direct marketing.
        ObjectMarketing = 7 "object-marketing",
        /// To take a consent back.
        Withdraw = 8 "withdraw",
    }
}

impl Right {
    /// The article of the GDPR that gives it.
    pub fn article(self) -> &'static str {
        match self {
            Self::Access => "Art. 15",
            Self::Rectify => "Art. 16",
            Self::Erase => "Art. 17",
            Self::Restrict => "Art. 18",
            Self::Port => "Art. 20",
            Self::Object => "Art. 21(1)",
            Self::ObjectMarketing => "Art. 21(2)",
            Self::Withdraw => "Art. 7(3)",
        }
    }
}

words! {
    /// What kind of data an artefact is.
    Category {
        /// The audio of one party.
        AudioLeg = 1 "audio-leg",
        /// Audio in which the parties are mixed.
        AudioMix = 2 "audio-mix",
        /// What was said, as text.
        Transcript = 3 "transcript",
        /// What is known of the call without opening its audio.
        CallMetadata = 4 "call-metadata",
        /// The messages that set the call up and ended it.
        Signalling = 5 "signalling",
        /// Keys that were pressed.
        Dtmf = 6 "dtmf",
        /// A recording of an agent's screen.
        Screen = 7 "screen",
        /// What an agent wrote down.
        AgentNote = 8 "agent-note",
        /// Scores, summaries and whatever else was computed.
        Derived = 9 "derived",
        /// A template that tells a voice from others.
        Voiceprint = 10 "voiceprint",
        /// Entries of a search index.
        SearchIndex = 11 "search-index",
        /// Vectors that were computed of a text or audio.
        Embedding = 12 "embedding",
        /// The proof that somebody consented.
        ConsentEvidence = 13 "consent-evidence",
        /// Who has opened what.
        AccessLog = 14 "access-log",
        /// The file of a person's request.
        DsarFile = 15 "dsar-file",
        /// A copy in a backup.
        BackupCopy = 16 "backup-copy",
    }
}

words! {
    /// What a purpose rests on for an artefact, and whether that still stands.
    BasisState {
        /// Consent that stands.
        ConsentLive = 1 "consent-live",
        /// Consent that was withdrawn, has expired or was invalid.
        ConsentGone = 2 "consent-gone",
        /// Explicit consent to data of a special category, Art. 9(2)(a).
        Explicit9a = 3 "explicit-9a",
        /// A contract that runs.
        ContractRunning = 4 "contract-running",
        /// A contract that has ended.
        ContractEnded = 5 "contract-ended",
        /// A legal obligation whose period runs.
        DutyRunning = 6 "duty-running",
        /// A legal obligation whose period is over.
        DutyEnded = 7 "duty-ended",
        /// Somebody's vital interest.
        VitalInterest = 8 "vital-interest",
        /// A public task.
        PublicTask = 9 "public-task",
        /// A legitimate interest.
        LegitimateInterest = 10 "legitimate-interest",
        /// No basis was ever recorded.
        None = 11 "none",
    }
}

words! {
    /// What forbids to erase an artefact. Of several, one that the person who asks cannot lift counts first, as E3
    /// comes before E4.
    HoldState {
        /// Nothing does.
        None = 1 "none",
        /// Legal claims.
        Litigation = 2 "litigation",
        /// An authority.
        Regulator = 3 "regulator",
        /// The person who asks needs it for a claim of their own, Art. 18(1)(c).
        Subject18c = 4 "subject-18c",
        /// A request of somebody else that is not answered yet, or their hold under Art. 18(1)(c).
        OtherDsar = 5 "other-dsar",
    }
}

words! {
    /// How the person who asks appears in an artefact.
    Presence {
        /// Nobody else does.
        Oneself = 1 "self",
        /// In their own call, with an agent.
        Dialog = 2 "dialog",
        /// Among others who are no part of that: a bystander or another customer can be heard.
        Third = 3 "third",
        /// Others only speak about them.
        Mentioned = 4 "mentioned",
        /// Not at all.
        Absent = 5 "absent",
    }
}

words! {
    /// What was found about a request. Each takes a person, and most of them an approval.
    Gate {
        /// Nothing that is in its way.
        Clear = 1 "clear",
        /// Who asks could not be shown to be that person.
        IdentityFailed = 2 "identity-failed",
        /// Shown to be manifestly unfounded or excessive, Art. 12(5).
        Article12 = 3 "article-12-5",
        /// A restriction by law (Art. 23), a privilege, or a ban on tipping off may apply.
        Article23 = 4 "article-23",
        /// Compelling legitimate grounds were approved, Art. 21(1).
        Compelling = 5 "compelling",
        /// An answer in full would endanger the agent.
        Risk = 6 "risk",
        /// Asked for a ground, the person gave none that Art. 18(1) knows.
        NoGround = 7 "no-ground",
    }
}
