//! The steps that an agent is expected to take, in their order (PG-3.4, AT-2.7).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use maso_core::{Class, Tier, ToolRef, words};

use super::{Deviation, Done, Progress};
use crate::Item;

/// The steps that an agent is expected to take; empty where its mandate declares no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    steps: BTreeMap<ToolRef, Step>,
    on_deviation: Option<OnDeviation>,
}

/// One step as a mandate declares it: a tool, and what comes before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// The tool whose call is the step.
    pub tool: ToolRef,
    /// The steps before it; `None` for the one that stands before it.
    pub after: Option<Vec<ToolRef>>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may be carried out more often than what comes before it.
    pub repeats: bool,
}

/// What becomes of a call that departs from the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnDeviation {
    /// It is noted, and passes.
    Note,
    /// A person approves it, or it does not happen.
    Escalate,
    /// It is refused.
    Refuse,
}
words!(OnDeviation { Note = "note", Escalate = "escalate", Refuse = "refuse" });

/// A step with its place in the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    optional: bool,
    repeats: bool,
    /// What must have been done before it: where that may be left out, what comes before that.
    before: BTreeSet<ToolRef>,
    /// Everything that comes after it, however far.
    later: BTreeSet<ToolRef>,
}

impl Plan {
    /// The plan of these steps; of two with one tool the first counts.
    pub fn of(declared: &[PlannedStep], on_deviation: Option<OnDeviation>) -> Self {
        let mut links: BTreeMap<&ToolRef, Link<'_>> = BTreeMap::new();
        for (index, step) in declared.iter().enumerate() {
            let previous = || index.checked_sub(1).and_then(|index| declared.get(index)).map(|step| &step.tool);
            let after = match &step.after {
                Some(after) => after.iter().collect(),
                None => previous().into_iter().collect(),
            };
            links.entry(&step.tool).or_insert(Link { step, after });
        }
        let steps = links.iter().map(|(tool, link)| {
            let mut before = BTreeSet::new();
            needed(link, &links, &mut BTreeSet::from([*tool]), &mut before);
            let later = links.keys().filter(|other| *other != tool && comes_after(other, tool, &links));
            let step = Step {
                optional: link.step.optional,
                repeats: link.step.repeats,
                before: before.into_iter().cloned().collect(),
                later: later.map(|tool| (*tool).clone()).collect(),
            };
            ((*tool).clone(), step)
        });
        Self { steps: steps.collect(), on_deviation }
    }

    /// Whether no order is declared.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether a call of this tool is a step.
    pub fn has(&self, tool: &ToolRef) -> bool {
        self.steps.contains_key(tool)
    }

    /// What becomes of a call that departs from it: what the mandate says, or what the tier asks for.
    pub fn on_deviation(&self, tier: Tier) -> OnDeviation {
        let by_tier = if tier == Tier::Supervised { OnDeviation::Note } else { OnDeviation::Escalate };
        self.on_deviation.unwrap_or(by_tier)
    }

    /// The steps that must be taken, and were not.
    pub fn missing<'a>(&'a self, progress: &'a Progress) -> impl Iterator<Item = &'a ToolRef> {
        let open = |(tool, step): &(&ToolRef, &Step)| !step.optional && progress.of(tool, None).delivered == 0;
        self.steps.iter().filter(open).map(|(tool, _)| tool)
    }

    /// How a call departs from the plan, if it does. `done` says how often a step was taken for what the call is about.
    pub fn deviation(&self, call: &PlannedCall, done: impl Fn(&ToolRef) -> Done) -> Option<Deviation> {
        let Some(step) = self.steps.get(&call.tool) else {
            return match &call.stands_in_for {
                Some(prescribed) => Some(Deviation::Substituted { prescribed: prescribed.clone() }),
                None => (!call.only_reads).then_some(Deviation::Unplanned),
            };
        };
        let own = done(&call.tool);
        let missing: Vec<ToolRef> = step.before.iter().filter(|tool| done(tool).delivered == 0).cloned().collect();
        if !missing.is_empty() {
            return Some(Deviation::Skipped { missing });
        }
        // What reads may be looked at again. What does more is done once for each time that its ground was laid, so that
        // a second round cannot rest on the first one's steps.
        let is_bound_to = |tool: &&ToolRef| done(tool).delivered <= own.begun;
        if !call.only_reads && !step.repeats && step.before.iter().any(|tool| is_bound_to(&tool)) {
            return Some(Deviation::Repeated);
        }
        let comes_late = |later: &&ToolRef| {
            let n_later = done(later).delivered;
            let has_begun = if call.only_reads { own.begun > 0 } else { own.begun >= n_later };
            n_later > 0 && !has_begun && step.before.iter().all(|tool| done(tool).delivered <= n_later)
        };
        step.later.iter().find(comes_late).map(|later| Deviation::Reordered { later: later.clone() })
    }
}

impl fmt::Display for Plan {
    /// Its steps, each with what comes before it, for people who compare two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, (tool, step)) in self.steps.iter().enumerate() {
            let before: Vec<String> = step.before.iter().map(ToString::to_string).collect();
            write!(f, "{}{tool}", if index > 0 { "; " } else { "" })?;
            if !before.is_empty() {
                write!(f, " after {}", before.join(", "))?;
            }
            f.write_str(if step.optional { " (optional)" } else { "" })?;
            f.write_str(if step.repeats { " (repeats)" } else { "" })?;
        }
        match self.on_deviation {
            Some(on_deviation) => write!(f, "; on deviation {on_deviation}"),
            None => Ok(()),
        }
    }
}

