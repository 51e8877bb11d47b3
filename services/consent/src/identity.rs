//! Whom a party's identifiers mean: decided purely, so that every adapter of the index decides alike.
//!
//! The surest identifier that the index knows says who it is, and what is unknown becomes theirs. Where the
//! identifiers point to several people, the surest prevails and nothing is re-pointed: people are never merged
//! by a call. Where a surer identifier is unknown and that person already has another of its kind (a second
//! customer number on a shared line), the party is somebody new.
//!
//! A number is given out again: an identifier is one subject's after the other, without gap or overlap, the
//! first one's from ever and the last one's for good. All of this is decided by who had it when the call
//! started.

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

/// How many people use what an identifier names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Line {
    /// One at a time, as far as is known.
    Own,
    /// Several: that a call came from it does not tell who called.
    Shared,
}

impl Line {
    /// Whether several people use it.
    pub fn is_shared(self) -> bool {
        match self {
            Self::Own => false,
            Self::Shared => true,
        }
    }
}

/// Who an identifier belongs to for a time, in domain time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its kind.
    pub kind: Kind,
    /// HMAC of its value.
    pub value: IndexValue,
    /// Whose it is.
    pub subject: SubjectId,
    /// When that became known.
    pub since: Timestamp,
    /// From when on it is theirs; none: from ever.
    pub valid_from: Option<Timestamp>,
    /// When it is theirs no more; none: it is theirs still.
    pub valid_to: Option<Timestamp>,
    /// When that became known; calls that came between were taken for theirs.
    pub ended_on: Option<Timestamp>,
    /// Whether they share it.
    pub line: Line,
    /// The section that its value is sealed in; none until that is done.
    pub sealed_in: Option<SectionNo>,
}

impl Known {
    /// An identifier that nobody had before.
    pub fn first(one: &Presented, subject: SubjectId, since: Timestamp) -> Self {
        Self {
            kind: one.kind,
            value: one.value,
            subject,
            since,
            valid_from: None,
            valid_to: None,
            ended_on: None,
            line: Line::Own,
            sealed_in: None,
        }
    }

    /// Whether it is theirs at this moment.
    pub fn is_at(&self, at: Timestamp) -> bool {
        self.valid_from.is_none_or(|from| from <= at) && self.valid_to.is_none_or(|to| at < to)
    }

    /// Whether it is this identifier.
    pub fn is_of(&self, one: &Presented) -> bool {
        (self.kind, self.value) == (one.kind, one.value)
    }
}

/// One of those who have an identifier one after the other, as an adapter keeps them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Who.
    pub subject: SubjectId,
    /// When that became known.
    pub since: Timestamp,
    /// From when on it is theirs; none for the first one.
    pub valid_from: Option<Timestamp>,
    /// The section that its value is sealed in for them.
    pub sealed_in: Option<SectionNo>,
}

/// Everybody who has an identifier, one after the other: each until the next one's time begins.
pub fn in_turn(one: &Presented, line: Line, mut owners: Vec<Owner>) -> Vec<Known> {
    owners.sort_by_key(|owner| owner.valid_from);
    let ends = owners.iter().skip(1).map(|next| (next.valid_from, Some(next.since)));
    let ends: Vec<_> = ends.chain([(None, None)]).collect();
    let each = owners.into_iter().zip(ends).map(|(owner, (valid_to, ended_on))| Known {
        kind: one.kind,
        value: one.value,
        subject: owner.subject,
        since: owner.since,
        valid_from: owner.valid_from,
        valid_to,
        ended_on,
        line,
        sealed_in: owner.sealed_in,
    });
    each.collect()
}

/// What becomes of an identifier that is to be somebody else's from a moment on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reassigned {
    /// It is theirs from then on.
    Now {
        /// Who has it before.
        before: SubjectId,
    },
    /// Somebody's time with it begins then or later: nothing is changed.
    Already,
    /// Nobody has it.
    Unknown,
}

/// Decides on that; `owners` are in their order.
pub fn reassign(owners: &[Known], from: Timestamp) -> Reassigned {
    match owners.last() {
        None => Reassigned::Unknown,
        Some(last) if last.valid_from.is_some_and(|begins| begins >= from) => Reassigned::Already,
        Some(last) => Reassigned::Now { before: last.subject },
    }
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

/// Decides. `known` is who has the presented identifiers at one moment, `theirs` everything that those have
/// then.
pub fn choose(presented: &[Presented], known: &[Known], theirs: &[Known], fresh: SubjectId) -> Choice {
    let row = |one: &Presented| known.iter().find(|row| row.is_of(one));
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
        Known::first(&one(kind, number), subject(whose), Timestamp(0))
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

    fn owner(number: u8, valid_from: Option<i64>) -> Owner {
        let valid_from = valid_from.map(Timestamp);
        Owner { subject: subject(number), since: Timestamp(9), valid_from, sealed_in: None }
    }

    #[test]
    fn a_number_is_one_person_s_after_the_other() {
        let phone = one(Kind::Phone, 1);
        let rows = vec![owner(3, Some(20)), owner(1, None), owner(2, Some(10))];
        let owners = in_turn(&phone, Line::Shared, rows);
        let times: Vec<_> = owners.iter().map(|known| (known.valid_from, known.valid_to)).collect();
        let (ten, twenty) = (Some(Timestamp(10)), Some(Timestamp(20)));
        assert_eq!(times, [(None, ten), (ten, twenty), (twenty, None)]);
        let ended: Vec<_> = owners.iter().map(|known| known.ended_on).collect();
        assert_eq!(ended, [Some(Timestamp(9)), Some(Timestamp(9)), None], "when the next one became known");
        assert!(owners.iter().all(|known| known.line == Line::Shared && known.is_of(&phone)));
        for (at, whose) in [(i64::MIN, 1), (9, 1), (10, 2), (19, 2), (20, 3), (i64::MAX, 3)] {
            let then: Vec<_> = owners.iter().filter(|known| known.is_at(Timestamp(at))).collect();
            assert_eq!((then.len(), then[0].subject), (1, subject(whose)), "{at}");
        }
        assert_eq!(in_turn(&phone, Line::Own, Vec::new()), []);
    }

    #[test]
    fn a_number_is_given_on_only_after_its_last_owner_s_time_began() {
        let phone = one(Kind::Phone, 1);
        let first = in_turn(&phone, Line::Own, vec![owner(1, None)]);
        let later = in_turn(&phone, Line::Own, vec![owner(1, None), owner(2, Some(10))]);
        let table = [
            (&[] as &[Known], 10, Reassigned::Unknown),
            // The first one's time begins with no date, whenever they became known.
            (first.as_slice(), 1, Reassigned::Now { before: subject(1) }),
            (later.as_slice(), 11, Reassigned::Now { before: subject(2) }),
            (later.as_slice(), 10, Reassigned::Already),
            (later.as_slice(), 9, Reassigned::Already),
        ];
        for (owners, from, expected) in table {
            assert_eq!(reassign(owners, Timestamp(from)), expected, "{from}");
        }
    }
}
