use std::collections::BTreeMap;
use std::iter;

use jiff::civil::Weekday;
use rstest::rstest;
use sha2::{Digest, Sha256};

use super::*;

fn regions_of(jurisdiction: Jurisdiction) -> impl Iterator<Item = Option<Region>> {
    iter::once(None).chain(Region::all().filter(move |region| region.is_in(jurisdiction)).map(Some))
}

/// Holds a calendar against its list, in which `-` is the whole country.
fn check(jurisdiction: &str, region: Option<Region>, list: &'static str) {
    let code = region.map_or("-", Region::as_str);
    let rows = rows::<3>(list, "region,date,name");
    let here = rows.into_iter().filter(|[listed, ..]| *listed == "-" || *listed == code);
    let listed: BTreeMap<Date, &str> = here.map(|[_, day, name]| (date(day), name)).collect();
    let calendar = Calendars::get(place(jurisdiction), 1).unwrap();
    let (mut day, last) = (date("2024-01-01"), date("2028-12-31"));
    while day <= last {
        let holiday = listed.get(&day).copied();
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        if !weekend {
            assert_eq!(calendar.holiday(day, region), Ok(holiday), "{jurisdiction} {code} {day}");
        }
        let works = !weekend && holiday.is_none();
        assert_eq!(calendar.is_working_day(day, region), works, "{jurisdiction} {code} {day}");
        day = day.tomorrow().unwrap();
    }
}

#[rstest]
#[case::italy("IT", include_str!("../vectors/holidays/it.csv"))]
#[case::germany("DE", include_str!("../vectors/holidays/de.csv"))]
#[case::france("FR", include_str!("../vectors/holidays/fr.csv"))]
#[case::ireland("IE", include_str!("../vectors/holidays/ie.csv"))]
#[case::netherlands("NL", include_str!("../vectors/holidays/nl.csv"))]
#[case::austria("AT", include_str!("../vectors/holidays/at.csv"))]
#[case::spain("ES", include_str!("../vectors/holidays/es.csv"))]
#[case::belgium("BE", include_str!("../vectors/holidays/be.csv"))]
fn a_country_and_its_regions_have_the_days_of_their_list(
    #[case] jurisdiction: &str,
    #[case] list: &'static str,
) {
    for region in regions_of(place(jurisdiction)) {
        check(jurisdiction, region, list);
        let code = region.map_or("-", Region::as_str);
        assert!(list.contains(&format!("\n{code},")), "{code} has no day in the list");
    }
}

#[rstest]
#[case::by_default("-", include_str!("../vectors/holidays/gb-eaw.csv"))]
#[case::england_and_wales("GB-EAW", include_str!("../vectors/holidays/gb-eaw.csv"))]
#[case::england("GB-ENG", include_str!("../vectors/holidays/gb-eaw.csv"))]
#[case::wales("GB-WLS", include_str!("../vectors/holidays/gb-eaw.csv"))]
#[case::scotland("GB-SCT", include_str!("../vectors/holidays/gb-sct.csv"))]
#[case::northern_ireland("GB-NIR", include_str!("../vectors/holidays/gb-nir.csv"))]
fn a_part_of_the_united_kingdom_has_the_days_of_its_list(#[case] code: &str, #[case] list: &'static str) {
    check("GB", region(code), list);
}

/// SHA-256 over every holiday of 2017 to 2032, weekends too: a line each of region, date and name.
#[rstest]
#[case("IT", "f42b0af04f8695597b46a25910c9d1dcda1ff4f4f3196077e1528cd408ac13d8")]
#[case("DE", "15cb4aa21ccc3d7456e9559e37738f1c40f7f14ae35a1958df3501a98521b8d8")]
#[case("FR", "1386a53f77a6ba2b232a985f8be71af3c514546a9b593ea6ed2088211a9de5bf")]
#[case("IE", "1c8eb2ccbb299aee9b352df48a5ee6abdab27e56a9faeffbc42ca760471c336f")]
#[case("GB", "cc374a647394a177e603f8afb08ed47e79ba468c90ce003a43b918af06303454")]
#[case("NL", "65a0e672e123c2b0ea1e8087a6f8b9047021d33db892e5d95705674ae1381b1d")]
#[case("AT", "f7b07b87d89b5ec563cd261c65b77ae75afc21df519881c2da901ed477dcee7f")]
#[case("ES", "c3bb3bcc524561da88485cbef79891c09587882417f12091aab8bc73984a5ec6")]
#[case("BE", "599b050380716ddcab6b9c5ccc2069389c2ccaa63de4cf0d4219cf2e1aa37020")]
fn version_1_stays_as_it_was_released(#[case] jurisdiction: &str, #[case] digest: &str) {
    let calendar = Calendars::get(place(jurisdiction), 1).unwrap();
    let mut hash = Sha256::new();
    for region in regions_of(place(jurisdiction)) {
        let code = region.map_or("-", Region::as_str);
        let mut day = date("2017-01-01");
        while day.year() <= 2032 {
            if let Some(name) = calendar.holiday(day, region).unwrap() {
                hash.update(format!("{code} {day} {name}\n"));
            }
            day = day.tomorrow().unwrap();
        }
    }
    assert_eq!(hex::encode(hash.finalize()), digest, "a change is a new version");
}
