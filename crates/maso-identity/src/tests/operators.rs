//! Passphrases, sign-in links and sessions of people.

use maso_core::OperatorName;

use super::*;

fn supervisor() -> OperatorName {
    "claims-supervisor".parse().unwrap()
}

fn link(n: u128) -> UnverifiedToken {
    UnverifiedToken::new(authority().issue_sign_in(&domain(), &supervisor(), Uuid::from_u128(n), NOW, 300_000))
}

#[test]
fn a_passphrase_fits_its_own_hash_only() {
    let right = Passphrase::new("correct horse battery").unwrap();
    let wrong = Passphrase::new("correct horse batterz").unwrap();
    let hash = right.hash([3; 16]).unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(right.is_behind(Some(&hash)));
    assert!(!wrong.is_behind(Some(&hash)));
    assert!(!right.is_behind(None));
    assert_ne!(hash, right.hash([4; 16]).unwrap());
    assert_eq!(hash.as_str().parse::<PassphraseHash>().as_ref(), Ok(&hash));
    assert!(!format!("{right:?}{hash:?}").contains("horse"));
}

#[test]
fn the_passphrase_of_nobody_fits_nobody() {
    // The text behind the hash that unknown operators are compared with.
    assert!(!Passphrase::new("nobody").unwrap().is_behind(None));
}

#[test]
fn passphrases_have_bounds() {
    assert_eq!(Passphrase::new("eleven char").unwrap().hash([0; 16]), Err(PassphraseError::Short));
    assert!(Passphrase::new("x".repeat(1_024)).is_ok());
    assert_eq!(Passphrase::new("x".repeat(1_025)).err(), Some(PassphraseError::Long));
}

#[test]
fn a_stored_hash_may_be_neither_weak_nor_ruinous() {
    let good = Passphrase::new("correct horse battery").unwrap().hash([3; 16]).unwrap();
    let good = good.as_str();
    for bad in [
        String::new(),
        "correct horse battery".to_owned(),
        good.replace("argon2id", "argon2i"),
        good.replace("v=19", "v=16"),
        good.replace("m=19456", "m=64"),
        good.replace("m=19456", "m=4194304"),
        good.replace("t=2", "t=1000"),
        good.replace("p=1", "p=9"),
        good.rsplit_once('$').unwrap().0.to_owned(),
    ] {
        assert_eq!(bad.parse::<PassphraseHash>(), Err(PassphraseError::Hash), "{bad}");
    }
}

#[test]
fn a_link_signs_in_once() {
    let sign_ins = SignIns::new(domain(), authority().public(), START);
    assert_eq!(sign_ins.redeem(&link(1), NOW), Ok(supervisor()));
    assert_eq!(sign_ins.redeem(&link(1), NOW), Err(SignInError::Spent(Spent::Seen)));
    assert_eq!(sign_ins.redeem(&link(2), NOW), Ok(supervisor()));
    // A process that has not seen it would accept it, were it not for when that process started.
    let fresh = SignIns::new(domain(), authority().public(), START);
    assert_eq!(fresh.redeem(&link(1), NOW), Ok(supervisor()));
    let restarted = SignIns::new(domain(), authority().public(), NOW.plus_ms(1_000));
    assert_eq!(restarted.redeem(&link(1), NOW.plus_ms(2_000)), Err(SignInError::BeforeStart));
}

#[test]
fn a_link_that_is_late_or_not_ours_is_refused() {
    let sign_ins = SignIns::new(domain(), authority().public(), START);
    let late = sign_ins.redeem(&link(1), NOW.plus_ms(300_000)).unwrap_err();
    assert!(matches!(late, SignInError::Token(TokenError::Expired { .. })));
    let stranger = AuthorityKey::from_seed([2; 32]).issue_sign_in(&domain(), &supervisor(), Uuid::nil(), NOW, 300_000);
    assert_eq!(sign_ins.redeem(&UnverifiedToken::new(stranger), NOW), Err(TokenError::Forged.into()));
    let elsewhere = "elsewhere".parse().unwrap();
    let foreign = authority().issue_sign_in(&elsewhere, &supervisor(), Uuid::nil(), NOW, 300_000);
    assert_eq!(sign_ins.redeem(&UnverifiedToken::new(foreign), NOW), Err(TokenError::Foreign.into()));
    assert_eq!(sign_ins.redeem(&UnverifiedToken::new("x"), NOW), Err(TokenError::Malformed.into()));
}

fn secret(n: u8) -> SessionSecret {
    SessionSecret::from_bytes([n; 32])
}

#[test]
fn a_session_ends_unused_or_at_its_age() {
    let limits = SessionLimits { sessions_max: 10, idle_ms: 1_000, absolute_ms: 5_000 };
    let sessions = Sessions::new(limits);
    sessions.open(supervisor(), &secret(1), NOW).unwrap();
    assert_eq!(sessions.find(&secret(1), NOW.plus_ms(999)), Some(supervisor()));
    assert_eq!(sessions.find(&SessionSecret::shown(secret(1).expose()), NOW.plus_ms(1_998)), Some(supervisor()));
    assert_eq!(sessions.find(&secret(1), NOW.plus_ms(2_998)), None, "unused for a second");
    assert_eq!(sessions.find(&secret(1), NOW.plus_ms(2_000)), None, "ended is ended");

    sessions.open(supervisor(), &secret(2), NOW).unwrap();
    for step in 1..=9 {
        assert!(sessions.find(&secret(2), NOW.plus_ms(step * 500)).is_some());
    }
    assert_eq!(sessions.find(&secret(2), NOW.plus_ms(5_000)), None, "five seconds old");
}

#[test]
fn a_session_is_closed_by_its_holder_or_with_all_of_an_operator() {
    let sessions = Sessions::new(SessionLimits::DEFAULT);
    for n in 1..=3 {
        sessions.open(supervisor(), &secret(n), NOW).unwrap();
    }
    sessions.open("auditor".parse().unwrap(), &secret(4), NOW).unwrap();
    assert!(sessions.close(&secret(1)) && !sessions.close(&secret(1)));
    assert_eq!(sessions.find(&secret(1), NOW), None);
    assert_eq!(sessions.close_all(&supervisor()), 2);
    assert_eq!(sessions.find(&secret(2), NOW), None);
    assert!(sessions.find(&secret(4), NOW).is_some());
    assert_eq!(sessions.find(&SessionSecret::shown(""), NOW), None);
}

#[test]
fn sessions_are_bounded_and_the_ended_make_room() {
    let sessions = Sessions::new(SessionLimits { sessions_max: 2, ..SessionLimits::DEFAULT });
    sessions.open(supervisor(), &secret(1), NOW).unwrap();
    sessions.open(supervisor(), &secret(2), NOW).unwrap();
    assert_eq!(sessions.open(supervisor(), &secret(3), NOW), Err(SessionsFull));
    let later = NOW.plus_ms(31 * 60_000);
    assert_eq!(sessions.open(supervisor(), &secret(3), later), Ok(()));
}

#[test]
fn debugging_shows_no_session_secret() {
    let sessions = Sessions::new(SessionLimits::DEFAULT);
    sessions.open(supervisor(), &secret(1), NOW).unwrap();
    let shown = format!("{:?} {sessions:?}", secret(1));
    assert!(!shown.contains(secret(1).expose()));
}
