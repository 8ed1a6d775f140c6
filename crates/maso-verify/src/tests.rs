//! What the checker finds, on records made by hand.

use std::io::Cursor;

use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{PayloadKey, Report, VerifyError, chain::hash, verify, verify_database, verify_export};

const DAY_MS: i64 = 86_400_000;

fn line(sequence: u64, at_ms: i64, previous: &[u8], body: &str) -> (String, [u8; 32]) {
    let hash = hash(sequence, at_ms, previous, body.as_bytes());
    let (seconds, millis) = (at_ms / 1000, at_ms % 1000);
    assert!(seconds < 60, "the tests stay inside the first minute of 1970");
    let text = format!(
        r#"{{"sequence":{sequence},"at":"1970-01-01T00:00:{seconds:02}.{millis:03}Z","previous":"{}","hash":"{}","body":{body}}}"#,
        hex::encode(previous),
        hex::encode(hash),
    );
    (text + "\n", hash)
}

fn export_from(first: u64, bodies: &[Value]) -> String {
    let mut previous = [0; 32];
    let mut export = String::new();
    for (index, body) in bodies.iter().enumerate() {
        let sequence = first + index as u64;
        let (text, hash) = line(sequence, 1000 + index as i64, &previous, &body.to_string());
        export += &text;
        previous = hash;
    }
    export
}

fn export(bodies: &[Value]) -> String {
    export_from(1, bodies)
}

fn report(export: &str) -> Report {
    verify_export(Cursor::new(export)).unwrap()
}

fn check(bodies: &[Value], expected: &[&str]) {
    let found: Vec<_> = report(&export(bodies)).problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

fn decided(hop: &str, decision: &str) -> Value {
    json!({"kind": "hop-decided", "hop": hop, "decision": decision, "enforced": true})
}

fn held(hop: &str, ticket: &str) -> Value {
    json!({"kind": "hop-decided", "hop": hop, "decision": "hold", "enforced": true, "ticket": ticket, "action": "a"})
}

fn answered(ticket: &str, answer: &str) -> Value {
    json!({"kind": "ticket-answered", "ticket": ticket, "action": "a", "answer": answer, "by": "one", "expires_at": DAY_MS})
}

fn spent(ticket: &str, hop: &str) -> Value {
    json!({"kind": "ticket-spent", "ticket": ticket, "hop": hop})
}

fn allowed_by(hop: &str, ticket: &str, n_people: u64) -> Value {
    json!({"kind": "hop-decided", "hop": hop, "decision": "allow", "enforced": true,
        "review": {"judges": 0, "people": n_people, "dry_run": false}, "approvals": [{"ticket": ticket, "by": "one"}]})
}

fn released(hop: &str) -> Value {
    json!({"kind": "hop-released", "hop": hop, "outcome": "delivered", "took_ms": 1})
}

#[test]
fn an_honest_story_holds() {
    let bodies = [
        decided("h1", "allow"),
        released("h1"),
        decided("h2", "deny"),
        held("h3", "t"),
        answered("t", "approve"),
        spent("t", "h4"),
        allowed_by("h4", "t", 1),
        released("h4"),
        json!({"kind": "hop-decided", "hop": "h5", "decision": "deny", "enforced": false}),
        released("h5"),
    ];
    let report = report(&export(&bodies));
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.records, report.first, report.last), (10, Some(1), Some(10)));
    assert_eq!(report.last_hash.unwrap().len(), 64);
}

#[test]
fn nothing_is_released_without_a_permit_of_its_own() {
    check(&[released("h")], &["record 1: `h` was released without a permit"]);
    check(&[decided("h", "deny"), released("h")], &["record 2: `h` was released without a permit"]);
    check(&[decided("h", "hold"), released("h")], &["record 2: `h` was released without a permit"]);
    check(&[decided("h", "allow"), released("h"), released("h")], &["record 3: `h` was released without a permit"]);
}