/// A call, as far as a plan asks about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCall {
    /// The tool.
    pub tool: ToolRef,
    /// What it is about.
    pub item: Option<Item>,
    /// Whether it does no more than read.
    pub only_reads: bool,
    /// The step in whose place the mandate says that a model might use the tool.
    pub stands_in_for: Option<ToolRef>,
}

impl PlannedCall {
    /// A call of a tool under an agent's mandate.
    pub fn under(mandate: &super::AgentMandate, tool: &ToolRef, class: Option<Class>, item: Option<Item>) -> Self {
        let stands_in = |(step, terms): &(&ToolRef, &super::ToolTerms)| {
            mandate.plan.has(step) && terms.substitutes.contains_key(tool)
        };
        let stands_in_for = mandate.tools.iter().find(stands_in).map(|(step, _)| step.clone());
        Self { tool: tool.clone(), item, only_reads: class == Some(Class::Read), stands_in_for }
    }
}

#[derive(Debug)]
struct Link<'a> {
    step: &'a PlannedStep,
    after: BTreeSet<&'a ToolRef>,
}

/// What must have been done before a step. A step that waits for itself is not waited for.
fn needed<'a>(
    link: &Link<'a>,
    links: &BTreeMap<&'a ToolRef, Link<'a>>,
    seen: &mut BTreeSet<&'a ToolRef>,
    before: &mut BTreeSet<&'a ToolRef>,
) {
    for tool in &link.after {
        match links.get(tool) {
            Some(earlier) if earlier.step.optional => {
                if seen.insert(tool) {
                    needed(earlier, links, seen, before);
                }
            }
            // What no step does can never be done: the lint says so, and until then nothing passes as planned.
            _ => drop(before.insert(tool)),
        }
    }
}

fn comes_after(tool: &ToolRef, earlier: &ToolRef, links: &BTreeMap<&ToolRef, Link<'_>>) -> bool {
    let (mut open, mut seen) = (vec![tool], BTreeSet::new());
    while let Some(next) = open.pop() {
        for before in links.get(next).into_iter().flat_map(|link| &link.after) {
            if *before == earlier {
                return true;
            }
            if seen.insert(*before) {
                open.push(before);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Came;

    fn tool(name: &str) -> ToolRef {
        format!("s:{name}").parse().unwrap()
    }

    fn step(name: &str, after: Option<&[&str]>, optional: bool) -> PlannedStep {
        let after = after.map(|after| after.iter().map(|name| tool(name)).collect());
        PlannedStep { tool: tool(name), after, optional, repeats: false }
    }

    fn call(name: &str) -> PlannedCall {
        PlannedCall { tool: tool(name), item: None, only_reads: false, stands_in_for: None }
    }

    /// What the plan says of these calls, one after the other, each delivered.
    fn said(plan: &Plan, calls: &[&str]) -> Vec<Option<&'static str>> {
        let mut progress = Progress::default();
        let mut said = Vec::new();
        for name in calls {
            said.push(plan.deviation(&call(name), |tool| progress.of(tool, None)).map(|found| found.kind()));
            progress.note(&tool(name), None, Came::Begun);
            progress.note(&tool(name), None, Came::Delivered);
        }
        said
    }

    #[test]
    fn what_may_be_left_out_is_not_waited_for_and_comes_in_its_place_or_not_at_all() {
        let plan = Plan::of(&[step("a", None, false), step("b", None, true), step("c", None, false)], None);
        assert_eq!(said(&plan, &["a", "c"]), [None, None]);
        assert_eq!(said(&plan, &["a", "b", "c"]), [None, None, None]);
        assert_eq!(said(&plan, &["b", "a"]), [Some("skip"), Some("reorder")]);
        assert_eq!(said(&plan, &["c"]), [Some("skip")]);
        assert_eq!(said(&plan, &["a", "c", "b"]), [None, None, Some("reorder")]);
        // A second round.
        assert_eq!(said(&plan, &["a", "c", "a", "b", "c", "c"]), [None, None, None, None, None, Some("repeat")]);
        assert_eq!(said(&plan, &["a", "d"]), [None, Some("unplanned")]);
    }

    #[test]
    fn steps_branch_and_what_waits_for_itself_or_for_nothing_that_there_is_never_passes() {
        let both =
            Plan::of(&[step("a", None, false), step("b", Some(&[]), false), step("c", Some(&["a", "b"]), false)], None);
        assert_eq!(said(&both, &["b", "c", "a", "c"]), [None, Some("skip"), Some("reorder"), Some("repeat")]);
        let cycle = Plan::of(&[step("a", Some(&["b"]), false), step("b", Some(&["a"]), false)], None);
        assert_eq!(said(&cycle, &["a"]), [Some("skip")]);
        let optional = Plan::of(&[step("a", Some(&["b"]), true), step("b", Some(&["a"]), true)], None);
        assert_eq!(said(&optional, &["a"]), [None]);
        let unknown = Plan::of(&[step("a", Some(&["z"]), false)], None);
        assert_eq!(said(&unknown, &["a"]), [Some("skip")]);
    }

    #[test]
    fn what_becomes_of_a_departure_is_as_the_mandate_says_or_the_tier_asks() {
        let plan = |on_deviation| Plan::of(&[step("a", None, false)], on_deviation);
        assert_eq!(plan(None).on_deviation(Tier::Supervised), OnDeviation::Note);
        assert_eq!(plan(None).on_deviation(Tier::Managed), OnDeviation::Escalate);
        assert_eq!(plan(Some(OnDeviation::Refuse)).on_deviation(Tier::Supervised), OnDeviation::Refuse);
    }
}
