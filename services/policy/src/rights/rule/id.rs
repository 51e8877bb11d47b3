//! The rules by name, and what each of them takes beside its outcome.

use crate::words::words;

words! {
    /// Which rule decided. The letter is of the right: G and U stand before them all.
    RuleId {
        /// Identity failed: refused. Withdrawal and marketing need no proof.
        G1 = 1 "G1",
        /// Art. 12(5) was proven and approved: refused, or a fee.
        G2 = 2 "G2",
        /// The person is not in it.
        G3 = 3 "G3",
        /// No basis was ever recorded, and a hold stands: the data protection officer weighs.
        U1 = 4 "U1",
        /// No basis was ever recorded: erased, and an incident.
        U2 = 5 "U2",
        /// Art. 23, privilege or tipping off may apply: weighed, a part withheld, in neutral words.
        A1 = 6 "A1",
        /// Backups, indexes and embeddings have the same data again: told of, not given.
        A2 = 7 "A2",
        /// Others are in it, so their spans are redacted; of a log, recipients, times and purposes are given.
        A3 = 8 "A3",
        /// The agent would be endangered: redacted.
        A4 = 9 "A4",
        /// All else is given, under whatever hold.
        A5 = 10 "A5",
        /// A backup expires; what is restored from it is corrected again.
        C1 = 11 "C1",
        /// What was recorded is not edited: annotated, and restricted under Art. 18(1)(a) while it is checked.
        C2 = 12 "C2",
        /// All else is corrected; the version before is restricted where held, else erased.
        C3 = 13 "C3",
        /// A backup expires; what is restored from it is erased again.
        E1 = 14 "E1",
        /// Evidence, logs and request files are kept as proofs; of a voice there is nothing in them.
        E2 = 15 "E2",
        /// A hold of others: deferred until it is released, erasure armed.
        E3 = 16 "E3",
        /// A hold of the person who asks: which of the two do they want?
        E4 = 17 "E4",
        /// A duty runs and covers it: deferred until the duty's end, erasure armed.
        E5 = 18 "E5",
        /// Still necessary for a contract or a vital interest: refused, and told until when.
        E6 = 19 "E6",
        /// Compelling grounds were approved: refused.
        E7 = 20 "E7",
        /// Who asks for erasure also objects: restricted now, and weighed.
        E8 = 21 "E8",
        /// Others have a part in it: erased once a copy without this person's part stands.
        E9 = 22 "E9",
        /// All else is erased.
        E10 = 23 "E10",
        /// No ground was given, though asked for once: refused.
        R1 = 24 "R1",
        /// A ground was shown: restricted. One under Art. 18(1)(c) also stops retention.
        R2 = 25 "R2",
        /// It rests on neither consent nor contract: offer a copy under Art. 15.
        P1 = 26 "P1",
        /// The person did not provide it.
        P2 = 27 "P2",
        /// Theirs alone: given.
        P3 = 28 "P3",
        /// Given without what is of others.
        P4 = 29 "P4",
        /// Marketing stops at once, whatever else is said.
        M1 = 30 "M1",
        /// Compelling grounds were approved: refused.
        O1 = 31 "O1",
        /// Restricted now under Art. 18(1)(d), and weighed.
        O2 = 32 "O2",
        /// It rests on consent, so this is a withdrawal.
        O3 = 33 "O3",
        /// Other bases know no objection: explained.
        O4 = 34 "O4",
        /// Withdrawn, again if need be; erasure is then asked for unasked.
        W1 = 35 "W1",
        /// It does not rest on consent: offer to object.
        W2 = 36 "W2",
    }
}
