//! What stands in a letter, in which order.

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::tz::TimeZone;
use policy::deadline::Clock;
use policy::request::{Answer, Asker, Ending, Need, Part};
use policy::rights::{Outcome, Right, RuleId};

use super::authority;
use super::calls;
use super::groups::{Group, Section, Told, sections};
use super::phrases::{Barrier, Kept, Phrases};
use crate::act::RequestKey;
use crate::file::File;

/// A letter that is being written, in one language. Its parts are blocks of Markdown.
pub(super) struct Body<'a> {
    say: &'a dyn Phrases,
    file: &'a File,
    key: &'a RequestKey,
    zone: TimeZone,
    owed: Answer,
    sections: Vec<Section>,
}

impl<'a> Body<'a> {
    /// A letter about a file.
    pub(super) fn new(say: &'a dyn Phrases, file: &'a File, key: &'a RequestKey) -> Self {
        let zone = file.received.jurisdiction.time_zone();
        Self { say, file, key, zone, owed: file.request.owed(), sections: sections(file) }
    }

    /// Nothing is decided: it was received, until when it is answered, what is needed for that (Art. 12(3)).
    pub(super) fn acknowledgement(&self) -> Vec<String> {
        let mut blocks = self.head();
        blocks.push(self.say.working().to_owned());
        blocks.extend(self.due());
        if self.owed.rights.is_empty() {
            blocks.push(self.say.nothing_needed().to_owned());
        }
        blocks.extend(self.barred());
        blocks.extend(self.remedies());
        blocks.push(self.say.closing().to_owned());
        blocks
    }

    /// How things stand while they go on.
    pub(super) fn interim(&self) -> Vec<String> {
        let mut blocks = self.head();
        blocks.push(self.say.interim().to_owned());
        blocks.extend(self.due());
        blocks.extend(self.reasoned());
        blocks
    }

    /// The answer.
    pub(super) fn answer(&self, ending: Ending) -> Vec<String> {
        let mut blocks = self.head();
        blocks.push(self.in_short(ending).to_owned());
        blocks.extend(self.reasoned());
        blocks
    }

