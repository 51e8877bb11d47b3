//! The page that a person opens, without network and without scripts, in their language. Pure. Everything
//! that comes from data is escaped, whatever it is.

mod call;
mod recipients;
mod style;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use kernel::Timestamp;
use policy::jurisdiction::{Area, Jurisdiction};
use policy::rights::Right;

use self::style::STYLE;
use self::words::Words;
use super::data::{Consultation, Data, Notice, Own, Said, Standing};
use crate::plan::Language;

/// Text that is shown as text.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.0.chars().try_for_each(|char| match char {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}

/// In which words, and by whose clock.
struct Reader {
    language: Language,
    words: &'static Words,
    zone: TimeZone,
    /// How many calls began in each minute.
    minutes: BTreeMap<i64, usize>,
    /// Whether they ask for somebody else.
    for_somebody: bool,
}

impl Reader {
    /// A moment by the clock of the person's country.
    fn moment(&self, at: Timestamp) -> String {
        let form = match self.language {
            Language::English => "%-d %B %Y, %H:%M",
            Language::Italian => "%d/%m/%Y, %H:%M",
        };
        at.to_jiff().to_zoned(self.zone.clone()).strftime(form).to_string()
    }

    /// When a call began: with its seconds, where another one began in the same minute.
    fn began(&self, at: Timestamp) -> String {
        if self.minutes.get(&minute(at)).is_none_or(|calls| *calls < 2) {
            return self.moment(at);
        }
        let seconds = at.to_jiff().to_zoned(self.zone.clone()).strftime(":%S").to_string();
        format!("{}{seconds}", self.moment(at))
    }

    /// What comes before the person's role in a call.
    fn role_heading(&self) -> &'static str {
        if self.for_somebody { self.words.they_were } else { self.words.you_were }
    }

    /// Whose the person's own part of a call is.
    fn person(&self) -> &'static str {
        if self.for_somebody { self.words.person } else { self.words.you }
    }

    /// A day.
    fn day(&self, at: Timestamp) -> String {
        let form = match self.language {
            Language::English => "%-d %B %Y",
            Language::Italian => "%d/%m/%Y",
        };
        at.to_jiff().to_zoned(self.zone.clone()).strftime(form).to_string()
    }

    /// A word of the data in the reader's language; the word itself where it has none.
    fn word<'a>(&self, code: &'a str) -> &'a str {
        words::of_code(self.language, code).unwrap_or(code)
    }
}

/// The minute of a moment; zones differ by whole minutes.
fn minute(at: Timestamp) -> i64 {
    at.0.div_euclid(60_000_000)
}

