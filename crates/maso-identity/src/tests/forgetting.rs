//! Revoked requests are forgotten, and nobody can tell: what rests on them has ended by then.

use maso_core::HopId;
use proptest::prelude::*;

use super::*;

const DAY_MS: u64 = 24 * HOUR_MS;

fn hop(n: u8) -> HopId {
    HopId::from_uuid(Uuid::from_u128(n.into()))
}

fn after(hours: u64) -> Timestamp {
    NOW.plus_ms(hours * HOUR_MS)
}

/// A task's token that counts for so many hours, handed on by these requests.
fn token(hours: (u64, u64), links: &[u8]) -> UnverifiedToken {
    let (from, ttl) = hours;
    let claim = (task().task, task().specification);
    let given = authority().issue_task_token(&domain(), claim, &[], after(from), ttl * HOUR_MS);
    let mut agents = (0..).map(|n| format!("agent-{n}").parse::<maso_core::AgentName>().unwrap());
    let mut from = agents.next().unwrap();
    let handed_on = links.iter().fold(given, |token, n| {
        let to = agents.next().unwrap();
        let link = Link {
            id: hop(*n),
            from: std::mem::replace(&mut from, to.clone()),
            to,
            request: "look".parse().unwrap(),
            remit: Remit::default(),
            data: None,
            quota: Quota::default(),
            depth: None,
            until: None,
        };
        authority().delegate(&token, &domain(), &link).unwrap()
    });
    UnverifiedToken::new(&handed_on)
}

/// One that forgets, and one that does not.
struct Both {
    trust: Trust,
    other: Trust,
}

impl Both {
    fn new() -> Self {
        Self { trust: trust(), other: Trust::that_forgets_nothing(settings()) }
    }

    fn revoke(&self, n: u8, at: Timestamp) {
        for trust in [&self.trust, &self.other] {
            trust.revoke(Revocation::Link(hop(n)), at);
        }
    }
}

/// What happens to a task that was handed on.
#[derive(Clone, Debug)]
enum Event {
    /// Hours pass.
    Passed(u64),
    /// A token is issued for so many hours, and handed on by these requests at once.
    Issued(u64, Vec<u8>),
    /// A request is revoked that was made.
    Revoked(u8),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..60_u64).prop_map(Event::Passed),
        2 => (1..=168_u64, prop::collection::vec(0..12_u8, 1..3)).prop_map(|(ttl, links)| Event::Issued(ttl, links)),
        3 => (0..12_u8).prop_map(Event::Revoked),
    ];
    prop::collection::vec(event, 1..40)
}

proptest! {
    // Each token of each case is signed.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn forgetting_changes_no_answer(events in events(), backwards in 0..400_u64) {
        let both = Both::new();
        let (mut hours, mut n_made, mut tokens) = (0, 0_u8, Vec::new());
        for event in events {
            match event {
                Event::Passed(n) => hours += n,
                Event::Issued(ttl, links) => {
                    // A request is made once, by whoever makes it.
                    let links: Vec<u8> = links.iter().map(|_| { n_made += 1; n_made }).collect();
                    tokens.push(token((hours, ttl), &links));
                }
                Event::Revoked(n) if n_made > 0 => both.revoke(1 + n % n_made, after(hours)),
                Event::Revoked(_) => {}
            }
            for token in &tokens {
                let now = after(hours);
                prop_assert_eq!(both.trust.task(token, now), both.other.task(token, now));
                // A clock that was set back makes nobody believed who was not.
                let before = after(hours.saturating_sub(backwards));
                if both.trust.task(token, before).is_ok() {
                    prop_assert!(both.other.task(token, before).is_ok());
                }
            }
        }
    }
}

#[test]
fn what_agents_take_back_is_kept_for_as_long_as_any_token_could_count_and_no_longer() {
    let both = Both::new();
    let longest = token((0, 168), &[1]);
    both.revoke(1, NOW);
    let at = |ms| NOW.plus_ms(ms);
    for n in 2..=200 {
        both.revoke(n, at(u64::from(n) * 1_000));
    }
    assert_eq!(both.trust.n_links_revoked(), 200);
    both.revoke(201, at(8 * DAY_MS - 1));
    assert!(both.trust.is_revoked(&Revocation::Link(hop(1))));
    both.revoke(202, at(8 * DAY_MS));
    assert!(!both.trust.is_revoked(&Revocation::Link(hop(1))) && both.trust.is_revoked(&Revocation::Link(hop(2))));
    both.revoke(203, at(9 * DAY_MS));
    assert_eq!((both.trust.n_links_revoked(), both.other.n_links_revoked()), (3, 203));
    // Its token has ended, also for a clock that was set back to when it counted.
    assert!(matches!(both.trust.task(&longest, NOW), Err(Unproven::Task(TokenError::Expired { .. }))));
    assert_eq!(both.other.task(&longest, NOW), Err(Unproven::LinkRevoked(hop(1))));
    assert!(both.trust.is_over(NOW, NOW) && !both.trust.is_over(at(2 * DAY_MS), at(3 * DAY_MS)));
}

#[test]
fn what_is_revoked_twice_is_kept_for_the_second_and_what_is_believed_again_is_not() {
    let trust = trust();
    let link = Revocation::Link(hop(1));
    trust.revoke(link.clone(), NOW);
    trust.revoke(link.clone(), after(48));
    trust.revoke(Revocation::Link(hop(2)), after(8 * 24));
    assert!(trust.is_revoked(&link));
    assert!(trust.reinstate(&link) && !trust.is_revoked(&link));
    trust.revoke(Revocation::Link(hop(3)), after(11 * 24));
    assert!(!trust.is_revoked(&link) && trust.is_revoked(&Revocation::Link(hop(2))));
}

#[test]
fn no_task_token_counts_for_longer_than_what_was_revoked_is_remembered() {
    let token = token((0, 100 * 24), &[1]);
    let trust = trust();
    assert!(trust.task(&token, after(7 * 24 - 1)).is_ok());
    assert!(matches!(trust.task(&token, after(7 * 24)), Err(Unproven::Task(TokenError::Expired { .. }))));
}