    /// What it came to. A log without the names of staff is no copy of which something is missing.
    fn in_short(&self, ending: Ending) -> &'static str {
        let is_whole = self.owed.rights.is_empty() && self.sections.iter().all(Section::lacks_only_names);
        match ending {
            Ending::Partial if is_whole => self.say.but_names(),
            ending => self.say.ending(ending),
        }
    }

    /// That nothing is done any more.
    pub(super) fn taken_back(&self) -> Vec<String> {
        let mut blocks = self.head();
        blocks.push(self.say.ending(Ending::Withdrawn).to_owned());
        blocks.push(self.say.closing().to_owned());
        blocks
    }

    /// Where its answer is.
    pub(super) fn answered_with(&self) -> Vec<String> {
        let mut blocks = self.head();
        let into = self.file.request.merged_into();
        blocks.extend(into.map(|into| self.say.answered_with(into.as_str())));
        blocks.push(self.say.closing().to_owned());
        blocks
    }

    /// What was asked, when and how.
    fn head(&self) -> Vec<String> {
        let (say, request) = (self.say, &self.file.request);
        let received = request.clock().local_date();
        let asked: Vec<_> = request.rights().into_iter().map(|right| say.asked(right)).collect();
        let mut blocks = vec![
            format!("# {}", say.title(received)),
            say.reference(&self.key.id.to_string()),
            format!("{} {}", say.received(received, request.channel()), say.asked_for()),
            list(&asked),
        ];
        let parts = request.parts();
        let parts: Vec<_> =
            parts.map(|part| say.answers_too(part.clock().local_date(), part.key().as_str())).collect();
        if !parts.is_empty() {
            blocks.push(parts.join(" "));
        }
        if request.asker() == Asker::Representative {
            blocks.push(say.on_behalf().to_owned());
        }
        blocks.push(say.law(request.clock().law()).to_owned());
        blocks
    }

    /// By the day that is strictly the last one, which does not move from day to day: of all that is answered as one, the
    /// first of them.
    fn due(&self) -> Vec<String> {
        let request = &self.file.request;
        let ends = |clock: &Clock| clock.due().strict.ends;
        let clocks = request.parts().map(Part::clock);
        let clock =
            clocks.fold(request.clock(), |first, own| if ends(own) < ends(first) { own } else { first });
        let mut blocks = vec![self.say.due(clock.due().strict.date, clock.law())];
        if let Some(extension) = clock.extension() {
            let told = calls::date(&self.zone, extension.notice_delivered_at);
            blocks.push(self.say.extended(&extension, told));
        }
        blocks
    }

    /// What became of each right and why, what can be done about it, and by which rules.
    fn reasoned(&self) -> Vec<String> {
        let told = self.sections.iter().filter(|section| !self.owed.rights.contains(&section.right));
        let mut blocks: Vec<_> = self.not_yours().into_iter().collect();
        blocks.extend(told.flat_map(|section| self.section(section)));
        blocks.extend(self.barred());
        blocks.extend(self.remedies());
        blocks.push(self.say.closing().to_owned());
        blocks.extend(self.records());
        blocks
    }

    /// How many calls turned out to be somebody else's.
    fn not_yours(&self) -> Option<String> {
        let strange =
            self.file.strange.iter().filter_map(|key| self.file.items.get(key)?.artefact.recording());
        let calls: BTreeSet<_> = strange.collect();
        (!calls.is_empty()).then(|| self.say.not_yours(calls.len()))
    }

    fn section(&self, section: &Section) -> Vec<String> {
        let say = self.say;
        let mut blocks = vec![heading(say.heading(section.right))];
        for group in &section.groups {
            blocks.push(self.paragraph(group));
            blocks.extend(calls::list(say, &self.zone, group));
        }
        let nothing_yet = section.groups.is_empty() && self.file.request.plan().is_none();
        if section.examined > 0 || nothing_yet {
            blocks.push(say.examined().to_owned());
        } else if section.groups.is_empty() {
            blocks.push(say.nothing_found().to_owned());
        }
        if section.right == Right::Access && section.grants() {
            blocks.push(say.package().to_owned());
        }
        blocks
    }

    /// What was done with a group, why, and until when what is left of it is kept.
    fn paragraph(&self, group: &Group) -> String {
        let (say, told) = (self.say, &group.told);
        let mut sentences = Vec::new();
        let about = say.about(&told.about);
        if !about.is_empty() {
            sentences.push(format!("**{about}.**"));
        }
        let outcomes = [Some(told.outcome), told.also].into_iter().flatten();
        sentences.extend(outcomes.map(|outcome| self.outcome(told, outcome).to_owned()));
        sentences.extend(self.reasons(told).into_iter().map(str::to_owned));
        sentences.extend(self.shown(group));
        sentences.extend(self.end(group));
        if told.by_hand {
            sentences.push(say.by_hand().to_owned());
        }
        sentences.join(" ")
    }

    fn outcome(&self, told: &Told, outcome: Outcome) -> &'static str {
        if let Some(missing) = told.missing {
            self.say.missing(missing, told.progress)
        } else if told.lacks_only_names() {
            self.say.log(told.progress)
        } else if told.lifted && outcome == Outcome::Restrict {
            self.say.lifted()
        } else {
            self.say.outcome(outcome, told.progress)
        }
    }

    /// Why; of a restriction also that the person is told before it ends (GDPR Art. 18(3)), which rule R2 says itself.
    fn reasons(&self, told: &Told) -> Vec<&'static str> {
        let say = self.say;
        let why = match (told.for_another, told.ground, told.rule) {
            (true, _, _) => Some(say.for_another()),
            (false, Some(ground), _) => Some(say.ground(ground)),
            (false, None, RuleId::R2) if told.lifted => None,
            (false, None, RuleId::P4) if told.missing.is_some() => Some(say.not_provided()),
            (false, None, rule) => Some(say.rule(rule)),
        };
        let says_itself = told.rule == RuleId::R2 && told.ground.is_none();
        let is_told_first = told.outcome == Outcome::Restrict && !told.lifted && !says_itself;
        let told_first = is_told_first.then(|| say.told_first());
        let waived = told.waived.then(|| say.waived());
        why.into_iter().chain(self.detail(told)).chain(told_first).chain(waived).collect()
    }

    /// What the rule's own sentence does not say, as it is said of other data and to other people, too.
    fn detail(&self, told: &Told) -> Option<&'static str> {
        let (say, about) = (self.say, &told.about);
        if told.lacks_only_names() {
            return Some(say.log_without_names());
        }
        if told.rule == RuleId::E2 {
            return about.category.and_then(Kept::of).map(|kept| say.proves(kept));
        }
        // Whoever withdraws in the same request need not be told how to.
        let stands = about.rests_on_consent() && !self.file.request.rights().contains(&Right::Withdraw);
        (told.rule == RuleId::E10 && stands).then(|| say.consent_stands())
    }

    /// Which of the two it is that Art. 12(5) knows: the rule's own sentence names both.
    fn shown(&self, group: &Group) -> Option<String> {
        let reason = group.told.reason.filter(|_| group.told.rule == RuleId::G2)?;
        Some(self.say.reason(reason).to_owned())
    }

    fn end(&self, group: &Group) -> Option<String> {
        let (say, told) = (self.say, &group.told);
        let days = calls::days(&self.zone, group);
        if told.rule == RuleId::E5 {
            let source = told.regime.as_ref().and_then(|regime| say.regime(regime));
            return Some(say.erased_after(days, source));
        }
        days.map(|days| say.kept_until(days))
    }

    /// What could not be shown, and how it can be. Says nothing of whether anything is kept.
    fn barred(&self) -> Vec<String> {
        let (say, rights) = (self.say, &self.owed.rights);
        let mut blocks = Vec::new();
        for barrier in Barrier::ALL {
            let these = rights.iter().filter(|right| self.barrier(**right) == barrier);
            let these: Vec<_> = these.map(|right| say.heading(*right)).collect();
            if !these.is_empty() {
                blocks.push(say.barred(barrier).to_owned());
                blocks.push(list(&these));
            }
        }
        if blocks.is_empty() {
            return blocks;
        }
        blocks.insert(0, heading(say.identity()));
        let unproven = rights.iter().filter(|right| self.barrier(**right) != Barrier::Authority);
        if let Some(need) = unproven.map(|right| Need::of(*right)).max() {
            blocks.push(say.proof(need).to_owned());
        }
        if self.file.request.asker() == Asker::Representative {
            blocks.push(say.mandate().to_owned());
        }
        blocks
    }

    fn barrier(&self, right: Right) -> Barrier {
        let identity = self.file.request.identity();
        if identity.has_failed() {
            Barrier::Failed
        } else if identity.suffices(right) {
            Barrier::Authority
        } else {
            Barrier::Awaited
        }
    }

    fn remedies(&self) -> Vec<String> {
        if self.owed.remedies.is_empty() {
            return Vec::new();
        }
        let clock = self.file.request.clock();
        let (authority, law) = (authority::of(clock.jurisdiction()), clock.law());
        let mut blocks = vec![heading(self.say.remedies())];
        blocks.extend(self.owed.remedies.iter().map(|remedy| self.say.remedy(*remedy, authority, law)));
        blocks
    }

    /// The rules that decided, for whoever wants to look them up.
    fn records(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for section in &self.sections {
            lines.extend(section.groups.iter().map(|group| self.record(section.right, group)));
        }
        if lines.is_empty() {
            return Vec::new();
        }
        vec![heading(self.say.records()), list(&lines)]
    }

    fn record(&self, right: Right, group: &Group) -> String {
        let (say, told) = (self.say, &group.told);
        let about = say.about(&told.about);
        let record = say.record(told.rule, told.ruleset, told.reason);
        match about.is_empty() {
            true => format!("{}: {record}", say.heading(right)),
            false => format!("{}: {about}; {record}", say.heading(right)),
        }
    }
}

fn heading(text: &str) -> String {
    format!("## {text}")
}

fn list(lines: &[impl Display]) -> String {
    lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}