#[test]
fn an_approval_comes_before_its_use_and_counts_once() {
    check(&[spent("t", "h")], &["record 1: `t` was used and nothing was held under it"]);
    check(&[held("h", "t"), spent("t", "h")], &["record 2: `t` was used without an approval that counted"]);
    check(
        &[held("h", "t"), answered("t", "approve"), spent("t", "h"), spent("t", "h")],
        &["record 4: `t` was used before, at record 3"],
    );
    check(
        &[held("h", "t"), answered("t", "reject"), spent("t", "h")],
        &["record 3: `t` was used after it was rejected or had expired"],
    );
    check(
        &[held("h", "t"), answered("t", "approve"), json!({"kind": "ticket-expired", "ticket": "t"}), spent("t", "h")],
        &["record 4: `t` was used after it was rejected or had expired"],
    );
    let mut late = answered("t", "approve");
    late["expires_at"] = json!(1001 - 10_000);
    check(&[held("h", "t"), late, spent("t", "h")], &["record 3: `t` was used without an approval that counted"]);
    let mut other = answered("t", "approve");
    other["action"] = json!("b");
    check(&[held("h", "t"), other], &["record 2: the answer to `t` is to another action than was held"]);
    check(&[answered("t", "approve")], &["record 1: `t` was answered and nothing was held under it"]);
}

#[test]
fn an_instruction_is_carried_out_once_unless_it_failed() {
    let used = |n: u64, hop: &str| json!({"kind": "instruction-used", "instruction": "i", "attempt": format!("i#{n}"), "hop": hop, "tool": "s:t"});
    let ended = |hop: &str, outcome: &str| {
        let mut released = released(hop);
        released["outcome"] = json!(outcome);
        [decided(hop, "allow"), released]
    };
    check(&[&[used(0, "g")], &ended("g", "failed")[..], &[used(1, "h")]].concat(), &[]);
    for outcome in ["delivered", "unknown"] {
        check(
            &[&[used(0, "g")], &ended("g", outcome)[..], &[used(1, "h")]].concat(),
            &["record 4: `i` is carried out again, and `g` is not known to have failed"],
        );
    }
    check(
        &[&[used(0, "g")], &ended("g", "failed")[..], &[used(0, "h")]].concat(),
        &["record 4: `i#0` was used before, at record 1"],
    );
}

#[test]
fn a_message_is_said_once() {
    let said = |from: &str, hop: &str| json!({"kind": "message-said", "message": "msg_1", "said": format!("{from} msg_1"), "hop": hop, "from": from});
    check(&[said("agent:a", "g"), said("agent:b", "h")], &[]);
    check(&[said("agent:a", "g"), said("agent:a", "h")], &["record 2: `agent:a msg_1` was said before, at record 1"]);
    let mut other = said("agent:a", "g");
    other["message"] = json!("msg_2");
    check(&[other], &["record 1: `agent:a msg_1` names another message than it is about"]);
}

#[test]
fn a_dry_run_is_of_the_action_that_it_permits_and_permits_it_once() {
    let began = |hop: &str| json!({"kind": "dry-run-started", "hop": hop, "action": "a"});
    let ended = |hop: &str, outcome: &str, expires_at: i64| json!({"kind": "dry-run-ended", "hop": hop, "action": "a", "outcome": outcome, "expires_at": expires_at});
    let allowed = json!({"kind": "hop-decided", "hop": "h", "decision": "allow", "enforced": true, "action": "a",
        "review": {"judges": 0, "people": 0, "dry_run": true}});
    let good = [began("h"), ended("h", "succeeded", DAY_MS), allowed.clone()];
    check(&good, &[]);
    let untried = |n: u64| format!("record {n}: `h` was allowed and had not been tried out with success");
    check(std::slice::from_ref(&allowed), &[&untried(1)]);
    check(&[began("h"), ended("h", "failed", DAY_MS), allowed.clone()], &[&untried(3)]);
    check(&[&good[..], std::slice::from_ref(&allowed)].concat(), &[&untried(4)]);
    let twice = [began("g"), ended("g", "succeeded", DAY_MS), allowed.clone(), allowed.clone()];
    check(&[&good[..2], &twice[..]].concat(), &[]);
    check(
        &[began("h"), ended("h", "succeeded", 1001 - 10_000), allowed],
        &["record 3: `h` was allowed by a dry run that did not count any more"],
    );
    check(&[ended("h", "succeeded", DAY_MS)], &["record 1: the dry run of `h` ended and had not begun"]);
    let other = json!({"kind": "dry-run-started", "hop": "h", "action": "b"});
    check(
        &[other, ended("h", "succeeded", DAY_MS)],
        &["record 2: the dry run of `h` ended for another action than it began for"],
    );
}

