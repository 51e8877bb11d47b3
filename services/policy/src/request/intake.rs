//! A request as it comes in: how, from whom and what for.

use std::collections::BTreeSet;

use super::names::{Actor, RequestKey};
use crate::code::Code;
use crate::deadline::Clock;
use crate::rights::Right;
use crate::words::words;

words! {
    /// How a request came: any way counts (GDPR Art. 12(1) and (2)).
    Channel {
        /// Said to an agent, in a call.
        Call = 1 "call",
        /// By telephone, otherwise.
        Phone = 2 "phone",
        /// By letter.
        Letter = 3 "letter",
        /// By e-mail.
        Email = 4 "email",
        /// On a web page.
        Web = 5 "web",
        /// In an app.
        App = 6 "app",
        /// In person.
        InPerson = 7 "in-person",
        /// Another way.
        Other = 8 "other",
    }
}

words! {
    /// Who asks.
    Asker {
        /// The person, or somebody who says so.
        Oneself = 1 "self",
        /// Somebody for them, by a mandate or as a guardian.
        Representative = 2 "representative",
    }
}

words! {
    /// On which ground of GDPR Art. 18(1) something is restricted.
    Ground {
        /// The person contests that it is accurate: (a).
        Accuracy = 1 "accuracy",
        /// It is unlawful, and the person does not want it erased: (b).
        Unlawful = 2 "unlawful",
        /// The controller needs it no longer, and the person does, for claims: (c). That stops retention, too.
        Claims = 3 "claims",
        /// An objection is weighed: (d).
        Objection = 4 "objection",
    }
}

/// What a representative was shown to have authority for (scenario 29).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Authority {
    /// Under which reference the mandate is filed.
    pub filed: Code,
    /// The rights that it covers.
    pub rights: BTreeSet<Right>,
    /// Who verified it.
    pub by: Actor,
}

/// A request as it comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intake {
    /// Which request.
    pub key: RequestKey,
    /// What is asked.
    pub rights: BTreeSet<Right>,
    /// How it came.
    pub channel: Channel,
    /// Who asks.
    pub asker: Asker,
    /// Its clock, which has started with the receipt: of a spoken request, with the call (scenario 20).
    pub clock: Clock,
}
