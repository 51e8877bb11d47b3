//! The identifier index.

use kernel::{SectionNo, SubjectId, Timestamp};

use super::{alfa, beta};
use crate::identifier::Kind;
use crate::identity::{Choice, Conflict, Known, Line, Presented, Reassigned};
use crate::store::Identifiers;

/// When everything here becomes known.
const NOW: Timestamp = Timestamp(5);

pub(super) fn one(kind: Kind, number: u8) -> Presented {
    Presented { kind, value: [number; 32] }
}

pub(super) async fn resolved(index: &dyn Identifiers, presented: &[Presented]) -> Choice {
    resolved_at(index, presented, NOW).await
}

async fn resolved_at(index: &dyn Identifiers, presented: &[Presented], at: Timestamp) -> Choice {
    index.resolve(&alfa(), presented, SubjectId::new(), at, NOW).await.expect("resolved")
}

async fn found(index: &dyn Identifiers, presented: &[Presented], at: Timestamp) -> Vec<Known> {
    index.find(&alfa(), presented, at).await.expect("read")
}

/// Gives it to somebody new: what became of it, and who that is.
pub(super) async fn given(index: &dyn Identifiers, one: &Presented, from: i64) -> (Reassigned, SubjectId) {
    let fresh = SubjectId::new();
    let reassigned = index.reassign(&alfa(), one, Timestamp(from), fresh, NOW).await;
    (reassigned.expect("answered"), fresh)
}

/// Known ones stay whose they are; unknown ones become the known person's.
pub async fn an_identifier_is_one_subject_s(index: &dyn Identifiers) {
    let (phone, crm, other) = (one(Kind::Phone, 1), one(Kind::Crm, 2), one(Kind::Crm, 3));
    let first = resolved(index, &[phone]).await;
    assert_eq!(resolved(index, &[phone, crm]).await.subject, first.subject);
    let row = |p: Presented, subject| Known::first(&p, subject, NOW);
    let both = [row(phone, first.subject), row(crm, first.subject)];
    assert_eq!(found(index, &[phone, crm, other, phone], NOW).await, both);
    // Whoever has it first has it from ever.
    assert_eq!(found(index, &[phone, crm], Timestamp(i64::MIN)).await, both);
    assert_eq!(index.of_subject(&alfa(), first.subject).await.expect("read"), both);
    let second = resolved(index, &[phone, other]).await;
    assert_eq!(second.conflict, Some(Conflict::AnotherPerson));
    assert_eq!(index.of_subject(&alfa(), second.subject).await.expect("read"), [row(other, second.subject)]);
    assert_eq!(index.of_subject(&alfa(), first.subject).await.expect("read"), both);
}

/// Whichever was first.
pub async fn of_callers_at_once_all_get_the_same_subject(index: &dyn Identifiers) {
    let presented = [one(Kind::Phone, 1), one(Kind::Crm, 2)];
    let sets: [&[Presented]; 3] = [&presented, &presented[..1], &presented[1..]];
    resolved(index, &presented).await;
    let again = futures::future::join_all((0..16).map(|n| resolved(index, sets[n % 3]))).await;
    assert!(again.iter().all(|choice| choice.subject == again[0].subject && choice.added.is_empty()));
    let fresh = [one(Kind::Phone, 7)];
    let racing = futures::future::join_all((0..16).map(|_| resolved(index, &fresh))).await;
    assert!(racing.iter().all(|choice| choice.subject == racing[0].subject));
    assert_eq!(racing.iter().filter(|choice| !choice.added.is_empty()).count(), 1);
}

/// From 0, by subject.
pub async fn a_section_s_number_is_claimed_once(index: &dyn Identifiers) {
    let subject = SubjectId::new();
    for number in 0..3 {
        assert_eq!(index.claim_section(&alfa(), subject).await.expect("claimed"), SectionNo(number));
    }
    assert_eq!(index.claim_section(&alfa(), SubjectId::new()).await.expect("claimed"), SectionNo(0));
}

/// A second sealing of the same values changes nothing.
pub async fn a_value_is_sealed_in_its_first_section(index: &dyn Identifiers) {
    let presented = [one(Kind::Phone, 1), one(Kind::Crm, 2)];
    let subject = resolved(index, &presented).await.subject;
    let mark = async |whose, presented: &[Presented], section| {
        index.mark_sealed(&alfa(), whose, presented, SectionNo(section)).await.expect("marked");
    };
    mark(SubjectId::new(), &presented, 3).await;
    mark(subject, &presented[..1], 4).await;
    mark(subject, &presented, 5).await;
    let rows = found(index, &presented, NOW).await;
    assert_eq!(
        rows.iter().map(|row| row.sealed_in).collect::<Vec<_>>(),
        [Some(SectionNo(4)), Some(SectionNo(5))]
    );
}

