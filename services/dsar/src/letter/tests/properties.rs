use proptest::prelude::*;
use proptest::sample::select;

use super::sentences::names_code;
use super::*;
use crate::letter::groups::sections;

const RIGHTS: [Right; 6] =
    [Right::Access, Right::Rectify, Right::Erase, Right::Restrict, Right::Port, Right::Object];

fn item() -> impl Strategy<Value = PlanItem> {
    let whose = (1u8..=28, select(RIGHTS.to_vec()), select(vec!["quality", "sale", "verbal-contract"]));
    let axes = (select(BasisState::ALL), select(HoldState::ALL), select(Presence::ALL));
    (whose, axes, any::<bool>()).prop_map(|((day, right, purpose), (basis, hold, presence), known)| {
        let mut item = leg(day, right, purpose, basis, hold);
        item.question.presence = presence;
        item.until = known.then(|| at(&format!("2031-01-{day:02}T09:05:00+01:00")));
        item
    })
}

fn items() -> impl Strategy<Value = Vec<PlanItem>> {
    prop::collection::vec(item(), 1..30)
}

/// Decided by the rules and carried out; where something is pending, only if that may be left so.
fn acts(items: Vec<PlanItem>, leave: bool) -> Acts {
    let acts = Acts::of(received(&RIGHTS)).verified().planned(items).all_decided();
    let file = acts.file();
    let pending = file.request.items().iter().filter(|(_, item)| !item.is_decided());
    let pending: BTreeSet<_> = pending.map(|(key, _)| key.clone()).collect();
    match (pending.is_empty(), leave) {
        (true, _) => acts.approved().done_but(BTreeSet::new()),
        (false, true) => {
            let acts = acts.decided(pending, Found::default(), Some(code("case-7")));
            acts.approved().done_but(BTreeSet::new())
        }
        (false, false) => acts,
    }
}

proptest! {
    #[test]
    fn all_that_is_owed_is_explained(items in items(), leave in any::<bool>()) {
        let file = acts(items, leave).file();
        let owed = file.request.owed();
        for section in sections(&file) {
            let told = section.groups.iter().map(|group| group.items).sum::<usize>() + section.examined;
            let of_right = |key: &&ItemKey| file.items[*key].right() == section.right;
            prop_assert!(told >= owed.items.iter().filter(of_right).count());
        }
        for language in Language::ALL {
            let say = phrases(language);
            let text = write(&file, &key(), at("2026-03-20T10:00:00Z"), language).text;
            for key in &owed.items {
                let heading = format!("## {}\n", say.heading(file.items[key].right()));
                prop_assert!(text.contains(&heading), "{}", text);
            }
            prop_assert_eq!(text.contains("Garante"), !owed.remedies.is_empty(), "{}", text);
        }
    }

    #[test]
    fn a_letter_is_prose(items in items(), leave in any::<bool>()) {
        let file = acts(items, leave).file();
        for language in Language::ALL {
            let text = write(&file, &key(), at("2026-03-20T10:00:00Z"), language).text;
            for odd in ["{", "}", "TODO", "  ", "\n\n\n", "..", " \n", "verbal-contract"] {
                prop_assert!(!text.contains(odd), "{:?}: {}", odd, text);
            }
            let records = format!("## {}", phrases(language).records());
            let prose = text.split(&records).next().unwrap_or_default();
            prop_assert!(!names_code(prose), "{}", text);
            for item in file.items.values() {
                let recording = item.artefact.recording().unwrap().to_string();
                prop_assert!(!text.contains(&recording), "{}", text);
            }
        }
    }
}
