//! From YAML nodes to a draft: shapes and words. What they mean together is [`super::check`]'s.
//!
//! Reading goes on after a fault, so that one run names them all; a part with a fault is left out.

mod notice;
mod purpose;
mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{Basis, MarkLabel, NoticeName, PurposeName, RegimeName, Role, TenantId, Use};

use super::{Anchor, MAX_HOLD_BACK, Notice, Party, Problem, Retention, SPAN_BOUNDS, Until};
use crate::code::Code;
use crate::jurisdiction::Jurisdiction;
use crate::yaml::{Node, Place};

/// A value with the place that a later fault about it names.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) place: Place,
    pub(super) value: T,
}

#[derive(Clone, Debug)]
pub(super) enum DraftFrom {
    Start,
    Consent,
    /// With its label, or with the purpose's name.
    Mark(Option<MarkLabel>),
}

pub(super) struct Draft {
    pub(super) tenant: TenantId,
    pub(super) jurisdiction: Jurisdiction,
    pub(super) span: Option<Duration>,
    pub(super) hold_back: Option<Duration>,
    pub(super) marks: BTreeSet<MarkLabel>,
    pub(super) claims: BTreeMap<Use, BTreeSet<Role>>,
    pub(super) employee_consent: Option<String>,
    pub(super) purposes: Vec<(At<PurposeName>, DraftPurpose)>,
    /// Every purpose's name, those left out for a fault included: naming one is no second fault.
    pub(super) purpose_names: BTreeSet<PurposeName>,
    pub(super) notices: Vec<(At<NoticeName>, DraftNotice)>,
}

pub(super) struct DraftPurpose {
    pub(super) basis: At<Basis>,
    pub(super) regime: Option<At<RegimeName>>,
    /// Its anchor is a word of its own.
    pub(super) retention: Option<At<Retention>>,
    pub(super) anchor: Option<At<Anchor>>,
    pub(super) uses: Option<BTreeSet<Use>>,
    pub(super) roles: BTreeSet<Role>,
    pub(super) consent_of: Option<At<BTreeSet<Party>>>,
    pub(super) from: Option<At<DraftFrom>>,
    pub(super) until: Option<At<Until>>,
    pub(super) compatible: Option<At<DraftCompatible>>,
}

/// The purposes that a purpose calls compatible, each with its assessment.
pub(super) type DraftCompatible = Vec<(At<PurposeName>, Code)>;

pub(super) struct DraftNotice {
    pub(super) notice: Notice,
    pub(super) purposes: Vec<At<PurposeName>>,
}

pub(super) struct Reader<'a> {
    load: &'a dyn Fn(&str) -> Option<String>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(load: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { load, problems: Vec::new() }
    }

    /// None where not even the mandatory parts can be read; every fault is in `problems`.
    pub(super) fn document(&mut self, root: &Node) -> Option<Draft> {
        const KEYS: &[&str] = &[
            "tenant",
            "jurisdiction",
            "span",
            "hold_back",
            "marks",
            "claims",
            "employee_consent",
            "purposes",
            "notices",
        ];
        let entries = self.entries(root, "the policy", KEYS)?;
        let tenant = self.needed(root.place, &entries, "tenant", "the policy");
        let tenant = tenant.and_then(|node| self.tenant(node));
        let jurisdiction = self.needed(root.place, &entries, "jurisdiction", "the policy");
        let jurisdiction = jurisdiction.and_then(|node| self.word::<Jurisdiction>(node, "jurisdiction"));
        let (shortest, longest) = SPAN_BOUNDS;
        let span = self.optional(&entries, "span", |r, n| r.duration(n, "span", shortest, longest));
        let hold_back = self.optional(&entries, "hold_back", |r, n| {
            r.duration(n, "hold_back", Duration::ZERO, MAX_HOLD_BACK)
        });
        let marks = self.optional(&entries, "marks", |r, n| r.words::<MarkLabel>(n, "mark"));
        let claims = self.optional(&entries, "claims", Self::claims);
        let employee_consent = self.optional(&entries, "employee_consent", Self::act);
        let purposes = self.optional(&entries, "purposes", Self::purposes).unwrap_or_default();
        let notices = self.optional(&entries, "notices", Self::notices).unwrap_or_default();
        Some(Draft {
            tenant: tenant?.value,
            jurisdiction: jurisdiction?.value,
            span,
            hold_back,
            marks: marks.map(values).unwrap_or_default(),
            claims: claims.unwrap_or_default(),
            employee_consent,
            purpose_names: purposes.iter().map(|(name, _)| name.value.clone()).collect(),
            purposes: purposes.into_iter().filter_map(|(name, it)| it.map(|it| (name, it))).collect(),
            notices,
        })
    }

    fn tenant(&mut self, node: &Node) -> Option<At<TenantId>> {
        let tenant = self.word::<TenantId>(node, "tenant")?;
        if tenant.value.as_str() == TenantId::DEPLOYMENT {
            self.fault(node.place, format!("tenant {} is the deployment's own name", tenant.value));
            return None;
        }
        Some(tenant)
    }

    fn claims(&mut self, node: &Node) -> Option<BTreeMap<Use, BTreeSet<Role>>> {
        let mut claims = BTreeMap::new();
        for (key, node) in self.named(node, "claims")? {
            let Some(wanted) = self.key::<Use>(key) else { continue };
            match wanted.value {
                Use::Rights | Use::LegalClaim | Use::Authority => {
                    claims.extend(self.roles(node).map(|roles| (wanted.value, roles)));
                }
                Use::Replay | Use::Review => {
                    let message = format!("{} belongs to a purpose's uses, not to claims", wanted.value);
                    self.fault(key.place, message);
                }
                Use::Probe => self.fault(key.place, "probe is verbale's own and not granted".to_owned()),
            }
        }
        Some(claims)
    }

    fn roles(&mut self, node: &Node) -> Option<BTreeSet<Role>> {
        let roles = self.words::<Role>(node, "role")?;
        for role in &roles {
            match role.value {
                Role::Supervisor | Role::Compliance | Role::Auditor | Role::PrivacyOfficer | Role::Agent => {}
                Role::Sender | Role::Service | Role::Operator => {
                    self.fault(role.place, format!("role {} hears nothing", role.value));
                }
            }
        }
        Some(values(roles))
    }

    /// The reference of a decision: short, printable, no spaces.
    fn act(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let printable = text.value.bytes().all(|byte| byte.is_ascii_graphic());
        if text.value.is_empty() || text.value.len() > 63 || !printable {
            let message = "employee_consent must name the decision in 1 to 63 characters without spaces";
            self.fault(node.place, message.to_owned());
            return None;
        }
        Some(text.value.to_owned())
    }

    fn duration(&mut self, node: &Node, what: &str, least: Duration, most: Duration) -> Option<Duration> {
        let text = self.text(node)?;
        let parsed = text.value.starts_with("PT").then(|| text.value.parse::<jiff::SignedDuration>().ok());
        let duration = parsed.flatten().and_then(|duration| Duration::try_from(duration).ok());
        let within = duration.filter(|duration| (least..=most).contains(duration));
        if within.is_none() {
            let bounds = [least, most].map(|bound| format!("PT{}S", bound.as_secs_f64()));
            let [least, most] = bounds;
            self.fault(node.place, format!("{what} must be an ISO 8601 duration from {least} to {most}"));
        }
        within
    }
}

fn values<T: Ord>(words: Vec<At<T>>) -> BTreeSet<T> {
    words.into_iter().map(|word| word.value).collect()
}