/// Whoever had a number keeps it before the moment from which on it is another one's.
pub async fn an_identifier_is_one_subject_s_after_the_other(index: &dyn Identifiers) {
    let (phone, crm) = (one(Kind::Phone, 1), one(Kind::Crm, 2));
    assert_eq!(given(index, &phone, 10).await.0, Reassigned::Unknown);
    let first = resolved(index, &[phone, crm]).await.subject;
    let (reassigned, second) = given(index, &phone, 10).await;
    assert_eq!(reassigned, Reassigned::Now { before: first });
    let (reassigned, third) = given(index, &phone, 20).await;
    assert_eq!(reassigned, Reassigned::Now { before: second });
    for (at, whose) in [(i64::MIN, first), (9, first), (10, second), (19, second), (20, third)] {
        let known = found(index, &[phone], Timestamp(at)).await;
        assert_eq!(known.iter().map(|known| known.subject).collect::<Vec<_>>(), [whose], "{at}");
    }
    let (ten, twenty) = (Some(Timestamp(10)), Some(Timestamp(20)));
    // Each became known at the same moment, and with it that the one before has it no more.
    let rows = |subject, valid_from, valid_to: Option<Timestamp>| {
        let ended_on = valid_to.map(|_| NOW);
        Known { valid_from, valid_to, ended_on, ..Known::first(&phone, subject, NOW) }
    };
    let of = async |subject| index.of_subject(&alfa(), subject).await.expect("read");
    assert_eq!(of(first).await, [rows(first, None, ten), Known::first(&crm, first, NOW)]);
    assert_eq!(of(second).await, [rows(second, ten, twenty)]);
    assert_eq!(of(third).await, [rows(third, twenty, None)]);
}

/// From the moment on, or a later one, it is somebody's already.
pub async fn an_identifier_is_not_given_on_twice_at_a_time(index: &dyn Identifiers) {
    let phone = one(Kind::Phone, 1);
    resolved(index, &[phone]).await;
    // The first one's time begins with no date: they became known at 5.
    let (_, second) = given(index, &phone, 3).await;
    for from in [1, 2, 3] {
        let (reassigned, fresh) = given(index, &phone, from).await;
        assert_eq!(reassigned, Reassigned::Already, "{from}");
        assert_eq!(index.of_subject(&alfa(), fresh).await.expect("read"), []);
    }
    assert_eq!(found(index, &[phone], NOW).await[0].subject, second);
}

/// Also for what is unknown and comes with it, and for what contradicts it.
pub async fn a_call_means_whoever_had_the_number_then(index: &dyn Identifiers) {
    let (phone, crm, email) = (one(Kind::Phone, 1), one(Kind::Crm, 2), one(Kind::Email, 3));
    let first = resolved(index, &[phone, crm]).await.subject;
    let second = given(index, &phone, 10).await.1;
    let early = resolved_at(index, &[phone, email], Timestamp(9)).await;
    assert_eq!((early.subject, early.added.as_slice(), early.conflict), (first, &[email][..], None));
    // The one who had it had a customer number, and this is another person's.
    let other = one(Kind::Crm, 4);
    let late = resolved_at(index, &[phone, other], Timestamp(10)).await;
    assert_eq!((late.subject, late.added.as_slice(), late.conflict), (second, &[other][..], None));
    // What somebody has no more contradicts nothing.
    given(index, &crm, 20).await;
    let again = resolved_at(index, &[email, one(Kind::Crm, 5)], Timestamp(20)).await;
    assert_eq!((again.subject, again.conflict), (first, None));
}

/// Each has a section of their own.
pub async fn a_later_owner_s_value_is_sealed_apart(index: &dyn Identifiers) {
    let phone = one(Kind::Phone, 1);
    let first = resolved(index, &[phone]).await.subject;
    let second = given(index, &phone, 10).await.1;
    for (whose, section) in [(second, 7), (first, 8), (second, 9)] {
        index.mark_sealed(&alfa(), whose, &[phone], SectionNo(section)).await.expect("marked");
    }
    for (at, section) in [(9, 8), (10, 7)] {
        let known = found(index, &[phone], Timestamp(at)).await;
        assert_eq!(known[0].sealed_in, Some(SectionNo(section)), "{at}");
    }
}

/// The mark is the identifier's; nobody's cannot be marked.
pub async fn a_line_is_marked_whoever_has_it(index: &dyn Identifiers) {
    let phone = one(Kind::Phone, 1);
    let mark = async |line| index.mark_line(&alfa(), &phone, line).await.expect("answered");
    assert!(!mark(Line::Shared).await);
    resolved(index, &[phone]).await;
    assert_eq!(found(index, &[phone], NOW).await[0].line, Line::Own);
    assert!(mark(Line::Shared).await);
    given(index, &phone, 10).await;
    for at in [9, 10] {
        assert_eq!(found(index, &[phone], Timestamp(at)).await[0].line, Line::Shared);
    }
    assert!(mark(Line::Own).await);
    assert_eq!(found(index, &[phone], NOW).await[0].line, Line::Own);
}

/// The same value may be another's elsewhere.
pub async fn tenants_index_apart(index: &dyn Identifiers) {
    let presented = [one(Kind::Phone, 1)];
    let here = resolved(index, &presented).await;
    assert_eq!(index.find(&beta(), &presented, NOW).await.expect("read"), []);
    let there = index.resolve(&beta(), &presented, SubjectId::new(), NOW, NOW).await.expect("resolved");
    assert_ne!(here.subject, there.subject);
    assert_eq!(index.of_subject(&beta(), here.subject).await.expect("read"), []);
}
