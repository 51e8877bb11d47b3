use proptest::prelude::*;

use super::*;

fn words(codes: &[Code]) -> Vec<&str> {
    codes.iter().map(Code::as_str).collect()
}

fn fields(texts: &[&str], keys: &[&str]) -> Result<Fields, FieldError> {
    let codes: Vec<_> = texts.iter().map(|text| Code::new(*text).unwrap()).collect();
    Fields::of(&codes, keys)
}

#[test]
fn names_share_codes_and_none_is_cut() {
    let names = ["quality".to_owned(), "training".to_owned(), "x".repeat(63), "sales".to_owned()];
    let codes = packed("purpose", &names);
    let long = format!("purpose:{}:sales", "x".repeat(63));
    assert_eq!(words(&codes), ["purpose:quality:training", &long]);
    assert_eq!(Fields::of(&codes, &["purpose"]).unwrap().read_all::<String>("purpose").unwrap(), names);
    assert_eq!(packed("purpose", [""; 0]), []);
}

#[test]
fn a_text_keeps_every_character_of_a_policy_s_codes() {
    let codes = text("reference", "CONSOB/2026:04.12_b").unwrap();
    assert_eq!(words(&codes), ["reference:.c.o.n.s.o.b.:2026:04..12.-b"]);
    let long = text("reason", &"X".repeat(64)).unwrap();
    assert_eq!(long.len(), 2);
    assert_eq!(
        Fields::of(&long, &["reason"]).unwrap().read_text::<String>("reason").unwrap(),
        "X".repeat(64)
    );
    assert_eq!(text("reason", "two words"), None);
    for broken in [".", ".1", "a."] {
        assert!(read_text::<String>("reason", broken).is_err(), "{broken}");
    }
}

#[test]
fn a_long_list_comes_in_parts_with_the_same_head() {
    let head = [code("hold", "litigation"), code("over", "recordings")];
    let list: Vec<_> = (0..30).map(|number| code("recording", number)).collect();
    let parts = in_parts(&head, &list);
    assert_eq!(parts.iter().map(|(_, codes)| codes.len()).collect::<Vec<_>>(), [16, 16, 7]);
    let keys = ["hold", "over", "recording"];
    let mut found: Vec<u32> = Vec::new();
    for (number, (part, codes)) in (1..).zip(&parts) {
        let fields = Fields::of(codes, &keys).unwrap();
        assert_eq!((fields.part().unwrap(), *part), (*part, Part { number, of: 3 }));
        assert_eq!(fields.one("hold").unwrap(), "litigation");
        found.extend(fields.read_all::<u32>("recording").unwrap());
    }
    assert!(found.into_iter().eq(0..30));
    let (part, codes) = &in_parts(&head, &[])[0];
    assert_eq!(
        (*part, words(codes)),
        (Part::WHOLE, vec!["hold:litigation", "over:recordings", "part:1-of-1"])
    );
}

#[test]
fn what_is_wrong_is_named_and_not_repeated() {
    let keys = ["hold", "at"];
    for (texts, field, problem) in [
        (&["word"][..], "a code", "has no key"),
        (&["more:a"], "a code", "goes on with nothing"),
        (&["other:a"], "a code", "has a key that its kind of act has not"),
    ] {
        assert_eq!(fields(texts, &keys), Err(FieldError { field, problem }));
    }
    let twice = fields(&["at:1", "at:2"], &keys).unwrap();
    assert_eq!(twice.read::<i64>("at").unwrap_err().problem, "is there twice");
    assert_eq!(twice.read::<i64>("hold").unwrap_err().problem, "is missing");
    assert_eq!(fields(&["at:x"], &keys).unwrap().read::<i64>("at"), Err(malformed("at")));
    for part in ["part:0-of-1", "part:2-of-1", "part:1", "part:1-of-1001", "part:a-of-b", "part:-1-of-3"] {
        assert!(fields(&[part], &keys).unwrap().part().is_err(), "{part}");
    }
}

proptest! {
    #[test]
    fn a_text_comes_back_as_it_went(given in "[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}") {
        let codes = text("reference", &given).unwrap();
        prop_assert!(codes.len() <= 2);
        let fields = Fields::of(&codes, &["reference"]).unwrap();
        prop_assert_eq!(fields.read_text::<String>("reference").unwrap(), given);
    }

    #[test]
    fn any_codes_are_read_or_refused_without_panic(texts in prop::collection::vec("[a-z0-9.:-]{1,80}", 0..16)) {
        let codes: Vec<_> = texts.into_iter().map(|text| Code::new(text).unwrap()).collect();
        let keys: Vec<_> = codes.iter().filter_map(|code| Some(code.as_str().split_once(':')?.0)).collect();
        if let Ok(fields) = Fields::of(&codes, &keys) {
            let _either = (fields.part(), fields.read_two::<u64>("a"), fields.read_text::<String>("a"));
        }
    }
}
