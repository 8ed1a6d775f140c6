//! Each step of the path in words, with the line of the deployment that it rests on.

use maso_core::{Act, ControlId, Finding, Findings, Word};
use maso_intent::{Below, Deployment, Place, Places};
use maso_policy::{Action, Opinion};

use super::rehearsal::{Decided, Rehearsed};

/// One step.
pub struct Line {
    pub stage: &'static str,
    pub word: Word,
    pub control: Option<ControlId>,
    pub reason: String,
    pub place: Option<Place>,
}

/// What decides about an action, and where that is written.
pub struct Deciding<'a> {
    pub deployment: &'a Deployment,
    pub places: &'a Places<'a>,
    pub action: &'a Action,
}

impl Deciding<'_> {
    /// The steps, in the order of the path.
    pub fn lines(&self, rehearsed: &Rehearsed) -> Vec<Line> {
        let mut lines = self.said("resolve", &rehearsed.resolve);
        let Some(decided) = &rehearsed.decided else { return lines };
        let mandate = decided.weighed.resolved().mandate();
        lines.push(go("resolve", format!("mandate `{}` and its workflow's both name it", mandate.id), self.granted()));
        lines.extend(self.said_or("scan", &decided.scan, || "no scanner has anything against it".to_owned()));
        lines.extend(self.limits(decided));
        lines.extend(self.said_or("authorise", &decided.authorise, || {
            let n_bounds =
                self.action.act.tool().and_then(|tool| mandate.tools.get(tool)).map_or(0, |terms| terms.bounds.len());
            match n_bounds {
                0 => "no policy forbids it".to_owned(),
                1 => "its bound holds, and no policy forbids it".to_owned(),
                n => format!("its {n} bounds hold, and no policy forbids it"),
            }
        }));
        lines.extend(self.trace(decided));
        lines.extend(self.weigh(decided));
        lines.extend(judged(decided));
        lines
    }

    fn said(&self, stage: &'static str, findings: &Findings) -> Vec<Line> {
        let line = |finding: &Finding| Line {
            stage,
            word: finding.word,
            control: Some(finding.control.clone()),
            reason: finding.reason.clone(),
            place: self.place(finding),
        };
        findings.iter().map(line).collect()
    }

    fn said_or(&self, stage: &'static str, findings: &Findings, otherwise: impl FnOnce() -> String) -> Vec<Line> {
        let said = self.said(stage, findings);
        if said.is_empty() { vec![go(stage, otherwise(), None)] } else { said }
    }

    fn limits(&self, decided: &Decided) -> Vec<Line> {
        let said = self.said("limits", &decided.limits);
        if !said.is_empty() {
            return said;
        }
        let solution = decided.weighed.resolved().solution();
        if decided.weighed.resolved().moved().is_none() {
            return vec![go("limits", "it is no transaction".to_owned(), None)];
        }
        let most = solution.limits.max_transactions_per_batch;
        let reason = format!("it counts among the {most} transactions that one task may make");
        vec![go("limits", reason, self.places.limits(&solution.workflow))]
    }

    /// What the origins of values must be, and what they are.
    fn trace(&self, decided: &Decided) -> Vec<Line> {
        let mut lines = self.said("trace", decided.traced.findings());
        let Some(tool) = decided.weighed.resolved().tool() else { return lines };
        lines.extend(tool.authority.iter().map(|(pointer, argument)| {
            let below = match argument.below {
                Below::Escalate => "else a person is asked",
                Below::Deny => "else it is refused",
            };
            let reason = format!(
                "`{pointer}` ({}) must come from `{}` or better, {below}",
                argument.role, argument.integrity_min
            );
            go("trace", reason, self.places.authority(&tool.tool, pointer))
        }));
        if lines.is_empty() {
            lines.push(go("trace", "no argument of it carries authority".to_owned(), None));
        }
        lines
    }

    /// The risk with what it comes from, and the review with who asks for it.
    fn weigh(&self, decided: &Decided) -> Vec<Line> {
        let weighed = &decided.weighed;
        let n_before = [&decided.scan, &decided.limits, &decided.authorise, decided.traced.findings()]
            .map(|one| one.iter().count());
        let added: Findings = weighed.findings().iter().skip(n_before.iter().sum()).cloned().collect();
        let mut lines = Vec::new();
        match (self.action.act.tool(), weighed.resolved().tool()) {
            (Some(named), Some(tool)) => lines.extend([
                go("weigh", format!("its class is `{}`", tool.class), self.places.class(named)),
                go("weigh", format!("it is `{}`", tool.reversibility), self.places.reversibility(named)),
                go(
                    "weigh",
                    format!("its risk is declared `{}`, and weighed `{}`", tool.risk, weighed.risk()),
                    self.places.risk(named),
                ),
            ]),
            (Some(named), None) => {
                let reason = "nobody classified it: it counts as `execute`, `irreversible` and `critical`".to_owned();
                lines.push(go("weigh", reason, self.places.manifest(named)));
            }
            (None, _) => lines.push(go("weigh", format!("its risk is `{}`", weighed.risk()), None)),
        }
        lines.extend(self.said("weigh", &added));
        if let (Some(named), true) = (self.action.act.tool(), weighed.review().dry_run)
            && let Some(call) = weighed.resolved().tool().and_then(|tool| tool.dry_run.as_ref())
        {
            lines.push(go("weigh", format!("`{}` tries it out first", call.tool), self.places.dry_run(named)));
        }
        let tier = self.deployment.tier;
        let reason = format!("tier {} asks for {} at that risk", tier.number(), weighed.review());
        lines.push(go("weigh", reason, self.places.tier()));
        lines
    }

    /// The line that permits it.
    fn granted(&self) -> Option<Place> {
        let agent = &self.action.agent;
        match &self.action.act {
            Act::CallTool(tool) => self.places.tool(agent, tool),
            Act::Request { agent: asked, request } => {
                self.places.grant(&self.deployment.agents.get(agent)?.workflow, agent, asked, request)
            }
            Act::Tell { agent: told, contract } => {
                self.places.channel(&self.deployment.agents.get(agent)?.workflow, agent, told, contract)
            }
            _ => None,
        }
    }

    /// The line that a finding rests on.
    fn place(&self, finding: &Finding) -> Option<Place> {
        let agent = &self.action.agent;
        let workflow = &self.deployment.agents.get(agent)?.workflow;
        let pointer = finding.evidence.as_ref().map(|evidence| evidence.pointer.as_str());
        let places = self.places;
        match (finding.control.as_str(), &self.action.act) {
            ("EC-2.1", _) => places.policy(finding.reason.split('`').nth(1)?),
            ("ENV-3", Act::CallTool(tool)) => places.bound(agent, tool, pointer?),
            ("PG-2.5", Act::CallTool(tool)) => places.authority(tool, pointer?),
            ("SC-2.2", Act::CallTool(tool)) => places.definition(tool).or_else(|| places.manifest(tool)),
            ("EC-2.13" | "EC-2.14" | "EC-1.8" | "ENV-1", Act::CallTool(tool)) => places.definition(tool),
            ("EC-2.13" | "EC-2.14" | "ENV-1" | "IA-2.4", Act::Request { agent: asked, request }) => {
                places.grant(workflow, agent, asked, request)
            }
            ("EC-2.14" | "PG-1.4", Act::Tell { agent: told, contract }) => {
                places.channel(workflow, agent, told, contract)
            }
            ("AT-1.1", _) => places.effective_date(workflow),
            ("AT-1.7" | "EC-2.3", _) => places.limits(workflow),
            ("EC-2.7a", Act::CallTool(tool)) => places.risk(tool),
            // Prohibited, beyond the parent, or not named at all.
            ("AT-1.6" | "EC-1.2", Act::CallTool(tool)) => (places.prohibition(agent, tool))
                .or_else(|| places.tool(agent, tool).and_then(|_| places.parent(workflow, tool)))
                .or_else(|| places.agent(agent)),
            ("SC-2.3", act) => act.server().and_then(|server| places.server(server)).or_else(|| places.agent(agent)),
            _ => None,
        }
    }
}

fn judged(decided: &Decided) -> Vec<Line> {
    let line = |verdict: &maso_policy::Verdict| {
        let (word, says) = match verdict.opinion {
            Opinion::Approve => (Word::Go, "approves"),
            Opinion::Flag => (Word::Escalate, "wants a person to look"),
            Opinion::Escalate | Opinion::Silent => (Word::Escalate, "wants a person to decide"),
            Opinion::Block => (Word::NoGo, "blocks it"),
        };
        let reason = format!("judge `{}` {says}: {}", verdict.judge, verdict.reasoning);
        Line { stage: "judges", word, control: Some(ControlId::known("EC-2.5")), reason, place: None }
    };
    decided.verdicts.iter().map(line).collect()
}

fn go(stage: &'static str, reason: String, place: Option<Place>) -> Line {
    Line { stage, word: Word::Go, control: None, reason, place }
}
