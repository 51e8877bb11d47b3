//! Who is one person, by tables and over histories that nobody wrote.

use proptest::prelude::*;

use super::*;

fn subject(number: u8) -> SubjectId {
    SubjectId::from_bytes([number; 16])
}

fn pair(one: u8, other: u8) -> Pair {
    Pair::new(subject(one), subject(other)).unwrap()
}

fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

fn link(op: LinkOp, one: u8, other: u8) -> SubjectLink {
    let pair = pair(one, other);
    SubjectLink {
        a: pair.a(),
        b: pair.b(),
        op,
        evidence: code("case-7"),
        asked_by: "anna".to_owned(),
        agreed_by: Some("bruno".to_owned()),
        at: Timestamp(5),
    }
}

fn merge(one: u8, other: u8) -> SubjectLink {
    link(LinkOp::Merge, one, other)
}

fn unmerge(one: u8, other: u8) -> SubjectLink {
    link(LinkOp::Unmerge, one, other)
}

fn people(history: &[SubjectLink], of: u8) -> Vec<u8> {
    let person = Links::fold(history).person(subject(of));
    person.into_iter().map(|subject| subject.to_bytes()[0]).collect()
}

fn wanted(op: LinkOp, pair: Pair, evidence: &str) -> Wanted {
    Wanted { pair, op, evidence: code(evidence) }
}

/// Makes a step after these, which it must be able to.
fn made(steps: &mut Vec<LinkStep>, wanted: &Wanted, by: &str) -> Stage {
    let step = decide(wanted, by, Timestamp(9), steps).unwrap();
    let stage = step.stage;
    steps.push(step);
    steps.sort_by_key(|step| (step.pair, step.number));
    stage
}

fn refused(steps: &[LinkStep], wanted: &Wanted, by: &str) -> LinkRefusal {
    decide(wanted, by, Timestamp(9), steps).unwrap_err()
}

#[test]
fn who_is_one_person_is_what_the_merges_join() {
    let table: &[(&[SubjectLink], u8, &[u8])] = &[
        (&[], 1, &[1]),
        (&[merge(1, 2)], 1, &[1, 2]),
        (&[merge(1, 2)], 2, &[1, 2]),
        (&[merge(1, 2)], 3, &[3]),
        (&[merge(1, 2), merge(2, 3)], 1, &[1, 2, 3]),
        (&[merge(1, 2), merge(3, 4)], 1, &[1, 2]),
        (&[merge(1, 2), merge(2, 3), unmerge(1, 2)], 1, &[1]),
        (&[merge(1, 2), merge(2, 3), unmerge(1, 2)], 3, &[2, 3]),
        // Only its own pair is cut: what others hold together stays so.
        (&[merge(1, 2), merge(2, 3), merge(1, 3), unmerge(1, 2)], 1, &[1, 2, 3]),
        (&[merge(1, 2), unmerge(1, 2), merge(1, 2)], 2, &[1, 2]),
    ];
    for (history, of, expected) in table {
        assert_eq!(people(history, *of), *expected, "{history:?}");
    }
}

#[test]
fn what_nobody_agreed_to_joins_nobody() {
    let asked = SubjectLink { agreed_by: None, ..merge(1, 2) };
    assert_eq!(people(&[asked], 1), [1]);
    let cut = SubjectLink { agreed_by: None, ..unmerge(1, 2) };
    assert_eq!(people(&[merge(1, 2), cut], 1), [1, 2]);
}

#[test]
fn a_pair_is_two_subjects_in_whatever_order() {
    assert_eq!(pair(1, 2), pair(2, 1));
    assert_eq!(Pair::new(subject(1), subject(1)), Err(LinkRefusal::SameSubject));
}