#[test]
fn work_is_done_for_requests_that_were_let_through_by_whom_they_asked() {
    let asks = |decision: &str| {
        json!({"kind": "hop-decided", "hop": "q", "decision": decision, "enforced": true, "verb": "request",
        "from": "agent:a", "to": "agent:b"})
    };
    let works = |from: &str| {
        json!({"kind": "hop-decided", "hop": "h", "decision": "allow", "enforced": true, "verb": "call_tool",
        "from": from, "to": "server:s", "chain": ["q"]})
    };
    let revoked = |what: &str| json!({"kind": "revoked", "what": what, "subject": "q"});
    check(&[asks("allow"), works("agent:b"), revoked("token"), works("agent:b")], &[]);
    check(&[works("agent:b")], &["record 1: `h` was allowed for `q`, which was never asked"]);
    check(&[asks("deny"), works("agent:b")], &["record 2: `h` was allowed for `q`, which was never asked"]);
    check(
        &[asks("allow"), works("agent:c")],
        &["record 2: `h` was allowed for what was asked of `agent:b`, and is of others"],
    );
    check(
        &[asks("allow"), revoked("delegation"), works("agent:b")],
        &["record 3: `h` was allowed for `q`, which was revoked"],
    );
}

#[test]
fn an_agent_takes_back_what_it_asked_and_its_answer_comes_before_or_never() {
    let decided = |hop: &str, from: &str, to: &str, answers: Option<&str>| {
        json!({"kind": "hop-decided", "hop": hop, "decision": "allow", "enforced": true, "verb": "request",
        "from": from, "to": to, "answers": answers})
    };
    let (asks, answers) = (decided("q", "agent:a", "agent:b", None), decided("h", "agent:b", "agent:a", Some("q")));
    let revoked = |what: &str, by: &str| json!({"kind": "revoked", "what": what, "subject": "q", "by": by});
    check(&[asks.clone(), answers.clone(), revoked("delegation", "agent:a")], &[]);
    check(
        &[asks.clone(), revoked("delegation", "agent:a"), answers],
        &["record 3: `h` was allowed and answers `q`, which was revoked"],
    );
    check(&[revoked("delegation", "operator:o"), revoked("token", "operator:o")], &[]);
    for (before, by, what) in
        [(true, "agent:b", "delegation"), (false, "agent:a", "delegation"), (true, "agent:a", "agent")]
    {
        let story: Vec<_> = before.then(|| asks.clone()).into_iter().chain([revoked(what, by)]).collect();
        let told = format!("record {}: `{by}` revoked `q`, which it never asked", story.len());
        check(&story, &[&told]);
    }
}

#[test]
fn a_question_is_asked_before_it_is_answered_and_answered_once() {
    let asked = json!({"kind": "clarification-asked", "question": "q"});
    let answered = json!({"kind": "clarification-answered", "question": "q", "hop": "h"});
    let unasked = json!({"kind": "clarification-answered", "about": "scope", "answer": "all of it"});
    check(&[asked.clone(), unasked.clone(), unasked, answered.clone()], &[]);
    check(std::slice::from_ref(&answered), &["record 1: `q` was answered and nobody asked it"]);
    check(&[asked, answered.clone(), answered], &["record 3: `q` was answered before, at record 2"]);
}

