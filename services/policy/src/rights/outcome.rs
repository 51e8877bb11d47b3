//! What a question may come to, and the reasons that may be given.

use crate::words::words;

words! {
    /// What is to be done. What it takes beside that (a copy that is restricted, an erasure that is armed, whoever is
    /// told) belongs to the rule: see [`RuleId`](super::RuleId).
    Outcome {
        /// Give it, whole.
        GrantFull = 1 "grant-full",
        /// Give it without what would impair others.
        GrantRedacted = 2 "grant-redacted",
        /// Make a new version that is right.
        Correct = 3 "correct",
        /// Leave it as it is and attach the person's statement.
        Annotate = 4 "annotate",
        /// Erase it now.
        Erase = 5 "erase",
        /// Leave it to expire with its backup, and erase again whatever is restored from that.
        EraseByExpiry = 6 "erase-by-expiry",
        /// Restrict it now, and erase it by itself as soon as what forbids that is over.
        DeferRestrict = 7 "defer-restrict",
        /// Store it and do nothing else with it.
        Restrict = 8 "restrict",
        /// Stop the purpose.
        StopPurpose = 9 "stop-purpose",
        /// Keep it as a proof, for as long as its own period runs.
        RetainMinimal = 10 "retain-minimal",
        /// Do not do it, and say why.
        Refuse = 11 "refuse",
        /// The right does not reach it; say so.
        NotApplicable = 12 "not-applicable",
        /// The person who asks must choose first.
        PendingSubject = 13 "pending-subject",
        /// Somebody must weigh interests first.
        PendingBalance = 14 "pending-balance",
        /// Make a copy that others can be left with (spans redacted, or a derivative), then erase the original.
        EraseRedacting = 15 "erase-redacting",
    }
}

impl Outcome {
    /// Whether nothing of the original is left. What expires with its backup is left until then.
    pub fn erases(self) -> bool {
        match self {
            Self::Erase | Self::EraseRedacting => true,
            Self::GrantFull
            | Self::GrantRedacted
            | Self::Correct
            | Self::Annotate
            | Self::EraseByExpiry
            | Self::DeferRestrict
            | Self::Restrict
            | Self::StopPurpose
            | Self::RetainMinimal
            | Self::Refuse
            | Self::NotApplicable
            | Self::PendingSubject
            | Self::PendingBalance => false,
        }
    }

    /// Whether a second person must approve of it: what erases, refuses or redacts. That holds for backups too,
    /// where what is restored is erased again and nobody is asked any more.
    pub fn needs_second_person(self) -> bool {
        match self {
            Self::Erase | Self::EraseRedacting | Self::EraseByExpiry | Self::Refuse | Self::GrantRedacted => {
                true
            }
            Self::GrantFull
            | Self::Correct
            | Self::Annotate
            | Self::DeferRestrict
            | Self::Restrict
            | Self::StopPurpose
            | Self::RetainMinimal
            | Self::NotApplicable
            | Self::PendingSubject
            | Self::PendingBalance => false,
        }
    }
}

words! {
    /// Why, by the code of the Data Privacy Vocabulary: `A12` and `A17` stand for its justifications of these
    /// articles of the GDPR, the rest are its general ones.
    Reason {
        /// Art. 12(2) and (6): who asks could not be shown to be that person.
        A12IdentityFailure = 1 "A12IdentityFailure",
        /// Art. 12(5): the request is manifestly excessive.
        A12ManifestlyExcessive = 2 "A12ManifestlyExcessive",
        /// Art. 12(5): the request is manifestly unfounded.
        A12ManifestlyUnfounded = 3 "A12ManifestlyUnfounded",
        /// Art. 17(1)(d): it was processed unlawfully.
        A17UnlawfulProcessing = 4 "A17UnlawfulProcessing",
        /// Art. 17(3)(e): it is needed for legal claims.
        A17LegalClaims = 5 "A17LegalClaims",
        /// Art. 17(3)(b): the law requires it.
        A17LegallyRequired = 6 "A17LegallyRequired",
        /// Art. 15(4): the rights of others would be impaired.
        ThirdPartyRightsImpaired = 7 "ThirdPartyRightsImpaired",
        /// Art. 21(1): compelling legitimate grounds override the person's interests.
        LegitimateInterestOverride = 8 "LegitimateInterestOverride",
    }
}
