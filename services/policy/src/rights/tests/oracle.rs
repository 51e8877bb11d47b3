use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

/// What another program, written from the same matrix, says of every question: a line of values for each axis,
/// then the outcomes in the order of the axes, the one on the right fastest, as `COUNT RULE OUTCOME`.
const ROWS: &[u8] = include_bytes!("../rows.txt.gz");

fn rows() -> String {
    let mut text = String::new();
    GzDecoder::new(ROWS).read_to_string(&mut text).unwrap();
    text
}

/// That program's word for ours.
fn its(word: &str) -> String {
    let its = match word {
        "object-marketing" => "OBJECT_MKT",
        "contract-running" => "CONTRACT_RUN",
        "contract-ended" => "CONTRACT_END",
        "duty-running" => "DUTY_RUN",
        "duty-ended" => "DUTY_END",
        "vital-interest" => "VITAL",
        "public-task" => "PUBLIC",
        "legitimate-interest" => "LEGIT",
        "clear" => "OK",
        "identity-failed" => "ID_FAILED",
        "article-12-5" => "ART12_5",
        "article-23" => "ART23",
        "erase-redacting" => "ERASE*",
        same => return same.to_uppercase().replace('-', "_"),
    };
    its.to_owned()
}

#[test]
fn the_axes_have_the_oracles_values_in_its_order() {
    let line = |axis: &str, words: Vec<&'static str>| {
        let words: Vec<_> = words.into_iter().map(its).collect();
        format!("# {axis} {}", words.join(" "))
    };
    let expected = [
        line("RIGHT", Right::ALL.iter().map(|value| value.as_str()).collect()),
        line("CAT", Category::ALL.iter().map(|value| value.as_str()).collect()),
        line("BASIS", BasisState::ALL.iter().map(|value| value.as_str()).collect()),
        line("HOLD", HoldState::ALL.iter().map(|value| value.as_str()).collect()),
        line("PRES", Presence::ALL.iter().map(|value| value.as_str()).collect()),
        line("GATE", Gate::ALL.iter().map(|value| value.as_str()).collect()),
    ];
    let text = rows();
    let axes: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(axes, expected);
}

#[test]
fn every_question_is_decided_by_the_oracles_rule_with_its_outcome() {
    let questions = every_question();
    assert_eq!(questions.len(), 246_400);
    let text = rows();
    let (mut left, mut counted) = (questions.iter(), 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split(' ').collect();
        let [count, rule, outcomes] = columns[..] else { panic!("{line:?} has not three columns") };
        let count: usize = count.parse().unwrap();
        for question in left.by_ref().take(count) {
            let verdict = decide(question);
            let ours: Vec<_> = verdict.outcomes().map(|outcome| its(outcome.as_str())).collect();
            assert_eq!((verdict.rule().as_str(), ours.join("+").as_str()), (rule, outcomes), "{question:?}");
        }
        counted += count;
    }
    assert_eq!(counted, questions.len(), "the oracle has a row for every question, and none more");
}
