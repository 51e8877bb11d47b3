//! What was decided and why, in English.

use policy::request::Ground;
use policy::rights::{Outcome, Reason, RuleId};

use crate::letter::phrases::{Kept, Missing, Progress};

pub(super) fn outcome(outcome: Outcome, progress: Progress) -> &'static str {
    match outcome {
        Outcome::GrantFull => progress.pick(
            "You have this data in full, in the package made for you.",
            "You will receive this data in full, in a package made for you.",
        ),
        Outcome::GrantRedacted => progress.pick(
            "You have this data in the package made for you, without some parts; the package names what \
             was left out.",
            "You will receive this data in a package made for you, without some parts; the package will \
             name what is left out.",
        ),
        Outcome::Correct => progress.pick("We have corrected this data.", "We will correct this data."),
        Outcome::Annotate => progress.pick(
            "We have left this data as it was recorded and attached your statement to it.",
            "We will leave this data as it was recorded and attach your statement to it.",
        ),
        Outcome::Erase => progress.pick(
            "We have erased this data; nobody can read it any more.",
            "We will erase this data, so that nobody can read it any more.",
        ),
        Outcome::EraseByExpiry => {
            "This data is erased when the backups that it lies in expire; until then nobody uses it."
        }
        Outcome::DeferRestrict => {
            "We cannot erase this data yet. For now it is only stored, and nothing else is done with it."
        }
        Outcome::Restrict => progress.pick(
            "We now only store this data and do nothing else with it.",
            "We will only store this data and do nothing else with it.",
        ),
        Outcome::StopPurpose => progress.pick(
            "We have stopped using your data for this purpose.",
            "We will stop using your data for this purpose.",
        ),
        Outcome::RetainMinimal => "We do not erase this data, but keep it as it is, as a proof.",
        Outcome::Refuse => progress.pick(
            "We have not done with this data what you asked.",
            "We do not mean to do with this data what you asked.",
        ),
        Outcome::NotApplicable => "This right does not extend to this data.",
        Outcome::PendingSubject => "We need your choice before we can go on.",
        Outcome::PendingBalance => {
            "Our data protection officer is still weighing what is to be done. You will hear from us about \
             it; you need not ask again."
        }
        Outcome::EraseRedacting => progress.pick(
            "We have made a copy without your part, and erased the original.",
            "We will make a copy without your part, and then erase the original.",
        ),
    }
}

pub(super) fn missing(missing: Missing, progress: Progress) -> &'static str {
    match missing {
        Missing::Package => progress.pick(
            "This voice is not in the package made for you, as it is another person's; the package names \
             it as left out.",
            "This voice will not be in the package made for you, as it is another person's; the package \
             will name it as left out.",
        ),
        Missing::Portable => progress.pick(
            "This voice is not in the part of the package that you can carry elsewhere, as it is another \
             person's.",
            "This voice will not be in the part of the package that you can carry elsewhere, as it is \
             another person's.",
        ),
    }
}

/// Of a log, what is told and what is not.
pub(super) const LOG_WITHOUT_NAMES: &str = "You are told when your data was opened, for which purpose and in \
                                            which role, but not the names of our staff.";

/// That consent ends by a withdrawal only.
pub(super) const CONSENT_STANDS: &str = "No consent is withdrawn by this: if you want to withdraw one for \
                                         the future, please tell us (Art. 7(3)).";

/// Why somebody else's voice cannot be carried elsewhere.
pub(super) const NOT_PROVIDED: &str = "Only what you provided yourself can be carried elsewhere (Art. 20(1) \
                                       and (4)).";

pub(super) fn proves(kept: Kept) -> &'static str {
    match kept {
        Kept::Consent => {
            "It is the record of what you were asked and what you answered, by which we show your consent \
             (Art. 7(1))."
        }
        Kept::Log => {
            "It shows who opened your data and when; in place of your name it has only an identifier."
        }
        Kept::Requests => {
            "It shows what you asked us and what was done about it; in place of your name it has only an \
             identifier."
        }
    }
}

/// What another person's request keeps.
pub(super) const FOR_ANOTHER: &str = "It is another person's data, too, and is kept until that person's \
                                      request about it is settled. Then it is erased by itself, and you \
                                      need not ask again.";

/// That nothing else is done with it again unasked.
pub(super) const TOLD_FIRST: &str = "Before we use it in any other way again, we will tell you (Art. 18(3)).";

/// That it was restricted for a while.
pub(super) const LIFTED: &str = "For a time we only stored this data and did nothing else with it. Before that \
                                 ended, we told you so (Art. 18(3)).";

/// That it is not kept for a claim any more.
pub(super) const WAIVED: &str = "You told us that you no longer need it for a legal claim of your own (Art. \
                                 18(1)(c)).";

pub(super) fn ground(ground: Ground) -> &'static str {
    match ground {
        Ground::Accuracy => "You contest that it is accurate, and we are checking that (Art. 18(1)(a)).",
        Ground::Unlawful => "It should not have been used, and you asked us not to erase it (Art. 18(1)(b)).",
        Ground::Claims => {
            "You need it for a legal claim of your own. We keep it for you as long as you do, even where \
             its time would be over (Art. 18(1)(c))."
        }
        Ground::Objection => {
            "You have objected, and it is being weighed whether we may go on (Art. 18(1)(d))."
        }
    }
}

pub(super) fn log(progress: Progress) -> &'static str {
    progress.pick(
        "You have this data in the package made for you, complete but for the names of staff.",
        "You will receive this data in a package made for you, complete but for the names of staff.",
    )
}

