//! What is handed on can only become less, and nobody but the deployment hands on.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use biscuit_auth::{
    AuthorizerBuilder, Biscuit, BlockBuilder, KeyPair, PrivateKey, PublicKey,
    builder::{Algorithm, Fact, Term},
};
use maso_core::{Access, Act, AgentName, Digest, HopId, Turn};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const OTHER_SEED: [u8; 32] = [2; 32];

fn agent(name: &str) -> AgentName {
    name.parse().unwrap()
}

fn link(n: u128, from: &str, to: &str, remit: Remit) -> Link {
    let (from, to) = (agent(from), agent(to));
    Link {
        id: HopId::from_uuid(Uuid::from_u128(n)),
        from,
        to,
        request: "look".parse().unwrap(),
        remit,
        data: None,
        quota: Quota::default(),
        depth: None,
        until: None,
    }
}

fn reading() -> Remit {
    Remit { tools: BTreeSet::from(["db:read".parse().unwrap(), "db:write".parse().unwrap()]), ..Remit::default() }
}

fn given(holders: &[AgentName]) -> String {
    authority().issue_task_token(&domain(), (task().task, task().specification), holders, NOW, HOUR_MS)
}

fn handed_on(token: &str, link: &Link) -> Result<String, Delegation> {
    authority().delegate(token, &domain(), link)
}

fn believed(token: &str, trust: &Trust) -> Result<TaskClaim, Unproven> {
    trust.task(&UnverifiedToken::new(token), NOW)
}

fn biscuit(token: &str) -> Biscuit {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("biscuit:").unwrap()).unwrap();
    Biscuit::from(bytes, |_| Ok(public())).unwrap()
}

fn public() -> PublicKey {
    PublicKey::from_bytes(authority().public().as_bytes(), Algorithm::Ed25519).unwrap()
}

fn pair(seed: [u8; 32]) -> KeyPair {
    KeyPair::from(&PrivateKey::from_bytes(&seed, Algorithm::Ed25519).unwrap())
}

fn text(biscuit: &Biscuit) -> String {
    format!("biscuit:{}", URL_SAFE_NO_PAD.encode(biscuit.to_vec().unwrap()))
}

#[test]
fn a_token_says_by_which_requests_the_work_came() {
    let begun = given(&[agent("intake")]);
    let chain = believed(&begun, &trust()).unwrap().chain;
    assert!(chain.is_of(&agent("intake")).is_ok());
    assert_eq!(chain.is_of(&agent("analysis")), Err(NotTheirs::Given(&BTreeSet::from([agent("intake")]))));

    let bound = BoundArgument {
        tool: "db:read".parse().unwrap(),
        pointer: "/claim".to_owned(),
        value: json!({ "b": "\") ; tool(\"x", "a": 1 }),
    };
    let first = Link {
        quota: Quota { calls: Some(3), value_minor: Some(50_000) },
        depth: Some(1),
        until: Some(Timestamp::from_millis(1_790_000_060_000)),
        ..link(1, "intake", "analysis", Remit { arguments: vec![bound], ..reading() })
    };
    let second = link(2, "analysis", "letters", Remit::default());
    let twice = handed_on(&handed_on(&begun, &first).unwrap(), &second).unwrap();
    let claim = believed(&twice, &trust()).unwrap();
    assert_eq!((claim.task, claim.specification), (task().task, task().specification));
    assert_eq!(claim.chain.links(), [first.clone(), second]);
    assert_eq!(claim.chain.is_of(&agent("intake")), Err(NotTheirs::Asked(&agent("letters"))));
    assert_eq!(claim.chain.ends_at(), Some(&first), "one more than it allows");
    let late = trust().task(&UnverifiedToken::new(twice), first.until.unwrap());
    assert_eq!(late, Err(Unproven::Task(TokenError::Expired { at: first.until.unwrap() })));
}

#[test]
fn nobody_hands_on_what_is_not_theirs() {
    let begun = given(&[agent("intake")]);
    let stolen = link(1, "analysis", "letters", reading());
    assert_eq!(handed_on(&begun, &stolen), Err(Delegation::NotTheirs));
    let theirs = handed_on(&begun, &link(1, "intake", "analysis", reading())).unwrap();
    assert_eq!(handed_on(&theirs, &link(2, "intake", "letters", reading())), Err(Delegation::NotTheirs));
    let mut long = given(&[]);
    for n in 0..8 {
        let (from, to) = (format!("a{n}"), format!("a{}", n + 1));
        long = handed_on(&long, &link(n, &from, &to, reading())).unwrap();
    }
    assert!(believed(&long, &trust()).unwrap().chain.is_full());
    assert_eq!(handed_on(&long, &link(9, "a8", "a9", reading())), Err(Delegation::TooLong));
    // Whom it would reach could not show it: it is not handed out.
    let wide =
        |n| Remit { tools: (0..n).map(|n| format!("db:tool_{n}").parse().unwrap()).collect(), ..Remit::default() };
    assert!(handed_on(&begun, &link(1, "intake", "analysis", wide(400))).is_ok());
    assert_eq!(handed_on(&begun, &link(1, "intake", "analysis", wide(1_000))), Err(Delegation::TooLarge));
}

