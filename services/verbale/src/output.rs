//! What commands print: tables for people, JSON for scripts, and errors that say what to do next.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use comfy_table::{Cell, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;
use serde_json::{Value, json};

/// How a command ended; scripts go by these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// What was checked is not right: a fault was found.
    Fault = 1,
    /// Wrong use or bad input.
    Usage = 2,
    /// Refused: token, permission, purpose, state.
    Refused = 3,
    /// No such thing.
    NotFound = 4,
    /// The mesh, or an engine of it, does not answer.
    Unavailable = 5,
    /// A fault of ours.
    Internal = 70,
}

impl Exit {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fault => "fault",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::NotFound => "not-found",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Where results go, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    colour: bool,
}

impl Output {
    /// Output to standard output, in colour where that is a terminal and NO_COLOR is not set.
    pub fn new(json: bool) -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour: colour && !json }
    }

    /// Whether JSON is asked for.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints one line for people; nothing in JSON form.
    pub fn line(self, text: impl AsRef<str>) {
        if !self.json {
            write_out(text.as_ref());
        }
    }

    /// Prints a value: as JSON, or as the lines that `human` makes of it.
    pub fn value<T: Serialize>(self, value: &T, human: impl FnOnce(&T) -> String) {
        if self.json {
            write_out(&serde_json::to_string_pretty(value).expect("our own values are plain JSON"));
        } else {
            write_out(&human(value));
        }
    }

    /// Tells on standard error how a command failed: for people with what to do next, in JSON form as one object on
    /// one line.
    pub fn complain(self, error: &anyhow::Error, exit: Exit, hint: Option<&str>) {
        let text = if self.json {
            failure(code(error).unwrap_or(exit.as_str()), &describe(error), exit, hint).to_string()
        } else {
            let hint = hint.map(|hint| format!("\n  try: {hint}"));
            format!("error: {}{}", describe(error), hint.unwrap_or_default())
        };
        write_err(&text);
    }

    /// Tells on standard error, in JSON form, that a command line could not be read.
    pub fn misread(text: &str) {
        let message = text.trim().trim_start_matches("error: ");
        write_err(&failure(Exit::Usage.as_str(), message, Exit::Usage, None).to_string());
    }

    /// Says something beside a command's result, on standard error: the result stays what a script can use.
    pub fn note(self, text: &str) {
        write_err(&format!("note: {text}"));
    }

    /// Text in a style, where the terminal shows it.
    pub fn style(self, style: Style, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
    }
}

/// A few styles that read well on light and dark terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// Kept, verified.
    Green,
    /// Not kept, and why.
    Yellow,
    /// A fault.
    Red,
    /// Marks and names.
    Blue,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Red => "31",
            Self::Blue => "34",
        }
    }
}

/// A table that fits the terminal.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    let style = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(Cell::new));
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// A failure as JSON: a word for scripts, words for people, and how the process ends.
fn failure(code: &str, message: &str, exit: Exit, hint: Option<&str>) -> Value {
    let mut error = json!({"code": code, "message": message, "exit": exit as u8});
    if let Some(hint) = hint {
        error["hint"] = hint.into();
    }
    json!({"error": error})
}

/// The machine-readable reason of what a role answered.
fn code(error: &anyhow::Error) -> Option<&str> {
    let status = error.chain().find_map(|cause| cause.downcast_ref::<tonic::Status>());
    status.map(platform::error::reason)
}

/// An error and its causes on one line; what a role answered as its message and its reason code.
fn describe(error: &anyhow::Error) -> String {
    let one = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<tonic::Status>() {
        Some(status) => match platform::error::reason(status) {
            reason if status.message().ends_with(reason) => status.message().to_owned(),
            reason => format!("{} ({reason})", status.message()),
        },
        None => cause.to_string(),
    };
    let mut told: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = one(cause);
        // What was asked about is often named by the answer as well.
        if told.last().is_some_and(|last| names(&text, last)) {
            told.pop();
        }
        // Some libraries repeat their cause in their own words.
        if !text.is_empty() && told.last().is_none_or(|last| !last.ends_with(&text)) {
            told.push(text);
        }
    }
    told.join(": ")
}

/// Whether a text has all that another says, as words of its own.
fn names(text: &str, other: &str) -> bool {
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !other.is_empty()
        && text.match_indices(other).any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + other.len()..].chars().next());
            !is_word(before) && !is_word(after)
        })
}

fn write_err(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A closed pipe (`verbale ... | head`) is no error of the command's.
fn write_out(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use kernel::ErrorCode;

    use super::*;

    #[test]
    fn what_was_asked_about_is_named_once() {
        let check = |text: &str, context: &str, expected: &str| {
            let answer = platform::error::refusal(ErrorCode::NotFound, "not-found", text);
            let error = anyhow::Error::new(answer).context(context.to_owned());
            assert_eq!(describe(&error), expected);
        };
        check("there is no recording 7", "recording 7", "there is no recording 7 (not-found)");
        check("no recording 7", "recording 7", "no recording 7 (not-found)");
        check("there is no recording 77", "recording 7", "recording 7: there is no recording 77 (not-found)");
        check("consent is gone", "recording 7", "recording 7: consent is gone (not-found)");
    }

    #[test]
    fn a_failure_is_one_json_object_with_a_word_for_scripts() {
        let refusal = platform::error::refusal(ErrorCode::PermissionDenied, "withdrawn", "consent is gone");
        let error = anyhow::Error::new(refusal).context("recording 7");
        let told = failure(code(&error).unwrap(), &describe(&error), Exit::Refused, Some("again"));
        let wanted = json!({"error": {
            "code": "withdrawn", "message": "recording 7: consent is gone (withdrawn)", "exit": 3, "hint": "again",
        }});
        assert_eq!(told, wanted);
        assert_eq!(code(&anyhow::anyhow!("bad file")), None);
        let told = failure(Exit::Usage.as_str(), "bad file", Exit::Usage, None);
        assert_eq!(told, json!({"error": {"code": "usage", "message": "bad file", "exit": 2}}));
    }
}
