//! One call on the page.

use super::super::data::{Call, Kept, Leg, Purpose, Statement, Stretch, Withheld};
use super::{Reader, Text, clock, words};

pub(super) fn section(reader: &Reader, call: &Call) -> String {
    let words = reader.words;
    let facts = [
        (words.length, clock(call.duration_micros)),
        (reader.role_heading(), Text(reader.word(call.your_role)).to_string()),
        (words.with, others(reader, call)),
    ];
    let facts: String = facts.iter().map(|(what, fact)| format!("<li>{what}: {fact}</li>\n")).collect();
    let state = if call.state == "sealed" { String::new() } else { state(reader, call) };
    let incomplete = if call.complete { String::new() } else { super::paragraph(words.incomplete) };
    [
        format!("<section>\n<h3>{}</h3>\n<ul>\n{facts}</ul>\n", reader.began(call.began)),
        state,
        incomplete,
        statements(reader, call),
        purposes(reader, call),
        call.legs.iter().map(|leg| sound(reader, call, leg)).collect(),
        format!("<p class=\"more\"><code>{}</code></p>\n</section>\n", Text(&call.id)),
    ]
    .concat()
}

fn state(reader: &Reader, call: &Call) -> String {
    super::paragraph(&Text(reader.word(call.state)).to_string())
}

/// What was stated about it stands before its sound.
fn statements(reader: &Reader, call: &Call) -> String {
    let words = reader.words;
    let one = |statement: &Statement| {
        let (filed, day) = (Text(&statement.filed), reader.day(statement.attached));
        let by =
            statement.request.as_deref().map(|id| format!(". {} <code>{}</code>", words.request, Text(id)));
        format!("<li><code>{filed}</code>, {day}{}</li>\n", by.unwrap_or_default())
    };
    let lines: String = call.statements.iter().map(one).collect();
    if lines.is_empty() { lines } else { format!("<p>{}</p>\n<ul>\n{lines}</ul>\n", words.stated) }
}

fn others(reader: &Reader, call: &Call) -> String {
    let roles: Vec<_> = call.others.iter().map(|role| reader.word(role)).collect();
    if roles.is_empty() { reader.words.nobody.to_owned() } else { Text(&roles.join(", ")).to_string() }
}

fn purposes(reader: &Reader, call: &Call) -> String {
    if call.purposes.is_empty() {
        return String::new();
    }
    let one = |purpose: &Purpose| purpose_line(reader, call, purpose);
    let lines: String = call.purposes.iter().map(one).collect();
    format!("<h4>{}</h4>\n<ul>\n{lines}</ul>\n", reader.words.why_kept)
}

/// What a code means to the person, whose act it is only where they were the customer.
fn word<'a>(reader: &Reader, call: &Call, code: &'a str) -> &'a str {
    known(reader, call, code).unwrap_or(code)
}

fn known(reader: &Reader, call: &Call, code: &str) -> Option<&'static str> {
    match call.your_role {
        "customer" => words::of_code(reader.language, code),
        _ => words::of_customer(reader.language, code),
    }
}

fn purpose_line(reader: &Reader, call: &Call, purpose: &Purpose) -> String {
    let words = reader.words;
    // What was lost before anything was kept has no basis left to tell of.
    let basis = match purpose.article.as_str() {
        "" => String::new(),
        article => format!(" {} ({}).", Text(word(reader, call, purpose.basis)), Text(article)),
    };
    let kept: String = purpose.kept.iter().map(|kept| kept_line(reader, kept)).collect();
    let kept = if kept.is_empty() { String::new() } else { format!("<ul>\n{kept}</ul>\n") };
    let lost = match &purpose.lost {
        Some(reason) => format!(" {}: {}.", words.basis_gone, Text(word(reader, call, reason))),
        None => String::new(),
    };
    format!("<li>{}:{basis}{lost}\n{kept}</li>\n", Text(&purpose.name))
}

fn kept_line(reader: &Reader, kept: &Kept) -> String {
    let words = reader.words;
    let law = if kept.article.is_empty() { &kept.rule } else { &kept.article };
    let (what, until) = (reader.word(kept.data), reader.day(kept.ends));
    format!("<li>{}, {} {until}: {}</li>\n", Text(what), words.until, Text(law))
}

fn sound(reader: &Reader, call: &Call, leg: &Leg) -> String {
    let whose = if leg.whose == "you" { reader.person() } else { reader.word(leg.whose) };
    let audio: String = leg.audio.iter().map(|sound| player(&sound.file, &sound.purpose)).collect();
    let withheld = leg.withheld.as_ref().map(|withheld| why(reader, call, leg, withheld)).unwrap_or_default();
    let gaps = gaps(reader, leg.gaps.iter().chain(&leg.silenced));
    format!("<h4>{}</h4>\n{audio}{withheld}{gaps}", Text(whose))
}

fn player(file: &str, purpose: &str) -> String {
    let (file, purpose) = (Text(file), Text(purpose));
    format!(
        "<p class=\"more\">{purpose}: <a href=\"{file}\">{file}</a></p>\n\
         <audio controls preload=\"none\" src=\"{file}\"></audio>\n"
    )
}

fn why(reader: &Reader, call: &Call, leg: &Leg, withheld: &Withheld) -> String {
    let words = reader.words;
    let known = withheld.because.iter().map(|code| {
        let said = known(reader, call, code);
        said.map_or_else(|| format!("<code>{}</code>", Text(code)), |said| Text(said).to_string())
    });
    let known: Vec<String> = known.collect();
    let because = match known.is_empty() {
        false => known.join("; "),
        true if leg.whose == "you" => words.not_given.to_owned(),
        true => words.somebody_elses.to_owned(),
    };
    format!("<p><strong>{}</strong> {because}.</p>\n", words.withheld)
}

fn gaps<'l>(reader: &Reader, gaps: impl Iterator<Item = &'l Stretch>) -> String {
    let gap = |gap: &Stretch| {
        let (start, end) = (clock(gap.start_micros), clock(gap.end_micros));
        format!("<li>{start} – {end}: {}</li>\n", Text(reader.word(&gap.what)))
    };
    let lines: String = gaps.map(gap).collect();
    if lines.is_empty() { lines } else { format!("<p>{}</p>\n<ul>\n{lines}</ul>\n", reader.words.silent) }
}
