//! The instances that agents started, as the map shows them: under the agent that each is an instance of.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::BTreeMap};

use maso_api as api;
use maso_core::{AgentName, Principal, Timestamp};
use maso_identity::{Instance, Instances};

/// What is shown of the instances of each agent that has any: those that count, and what ended lately.
pub(super) fn by_agent(instances: &Instances, now: Timestamp) -> BTreeMap<AgentName, api::InstancesView> {
    let since = Timestamp::from_millis(now.as_millis().saturating_sub(ENDED_SHOWN_MS));
    let mut by_agent: BTreeMap<AgentName, Vec<Instance>> = BTreeMap::new();
    for instance in instances.all() {
        if instance.ended_by(now).is_none_or(|(at, _)| at >= since) {
            by_agent.entry(instance.agent.clone()).or_default().push(instance);
        }
    }
    by_agent.into_iter().map(|(agent, instances)| (agent, shown(instances, now))).collect()
}

fn shown(mut instances: Vec<Instance>, now: Timestamp) -> api::InstancesView {
    let n_live = instances.iter().filter(|instance| instance.counts_at(now)).count();
    // Those that count come first, so that no number of short ones hides one that is there.
    instances.sort_by_key(|instance| match instance.ended_by(now) {
        None => (false, Reverse(instance.since), instance.id),
        Some((at, _)) => (true, Reverse(at), instance.id),
    });
    let latest = instances.iter().take(SHOWN_MAX).map(|instance| view(instance, now)).collect();
    api::InstancesView { n_live, latest }
}

fn view(instance: &Instance, now: Timestamp) -> api::InstanceView {
    api::InstanceView {
        instance: instance.id.to_string(),
        by: Principal::Agent(instance.by.agent.clone()).to_string(),
        since: instance.since.as_millis(),
        until: instance.until.as_millis(),
        joined: instance.joined.map(Timestamp::as_millis),
        ended: instance
            .ended_by(now)
            .map(|(at, why)| api::EndedView { at: at.as_millis(), why: why.as_str().to_owned() }),
    }
}

/// How long the map shows what has ended: the console lets it fade in that time.
pub(super) const ENDED_SHOWN_MS: i64 = 5 * 60_000;
/// Instances of one agent that are told apart; of further ones that count only their number is known.
const SHOWN_MAX: usize = 16;
