//! What people signed, byte for byte, is what may start.

use maso_identity::{Envelope, OperatorKey};
use proptest::prelude::*;

use super::*;
use crate::{Change, InForce, SignError, SignedVersions, Statement, Unapproved, signature_problems};

/// The people of `signed_team`, in the order of their offices, and one without any.
const PEOPLE: [&str; 4] = ["operations", "platform", "guard", "clerk"];

fn key(name: &str) -> OperatorKey {
    OperatorKey::from_seed(*maso_core::Digest::of(name.as_bytes()).as_bytes())
}

/// The team, each of whose approvers has a key.
fn keyed_team() -> Source {
    let mut source = team();
    for (name, role) in PEOPLE.into_iter().zip(["operator", "operator", "security", "operator"]) {
        let key = key(name).public();
        let operator = format!("\n[[operators]]\nname = \"{name}\"\nroles = [\"{role}\"]\nkey = \"{key}\"\n");
        source.files.get_mut("maso.toml").unwrap().push_str(&operator);
    }
    source
}

/// Has these people sign what is there.
fn sign(source: &mut Source, people: &[&str]) {
    for name in people {
        let history = SignedVersions::of(&deployment(source), source);
        let statement = history.to_sign(None).unwrap();
        let envelope = history.signed(&statement, &key(name)).unwrap();
        source.files.insert(Source::path_of_signatures(source.digest()), envelope.write());
    }
}

fn signed_team() -> Source {
    let mut source = keyed_team();
    sign(&mut source, &PEOPLE[..3]);
    source
}

/// Changes what is declared, and nothing that people signed.
fn widen(source: &Source) -> Source {
    edit(source.clone(), "agents/intake.toml", "clearance = \"confidential\"", "clearance = \"restricted\"")
}

fn admitted(source: &Source, before: &InForce) -> Result<(), Unapproved> {
    deployment(source).approval.admit(before)
}

/// What is in force once this has started.
fn in_force(source: &Source) -> InForce {
    let approval = &deployment(source).approval;
    let statement = approval.statement().unwrap();
    InForce {
        version: Some((statement.number, approval.version())),
        duties: approval.is_required().then(|| approval.duties().clone()),
    }
}