#[test]
fn a_link_takes_two_people_each_time() {
    let (mut steps, merge) = (Vec::new(), wanted(LinkOp::Merge, pair(1, 2), "case-7"));
    assert_eq!(made(&mut steps, &merge, "anna"), Stage::Asked);
    assert_eq!(refused(&steps, &merge, "anna"), LinkRefusal::SamePerson);
    assert!(!Links::fold(&history(&steps)).is_merged(merge.pair));
    assert_eq!(made(&mut steps, &merge, "bruno"), Stage::Agreed);
    assert_eq!(refused(&steps, &merge, "carla"), LinkRefusal::AlreadyMerged);
    let unmerge = Wanted { op: LinkOp::Unmerge, evidence: code("case-9"), ..merge.clone() };
    assert_eq!(made(&mut steps, &unmerge, "bruno"), Stage::Asked);
    assert_eq!(refused(&steps, &unmerge, "bruno"), LinkRefusal::SamePerson);
    assert_eq!(made(&mut steps, &unmerge, "anna"), Stage::Agreed);
    assert_eq!(refused(&steps, &unmerge, "anna"), LinkRefusal::NotMerged);
    assert_eq!(made(&mut steps, &merge, "bruno"), Stage::Asked);
    let told: Vec<_> = history(&steps)
        .into_iter()
        .map(|link| (link.op, link.evidence.to_string(), link.asked_by, link.agreed_by))
        .collect();
    let (anna, bruno) = ("anna".to_owned(), "bruno".to_owned());
    let expected = [
        (LinkOp::Merge, "case-7".to_owned(), anna.clone(), Some(bruno.clone())),
        (LinkOp::Unmerge, "case-9".to_owned(), bruno.clone(), Some(anna)),
        (LinkOp::Merge, "case-7".to_owned(), bruno, None),
    ];
    assert_eq!(told, expected);
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn whoever_agrees_goes_by_the_evidence_that_was_asked() {
    let mut steps = Vec::new();
    let first = wanted(LinkOp::Merge, pair(1, 2), "case-7");
    let other = Wanted { evidence: code("case-8"), ..first.clone() };
    made(&mut steps, &first, "anna");
    assert_eq!(refused(&steps, &other, "bruno"), LinkRefusal::OtherEvidence);
    // Whoever asked may have mistyped it.
    assert_eq!(made(&mut steps, &other, "anna"), Stage::Asked);
    assert_eq!(refused(&steps, &first, "bruno"), LinkRefusal::OtherEvidence);
    assert_eq!(made(&mut steps, &other, "bruno"), Stage::Agreed);
    let links = history(&steps);
    assert_eq!((links.len(), links[0].evidence.as_str()), (1, "case-8"));
}

#[test]
fn what_is_not_merged_is_not_unmerged() {
    let mut steps = Vec::new();
    for (one, other) in [(1, 2), (2, 3)] {
        let merge = wanted(LinkOp::Merge, pair(one, other), "case-7");
        made(&mut steps, &merge, "anna");
        made(&mut steps, &merge, "bruno");
    }
    // They are one person, but through another.
    let through = wanted(LinkOp::Unmerge, pair(1, 3), "case-7");
    assert_eq!(refused(&steps, &through, "anna"), LinkRefusal::NotMerged);
    assert_eq!(made(&mut steps, &Wanted { op: LinkOp::Merge, ..through }, "anna"), Stage::Asked);
}

#[test]
fn nobody_is_more_than_sixty_four_subjects() {
    let mut steps = Vec::new();
    for other in 2..=64 {
        let merge = wanted(LinkOp::Merge, pair(1, other), "case-7");
        made(&mut steps, &merge, "anna");
        made(&mut steps, &merge, "bruno");
    }
    let links = Links::fold(&history(&steps));
    assert_eq!(links.person(subject(64)).len(), MAX_SUBJECTS);
    let one_more = wanted(LinkOp::Merge, pair(64, 65), "case-7");
    assert_eq!(refused(&steps, &one_more, "anna"), LinkRefusal::TooManySubjects);
    // Among themselves they are as many as before.
    assert_eq!(made(&mut steps, &wanted(LinkOp::Merge, pair(2, 3), "case-7"), "anna"), Stage::Asked);
}

#[test]
fn a_pair_with_very_many_steps_is_merged_no_more() {
    let wanted = wanted(LinkOp::Merge, pair(1, 2), "case-7");
    let step = decide(&wanted, "anna", Timestamp(9), &[]).unwrap();
    let check = |number, expected: Result<u32, LinkRefusal>| {
        let steps = [LinkStep { number, ..step.clone() }];
        let next = decide(&wanted, "bruno", Timestamp(9), &steps);
        assert_eq!(next.map(|step| step.number), expected);
    };
    check(MAX_STEPS - 1, Ok(MAX_STEPS));
    check(MAX_STEPS, Err(LinkRefusal::TooManyLinks));
}

#[test]
fn numbers_and_words_are_their_own() {
    for op in LinkOp::ALL {
        assert_eq!(LinkOp::from_number(op.number()), Some(op));
        let wire = proto::consent::v1::LinkOp::try_from(op.number()).unwrap();
        assert_eq!(wire.as_str_name(), format!("LINK_OP_{}", op.as_str().to_uppercase()));
    }
    for stage in Stage::ALL {
        assert_eq!(Stage::from_number(stage.number()), Some(stage));
    }
    let words: BTreeSet<_> = LinkRefusal::ALL.iter().map(|refusal| refusal.as_str()).collect();
    assert_eq!(words.len(), LinkRefusal::ALL.len());
}

/// Different pairs among a few subjects.
fn some_pairs() -> impl Strategy<Value = Vec<Pair>> {
    let one = (0_u8..12, 0_u8..12).prop_filter("two subjects", |(one, other)| one != other);
    let pairs = prop::collection::btree_set(one.prop_map(|(one, other)| pair(one, other)), 0..24);
    pairs.prop_map(|pairs| pairs.into_iter().collect::<Vec<_>>()).prop_shuffle()
}

fn link_of(op: LinkOp, pair: Pair) -> SubjectLink {
    SubjectLink { a: pair.a(), b: pair.b(), ..link(op, 1, 2) }
}

fn merges(pairs: &[Pair]) -> Vec<SubjectLink> {
    pairs.iter().map(|pair| link_of(LinkOp::Merge, *pair)).collect()
}

proptest! {
    #[test]
    fn the_order_of_merges_does_not_matter(pairs in some_pairs()) {
        let mut sorted = pairs.clone();
        sorted.sort();
        prop_assert_eq!(Links::fold(&merges(&pairs)), Links::fold(&merges(&sorted)));
    }

    #[test]
    fn an_unmerge_restores_exactly_what_was(pairs in some_pairs(), place in any::<prop::sample::Index>()) {
        prop_assume!(!pairs.is_empty());
        let (mut rest, cut) = (pairs.clone(), place.index(pairs.len()));
        let cut = rest.remove(cut);
        let mut history = merges(&pairs);
        history.push(link_of(LinkOp::Unmerge, cut));
        prop_assert_eq!(Links::fold(&history), Links::fold(&merges(&rest)));
        history.push(link_of(LinkOp::Merge, cut));
        prop_assert_eq!(Links::fold(&history), Links::fold(&merges(&pairs)));
    }

    #[test]
    fn a_person_is_the_same_from_each_of_its_subjects(pairs in some_pairs()) {
        let links = Links::fold(&merges(&pairs));
        for number in 0..12 {
            let person = links.person(subject(number));
            prop_assert!(person.contains(&subject(number)));
            for other in &person {
                prop_assert_eq!(&links.person(*other), &person);
            }
        }
        for pair in &pairs {
            prop_assert!(links.is_merged(*pair) && links.person(pair.a()).contains(&pair.b()));
        }
    }
}
