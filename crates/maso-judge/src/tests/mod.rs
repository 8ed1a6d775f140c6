//! What judges promise, on actions that went the real way to them.

mod model;
mod panel;
mod rules;

use std::sync::Arc;

use maso_core::{Act, Digest, Findings, Label, Mode, Phase, Principal, Source, TaskId, Timestamp, Turn};
use maso_identity::{AuthorityKey, Trust, TrustSettings, identify};
use maso_intent::{
    Circumstances, Deployment, PinState, ResultLabels, Specification, TaskKind, minimal, parse, resolve,
};
use maso_policy::{Memory, trace, weigh};
use maso_wire::{Arrival, Credential, Limits, Received};
use serde_json::Value;

use crate::Brief;

/// The smallest deployment, with these files added, or edited where the second text is found in the file.
pub(super) struct Scene {
    source: maso_intent::Source,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self { source: minimal() }
    }

    /// The scene with a piece of a file replaced.
    pub(super) fn edited(mut self, path: &str, from: &str, to: &str) -> Self {
        let text = self.source.files.get_mut(path).unwrap();
        assert!(text.contains(from), "`{from}` is not in {path}");
        *text = text.replacen(from, to, 1);
        self
    }

    /// The scene with one more file.
    pub(super) fn with_file(mut self, path: &str, text: &str) -> Self {
        self.source.files.insert(path.to_owned(), text.to_owned());
        self
    }

    pub(super) fn deployment(&self) -> Deployment {
        parse(&self.source).unwrap()
    }

    /// What a judge is shown when `writer` calls this tool.
    pub(super) fn brief(&self, tool: &str, payload: &Value) -> Brief {
        let deployment = Arc::new(self.deployment());
        let agent = Principal::Agent("writer".parse().unwrap());
        let received = Received::from_bytes(
            Arrival {
                id: "hop_0190163d8694739b8a1d0a1e5c3a0001".parse().unwrap(),
                at: now(),
                credential: Credential::Pipe(agent),
                task: None,
                to: Principal::Server("notes".parse().unwrap()),
            },
            Act::CallTool(format!("notes:{tool}").parse().unwrap()),
            Turn::Ask,
            payload.to_string().as_bytes(),
            &Limits::DEFAULT,
        )
        .unwrap();
        let authority = AuthorityKey::from_seed([7; 32]).public();
        let trust = Trust::new(TrustSettings::new(deployment.trust_domain.clone(), authority, now()));
        let identified = identify(received, &trust, now()).unwrap();
        let task = Specification {
            id: task(),
            kind: TaskKind::Standing("writer".parse().unwrap()),
            workflow: "notes".parse().unwrap(),
            words: String::new(),
            success_criteria: Vec::new(),
            scope: None,
            out_of_scope: Vec::new(),
            accountable_human: "owner".parse().unwrap(),
            opened_at: now(),
            expires_at: now().plus_ms(3_600_000),
            under: None,
        };
        let circumstances = Circumstances {
            now: now(),
            deployment,
            task: Some(Arc::new(task.into())),
            agent_phase: Phase::Primary,
            around_phase: Phase::Primary,
            pin: PinState::Pinned,
            is_first: false,
            mode: Mode::Enforce,
        };
        let resolved = resolve(identified, circumstances).unwrap();
        let mut memory = Memory::default();
        let labels = ResultLabels::plain(Label::NEUTRAL);
        for (name, value) in &resolved.solution().constants {
            memory.learn(Source::Mandate(name.clone()), value, &labels);
        }
        let weighed = weigh(trace(&memory, resolved), Findings::none());
        let action: Digest = weighed.resolved().action_digest();
        Brief { weighed, dry_run: None, action, now: now() }
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

fn task() -> TaskId {
    "task_0190163d8694739b8a1d0a1e5c3a0002".parse().unwrap()
}
