use proptest::prelude::*;

use super::*;

#[test]
fn a_page_token_comes_back_and_nothing_else_is_one() {
    let hold = HoldId::new();
    assert_eq!(after_hold(&hold_token(hold)).unwrap(), Some(hold));
    for at in [i64::MIN, -1, 0, i64::MAX] {
        let due = Due { at: Timestamp(at), id: RecordingId::new() };
        assert_eq!(after_due(&due_token(&due)).unwrap(), Some(due));
    }
    assert_eq!((after_hold("").unwrap(), after_due("").unwrap()), (None, None));
    for bad in ["x", &"g".repeat(32), &"0".repeat(31), &"é".repeat(16), &"+1".repeat(16), &"0".repeat(99)] {
        for error in [after_hold(bad).unwrap_err(), after_due(bad).unwrap_err()] {
            assert!(matches!(error, Error::Invalid { what: "page_token", .. }), "{bad}: {error:?}");
        }
    }
}

#[test]
fn a_page_has_a_bound() {
    for (asked, expected) in [(0, 100), (1, 1), (500, 500)] {
        assert_eq!(page_size(asked).unwrap(), expected);
    }
    for asked in [501, u32::MAX] {
        assert!(matches!(page_size(asked), Err(Error::Invalid { what: "page_size", .. })));
    }
}

#[test]
fn a_page_of_holds_ends_before_it_is_too_large() {
    let large = || {
        let named = (0..MAX_NAMED).map(|_| SubjectId::new()).collect();
        crate::contract::hold(Selector::Subjects(named))
    };
    let mut holds: Vec<_> = (0..60).map(|_| large()).collect();
    assert_eq!(fitting(&holds).len(), NAMED_MAX / MAX_NAMED);
    holds.truncate(3);
    assert_eq!(fitting(&holds).len(), 3);
    assert_eq!(fitting(&[]), []);
}

proptest! {
    #[test]
    fn no_text_takes_the_reader_of_tokens_off_its_feet(text in ".{0,60}") {
        let _read = (after_hold(&text), after_due(&text));
    }
}

#[test]
fn what_a_code_must_be_is_said_in_a_sentence() {
    for bad in ["two words", "-x"] {
        let error = code(bad, "reason").unwrap_err();
        assert_eq!(
            error.to_string(),
            "reason must have 1 to 64 letters, digits and - . _ / : and begin with a letter or digit"
        );
    }
}
