use super::*;

const POLICY: &str = "
tenant: t
jurisdiction: IT
purposes:
  duty: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance, auditor] }
  quality: { basis: consent, retention: P90D, roles: [supervisor] }
notices:
  n: { language: it, text: Parole., purposes: [duty, quality] }
";

fn hash(text: &str) -> PolicyHash {
    crate::parse(text, &|path| (path == "n.txt").then(|| "Parole.\r\n".to_owned())).unwrap().hash()
}

#[test]
fn the_same_meaning_has_the_same_hash() {
    let other = "
# The same, told otherwise.
notices:
  n:
    purposes:
      - quality
      - duty
    text_file: n.txt
    language: 'it'
purposes:
  quality:
    roles: [supervisor, supervisor]
    uses: [replay]
    consent_of: [customer]
    compatible: {}
    until: end
    from: consent
    anchor: start
    retention: { metadata: P90D, audio: P90D }
    basis: \"consent\"
  duty:
    from: start
    regime: mifid2-16-7
    basis: legal_obligation
    roles: [auditor, compliance]
hold_back: PT0S
span: PT1.0S
claims: { authority: [compliance] }
jurisdiction: IT
tenant: t
";
    assert_eq!(hash(POLICY), hash(other));
}

#[test]
fn every_other_meaning_has_another_hash() {
    let changes = [
        ("tenant: t", "tenant: u"),
        ("jurisdiction: IT", "jurisdiction: DE"),
        ("jurisdiction: IT", "jurisdiction: IT\nspan: PT2S"),
        ("jurisdiction: IT", "jurisdiction: IT\nhold_back: PT2S"),
        ("jurisdiction: IT", "jurisdiction: IT\nmarks: [order]"),
        ("jurisdiction: IT", "jurisdiction: IT\nclaims: { authority: [auditor] }"),
        ("jurisdiction: IT", "jurisdiction: IT\nemployee_consent: dpo-1"),
        ("P90D", "P91D"),
        ("P90D", "{ audio: P90D, metadata: P91D }"),
        ("P90D", "{ audio: P91D, metadata: P90D }"),
        ("P90D", "P90D, anchor: end"),
        ("roles: [supervisor]", "roles: [agent]"),
        ("roles: [supervisor]", "roles: [supervisor], uses: [review]"),
        ("roles: [supervisor]", "roles: [supervisor], from: mark order"),
        ("roles: [supervisor]", "roles: [supervisor], from: mark order, until: end"),
        ("roles: [supervisor]", "roles: [supervisor], from: mark order, anchor: mark"),
        ("roles: [supervisor]", "roles: [supervisor], consent_of: [bystander]"),
        ("basis: consent", "basis: legitimate_interest"),
        ("basis: consent", "basis: legitimate_interest, compatible: { duty: dpia-1 }"),
        ("basis: consent", "basis: legitimate_interest, compatible: { duty: dpia-2 }"),
        ("language: it", "language: de"),
        ("Parole.", "Parole!"),
        ("  n: {", "  m: {"),
        ("[duty, quality]", "[quality]"),
    ];
    let mut seen = vec![hash(POLICY)];
    for (from, to) in changes {
        let changed = hash(&POLICY.replacen(from, to, 1));
        assert!(!seen.contains(&changed), "{from} -> {to}");
        seen.push(changed);
    }
}

#[test]
fn the_format_of_the_hashed_document_does_not_drift() {
    // The smallest policy, encoded by hand from the head comment: 9 keys, in order of length, then of bytes.
    let mut expected = vec![0xa9];
    let key = |bytes: &mut Vec<u8>, word: &str| {
        bytes.push(0x60 + u8::try_from(word.len()).unwrap());
        bytes.extend(word.as_bytes());
    };
    key(&mut expected, "marks");
    expected.push(0x80);
    key(&mut expected, "claims");
    expected.push(0xa3);
    for (wanted, roles) in [
        ("rights", vec!["privacy-officer"]),
        ("authority", vec!["compliance"]),
        ("legal_claim", vec!["compliance", "privacy-officer"]),
    ] {
        key(&mut expected, wanted);
        expected.push(0x80 + u8::try_from(roles.len()).unwrap());
        roles.iter().for_each(|role| key(&mut expected, role));
    }
    key(&mut expected, "tenant");
    key(&mut expected, "t");
    key(&mut expected, "notices");
    expected.push(0xa0);
    key(&mut expected, "span_us");
    expected.extend([0x1a, 0x00, 0x0f, 0x42, 0x40]);
    key(&mut expected, "version");
    expected.push(0x01);
    key(&mut expected, "purposes");
    expected.push(0xa0);
    key(&mut expected, "hold_back_us");
    expected.push(0x00);
    key(&mut expected, "jurisdiction");
    key(&mut expected, "IT");
    let policy = crate::parse("tenant: t\njurisdiction: IT\n", &|_| None).unwrap();
    assert_eq!(document(&policy).encode(), expected);
    assert_eq!(policy.hash(), PolicyHash(sha256(&expected)));
}

#[test]
fn a_document_in_the_first_words_keeps_its_hash() {
    let text = POLICY.replace("notices:", "  deal: { basis: contract, retention: P2Y }\nnotices:");
    let expected = "a51dd6ee962a68440cdd13880a673b82ee934b4a300d0184e648b43b949c53d1";
    // Computed apart from this program, from the head comment: stored decisions name policies by such hashes.
    assert_eq!(hash(&text).to_string(), expected);
    let text = text
        .replace("P90D", "{ audio: P90D, metadata: P1Y }")
        .replace("P2Y", "P2Y, anchor: mark, compatible: { duty: dpia-2026-07 }");
    let expected = "dd8329acaf678eb84bf114b5726467a9d34d5877ea62a22467c89600bb0fc7cf";
    assert_eq!(hash(&text).to_string(), expected, "in the words that came later");
}

#[test]
fn a_hash_round_trips_as_text_and_bytes() {
    let hash = hash(POLICY);
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(PolicyHash::from_slice(hash.as_bytes()), Ok(hash));
    assert_eq!(PolicyHash::from_slice(&[0; 31]), Err(InvalidPolicyHash));
    assert_eq!("00".parse::<PolicyHash>(), Err(InvalidPolicyHash));
}
