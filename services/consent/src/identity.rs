//! Whom a party's identifiers mean: decided purely, so that every adapter of the index decides alike.
//!
//! The surest identifier that the index knows says who it is, and what is unknown becomes theirs. Where the
//! identifiers point to several people, the surest prevails and nothing is re-pointed: people are never merged
//! by a call. Where a surer identifier is unknown and that person already has another of its kind (a second
//! customer number on a shared line), the party is somebody new.

use kernel::{SectionNo, SubjectId, Timestamp};

use crate::identifier::Kind;

/// What the index has instead of a value.
pub type IndexValue = [u8; 32];

/// An identifier of a party, as the index knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Presented {
    /// Its kind.
    pub kind: Kind,
    /// HMAC of its value.
    pub value: IndexValue,
}

/// A row of the index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its kind.
    pub kind: Kind,
    /// HMAC of its value.
    pub value: IndexValue,
    /// Whose it is.
    pub subject: SubjectId,
    /// Since when, in domain time.
    pub valid_from: Timestamp,
    /// The section that its value is sealed in; none until that is done.
    pub sealed_in: Option<SectionNo>,
}

/// What stood in the way of taking a party's identifiers for one person's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Conflict {
    /// They point to several people.
    SeveralSubjects,
    /// A surer identifier contradicts a known one.
    AnotherPerson,
}

impl Conflict {
    /// The code that the audit entry has.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SeveralSubjects => "several-subjects",
            Self::AnotherPerson => "another-person",
        }
    }
}

/// Who it is, and which of the presented identifiers become theirs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The subject; `fresh` where nobody was known.
    pub subject: SubjectId,
    /// Identifiers that the index did not know.
    pub added: Vec<Presented>,
    /// What had to be decided against.
    pub conflict: Option<Conflict>,
}

/// Decides. `known` are the index's rows of the presented identifiers, `theirs` all rows of the subjects in it.
pub fn choose(presented: &[Presented], known: &[Known], theirs: &[Known], fresh: SubjectId) -> Choice {
    let row = |one: &Presented| known.iter().find(|row| (row.kind, row.value) == (one.kind, one.value));
    let mut sure_first = presented.to_vec();
    sure_first.sort_by_key(|one| std::cmp::Reverse(one.kind));
    let mut added: Vec<Presented> = Vec::new();
    for one in sure_first.iter().filter(|one| row(one).is_none()) {
        if !added.contains(one) {
            added.push(*one);
        }
    }
    let Some(surest) = sure_first.iter().find_map(row) else {
        return Choice { subject: fresh, added, conflict: None };
    };
    let contradicted = added.iter().any(|one| {
        let other = |row: &&Known| row.subject == surest.subject && row.kind == one.kind;
        one.kind.is_personal() && one.kind > surest.kind && theirs.iter().any(|row| other(&row))
    });
    if contradicted {
        // Only what is surer is the new person's; the rest may be anybody's.
        added.retain(|one| one.kind > surest.kind);
        return Choice { subject: fresh, added, conflict: Some(Conflict::AnotherPerson) };
    }
    let several = sure_first.iter().filter_map(row).any(|row| row.subject != surest.subject);
    Choice { subject: surest.subject, added, conflict: several.then_some(Conflict::SeveralSubjects) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(number: u8) -> SubjectId {
        SubjectId::from_bytes([number; 16])
    }

    fn one(kind: Kind, number: u8) -> Presented {
        Presented { kind, value: [number; 32] }
    }

    fn row(kind: Kind, number: u8, whose: u8) -> Known {
        let Presented { kind, value } = one(kind, number);
        Known { kind, value, subject: subject(whose), valid_from: Timestamp(0), sealed_in: None }
    }

    fn check(
        presented: &[Presented],
        index: &[Known],
        whose: u8,
        added: &[Presented],
        conflict: Option<Conflict>,
    ) {
        let asked = |row: &&Known| presented.contains(&Presented { kind: row.kind, value: row.value });
        let known: Vec<_> = index.iter().filter(asked).cloned().collect();
        let theirs = |row: &&Known| known.iter().any(|other| other.subject == row.subject);
        let theirs: Vec<_> = index.iter().filter(theirs).cloned().collect();
        let choice = choose(presented, &known, &theirs, subject(99));
        assert_eq!(choice, Choice { subject: subject(whose), added: added.to_vec(), conflict });
    }

    #[test]
    fn nobody_known_is_somebody_new_with_all_of_it() {
        let (phone, crm) = (one(Kind::Phone, 1), one(Kind::Crm, 2));
        check(&[phone, crm, phone], &[], 99, &[crm, phone], None);
    }

    #[test]
    fn the_known_one_gets_the_unknown_identifiers() {
        let (phone, crm) = (one(Kind::Phone, 1), one(Kind::Crm, 2));
        check(&[phone, crm], &[row(Kind::Phone, 1, 7)], 7, &[crm], None);
        check(&[phone, crm], &[row(Kind::Crm, 2, 7)], 7, &[phone], None);
    }

    #[test]
    fn of_several_people_the_surest_identifier_s_is_taken_and_nobody_is_merged() {
        let index = [row(Kind::Phone, 1, 7), row(Kind::Crm, 2, 8)];
        let email = one(Kind::Email, 3);
        check(
            &[one(Kind::Phone, 1), email, one(Kind::Crm, 2)],
            &index,
            8,
            &[email],
            Some(Conflict::SeveralSubjects),
        );
    }

    #[test]
    fn a_second_customer_number_on_a_shared_line_is_a_second_customer() {
        let index = [row(Kind::Phone, 1, 7), row(Kind::Crm, 2, 7)];
        let other = one(Kind::Crm, 3);
        check(&[one(Kind::Phone, 1), other], &index, 99, &[other], Some(Conflict::AnotherPerson));
    }
}
