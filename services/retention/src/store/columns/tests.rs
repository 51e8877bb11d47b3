use super::*;

/// Every column's reader, as whether it takes a text.
fn is_taken(column: &str, text: &str) -> bool {
    match column {
        "target" => read_target(text).is_ok(),
        "scope" => read_scope(text).is_ok(),
        "purposes" => read_purposes(text).is_ok(),
        "kept" => read_kept(text).is_ok(),
        "report" => read_report(text).is_ok(),
        "failure" => read_failure(text).is_ok(),
        other => panic!("no column {other}"),
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let cases = [
        ("target", r#""due""#, r#""everybody""#),
        ("target", r#"{"recording":"0198c0de-0000-7000-8000-000000000001"}"#, r#"{"recording":"1"}"#),
        ("scope", r#""everything""#, "null"),
        ("scope", r#"{"purposes":["quality"]}"#, r#"{"purposes":[]}"#),
        ("scope", r#"{"purposes":["quality"]}"#, r#"{"purposes":["No Slug"]}"#),
        (
            "scope",
            r#"{"stretch":{"start":4,"end":5,"legs":[1]}}"#,
            r#"{"stretch":{"start":5,"end":5,"legs":[1]}}"#,
        ),
        ("scope", r#"{"stretch":{"start":0,"end":1,"legs":[]}}"#, r#"{"stretch":{"start":0,"end":1}}"#),
        ("purposes", r#"["quality"]"#, r#"["No Slug"]"#),
        (
            "kept",
            r#"[{"purpose":null,"by":{"rule":"regime:mifid2-16-7"},"until":7}]"#,
            r#"[{"purpose":null,"by":{"rule":"two words"},"until":7}]"#,
        ),
        ("report", r#"{"spans":3}"#, r#"{"spans":-3}"#),
        (
            "failure",
            r#"{"code":"peer-away","tries":4294967295}"#,
            r#"{"code":"peer-away","tries":4294967296}"#,
        ),
        ("failure", r#"{"code":"peer-away","tries":1}"#, r#"{"code":"","tries":1}"#),
    ];
    for (column, good, bad) in cases {
        assert!(is_taken(column, good), "{column}: {good}");
        for bad in [bad, "", "{", "[[[[", "\u{0}"] {
            assert!(!is_taken(column, bad), "{column}: {bad}");
        }
    }
}

#[test]
fn what_is_kept_back_has_a_bound() {
    let one = KeptBack { purpose: None, by: KeptBy::Hold(HoldId::new()), until: None };
    let most = kept(&vec![one.clone(); MAX_KEPT_BACK]).unwrap();
    assert_eq!(read_kept(&most).unwrap().len(), MAX_KEPT_BACK);
    kept(&vec![one.clone(); MAX_KEPT_BACK + 1]).unwrap_err();
    let single = kept(&[one]).unwrap();
    let more = format!("{},{}", most.trim_end_matches(']'), single.trim_start_matches('['));
    read_kept(&more).unwrap_err();
}
