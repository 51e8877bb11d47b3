//! A policy in sentences: per purpose its basis and article, from when to when, who may hear it for what, how
//! long it is kept, and which notice tells people.

use kernel::{Basis, PurposeName, Use};

use crate::document::{From, Purpose, TenantPolicy, Until};
use crate::regime;

/// The lines that `verbale policy explain` prints.
pub fn explain(policy: &TenantPolicy) -> Vec<String> {
    let zone = policy.jurisdiction.zone_name();
    let mut lines = vec![
        format!("Policy of {} under the law of {} (dates in {zone})", policy.tenant, policy.jurisdiction),
        format!("Hash {}", policy.hash()),
    ];
    if policy.purposes.is_empty() {
        lines.push("No purpose: nothing is recorded.".to_owned());
    }
    for (name, purpose) in &policy.purposes {
        lines.push(String::new());
        lines.push(name.to_string());
        let told = notices(policy, name);
        let facts = [
            ("basis", basis(purpose)),
            ("recorded", window(purpose)),
            ("heard by", hearers(purpose)),
            ("kept", kept(purpose)),
            ("told by", told),
        ];
        lines.extend(facts.into_iter().map(|(what, fact)| format!("  {what:<9} {fact}")));
    }
    if !policy.purposes.is_empty() {
        lines.push(String::new());
        lines.push(
            "Whatever the purpose; a legal claim with a hold behind it, an authority with its order"
                .to_owned(),
        );
        for (wanted, roles) in &policy.claims {
            let who = if roles.is_empty() { "nobody".to_owned() } else { list(roles) };
            lines.push(format!("  {:<9} {who}", claim(*wanted)));
        }
    }
    lines
}

fn basis(purpose: &Purpose) -> String {
    match purpose.basis {
        Basis::Consent => format!("consent of {} (GDPR Art. 6(1)(a))", list(&purpose.consent_of)),
        Basis::Contract => "contract (GDPR Art. 6(1)(b))".to_owned(),
        Basis::LegalObligation => {
            let source = purpose.regime.as_ref().and_then(regime::find).map_or("", |regime| regime.source);
            format!("legal obligation (GDPR Art. 6(1)(c)): {source}")
        }
        Basis::VitalInterest => "vital interest (GDPR Art. 6(1)(d))".to_owned(),
        Basis::PublicTask => "public task (GDPR Art. 6(1)(e))".to_owned(),
        Basis::LegitimateInterest => "legitimate interest (GDPR Art. 6(1)(f))".to_owned(),
    }
}

fn window(purpose: &Purpose) -> String {
    match (&purpose.from, purpose.until) {
        (From::Start, _) => "from the start to the end of the call".to_owned(),
        (From::Consent, _) => "from the moment of consent until the end, refusal or withdrawal".to_owned(),
        (From::Mark(label), Until::Mark) => format!("while `{label}` is marked{}", if_agreed(purpose)),
        (From::Mark(label), Until::End) => {
            format!("from the mark `{label}` to the end of the call{}", if_agreed(purpose))
        }
    }
}

fn if_agreed(purpose: &Purpose) -> &'static str {
    if purpose.basis == Basis::Consent { ", as far as consent stands" } else { "" }
}

fn hearers(purpose: &Purpose) -> String {
    if purpose.roles.is_empty() || purpose.uses.is_empty() {
        return "nobody: it is kept and not listened to".to_owned();
    }
    format!("{} for {}", list(&purpose.roles), list(&purpose.uses))
}

fn kept(purpose: &Purpose) -> String {
    match purpose.regime.as_ref().and_then(regime::find) {
        Some(regime) => {
            let (minimum, by_order) = (regime.minimum.in_words(), regime.by_order.in_words());
            format!("{minimum}, up to {by_order} by order of the authority ({})", regime.name)
        }
        None => purpose.retention.to_string(),
    }
}

fn notices(policy: &TenantPolicy, name: &PurposeName) -> String {
    let told = policy.notices_for(name).map(|(name, notice)| format!("{name} ({})", notice.language));
    let told = told.collect::<Vec<_>>().join(", ");
    if told.is_empty() { "no notice".to_owned() } else { told }
}

fn claim(wanted: Use) -> &'static str {
    match wanted {
        Use::Rights => "rights",
        Use::LegalClaim => "claims",
        Use::Authority => "authority",
        Use::Replay => "replay",
        Use::Review => "review",
        Use::Probe => "probe",
    }
}

fn list<'a, T: ToString + 'a>(words: impl IntoIterator<Item = &'a T>) -> String {
    words.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