#[test]
fn an_assumption_is_made_before_a_person_lets_it_travel_and_that_is_said_once() {
    let made = json!({"kind": "assumption-made", "assumption": "a", "task": "t", "by": "agent:x", "text": "sha256:0"});
    let answered = |scope: &str, by: &str, task: &str| json!({"kind": "assumption-answered", "assumption": "a", "task": task, "by": by, "scope": scope});
    let (task, local) = (answered("task", "operator:o", "t"), answered("local", "operator:o", "t"));
    check(&[made.clone(), task.clone()], &[]);
    check(std::slice::from_ref(&task), &["record 1: `a` was answered and nobody made it"]);
    check(&[made.clone(), local, task], &["record 3: `a` was answered before, at record 2"]);
    check(&[made.clone(), answered("global", "operator:o", "u")], &["record 2: `a` was made for another task"]);
    check(
        &[made.clone(), answered("global", "agent:x", "t")],
        &["record 2: `a` was answered by `agent:x`, which is no person"],
    );
    check(&[made, answered("all", "operator:o", "t")], &["record 2: `a` holds for `all`, which is nobody"]);
}

#[test]
fn an_allowed_hop_used_the_approvals_that_it_names_and_had_enough_of_them() {
    let before = [held("h", "t"), answered("t", "approve")];
    check(
        &[&before[..], &[allowed_by("h", "t", 1)]].concat(),
        &["record 3: `h` was allowed by `t`, which was not used for it"],
    );
    check(
        &[&before[..], &[spent("t", "other"), allowed_by("h", "t", 1)]].concat(),
        &["record 4: `h` was allowed by `t`, which was not used for it"],
    );
    check(
        &[&before[..], &[spent("t", "h"), allowed_by("h", "t", 2)]].concat(),
        &["record 4: `h` was allowed by 1 people and needed 2"],
    );
}

#[test]
fn a_part_of_a_record_is_checked_as_far_as_it_goes() {
    let report = report(&export_from(7, &[released("h"), spent("t", "h"), decided("i", "deny"), released("i")]));
    let found: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["record 10: `i` was released without a permit"]);
}