pub(super) fn rule(rule: RuleId) -> &'static str {
    match rule {
        RuleId::G1 => {
            "It could not be shown to us that you are the person whose data this is (Art. 12(2) and (6))."
        }
        RuleId::G2 => {
            "We hold the request to be manifestly unfounded or excessive, and it is for us to prove that \
             (Art. 12(5))."
        }
        RuleId::G3 => "You do not appear in it, so it is not data about you.",
        RuleId::U1 => {
            "We found no record of the basis on which this data was collected, but may not erase it at \
             present (Art. 17(3))."
        }
        RuleId::U2 => {
            "We found no record of the basis on which this data was collected, so it must not be kept \
             (Art. 17(1)(d)). We are treating this as an incident."
        }
        RuleId::A1 => "We are still examining part of your request.",
        RuleId::A2 => {
            "It is the same data again that you are given elsewhere, so it is not given twice (Art. 15(3))."
        }
        RuleId::A3 => "It also concerns other people, whose rights a copy must not impair (Art. 15(4)).",
        RuleId::A4 => "A copy in full could put somebody else at risk (Art. 15(4)).",
        RuleId::A5 => "You have the right to a copy of what is kept of you (Art. 15(3)).",
        RuleId::C1 => {
            "A backup is not corrected: it expires, and whatever is restored from it is corrected again \
             (Art. 16)."
        }
        RuleId::C2 => {
            "What was recorded shows what was said, and so is not edited (Art. 16). Your statement goes \
             with it wherever it is used, and it is not used otherwise while we check what you say (Art. \
             18(1)(a))."
        }
        RuleId::C3 => "What is wrong is put right, and the version before is no longer used (Art. 16).",
        RuleId::E1 => {
            "Nothing can be taken out of a backup by itself, so it goes with the backup (Art. 17(1)). \
             Whatever is restored from one before that is erased again before anybody can use it."
        }
        RuleId::E2 => {
            "We have to be able to show that we kept to the law, and need not erase what is needed for that \
             (Art. 5(2) and 17(3))."
        }
        RuleId::E3 => {
            "A hold forbids us to erase it at present (Art. 17(3)). When the hold ends it is erased by \
             itself, and you need not ask again."
        }
        RuleId::E4 => {
            "You had asked us to keep it for a legal claim of your own (Art. 18(1)(c)). Please tell us \
             whether you still need it, or whether we are to erase it; until then we keep it for you and \
             do nothing else with it."
        }
        RuleId::E5 => "The law obliges us to keep it for a set time (Art. 17(3)(b)).",
        RuleId::E6 => "It is still needed for what it was collected for (Art. 17(1)(a)).",
        RuleId::E7 => {
            "We have weighed your interests and ours: there are compelling legitimate grounds to keep it \
             (Art. 17(1)(c) and 21(1)). You may ask us for these grounds."
        }
        RuleId::E8 => {
            "It rests on a legitimate interest or a public task, so your request counts as an objection \
             too, which has to be weighed first (Art. 17(1)(c) and 21(1))."
        }
        RuleId::E9 => "Other people have a part in it, which is left to them (Art. 17(1)).",
        RuleId::E10 => "There is no ground left to keep it (Art. 17(1)).",
        RuleId::R1 => {
            "We asked you for your reason, and it was none of those that the law knows (Art. 18(1)). If \
             there is another one, tell us, and we will look at it."
        }
        RuleId::R2 => {
            "You have a reason that the law knows (Art. 18(1)). Before this ends, we will tell you (Art. \
             18(3))."
        }
        RuleId::P1 => {
            "It rests neither on your consent nor on a contract with you, and only such data can be \
             carried elsewhere (Art. 20(1)). You may have a copy of it under Art. 15 instead: please tell \
             us if you want one."
        }
        RuleId::P2 => {
            "It is not something that you provided (Art. 20(1)). You may have a copy of what is kept of \
             you under Art. 15 instead: please tell us if you want one."
        }
        RuleId::P3 => "You provided it, and nobody else is in it (Art. 20(1)). Other programs can read it.",
        RuleId::P4 => {
            "You provided it; what is of other people is not in it (Art. 20(4)). Other programs can read it."
        }
        RuleId::M1 => {
            "An objection to direct marketing always counts, and nothing is weighed (Art. 21(2) and (3))."
        }
        RuleId::O1 => {
            "We have weighed your objection: there are compelling legitimate grounds to go on (Art. \
             21(1)). You may ask us for these grounds."
        }
        RuleId::O2 => {
            "While your objection is weighed, that is all that is done with it (Art. 18(1)(d) and 21(1))."
        }
        RuleId::O3 => "It rests on consent; where that is yours, your objection withdraws it (Art. 7(3)).",
        RuleId::O4 => {
            "It rests neither on a legitimate interest nor on a public task, and only to these can \
             somebody object (Art. 21(1)). Other rights may reach further; please ask us."
        }
        RuleId::W1 => {
            "You may withdraw your consent at any time; what was done before stays lawful (Art. 7(3)). \
             What rests on it alone is erased, and you need not ask for that."
        }
        RuleId::W2 => {
            "It does not rest on your consent, so there is none to withdraw (Art. 7(3)). You may object to \
             it under Art. 21 instead: please tell us if you want to."
        }
    }
}

pub(super) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::A12IdentityFailure => "It could not be shown who asks.",
        Reason::A12ManifestlyExcessive => "Here, it is excessive.",
        Reason::A12ManifestlyUnfounded => "Here, it is unfounded.",
        Reason::A17UnlawfulProcessing => "It was kept without a basis in law.",
        Reason::A17LegalClaims => "It is needed for legal claims.",
        Reason::A17LegallyRequired => "The law requires it to be kept.",
        Reason::ThirdPartyRightsImpaired => "The rights of other people would be impaired.",
        Reason::LegitimateInterestOverride => "Compelling legitimate grounds override your interests.",
    }
}
