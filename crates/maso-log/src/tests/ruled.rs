//! Decisions as they are written: all that is known of a hop, and nothing that is not.

use std::sync::Arc;

use maso_core::{
    Act, Digest, Finding, Findings, HopId, Mode, Phase, Principal, Refusal, Refused, TaskId, TicketId, Timestamp, Turn,
    Word,
};
use maso_identity::{AuthorityKey, Identified, Trust, TrustSettings, identify};
use maso_intent::{Circumstances, Deployment, PinState, TaskSpec, minimal, parse, resolve};
use maso_policy::{
    Approval, Decision, Denial, Excerpt, Memory, Opinion, Verdict, Verdicts, Weighed, settle, trace, weigh,
};
use maso_wire::{Arrival, Credential, Limits, Received};
use uuid::Uuid;

use super::*;
use crate::{Entry, RecordedDecision, Ruled};

const NOW: Timestamp = Timestamp::from_millis(1_000);
const LATER: Timestamp = Timestamp::from_millis(9_000);

fn received(tool: &str, payload: &str) -> Received {
    let arrival = Arrival {
        id: HopId::from_uuid(Uuid::from_u128(1)),
        at: NOW,
        credential: Credential::Pipe(Principal::Agent("writer".parse().unwrap())),
        task: None,
        to: Principal::Server("notes".parse().unwrap()),
    };
    let act = Act::CallTool(tool.parse().unwrap());
    Received::from_bytes(arrival, act, Turn::Ask, payload.as_bytes(), &Limits::DEFAULT).unwrap()
}

fn identified(tool: &str, payload: &str) -> Identified {
    let authority = AuthorityKey::from_seed([1; 32]).public();
    let trust = Trust::new(TrustSettings::new("notes.example".parse().unwrap(), authority, NOW));
    identify(received(tool, payload), &trust, NOW).unwrap()
}

fn weighed(tool: &str, payload: &str) -> Weighed {
    let deployment: Arc<Deployment> = Arc::new(parse(&minimal()).unwrap());
    let agent = "writer".parse().unwrap();
    let task = TaskSpec::standing(&deployment, &agent, TaskId::from_uuid(Uuid::from_u128(2))).unwrap();
    let circumstances = Circumstances {
        now: NOW,
        deployment,
        task: Some(Arc::new(task)),
        agent_phase: Phase::Primary,
        around_phase: Phase::Alternate,
        pin: PinState::Pinned,
        is_first: false,
        mode: Mode::Enforce,
    };
    let traced = trace(&Memory::default(), resolve(identified(tool, payload), circumstances).unwrap());
    weigh(traced, Findings::from(vec![Finding::new("PG-1.1", Word::Go, "nothing found").at("/note", "…").within(3..9)]))
}

fn written(ruled: &Ruled) -> HopDecided {
    match ruled.body() {
        Body::HopDecided(decided) => *decided,
        other => panic!("{other:?}"),
    }
}

fn ruled(decision: Decision) -> Ruled {
    Ruled { decision, ticket: None, mode: Mode::Enforce, keep: crate::Keep::Whole, excerpts: Vec::new() }
}