#[test]
fn a_chain_has_no_gaps_no_forks_and_no_way_back_in_time() {
    let (first, hash) = line(1, 2000, &[0; 32], r#"{"kind":"started"}"#);
    let zeros = [0; 32];
    for (second, expected) in [
        (line(3, 2000, &hash, r#"{"kind":"x"}"#).0, "record 3: it follows record 1"),
        (line(2, 1999, &hash, r#"{"kind":"x"}"#).0, "record 2: it is older than the record before it"),
        (line(2, 2000, &zeros, r#"{"kind":"x"}"#).0, "record 2: it does not name the hash of the record before it"),
        (line(2, 2000, &hash, r#"{"kind":7}"#).0, "record 2: its body has no kind"),
        (line(2, 2000, &hash, r"{").0, "record 2: its body is not JSON"),
        ("{}\n".to_owned(), "record 0: line 2 is not a record in the form of an export"),
        ("\n".to_owned(), "record 0: line 2 is not a record in the form of an export"),
        ("{".to_owned(), "record 0: line 2 does not end"),
    ] {
        let found: Vec<_> = report(&(first.clone() + &second)).problems.iter().map(ToString::to_string).collect();
        assert_eq!(found, [expected]);
    }
}

#[test]
fn every_changed_byte_of_an_export_is_found() {
    let honest = export(&[decided("h", "allow"), released("h"), json!({"kind": "killed", "by": "über"})]).into_bytes();
    assert!(verify_export(&honest[..]).unwrap().holds());
    for index in 0..honest.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = honest.clone();
            changed[index] ^= flip;
            assert!(!verify_export(&changed[..]).unwrap().holds(), "byte {index} ^ {flip:#x}");
        }
    }
}

#[test]
fn moments_are_read_as_they_are_written() {
    for (text, at_ms) in [("2026-11-23T12:53:32.123", 1_795_438_412_123), ("2000-02-29T23:59:59.999", 951_868_799_999)]
    {
        let hash = hash(1, at_ms, &[0; 32], br#"{"kind":"x"}"#);
        let (zeros, hash) = ("0".repeat(64), hex::encode(hash));
        let line = |at: &str| {
            format!(r#"{{"sequence":1,"at":"{at}","previous":"{zeros}","hash":"{hash}","body":{{"kind":"x"}}}}"#) + "\n"
        };
        assert!(report(&line(&format!("{text}Z"))).holds(), "{text}");
        for bad in [text.to_owned(), format!("{text}z"), format!("{text}+00:00"), text.replace("-2", "-3") + "Z"] {
            assert!(!report(&line(&bad)).holds(), "{bad}");
        }
    }
}

/// A database as the recorder lays it out, made without it.
fn database(path: &std::path::Path, bodies: &[Value]) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE records (sequence INTEGER PRIMARY KEY, at_ms INTEGER, body TEXT, previous BLOB, hash BLOB);
             CREATE TABLE payloads (digest BLOB PRIMARY KEY, task TEXT, bytes BLOB);
             CREATE TABLE spent (subject TEXT PRIMARY KEY, sequence INTEGER);",
        )
        .unwrap();
    let mut previous = [0; 32];
    for (index, body) in bodies.iter().enumerate() {
        let (sequence, text) = (index as u64 + 1, body.to_string());
        let hash = hash(sequence, 0, &previous, text.as_bytes());
        connection
            .execute("INSERT INTO records VALUES (?1, 0, ?2, ?3, ?4)", params![sequence as i64, text, previous, hash])
            .unwrap();
        if body["kind"] == "ticket-spent" {
            let subject = body["ticket"].as_str();
            connection.execute("INSERT INTO spent VALUES (?1, ?2)", params![subject, sequence as i64]).unwrap();
        }
        previous = hash;
    }
    connection
}

#[test]
fn a_database_is_checked_with_its_side_tables() {
    let mut allowed = decided("h", "allow");
    let payload = b"{\"a\":1}";
    let digest = Sha256::digest(payload);
    allowed["payload"] = json!(format!("sha256:{}", hex::encode(digest)));
    let bodies = [held("g", "t"), answered("t", "approve"), spent("t", "g"), allowed];
    let keep = format!("INSERT INTO payloads VALUES (x'{}', NULL, x'{}')", hex::encode(digest), hex::encode(payload));
    for (change, expected) in [
        ("", vec![]),
        ("UPDATE payloads SET bytes = x'00'", vec!["the payload"]),
        ("DELETE FROM spent", vec!["record 3: `t` is missing"]),
        ("UPDATE spent SET sequence = 2", vec!["record 2: no record says here"]),
        ("INSERT INTO spent VALUES ('u', 9)", vec!["record 9: no record says here that `u`"]),
        ("DELETE FROM records WHERE sequence = 1", vec!["record 2: the records before it are missing"]),
        (
            "DELETE FROM records WHERE sequence = 2",
            vec!["record 3: it follows record 1", "does not name", "without an approval"],
        ),
        (
            "UPDATE records SET body = replace(body, 'allow', 'deny') WHERE sequence = 4",
            vec!["record 4: its hash is not"],
        ),
        ("UPDATE records SET at_ms = -1 WHERE sequence = 4", vec!["record 4: it is older", "its hash is not"]),
        ("INSERT INTO records VALUES (-1, 0, '{}', x'', x'')", vec!["a record numbered -1"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flight.db");
        let connection = database(&path, &bodies);
        connection.execute_batch(&keep).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let report = verify(&path).unwrap();
        let found: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{change}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{change}: {found}");
        }
    }
}

#[test]
fn an_erased_payload_is_counted_and_no_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight.db");
    let mut denied = decided("h", "deny");
    denied["payload"] = json!(format!("sha256:{}", "0".repeat(64)));
    drop(database(&path, &[denied]));
    let report = verify_database(&path, None).unwrap();
    assert!(report.holds());
    assert_eq!((report.payloads, report.payloads_absent), (0, 1));
}

/// Nonce, ciphertext and tag, as `docs/record.md` has them.
fn sealed(key: &[u8; 32], context: &[u8], content: &[u8]) -> String {
    use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, RandomizedNonceKey};
    let mut content = content.to_vec();
    let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key).unwrap();
    let nonce = key.seal_in_place_append_tag(Aad::from(context), &mut content).unwrap();
    hex::encode([&nonce.as_ref()[..], &content].concat())
}

#[test]
fn payloads_are_looked_into_with_their_key_and_counted_without() {
    let (outer, inner, id) = ([7; 32], [5; 32], [1; 16]);
    let (content, day) = (b"{\"a\":1}", "2026-11-23");
    let digest = Sha256::digest(content);
    let mut allowed = decided("h", "allow");
    allowed["payload"] = json!(format!("sha256:{}", hex::encode(digest)));
    let erased = json!({ "kind": "payloads-erased", "task": "task_1", "by": "operator:one", "reason": "it is over" });
    let key_context = [b"maso payload key v1\0", &id[..], day.as_bytes(), b"\0task_1"].concat();
    let payload_context = [b"maso payload v1\0", &id[..], &digest[..]].concat();
    let laid_out = format!(
        "DROP TABLE payloads;
         CREATE TABLE keys (id BLOB PRIMARY KEY, task TEXT, day TEXT, since INTEGER, wrapped BLOB);
         CREATE TABLE payloads (digest BLOB, key BLOB, sealed BLOB);
         INSERT INTO keys VALUES (x'{}', 'task_1', '{day}', 0, x'{}');
         INSERT INTO payloads VALUES (x'{}', x'{0}', x'{}');",
        hex::encode(id),
        sealed(&outer, &key_context, &inner),
        hex::encode(digest),
        sealed(&inner, &payload_context, content),
    );
    let told = |change: &str, bodies: &[Value], key: Option<[u8; 32]>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flight.db");
        let connection = database(&path, bodies);
        connection.execute_batch(&laid_out).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        verify_database(&path, key.map(|key| PayloadKey::new(&key)).as_ref())
    };
    let one = [allowed.clone()];
    let both = [allowed, erased.clone()];
    for (change, bodies, with_key, without) in [
        // Payloads that were looked into, that were not, that are absent; problems.
        ("", &one[..], (1, 0, 0, 0), (0, 1, 0, 0)),
        ("UPDATE payloads SET sealed = x'00'", &one, (1, 0, 0, 1), (0, 1, 0, 0)),
        ("UPDATE payloads SET digest = x'00'", &one, (1, 0, 1, 1), (0, 1, 1, 0)),
        ("UPDATE payloads SET key = x'02'", &one, (0, 0, 1, 1), (0, 0, 1, 1)),
        ("UPDATE keys SET wrapped = NULL", &both, (0, 0, 1, 0), (0, 0, 1, 0)),
        ("", &both, (1, 0, 0, 1), (0, 1, 0, 1)),
        // A key of after the erasure.
        ("UPDATE keys SET since = 2", &both, (1, 0, 0, 0), (0, 1, 0, 0)),
    ] {
        for (key, expected) in [(Some(outer), with_key), (None, without)] {
            let report = told(change, bodies, key).unwrap();
            let found = (report.payloads, report.payloads_locked, report.payloads_absent, report.n_problems);
            assert_eq!(found, expected, "{change} {key:?}: {report:?}");
        }
    }
    assert!(matches!(told("", &one, Some([8; 32])), Err(VerifyError::WrongKey)));
    // Of several keys one that does not open is a problem of the record, and not of the key that was given.
    let second = format!("INSERT INTO keys VALUES (x'02', 'task_1', '{day}', 0, x'00')");
    assert_eq!(told(&second, &one, Some(outer)).unwrap().n_problems, 1);
    let before =
        |day: &str| json!({ "kind": "payloads-erased", "before": day, "by": "operator:one", "reason": "it is over" });
    for (day, n_problems) in [("2026-11-23", 0), ("2026-11-24", 1)] {
        assert_eq!(told("", &[one[0].clone(), before(day)], None).unwrap().n_problems, n_problems, "{day}");
    }
    for member in ["task", "by", "reason"] {
        let mut silent = erased.clone();
        silent.as_object_mut().unwrap().remove(member);
        check(&[silent], &["record 1: it does not say what was erased, by whom and why"]);
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(verify(&folder.path().join("absent")).is_err());
    let path = folder.path().join("other.db");
    std::fs::write(&path, b"SQLite format 3\0and then nothing").unwrap();
    assert!(verify(&path).is_err());
    let connection = Connection::open(folder.path().join("foreign.db")).unwrap();
    connection.execute_batch("CREATE TABLE x (y)").unwrap();
    drop(connection);
    assert!(verify(&folder.path().join("foreign.db")).is_err());
}

#[test]
fn a_verdict_on_a_task_is_whole_and_says_what_its_halves_are_together() {
    let verdict = |changes: Value| {
        let mut body = json!({
            "kind": "task-evaluated", "task": "t", "workflow": "w", "agent": "a", "mandate": "m", "means": "wrong",
            "outcome": "right", "class": "creative-substitution", "criteria": [], "recommends": "contain", "confidence": 50,
        });
        changes.as_object().unwrap().iter().for_each(|(key, value)| body[key] = value.clone());
        body
    };
    check(&[verdict(json!({}))], &[]);
    for (changes, problem) in [
        (
            json!({ "class": "normal-operation" }),
            "the verdict on `t` is `normal-operation`, and its halves say `creative-substitution`",
        ),
        (
            json!({ "means": "unspecified" }),
            "the verdict on `t` is `creative-substitution`, and its halves say `undecided`",
        ),
        (json!({ "agent": null }), "a verdict on a task has no `agent`"),
        (json!({ "outcome": "fine" }), "the verdict on `t` has no means or no outcome"),
        (json!({ "confidence": 101 }), "the verdict on `t` does not say how much of it was decided"),
    ] {
        check(&[verdict(changes)], &[&format!("record 1: {problem}")]);
    }
}

#[test]
fn an_identity_ends_within_a_day_and_nobody_is_issued_one_after_being_revoked() {
    let issued = |agent: &str, not_after: i64| json!({"kind": "svid-issued", "agent": agent, "svid": "x509", "id": "7", "not_after": not_after});
    let revoked = |what: &str, subject: &str| json!({"kind": "revoked", "what": what, "subject": subject});
    let honest =
        [issued("agent:a", 1000 + DAY_MS), revoked("agent", "a"), revoked("key", "b"), issued("agent:b", 2000)];
    check(&honest, &[]);
    check(
        &[revoked("agent", "a"), issued("agent:a", 2000)],
        &["record 2: `agent:a` was issued an identity after it was revoked"],
    );
    check(&[issued("agent:a", 1001 + DAY_MS)], &["record 1: the identity `7` lives longer than a day"]);
    check(&[json!({"kind": "svid-issued", "id": "7"})], &["record 1: the identity `7` lives longer than a day"]);
}

#[test]
fn a_join_token_is_used_once_in_its_time_and_not_for_a_revoked_agent() {
    let issued =
        |until_ms: i64| json!({"kind": "join-token-issued", "id": "7", "agent": "agent:a", "expires_at": until_ms});
    let used = || json!({"kind": "join-token-used", "id": "7", "agent": "agent:a", "token_id": "t"});
    check(&[issued(DAY_MS), used()], &[]);
    check(&[issued(DAY_MS), used(), used()], &["record 3: the join token `7` was used before, at record 2"]);
    check(&[used()], &["record 1: the join token `7` was used and nobody issued it"]);
    check(&[issued(-DAY_MS), used()], &["record 2: the join token `7` was used after its end"]);
    check(
        &[issued(DAY_MS), json!({"kind": "revoked", "what": "agent", "subject": "a"}), used()],
        &["record 3: `agent:a` joined after it was revoked"],
    );
}

#[test]
fn nothing_is_done_by_an_instance_that_nobody_started_or_that_has_ended() {
    let permit = |hop: &str| json!({"kind": "hop-decided", "hop": hop, "verb": "spawn", "decision": "allow"});
    let started = |id: &str, hop: &str, by: Option<&str>, until: i64| {
        let mut body = json!({
            "kind": "agent-spawned", "instance": id, "agent": "agent:b", "by": "agent:a", "hop": hop, "task": "t",
            "thumbprint": format!("key of {id}"), "rests_on": [{"what": "agent", "subject": "a"}], "until": until,
        });
        if let Some(by) = by {
            body["by_instance"] = json!(by);
        }
        body
    };
    let acts =
        |id: &str| json!({"kind": "hop-decided", "hop": "h", "verb": "call_tool", "decision": "allow", "instance": id});
    let revoked = |what: &str, subject: &str| json!({"kind": "revoked", "what": what, "subject": subject});
    let line = [started("inst_1", "p", None, 9), permit("p"), started("inst_2", "q", Some("inst_1"), 9), permit("q")];
    let after = |more: &[Value]| [&line[..], more].concat();
    check(&after(&[acts("inst_1"), acts("inst_2")]), &[]);
    for end in [
        revoked("agent", "a"),
        revoked("agent", "b"),
        revoked("instance", "inst_1"),
        revoked("key", "key of inst_1"),
        json!({"kind": "instance-ended", "instance": "inst_1"}),
        json!({"kind": "task-closed", "task": "t"}),
    ] {
        let expected = ["record 6: `inst_1` acted and does not count", "record 7: `inst_2` acted and does not count"];
        check(&after(&[end, acts("inst_1"), acts("inst_2")]), &expected);
    }
    check(&[acts("inst_1")], &["record 1: `inst_1` acted and does not count"]);
    check(
        &[started("inst_1", "p", None, 9)],
        &["record 1: `inst_1` was started by `p`, which is no permit to start anything"],
    );
    check(
        &[started("inst_1", "p", None, 9), permit("p"), started("inst_2", "q", Some("inst_1"), 10), permit("q")],
        &["record 3: `inst_2` outlives the instance that started it"],
    );
    check(
        &[revoked("agent", "a"), started("inst_1", "p", None, 9), permit("p")],
        &["record 2: `inst_1` rests on the agent `a`, which was revoked before"],
    );
    let token = |until: i64| json!({"kind": "token-issued", "subject": "spiffe://x/agent/b/inst_1", "token_id": "k", "expires_at": until});
    check(&after(&[token(9)]), &[]);
    check(&after(&[token(10)]), &["record 5: a token of `inst_1` outlives it"]);
    check(
        &after(&[revoked("instance", "inst_1"), token(9)]),
        &["record 6: `inst_1` was issued a token and does not count"],
    );
    let invited = json!({"kind": "join-token-issued", "id": "7", "agent": "agent:b", "expires_at": DAY_MS});
    let joined = json!({
        "kind": "join-token-used", "id": "7", "agent": "agent:b", "token_id": "k", "instance": "inst_1", "thumbprint": "x",
    });
    check(
        &after(&[invited, joined]),
        &["record 6: a process joined as `inst_1` with another key than was named for it"],
    );
}
