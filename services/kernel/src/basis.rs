//! What makes a purpose lawful, and what a reader may want audio for.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word that policies, tables and JSON use.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $text,)+ } }
            /// The number that leaves the process; never reused.
            pub fn number(self) -> i32 { self as i32 }
            /// The value with this number.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or_else(|| {
                    let legal: Vec<_> = Self::ALL.iter().map(|v| v.as_str()).collect();
                    format!("must be one of {}", legal.join(", "))
                })
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// The six lawful bases of GDPR Art. 6(1).
    Basis {
        /// Art. 6(1)(a).
        Consent = 1 "consent",
        /// Art. 6(1)(b).
        Contract = 2 "contract",
        /// Art. 6(1)(c).
        LegalObligation = 3 "legal_obligation",
        /// Art. 6(1)(d).
        VitalInterest = 4 "vital_interest",
        /// Art. 6(1)(e).
        PublicTask = 5 "public_task",
        /// Art. 6(1)(f).
        LegitimateInterest = 6 "legitimate_interest",
    }
}

codes! {
    /// What a reader wants audio for; crypto's gate asks for one.
    Use {
        /// Listening again, for the purpose it was kept for.
        Replay = 1 "replay",
        /// Review of quality by a supervisor.
        Review = 2 "review",
        /// A subject's own request.
        Rights = 3 "rights",
        /// Establishing, exercising or defending a legal claim; needs a hold.
        LegalClaim = 4 "legal_claim",
        /// An authority's order; needs that order.
        Authority = 5 "authority",
        /// verbale's own check that something opens or does not.
        Probe = 6 "probe",
    }
}
