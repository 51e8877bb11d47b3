//! To whom it was given, and the copies that the person has already.

use super::super::data::{Call, Copied, Data, Recipient, Telling};
use super::{Reader, Text, paragraph, table, words};

/// Those outside who got something; that nobody is known where there is none.
pub(super) fn recipients(reader: &Reader, data: &Data) -> String {
    let words = reader.words;
    if data.recipients.is_empty() {
        return format!("<h2>{}</h2>\n{}", words.recipients, paragraph(words.no_recipients));
    }
    let heads = [words.when, words.recipient, words.call, words.what_for, words.told_since];
    let rows = data.recipients.iter().map(|one| row(reader, &data.recordings, one)).collect();
    let told = paragraph(words.recipients_noted);
    format!("<h2>{}</h2>\n{told}{}", words.recipients, table(&heads, rows))
}

fn row(reader: &Reader, calls: &[Call], recipient: &Recipient) -> Vec<String> {
    let told: Vec<_> = recipient.told.iter().map(|telling| telling_words(reader, telling)).collect();
    vec![
        reader.moment(recipient.moment),
        Text(&recipient.who).to_string(),
        began(reader, calls, &recipient.recording),
        Text(recipient.purpose.as_deref().unwrap_or_default()).to_string(),
        told.join("<br>"),
    ]
}

fn telling_words(reader: &Reader, telling: &Telling) -> String {
    let word = |code: &'static str| words::of_notice(reader.language, code).unwrap_or(code);
    format!("{}: {}", Text(word(telling.what)), Text(word(telling.state)))
}

/// The copies from before; nothing where there is none.
pub(super) fn copies(reader: &Reader, data: &Data) -> String {
    let words = reader.words;
    if data.copies.is_empty() {
        return String::new();
    }
    let heads = [words.when, words.call, words.copied_to, words.request];
    let rows = data.copies.iter().map(|copy| copy_row(reader, &data.recordings, copy)).collect();
    format!("<h2>{}</h2>\n{}", words.copies, table(&heads, rows))
}

fn copy_row(reader: &Reader, calls: &[Call], copy: &Copied) -> Vec<String> {
    let to = words::of_notice(reader.language, copy.to).unwrap_or(copy.to);
    vec![
        reader.moment(copy.moment),
        began(reader, calls, &copy.recording),
        Text(to).to_string(),
        format!("<code>{}</code>", Text(&copy.request)),
    ]
}

/// When a call began, by which the page names it.
fn began(reader: &Reader, calls: &[Call], id: &str) -> String {
    let call = calls.iter().find(|call| call.id == id);
    call.map_or_else(String::new, |call| reader.began(call.began))
}
