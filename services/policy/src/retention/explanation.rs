//! Why data is kept until when it is: every rule that was asked, what each says, and the one that counts.

use std::fmt;

use kernel::Timestamp;

use super::order::{ExtensionOrder, OrderError, by_order, with_order};
use super::{Facts, Rule, Stamp, by_later_policy, with_later_policy};
use crate::document::TenantPolicy;
use crate::jurisdiction::Jurisdiction;
use crate::regime;
use crate::words::words;

words! {
    /// Who sets an end.
    SetBy {
        /// A law, by a regime.
        Law = 1 "law",
        /// The tenant, by a policy.
        Tenant = 2 "tenant",
        /// An authority, by an order.
        Authority = 3 "authority",
    }
}

/// What became of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It says the end.
    Wins,
    /// It could have, but another one goes before it.
    Outdone,
    /// A later policy, which may not lengthen what the notice promised.
    WouldLengthen,
    /// A later policy, which does not touch what a regime set.
    UnderRegime,
    /// An order, which does not shorten what the law set.
    WouldShorten,
    /// An order that is not obeyed.
    Refused(OrderError),
}

/// One rule that was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Considered {
    /// Which.
    pub rule: Rule,
    /// The end that it says.
    pub ends: Timestamp,
    /// Who set it.
    pub set_by: SetBy,
    /// Where the law has it; none for a regime that this version does not know.
    pub source: Option<&'static str>,
    /// What became of it.
    pub verdict: Verdict,
}

/// Why one purpose's data of one kind is kept until when it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The end that counts; its rule stands among the others too.
    pub winner: Stamp,
    /// What it was stamped with first, then later policies, then orders, as they were given.
    pub considered: Vec<Considered>,
    /// The earliest date that any of them says, but for an order that was refused.
    pub earliest: Timestamp,
    /// The latest such date.
    pub latest: Timestamp,
}

/// Explains what became of a stamp under the tenant's later policies and the orders that cover the recording.
/// An order about something else is no rule for it, and a policy without the purpose says nothing of it.
pub fn explain(
    stamped: &Stamp,
    later: &[&TenantPolicy],
    orders: &[&ExtensionOrder],
    jurisdiction: Jurisdiction,
    facts: &Facts,
) -> Explanation {
    let mut winner = stamped.clone();
    let mut said = vec![Said { stamp: stamped.clone(), refused: None }];
    for policy in later {
        winner = with_later_policy(&winner, policy, facts);
        said.extend(by_later_policy(stamped, policy, facts).map(|stamp| Said { stamp, refused: None }));
    }
    for order in orders {
        winner = with_order(&winner, order, jurisdiction, facts).unwrap_or(winner);
        said.extend(Said::by_order(stamped, order, jurisdiction, facts));
    }
    let dates = said.iter().filter(|said| said.refused.is_none()).map(|said| said.stamp.ends);
    let earliest = dates.clone().fold(stamped.ends, Timestamp::min);
    let latest = dates.fold(stamped.ends, Timestamp::max);
    let mut considered: Vec<Considered> = Vec::new();
    for said in said {
        // A document or an order that is given twice is one rule.
        if considered.iter().all(|known| known.rule != said.stamp.rule) {
            considered.push(said.considered(stamped, &winner));
        }
    }
    Explanation { winner, considered, earliest, latest }
}

/// What one rule says alone.
struct Said {
    stamp: Stamp,
    refused: Option<OrderError>,
}

impl Said {
    fn by_order(
        stamped: &Stamp,
        order: &ExtensionOrder,
        jurisdiction: Jurisdiction,
        facts: &Facts,
    ) -> Option<Self> {
        match by_order(stamped, order, jurisdiction, facts) {
            Ok(stamp) => Some(Self { stamp, refused: None }),
            Err(OrderError::OtherRegime { .. } | OrderError::OutOfScope { .. }) => None,
            Err(refused @ (OrderError::TooLate { .. } | OrderError::UnknownRegime(_))) => {
                Some(Self { stamp: order.says(stamped), refused: Some(refused) })
            }
        }
    }

    fn considered(self, stamped: &Stamp, winner: &Stamp) -> Considered {
        let Self { stamp: Stamp { ends, rule, .. }, refused } = self;
        let verdict = match refused {
            Some(error) => Verdict::Refused(error),
            None if rule == winner.rule => Verdict::Wins,
            None => match rule {
                Rule::LaterPolicy { .. } if stamped.rule.regime().is_some() => Verdict::UnderRegime,
                Rule::LaterPolicy { .. } if ends > stamped.ends => Verdict::WouldLengthen,
                Rule::Order { .. } if ends < stamped.ends => Verdict::WouldShorten,
                Rule::Regime { .. } | Rule::Policy { .. } | Rule::Order { .. } | Rule::LaterPolicy { .. } => {
                    Verdict::Outdone
                }
            },
        };
        Considered { ends, set_by: rule.set_by(), source: rule.source(), verdict, rule }
    }
}

impl Rule {
    /// Who set it.
    pub fn set_by(&self) -> SetBy {
        match self {
            Self::Regime { .. } => SetBy::Law,
            Self::Policy { .. } | Self::LaterPolicy { .. } => SetBy::Tenant,
            Self::Order { .. } => SetBy::Authority,
        }
    }

    /// Where the law has it: the duty's articles, or those by which data is kept no longer than its purpose
    /// needs and the notice says. None for a regime that this version does not know.
    pub fn source(&self) -> Option<&'static str> {
        match self {
            Self::Regime { name: regime } | Self::Order { regime, .. } => {
                regime::find(regime).map(|regime| regime.source)
            }
            Self::Policy { .. } => Some("GDPR Art. 5(1)(e)"),
            Self::LaterPolicy { .. } => Some("GDPR Art. 5(1)(e), 13(2)(a)"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stamp { purpose, kind, ends, rule } = &self.winner;
        write!(f, "{purpose} {kind}: until {ends}, set by the {}: {rule}", rule.set_by())
    }
}