/// A length or a place in a call, as `12:05` or `1:02:05`.
fn clock(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// The page.
pub(super) fn page(data: &Data, language: Language, jurisdiction: Jurisdiction) -> String {
    let mut minutes: BTreeMap<i64, usize> = BTreeMap::new();
    for call in &data.recordings {
        *minutes.entry(minute(call.began)).or_default() += 1;
    }
    let (words, zone) = (words::of(language), jurisdiction.time_zone());
    let reader = Reader { language, words, zone, minutes, for_somebody: data.request.for_somebody };
    let calls: String = data.recordings.iter().map(|call| call::section(&reader, call)).collect();
    let calls = if calls.is_empty() { paragraph(words.no_calls) } else { calls };
    [
        head(&reader),
        format!("<h1>{}</h1>\n", words.title),
        intro(&reader, data, jurisdiction.area()),
        format!("<h2>{}</h2>\n{calls}", words.calls),
        notices(&reader, &data.notices),
        if data.tells_consent { consent(&reader, data) } else { String::new() },
        if data.tells_consultations { consultations(&reader, data) } else { String::new() },
        requests(&reader, &data.requests),
        processing(words),
        recipients::recipients(&reader, data),
        recipients::copies(&reader, data),
        rights(words, language, jurisdiction),
        "</main>\n</body>\n</html>\n".to_owned(),
    ]
    .concat()
}

fn head(reader: &Reader) -> String {
    let (language, title) = (reader.language.as_str(), reader.words.title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n"
    )
}

fn paragraph(text: &str) -> String {
    format!("<p>{text}</p>\n")
}

/// The articles by which a copy was asked for.
fn articles(reader: &Reader, data: &Data, area: Area) -> String {
    let law = match area {
        Area::Uk => "UK GDPR",
        Area::Eea | Area::Switzerland => "GDPR",
    };
    let asks = |right: &str| data.request.rights.contains(&right);
    match (reader.language, asks(Right::Access.as_str()), asks(Right::Port.as_str())) {
        (Language::English, true, true) => format!("{law} Art. 15 and 20"),
        (Language::English, false, true) => format!("{law} Art. 20"),
        (Language::English, _, false) => format!("{law} Art. 15"),
        (Language::Italian, true, true) => format!("artt. 15 e 20 {law}"),
        (Language::Italian, false, true) => format!("art. 20 {law}"),
        (Language::Italian, _, false) => format!("art. 15 {law}"),
    }
}

fn intro(reader: &Reader, data: &Data, area: Area) -> String {
    let words = reader.words;
    let made = reader.moment(data.request.made);
    let zone = reader.zone.iana_name().unwrap_or("UTC");
    let articles = articles(reader, data, area);
    let whom = if reader.for_somebody { paragraph(words.for_somebody) } else { String::new() };
    format!(
        "<p>{} ({articles}). {}</p>\n{whom}<p>{} <code>{}</code>. {} {made} ({zone}). {}</p>\n\
         <p class=\"more\">{}</p>\n",
        words.intro,
        words.to_listen,
        words.request,
        Text(&data.request.id),
        words.made,
        words.times,
        words.elsewhere,
    )
}

fn notices(reader: &Reader, notices: &[Notice]) -> String {
    let words = reader.words;
    let shown = |notice: &Notice| {
        let text = notice.text.as_ref().map_or_else(
            || paragraph(words.text_unknown),
            |text| format!("<blockquote>{}</blockquote>\n", Text(text).to_string().replace('\n', "<br>")),
        );
        format!("<h3>{}</h3>\n{text}", Text(&notice.name))
    };
    if notices.is_empty() {
        return String::new();
    }
    format!("<h2>{}</h2>\n{}", words.notices, notices.iter().map(shown).collect::<String>())
}

fn consent(reader: &Reader, data: &Data) -> String {
    let words = reader.words;
    let standing = |standing: &Standing| {
        format!("<li>{}: {}</li>\n", Text(&standing.purpose), Text(reader.word(&standing.state)))
    };
    let states: String = data.consent.states.iter().map(standing).collect();
    let rows = data.consent.history.iter().map(|said| said_row(reader, said)).collect();
    let history = table(&[words.when, words.what, words.purpose, words.notice, words.how], rows);
    let states =
        if states.is_empty() { paragraph(words.no_consent) } else { format!("<ul>\n{states}</ul>\n") };
    format!("<h2>{}</h2>\n{states}{history}", words.consent)
}

fn said_row(reader: &Reader, said: &Said) -> Vec<String> {
    let purposes = said.purposes.join(", ");
    vec![
        reader.moment(said.occurred),
        Text(reader.word(said.what)).to_string(),
        Text(&purposes).to_string(),
        Text(said.notice.as_deref().unwrap_or_default()).to_string(),
        Text(said.how.map_or("", |how| reader.word(how))).to_string(),
    ]
}

fn consultations(reader: &Reader, data: &Data) -> String {
    let words = reader.words;
    let call = |id: &str| data.recordings.iter().find(|call| call.id == id);
    let row = |heard: &Consultation| {
        let called = call(&heard.recording).map_or_else(String::new, |call| reader.began(call.began));
        vec![
            reader.moment(heard.moment),
            Text(reader.word(heard.what)).to_string(),
            called,
            Text(reader.word(heard.by)).to_string(),
            Text(heard.purpose.as_deref().unwrap_or_default()).to_string(),
            Text(heard.wanted.as_deref().map_or("", |wanted| reader.word(wanted))).to_string(),
        ]
    };
    let rows: Vec<_> = data.consultations.iter().map(row).collect();
    if rows.is_empty() {
        return format!("<h2>{}</h2>\n{}", words.consultations, paragraph(words.no_consultations));
    }
    let heads = [words.when, words.what, words.call, words.who, words.purpose, words.what_for];
    format!("<h2>{}</h2>\n{}{}", words.consultations, paragraph(words.roles_only), table(&heads, rows))
}

/// The person's other requests; nothing where none was granted.
fn requests(reader: &Reader, requests: &[Own]) -> String {
    let words = reader.words;
    if requests.is_empty() {
        return String::new();
    }
    let heads = [words.received, words.asked, words.came_to, words.request];
    let rows = requests.iter().map(|request| request_row(reader, request)).collect();
    format!("<h2>{}</h2>\n{}", words.requests, table(&heads, rows))
}

fn request_row(reader: &Reader, request: &Own) -> Vec<String> {
    let language = reader.language;
    let right = |code: &&'static str| words::of_right(language, code).unwrap_or(*code);
    let rights: Vec<_> = request.rights.iter().map(right).collect();
    let ended = request.ended.map(|code| words::of_ending(language, code).unwrap_or(code));
    vec![
        reader.day(request.received),
        Text(&rights.join(", ")).to_string(),
        Text(ended.unwrap_or(reader.words.still_open)).to_string(),
        format!("<code>{}</code>", Text(&request.id)),
    ]
}

fn processing(words: &Words) -> String {
    let facts: String = words.facts.iter().map(|fact| format!("<li>{fact}</li>\n")).collect();
    format!("<h2>{}</h2>\n<ul>\n{facts}</ul>\n", words.processing)
}

/// A table of cells that are HTML already; nothing where it has no rows.
fn table(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let row = |cells: Vec<String>| {
        format!("<tr>{}</tr>\n", cells.iter().map(|cell| format!("<td>{cell}</td>")).collect::<String>())
    };
    let rows: String = rows.into_iter().map(row).collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{heads}</tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn rights(words: &Words, language: Language, jurisdiction: Jurisdiction) -> String {
    let authority = authority(words, language, jurisdiction);
    format!("<h2>{}</h2>\n<p>{} {authority}</p>\n", words.rights, words.your_rights)
}

/// To whom a complaint goes.
fn authority(words: &Words, language: Language, jurisdiction: Jurisdiction) -> &'static str {
    match (jurisdiction.area(), jurisdiction.as_str(), language) {
        (Area::Uk, _, Language::English) => "The Information Commissioner's Office (ico.org.uk).",
        (Area::Uk, _, Language::Italian) => "Information Commissioner's Office (ico.org.uk).",
        (Area::Switzerland, _, Language::English) => {
            "The Federal Data Protection and Information Commissioner (edoeb.admin.ch)."
        }
        (Area::Switzerland, _, Language::Italian) => {
            "Incaricato federale della protezione dei dati e della trasparenza (edoeb.admin.ch)."
        }
        (Area::Eea, "IT", _) => "Garante per la protezione dei dati personali (garanteprivacy.it).",
        (Area::Eea, _, _) => words.authority_elsewhere,
    }
}