#[test]
fn a_hop_of_unknown_sender_is_written_without_one_and_without_its_payload() {
    let received = received("notes:send_note", r#"{"to":"x","text":"y"}"#);
    let digest = Digest::of(br#"{"to":"x","text":"y"}"#);
    let finding = Finding::new("IA-2.3", Word::NoGo, "no credential was shown");
    let denial = Denial::from(Refused::new(received, Refusal::Unauthentic, finding));
    let ruled = ruled(Decision::Deny(denial));
    let decided = written(&ruled);
    assert_eq!((decided.from.as_deref(), decided.task.as_deref()), (None, None));
    assert_eq!((decided.decision.as_str(), decided.refusal.as_deref()), ("deny", Some("UNAUTHENTIC")));
    assert_eq!((decided.verb.as_str(), decided.object.as_str()), ("call_tool", "notes:send_note"));
    assert_eq!((decided.to.as_str(), decided.hop_kind.as_str()), ("server:notes", "tool-call"));
    assert_eq!((decided.input_hash, decided.received_at), (digest.to_string(), 1_000));
    assert_eq!(decided.findings[0].control, "IA-2.3");
    assert_eq!(decided.pace_phase, "unresolved");
    assert!(ruled.payload().is_none());
}

#[test]
fn a_hop_outside_the_mandate_is_written_with_its_sender_and_payload() {
    let finding = Finding::new("AT-1.3", Word::NoGo, "outside the mandate");
    let refused = Refused::new(identified("notes:delete_note", r#"{"a":1}"#), Refusal::OutOfMandate, finding);
    let ruled = ruled(Decision::Deny(Denial::from(refused)));
    let decided = written(&ruled);
    assert_eq!(decided.from.as_deref(), Some("agent:writer"));
    assert_eq!((decided.task, decided.refusal.as_deref()), (None, Some("OUT_OF_MANDATE")));
    assert_eq!(ruled.payload().unwrap().value, &serde_json::json!({"a": 1}));
}

#[test]
fn a_permit_is_written_with_everything_that_it_rests_on() {
    let weighed = weighed("notes:read_note", r#"{"note":"n"}"#);
    let (action, review) = (weighed.resolved().action_digest(), weighed.review());
    let verdicts = Verdicts {
        judges: vec![Verdict {
            judge: "tactical".parse().unwrap(),
            opinion: Opinion::Approve,
            reasoning: "in scope".to_owned(),
            criteria: vec!["it is a read".to_owned()],
            action,
            expires_at: LATER,
        }],
        approvals: vec![Approval {
            ticket: TicketId::from_uuid(Uuid::from_u128(3)),
            by: "owner".parse().unwrap(),
            action,
            expires_at: LATER,
        }],
        ..Verdicts::none()
    };
    let ruled = ruled(settle(weighed, verdicts, NOW));
    assert!(matches!(ruled.decision, Decision::Allow(_)), "{ruled:?}");
    let decided = written(&ruled);
    assert_eq!((decided.decision.as_str(), decided.enforced, decided.refusal), ("allow", true, None));
    assert_eq!(decided.agent_nhi.as_deref(), Some("spiffe://notes.example/agent/writer"));
    assert_eq!(decided.action, Some(action.to_string()));
    assert_eq!(decided.risk.as_deref(), Some("low"));
    assert_eq!(decided.reversibility.as_deref(), Some("reversible"));
    assert_eq!(decided.review.unwrap().people, review.n_people);
    assert_eq!(decided.pace_phase, "alternate");
    assert_eq!(decided.mandates.len(), 2);
    assert_eq!(decided.accountable_human.as_deref(), Some("owner"));
    assert_eq!(decided.task.as_deref(), Some("task_00000000000000000000000000000002"));
    let finding = decided.findings.iter().find(|finding| finding.control == "PG-1.1").unwrap();
    assert_eq!((finding.pointer.as_deref(), finding.excerpt.as_deref()), (Some("/note"), Some("…")));
    assert_eq!(finding.span, Some([3, 9]));
    assert_eq!((decided.verdicts[0].judge.as_str(), decided.verdicts[0].opinion.as_str()), ("tactical", "approve"));
    assert_eq!(decided.approvals[0].by, "owner");
    assert_eq!(decided.origins.first().map(|origin| origin.pointer.as_str()), Some("/note"));
}

#[tokio::test]
async fn a_held_hop_is_written_with_its_ticket_and_what_it_waits_for() {
    let weighed = weighed("notes:send_note", r#"{"to":"colleague","text":"t"}"#);
    let excerpt = Excerpt { before: "write to ".to_owned(), value: "colleague".to_owned(), ..Excerpt::default() };
    let ruled = Ruled {
        decision: settle(weighed, Verdicts::none(), NOW),
        ticket: Some(TicketId::from_uuid(Uuid::from_u128(4))),
        mode: Mode::Observe,
        keep: crate::Keep::Whole,
        excerpts: vec![Some(excerpt.clone())],
    };
    let Decision::Hold(held) = &ruled.decision else { panic!("{ruled:?}") };
    let decided = written(&ruled);
    assert_eq!((decided.decision.as_str(), decided.enforced), ("hold", false));
    assert_eq!(decided.ticket.as_deref(), Some("ticket_00000000000000000000000000000004"));
    assert_eq!(decided.expires_at, Some(held.expires_at().as_millis()));
    assert_eq!(decided.awaited.unwrap().people, held.awaited().n_people);
    assert_eq!(decided.origins[0].excerpt, Some(crate::v1::Excerpt::from(&excerpt)));
    assert!(decided.origins[1..].iter().all(|origin| origin.excerpt.is_none()));

    let place = Place::new();
    let (recorder, folded) = place.open();
    let recorded = recorder.record(ruled).await.unwrap();
    let RecordedDecision::Hold(held) = recorded.into_decision() else { panic!() };
    assert_eq!(held.sequence(), 1);
    let report = maso_verify::verify(&place.path).unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.payloads_locked, report.payloads_absent), (1, 0));
    // What was written is what was folded, and what a later process will read.
    assert_eq!(recorder.reader().show("hop_00000000000000000000000000000001").unwrap(), folded.all());
}

#[tokio::test]
async fn only_a_permit_comes_out_of_the_buffer() {
    let place = Place::new();
    let (recorder, _) = place.open();
    let allow = ruled(settle(
        weighed("notes:read_note", r#"{"note":"n"}"#),
        Verdicts { approvals: vec![], ..Verdicts::none() },
        NOW,
    ));
    let is_allowed = matches!(allow.decision, Decision::Allow(_));
    assert_eq!(recorder.buffer(allow).await.unwrap().into_permit().is_some(), is_allowed);
    let finding = Finding::new("AT-1.3", Word::NoGo, "outside the mandate");
    let deny = ruled(Decision::Deny(Denial::from(Refused::new(identified("notes:x", "{}"), Refusal::Denied, finding))));
    assert!(recorder.buffer(deny).await.unwrap().into_permit().is_none());
    recorder.flush().await.unwrap();
    assert_eq!(recorder.last_sequence(), 2);
}
