use super::*;
use crate::jurisdiction::Jurisdiction;

const PERIODS: &str = include_str!("../vectors/period.csv");
const STAMPS: &str = include_str!("../vectors/stamp.csv");

/// The rows below the head, each with its last column, the source, as it stands.
fn rows<const COLUMNS: usize>(text: &'static str, head: &str) -> Vec<[&'static str; COLUMNS]> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some(head));
    let row = |line: &'static str| {
        let row: Vec<_> = line.splitn(COLUMNS, ',').collect();
        let row = <[_; COLUMNS]>::try_from(row).unwrap_or_else(|row| panic!("{row:?} is short of columns"));
        assert!(row.iter().all(|column| !column.is_empty()), "{row:?} has an empty column");
        row
    };
    lines.map(row).collect()
}

#[test]
fn every_period_ends_where_its_vector_says() {
    let rows = rows::<5>(PERIODS, "jurisdiction,period,start,end,source");
    assert_eq!(rows.len(), 79, "a vector was lost or added");
    for [jurisdiction, period, start, end, source] in rows {
        let zone = jurisdiction.parse::<Jurisdiction>().unwrap().time_zone();
        let ended = period.parse::<Period>().unwrap().after(at(start), &zone);
        assert_eq!(ended, at(end), "{jurisdiction} {period} from {start}: {source}");
    }
}

#[test]
fn every_stamp_says_what_its_vector_says() {
    let head = "jurisdiction,retention,anchor,started,ended,mark,ran,audio,metadata,source";
    let rows = rows::<10>(STAMPS, head);
    assert_eq!(rows.len(), 25, "a vector was lost or added");
    for [jurisdiction, retention, anchor, started, ended, mark, ran, audio, metadata, source] in rows {
        let policy = policy_in(jurisdiction, &[&terms(retention, anchor)]);
        let sale = MarkLabel::new("sale").unwrap();
        let marks_ended_at = (mark != "-").then(|| (sale, at(mark))).into_iter().collect();
        let facts = Facts { started_at: at(started), ended_at: at(ended), marks_ended_at };
        let stamps = stamp(&policy, &name("sale"), &facts);
        let said: Vec<_> = stamps.iter().map(|stamp| (stamp.kind, stamp.ends, by(&stamp.rule))).collect();
        let expected = [(DataKind::Audio, at(audio), ran), (DataKind::Metadata, at(metadata), ran)];
        assert_eq!(said, expected, "{retention} of {started} in {jurisdiction}: {source}");
    }
}

fn terms(retention: &str, anchor: &str) -> String {
    let terms = match (anchor, retention.split_once('/')) {
        ("-", _) => format!("basis: legal_obligation, regime: {retention}"),
        (_, Some((audio, metadata))) => {
            format!(
                "basis: contract, anchor: {anchor}, retention: {{ audio: {audio}, metadata: {metadata} }}"
            )
        }
        (_, None) => format!("basis: contract, anchor: {anchor}, retention: {retention}"),
    };
    format!("sale: {{ {terms} }}")
}

fn by(rule: &Rule) -> &'static str {
    match rule {
        Rule::Regime { .. } => "regime",
        Rule::Policy { anchor, .. } => anchor.as_str(),
        Rule::Order { .. } | Rule::LaterPolicy { .. } => panic!("no stamp begins with {rule}"),
    }
}
