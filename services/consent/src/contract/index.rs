//! The identifier index.

use kernel::{SectionNo, SubjectId, Timestamp};

use super::{alfa, beta};
use crate::identifier::Kind;
use crate::identity::{Choice, Conflict, Known, Presented};
use crate::store::Identifiers;

pub(super) fn one(kind: Kind, number: u8) -> Presented {
    Presented { kind, value: [number; 32] }
}

pub(super) async fn resolved(index: &dyn Identifiers, presented: &[Presented]) -> Choice {
    index.resolve(&alfa(), presented, SubjectId::new(), Timestamp(5)).await.expect("resolved")
}

/// Known ones stay whose they are; unknown ones become the known person's.
pub async fn an_identifier_is_one_subject_s(index: &dyn Identifiers) {
    let (phone, crm, other) = (one(Kind::Phone, 1), one(Kind::Crm, 2), one(Kind::Crm, 3));
    let first = resolved(index, &[phone]).await;
    assert_eq!(resolved(index, &[phone, crm]).await.subject, first.subject);
    let row = |p: Presented, subject| Known {
        kind: p.kind,
        value: p.value,
        subject,
        valid_from: Timestamp(5),
        sealed_in: None,
    };
    let both = [row(phone, first.subject), row(crm, first.subject)];
    assert_eq!(index.find(&alfa(), &[phone, crm, other, phone]).await.expect("read"), both);
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
    resolved(index, &presented).await;
    index.mark_sealed(&alfa(), &presented[..1], SectionNo(4)).await.expect("marked");
    index.mark_sealed(&alfa(), &presented, SectionNo(5)).await.expect("marked");
    let rows = index.find(&alfa(), &presented).await.expect("read");
    assert_eq!(
        rows.iter().map(|row| row.sealed_in).collect::<Vec<_>>(),
        [Some(SectionNo(4)), Some(SectionNo(5))]
    );
}

/// The same value may be another's elsewhere.
pub async fn tenants_index_apart(index: &dyn Identifiers) {
    let presented = [one(Kind::Phone, 1)];
    let here = resolved(index, &presented).await;
    assert_eq!(index.find(&beta(), &presented).await.expect("read"), []);
    let there = index.resolve(&beta(), &presented, SubjectId::new(), Timestamp(5)).await.expect("resolved");
    assert_ne!(here.subject, there.subject);
    assert_eq!(index.of_subject(&beta(), here.subject).await.expect("read"), []);
}