fn missing(source: &Source, before: &InForce) -> Vec<String> {
    match admitted(source, before) {
        Err(Unapproved::Missing { missing, .. }) => missing.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_all_three_signed_starts_and_two_of_them_are_too_few() {
    assert_eq!(admitted(&signed_team(), &InForce::default()), Ok(()));
    for (left_out, duty) in [
        ("operations", "process owner of `claims` (`operations`)"),
        ("platform", "technical owner of `claims` (`platform`)"),
        ("guard", "security of `claims` (`guard`)"),
    ] {
        let mut source = keyed_team();
        let others: Vec<_> = PEOPLE.into_iter().filter(|name| *name != left_out).collect();
        sign(&mut source, &others);
        assert_eq!(missing(&source, &InForce::default()), [duty]);
    }
}

#[test]
fn signatures_are_required_from_tier_2_on_unless_that_is_written_down() {
    assert!(admitted(&minimal(), &InForce::default()).is_ok());
    assert!(admitted(&team(), &InForce::default()).is_err());
    let waived = edit(team(), "maso.toml", "tier = 2", "tier = 2\nsigning.required = false");
    assert!(admitted(&waived, &InForce::default()).is_ok());
    let asked = edited("maso.toml", "tier = 1 ", "signing.required = true\ntier = 1 ");
    assert!(admitted(&asked, &InForce::default()).is_err());
}

#[test]
fn one_person_cannot_sign_in_two_capacities() {
    for (from, to) in [
        ("technical_owner = \"platform\"", "technical_owner = \"operations\""),
        ("technical_owner = \"platform\"", "technical_owner = \"guard\""),
    ] {
        let mut source = edit(keyed_team(), "workflows/claims.toml", from, to);
        sign(&mut source, &PEOPLE);
        assert_eq!(missing(&source, &InForce::default()).len(), 1, "{to}");
    }
    let same = edit(keyed_team(), "maso.toml", &key("guard").public().to_string(), &key("clerk").public().to_string());
    assert!(parse_source(&same).unwrap_err().to_string().contains("`guard` and `clerk` have the same key"));
}

#[test]
fn an_envelope_of_another_version_does_not_count() {
    let signed = signed_team();
    let mut edited = widen(&signed);
    let old = signed.files[&Source::path_of_signatures(signed.digest())].clone();
    edited.files.insert(Source::path_of_signatures(edited.digest()), old);
    assert_eq!(missing(&edited, &InForce::default()).len(), 3);
    let problems = signature_problems(&deployment(&edited), &edited);
    assert!(problems.iter().any(|problem| problem.message.contains("another version")), "{problems:?}");
}

#[test]
fn what_was_replaced_does_not_come_back_unless_it_is_signed_anew() {
    let first = signed_team();
    let mut second = widen(&first);
    sign(&mut second, &PEOPLE[..3]);
    let before = in_force(&second);
    let mut back = second.clone();
    back.files.insert("agents/intake.toml".to_owned(), first.files["agents/intake.toml"].clone());
    assert!(matches!(admitted(&back, &before), Err(Unapproved::Replaced { number: 1, in_force: 2, .. })));
    sign(&mut back, &PEOPLE[..3]);
    assert_eq!(admitted(&back, &before), Ok(()));
    assert_eq!(deployment(&back).approval.statement().unwrap().number, 3);
}

#[test]
fn nobody_becomes_a_signer_by_saying_so() {
    // Whoever can edit the folder puts a key of their own in place of each other, or drops the demand, and signs.
    let signed = signed_team();
    let before = in_force(&signed);
    let mut taken = signed.clone();
    for name in &PEOPLE[..3] {
        taken = edit(
            taken,
            "maso.toml",
            &key(name).public().to_string(),
            &key(&format!("thief-{name}")).public().to_string(),
        );
    }
    let history = SignedVersions::of(&deployment(&taken), &taken);
    let mut envelope = Envelope::new(Statement::PAYLOAD_TYPE, history.to_sign(None).unwrap().payload());
    PEOPLE[..3].iter().for_each(|name| envelope.sign(&key(&format!("thief-{name}"))));
    taken.files.insert(Source::path_of_signatures(taken.digest()), envelope.write());
    assert!(deployment(&taken).approval.missing().is_empty(), "by its own word it is signed");
    assert_eq!(missing(&taken, &before).len(), 3);
    let dropped = edit(signed, "maso.toml", "tier = 2", "tier = 2\nsigning.required = false");
    assert_eq!(missing(&dropped, &before).len(), 3);
    assert_eq!(admitted(&dropped, &InForce::default()), Ok(()), "where nothing was in force");
}

#[test]
fn who_is_taken_out_agrees_to_it_and_who_comes_in_too() {
    let signed = signed_team();
    let before = in_force(&signed);
    let clerk = edit(signed, "workflows/claims.toml", "technical_owner = \"platform\"", "technical_owner = \"clerk\"");
    let mut without_old = clerk.clone();
    sign(&mut without_old, &["operations", "guard", "clerk"]);
    assert_eq!(missing(&without_old, &before), ["technical owner of `claims` (`platform`)"]);
    let mut with_both = clerk;
    sign(&mut with_both, &PEOPLE);
    assert_eq!(admitted(&with_both, &before), Ok(()));
}

#[test]
fn the_next_version_names_what_it_replaces_what_changed_and_why() {
    let first = signed_team();
    let mut second = widen(&first);
    second.files.remove("tools/files.toml");
    second.files.insert("policies/new.cedar".to_owned(), String::new());
    let history = SignedVersions::of(&deployment(&first), &second);
    let change = |change: fn(String) -> Change, path: &str| change(path.to_owned());
    assert_eq!(
        history.changes(),
        [
            change(Change::Edited, "agents/intake.toml"),
            change(Change::Added, "policies/new.cedar"),
            change(Change::Removed, "tools/files.toml"),
        ]
    );
    let statement = history.to_sign(Some("a wider clearance")).unwrap();
    assert_eq!((statement.number, statement.replaces), (2, Some(first.digest())));
    assert_eq!(statement.reason.as_deref(), Some("a wider clearance"));
    assert_eq!(Statement::read(&statement.payload()), Some(statement));
    assert_eq!(history.to_sign(Some(" ")), Err(SignError::Reason));
}

#[test]
fn whoever_signs_after_others_signs_what_they_signed() {
    let mut source = keyed_team();
    let history = SignedVersions::of(&deployment(&source), &source);
    let statement = history.to_sign(Some("first")).unwrap();
    let envelope = history.signed(&statement, &key("guard")).unwrap();
    source.files.insert(Source::path_of_signatures(source.digest()), envelope.write());
    let history = SignedVersions::of(&deployment(&source), &source);
    assert_eq!(history.to_sign(None), Ok(statement));
    assert_eq!(history.to_sign(Some("other")), Err(SignError::OtherReason(Some("first".to_owned()))));
}

#[test]
fn signing_declares_nothing() {
    let mut source = keyed_team();
    let version = source.digest();
    sign(&mut source, &PEOPLE);
    assert_eq!(source.digest(), version);
    assert_eq!(deployment(&source).digest, version);
    assert!(!source.digests().contains_key(&Source::path_of_signatures(version)));
}

proptest! {
    #[test]
    fn any_changed_byte_of_any_file_is_another_version(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let mut source = signed_team();
        let version = source.digest();
        let paths: Vec<String> = source.digests().into_keys().collect();
        let text = source.files.get_mut(file.get(&paths)).unwrap();
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let place = *at.get(&places);
        let old = text[place..].chars().next().unwrap();
        text.replace_range(place..place + old.len_utf8(), if old == ' ' { "\t" } else { " " });
        prop_assert_ne!(source.digest(), version);
        if let Ok(deployment) = parse_source(&source) {
            prop_assert!(deployment.approval.admit(&InForce::default()).is_err() || !deployment.approval.is_required());
            prop_assert!(deployment.approval.signers().is_empty());
        }
    }

    #[test]
    fn any_changed_byte_of_the_payload_is_signed_by_nobody(at in any::<prop::sample::Index>(), with in b'0'..=b'z') {
        let source = signed_team();
        let path = Source::path_of_signatures(source.digest());
        let payload = Envelope::read(&source.files[&path]).unwrap().unverified_payload().to_vec();
        let mut changed = payload.clone();
        changed[at.index(payload.len())] = with;
        prop_assume!(changed != payload);
        // The same statement has one form, so no other bytes are read as it.
        prop_assert_ne!(Statement::read(&changed), Statement::read(&payload));
        let envelope = source.files[&path].replace(&base64(&payload), &base64(&changed));
        let mut broken = source;
        broken.files.insert(path, envelope);
        prop_assert!(deployment(&broken).approval.signers().is_empty());
    }

    #[test]
    fn it_does_not_matter_who_signs_first(order in Just(PEOPLE[..3].to_vec()).prop_shuffle()) {
        let mut source = keyed_team();
        sign(&mut source, &order);
        prop_assert_eq!(admitted(&source, &InForce::default()), Ok(()));
    }
}

/// As envelopes write it.
fn base64(bytes: &[u8]) -> String {
    let text = Envelope::new("", bytes).write();
    text.split('"').nth(7).unwrap().to_owned()
}