#[test]
fn a_block_that_somebody_else_appends_is_no_link() {
    let token = handed_on(&given(&[]), &link(1, "intake", "analysis", Remit::default())).unwrap();
    let said = |token: &str| biscuit(token).context().last().unwrap().clone().unwrap();
    // What the deployment would say if `analysis` were asked by itself for everything.
    let wide = handed_on(&token, &link(2, "analysis", "analysis", reading())).unwrap();
    let block = || BlockBuilder::new().context(said(&wide));
    let own = biscuit(&token).append_with_keypair(&pair([3; 32]), block()).unwrap();
    let signed_by = |seed| {
        let request = biscuit(&token).third_party_request().unwrap();
        let block = request.create_block(&pair(seed).private(), block()).unwrap();
        biscuit(&token).append_third_party_with_keypair(pair(seed).public(), block, pair([3; 32])).unwrap()
    };
    let unsaid =
        biscuit(&token).append_with_keypair(&pair([3; 32]), BlockBuilder::new().fact("tool(\"db:read\")").unwrap());
    for forged in [own, signed_by(OTHER_SEED), signed_by(AGENT_SEED), unsaid.unwrap()] {
        assert_eq!(believed(&text(&forged), &trust()), Err(Unproven::Task(TokenError::Forged)));
    }
    // A link of one token is none of another, and a sealed one takes no more.
    let other = handed_on(&given(&[]), &link(1, "intake", "letters", reading())).unwrap();
    let bytes = |token: &str| URL_SAFE_NO_PAD.decode(token.strip_prefix("biscuit:").unwrap()).unwrap();
    let mut spliced = bytes(&token);
    let tail = bytes(&other).split_off(spliced.len() / 2);
    spliced.truncate(spliced.len() / 2);
    spliced.extend(tail);
    assert!(believed(&format!("biscuit:{}", URL_SAFE_NO_PAD.encode(spliced)), &trust()).is_err());
    assert!(believed(&text(&biscuit(&token).seal().unwrap()), &trust()).is_ok());
    assert!(handed_on(&text(&biscuit(&token).seal().unwrap()), &link(2, "analysis", "letters", reading())).is_err());
}

#[test]
fn a_delegate_mints_nothing() {
    let minted = AuthorityKey::from_seed(AGENT_SEED).issue_task_token(
        &domain(),
        (task().task, task().specification),
        &[],
        NOW,
        HOUR_MS,
    );
    assert_eq!(believed(&minted, &trust()), Err(Unproven::Task(TokenError::Forged)));
    let elsewhere = "elsewhere".parse().unwrap();
    let foreign = authority().issue_task_token(&elsewhere, (task().task, task().specification), &[], NOW, HOUR_MS);
    assert_eq!(believed(&foreign, &trust()), Err(Unproven::Task(TokenError::Foreign)));
    assert!(handed_on(&foreign, &link(1, "intake", "analysis", reading())).is_err());
}

#[test]
fn what_is_revoked_takes_all_below_it_along() {
    let first = handed_on(&given(&[]), &link(1, "intake", "analysis", reading())).unwrap();
    let second = handed_on(&first, &link(2, "analysis", "letters", reading())).unwrap();
    let beside = handed_on(&first, &link(3, "analysis", "records", reading())).unwrap();
    let trust = trust();
    let (one, other) = (believed(&second, &trust).unwrap(), believed(&beside, &trust).unwrap());
    let basis = |claim: &TaskClaim| Basis { chain: Some(claim.chain.clone()), ..Basis::default() };
    trust.revoke(Revocation::Link(HopId::from_uuid(Uuid::from_u128(2))), NOW);
    assert_eq!(believed(&second, &trust), Err(Unproven::LinkRevoked(HopId::from_uuid(Uuid::from_u128(2)))));
    assert!(trust.bears(&basis(&one)).is_err(), "also of what was identified before");
    assert!(
        believed(&first, &trust).is_ok() && believed(&beside, &trust).is_ok() && trust.bears(&basis(&other)).is_ok()
    );
    trust.revoke(Revocation::Agent(agent("intake")), NOW);
    for token in [&first, &second, &beside] {
        assert!(believed(token, &trust).is_err(), "who asked is believed no more");
    }
}

/// What Biscuit's own evaluator says of a hop, as any other program could ask it.
fn authorised(token: &str, act: &Act, arguments: &Value, now: Timestamp) -> bool {
    let texts = |name: &str, texts: Vec<String>| {
        Fact::new(name.to_owned(), texts.into_iter().map(Term::Str).collect::<Vec<_>>())
    };
    let mut builder = AuthorizerBuilder::new()
        .set_limits(biscuit_auth::AuthorizerLimits {
            max_facts: 1_000,
            max_iterations: 100,
            max_time: std::time::Duration::from_secs(60),
        })
        .fact(texts("operation", vec![act.verb().to_owned()]))
        .unwrap()
        .fact(texts("object", vec![act.object()]))
        .unwrap()
        .fact(Fact::new("time".to_owned(), vec![Term::Date(u64::try_from(now.as_millis() / 1000).unwrap())]))
        .unwrap();
    if let Some(server) = act.server() {
        builder = builder.fact(texts("server", vec![server.to_string()])).unwrap();
    }
    for (name, value) in arguments.as_object().into_iter().flatten() {
        let fact =
            texts("argument", vec![format!("/{name}"), String::from_utf8(maso_core::canonical_bytes(value)).unwrap()]);
        builder = builder.fact(fact).unwrap();
    }
    builder.policy("allow if true").unwrap().build(&biscuit(token)).unwrap().authorize().is_ok()
}

