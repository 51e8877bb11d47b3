//! English.

mod rules;
mod words;

use jiff::civil::Date;
use kernel::RegimeName;
use policy::deadline::{self, Extension, Law};
use policy::request::{Channel, Ending, Ground, Need, Remedy};
use policy::rights::{Outcome, Reason, Right, RuleId};

use super::authority::Authority;
use super::phrases::{About, Barrier, Days, Kept, Missing, Phrases, Progress, month};

/// The language.
pub(super) struct English;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Phrases for English {
    fn title(&self, received: Date) -> String {
        format!("Your request of {}", day(received))
    }

    fn reference(&self, id: &str) -> String {
        format!("Reference: {id}")
    }

    fn received(&self, on: Date, channel: Channel) -> String {
        format!("We received your request on {} {}.", day(on), words::channel(channel))
    }

    fn asked_for(&self) -> &'static str {
        "You asked us:"
    }

    fn asked(&self, right: Right) -> &'static str {
        words::asked(right)
    }

    fn law(&self, law: Law) -> &'static str {
        match law {
            Law::Gdpr => {
                "The articles named in this letter are those of the General Data Protection Regulation \
                 (GDPR), unless it says otherwise."
            }
            Law::UkGdpr => {
                "The articles named in this letter are those of the UK GDPR, unless it says otherwise."
            }
        }
    }

    fn on_behalf(&self) -> &'static str {
        "You are asking for somebody else: where this letter says “your data”, it means the data of that \
         person."
    }

    fn answers_too(&self, received: Date, reference: &str) -> String {
        format!("This letter is also about your request of {} (reference {reference}).", day(received))
    }

    fn answered_with(&self, reference: &str) -> String {
        format!(
            "We answer this request together with another one of yours: see our letter with the reference \
             {reference}."
        )
    }

    fn not_yours(&self, calls: usize) -> String {
        let found = match calls {
            1 => "one call turned out not to be yours".to_owned(),
            calls => format!("{calls} calls turned out not to be yours"),
        };
        format!("While we were working on your request, {found}. This letter says nothing about that.")
    }

    fn closing(&self) -> &'static str {
        "If anything in this letter is not clear, please write to us and give the reference above. We will \
         gladly explain it."
    }

    fn working(&self) -> &'static str {
        "Thank you. We are working on it, and will write to you again."
    }

    fn due(&self, on: Date, law: Law) -> String {
        let article = match law {
            Law::Gdpr => "Art. 12(3)",
            Law::UkGdpr => "Art. 12A",
        };
        format!("You will have our answer by the end of {} at the latest ({article}).", day(on))
    }

    fn extended(&self, extension: &Extension, told: Date) -> String {
        let because = match extension.reason {
            deadline::Reason::Complexity => "your request is complex",
            deadline::Reason::Number => "you have made a number of requests",
        };
        format!("This includes two months more, since {because}; we told you so on {}.", day(told))
    }

    fn nothing_needed(&self) -> &'static str {
        "There is nothing that you need to do now."
    }

    fn interim(&self) -> &'static str {
        "We are still working on your request. This letter shows how things stand; it is not our answer \
         yet, and what it says may change until then."
    }

    fn ending(&self, ending: Ending) -> &'static str {
        words::ending(ending)
    }

    fn but_names(&self) -> &'static str {
        "In short: what you asked is done, complete but for the names of staff."
    }

    fn heading(&self, right: Right) -> &'static str {
        words::heading(right)
    }

    fn nothing_found(&self) -> &'static str {
        "We looked in every place where we keep data about calls, and found nothing that this concerns."
    }

    fn examined(&self) -> &'static str {
        "We are still examining part of your request. You will hear from us about it; you need not ask again."
    }

    fn about(&self, about: &About) -> String {
        let purpose = about.purpose_in_words().map(|purpose| format!("purpose “{purpose}”"));
        let basis = about.basis.map(|basis| words::basis(basis).to_owned());
        let details = [purpose, basis].into_iter().flatten().collect::<Vec<_>>().join(", ");
        match about.category.map(|category| words::title(category, about.voice)) {
            Some(category) if details.is_empty() => category,
            Some(category) => format!("{category} ({details})"),
            None => details.replacen("purpose", "Purpose", 1),
        }
    }

    fn outcome(&self, outcome: Outcome, progress: Progress) -> &'static str {
        rules::outcome(outcome, progress)
    }

    fn log(&self, progress: Progress) -> &'static str {
        rules::log(progress)
    }

    fn missing(&self, missing: Missing, progress: Progress) -> &'static str {
        rules::missing(missing, progress)
    }

    fn rule(&self, rule: RuleId) -> &'static str {
        rules::rule(rule)
    }

    fn log_without_names(&self) -> &'static str {
        rules::LOG_WITHOUT_NAMES
    }

    fn proves(&self, kept: Kept) -> &'static str {
        rules::proves(kept)
    }

    fn consent_stands(&self) -> &'static str {
        rules::CONSENT_STANDS
    }

    fn not_provided(&self) -> &'static str {
        rules::NOT_PROVIDED
    }

    fn for_another(&self) -> &'static str {
        rules::FOR_ANOTHER
    }

    fn ground(&self, ground: Ground) -> &'static str {
        rules::ground(ground)
    }

    fn told_first(&self) -> &'static str {
        rules::TOLD_FIRST
    }

    fn lifted(&self) -> &'static str {
        rules::LIFTED
    }

    fn waived(&self) -> &'static str {
        rules::WAIVED
    }

    fn reason(&self, reason: Reason) -> &'static str {
        rules::reason(reason)
    }

    fn regime(&self, regime: &RegimeName) -> Option<&'static str> {
        words::regime(regime)
    }

    fn erased_after(&self, days: Option<Days>, source: Option<&str>) -> String {
        let source = source.map(|source| format!(" ({source})")).unwrap_or_default();
        match days {
            Some(days) => {
                let until = until(days);
                format!(
                    "It is kept {until}{source}; it is then erased by itself, and you need not ask again."
                )
            }
            None => {
                format!("Once that time is over{source} it is erased by itself, and you need not ask again.")
            }
        }
    }

    fn kept_until(&self, days: Days) -> String {
        format!("It is kept {}.", until(days))
    }

    fn by_hand(&self) -> &'static str {
        "One of our staff did this by hand, and it is on file."
    }

    fn calls(&self, count: usize) -> String {
        match count {
            1 => "This is about one call:".to_owned(),
            count => format!("This is about {count} calls:"),
        }
    }

    fn call(&self, on: Date, at: &str, until: Option<Date>) -> String {
        let on = day(on);
        match until {
            Some(until) => format!("{on}, {at} (until {})", day(until)),
            None => format!("{on}, {at}"),
        }
    }

    fn many_calls(&self, count: usize, first: Date, last: Date) -> String {
        let (first, last) = (day(first), day(last));
        format!("This is about {count} calls, the first of them on {first} and the last on {last}.")
    }

    fn package(&self) -> &'static str {
        "The package has a page, index.html, that opens without a network. For each call it tells for \
         which purposes your data is used and on what basis, to whom the recording service has given it and \
         who has opened it, how long it is kept and why, and where it comes from (the calls \
         themselves, in which you and others spoke); it \
         also lists the rights that you have (Art. 15(1)). The file data.json tells the same for other \
         programs."
    }

    fn identity(&self) -> &'static str {
        "Showing who you are"
    }

    fn barred(&self, barrier: Barrier) -> &'static str {
        words::barred(barrier)
    }

    fn proof(&self, need: Need) -> &'static str {
        words::proof(need)
    }

    fn mandate(&self) -> &'static str {
        "As you ask for somebody else, we also need to see that you may: a mandate, or the document by \
         which you are their guardian, that covers what you ask."
    }

    fn remedies(&self) -> &'static str {
        "If you do not agree"
    }

    fn remedy(&self, remedy: Remedy, authority: Authority, law: Law) -> String {
        match (remedy, law) {
            (Remedy::Complaint, Law::Gdpr) => format!(
                "You have the right to complain to the supervisory authority: {}. You may also turn to the \
                 authority of the state in which you live or work, or in which you think that the law was \
                 broken (Art. 77).",
                words::authority(authority)
            ),
            (Remedy::Complaint, Law::UkGdpr) => format!(
                "You have the right to complain to the supervisory authority: {} (section 165 of the Data \
                 Protection Act 2018). If it does not take your complaint up in time, you may ask a \
                 tribunal to have it do so (section 166).",
                words::authority(authority)
            ),
            (Remedy::Court, Law::Gdpr) => {
                "You also have the right to go to court, whether or not you complain (Art. 79).".to_owned()
            }
            (Remedy::Court, Law::UkGdpr) => {
                "You also have the right to go to court, whether or not you complain \
                                             (section 167 of the Data Protection Act 2018)."
                    .to_owned()
            }
        }
    }

    fn records(&self) -> &'static str {
        "For your records"
    }

    fn record(&self, rule: RuleId, ruleset: u32, reason: Option<Reason>) -> String {
        match reason {
            Some(reason) => format!("rule {rule}, version {ruleset}, {reason}"),
            None => format!("rule {rule}, version {ruleset}"),
        }
    }
}

fn day(date: Date) -> String {
    format!("{} {} {}", date.day(), month(&MONTHS, date), date.year())
}

fn until(days: Days) -> String {
    let (first, last) = (day(days.first), day(days.last));
    match days.first == days.last {
        true => format!("until {first}"),
        false => format!("until a day between {first} and {last}, depending on the call"),
    }
}