prop_compose! {
    fn remit()(
        tools in proptest::collection::btree_set(tool(), 0..4),
        resources in proptest::collection::btree_set(("[ab]".prop_map(|it| it.parse().unwrap()), "x://[pq]{0,2}"), 0..2),
        prompts in proptest::collection::btree_set(("[ab]".prop_map(|it| it.parse().unwrap()), "(\\*|one|two)"), 0..2),
        arguments in proptest::collection::vec((tool(), "/[xy]", value()), 0..2),
    ) -> Remit {
        let arguments = arguments.into_iter().map(|(tool, pointer, value)| BoundArgument { tool, pointer, value });
        Remit { tools, resources, prompts, arguments: arguments.collect() }
    }
}

fn data() -> impl Strategy<Value = DataScope> {
    let access = proptest::sample::select(Access::ALL);
    proptest::collection::btree_map("[ab]".prop_map(|it| it.parse().unwrap()), access, 0..3).prop_map(DataScope::new)
}

fn tool() -> impl Strategy<Value = maso_core::ToolRef> {
    "[ab]:[tuv]".prop_map(|it| it.parse().unwrap())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(1)),
        Just(json!("1")),
        Just(json!("\"); tool(\"a:t")),
        Just(json!(null)),
        Just(json!([1, 2]))
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let server = || "[abc]".prop_map(|it| it.parse().unwrap());
    prop_oneof![
        4 => tool().prop_map(Act::CallTool),
        2 => (server(), "x://[pq]{0,3}").prop_map(|(server, uri)| Act::ReadResource { server, uri }),
        2 => (server(), "(one|two|three)").prop_map(|(server, prompt)| Act::GetPrompt { server, prompt }),
        1 => server().prop_map(|server| Act::Complete { server }),
        1 => Just(Act::Request { agent: agent("other"), request: "look".parse().unwrap() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn what_biscuit_evaluates_is_the_pure_meet_of_all_links(
        remits in proptest::collection::vec(remit(), 0..4),
        data in proptest::option::of(data()),
        act in act(),
        arguments in proptest::collection::btree_map("[xy]", value(), 0..3),
        ends_s in proptest::option::of(1_i64..120),
        after_s in 0_i64..120,
    ) {
        let arguments = json!(arguments);
        let begins = Timestamp::from_millis(NOW.as_millis() / 1000 * 1000);
        let until = ends_s.map(|seconds| begins.plus_ms(seconds.unsigned_abs() * 1000));
        let now = begins.plus_ms(after_s.unsigned_abs() * 1000);
        let mut token = given(&[]);
        for (n, remit) in remits.iter().enumerate() {
            let (from, to) = (format!("a{n}"), format!("a{}", n + 1));
            let link = Link { until, data: data.clone(), ..link(n as u128, &from, &to, remit.clone()) };
            token = handed_on(&token, &link).unwrap();
        }
        let is_in_time = remits.is_empty() || until.is_none_or(|until| now < until);
        let is_permitted = remits.iter().all(|remit| remit.permits(&act, Turn::Ask, &arguments).is_ok());
        prop_assert_eq!(authorised(&token, &act, &arguments, now), is_permitted && is_in_time);
        let read = trust().task(&UnverifiedToken::new(&*token), now);
        prop_assert_eq!(read.is_ok(), is_in_time);
        if let Ok(claim) = read {
            let read: Vec<_> = claim.chain.links().iter().map(|link| link.remit.clone()).collect();
            prop_assert_eq!(read, remits);
            prop_assert!(claim.chain.links().iter().all(|link| link.data == data));
        }
    }

    #[test]
    fn a_changed_byte_is_never_believed(at in any::<proptest::sample::Index>(), flip in 1_u8..=255) {
        let token = handed_on(&given(&[agent("intake")]), &link(1, "intake", "analysis", reading())).unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("biscuit:").unwrap()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let changed = format!("biscuit:{}", URL_SAFE_NO_PAD.encode(bytes));
        prop_assert!(believed(&changed, &trust()).is_err());
    }

    #[test]
    fn whatever_is_shown_as_a_token_is_answered(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = believed(&text, &trust());
        let shown = format!("biscuit:{}", URL_SAFE_NO_PAD.encode(bytes));
        prop_assert!(believed(&shown, &trust()).is_err());
    }
}

#[test]
fn a_digest_of_another_specification_stays_another() {
    let token = authority().issue_task_token(&domain(), (task().task, Digest::of(b"other")), &[], NOW, HOUR_MS);
    assert_ne!(believed(&token, &trust()).unwrap().specification, task().specification);
}
