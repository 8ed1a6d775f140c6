//! How plan attempts develop: by agent, by model, by tool (AT-2.8).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use maso_core::{AgentName, Timestamp};

use crate::rules::DAY_MS;

/// One call of a tool that does not exist for its agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// Who called.
    pub agent: AgentName,
    /// The model behind the agent, where its mandate names one.
    pub model: Option<String>,
    /// What was called.
    pub tool: String,
    /// In which workflow.
    pub workflow: String,
    /// In which task.
    pub task: String,
}

/// The plan attempts of the last thirty days, in bounded space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts(VecDeque<Attempt>);

/// Whose attempts are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// An agent's.
    Agent(AgentName),
    /// Those of all agents on one model.
    Model(String),
    /// Those at one tool, whoever made them.
    Tool(String),
}

/// How the attempts of one agent or model, or at one tool, develop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trend {
    /// Whose.
    pub of: Of,
    /// In seven days.
    pub n_week: u32,
    /// In thirty days.
    pub n_month: u32,
    /// In how many tasks.
    pub n_tasks: u32,
    /// In how many workflows.
    pub n_workflows: u32,
    /// How often at each tool.
    pub tools: BTreeMap<String, u32>,
    n_weeks_before: u32,
}

impl Attempts {
    /// Counts one more.
    pub fn note(&mut self, attempt: Attempt) {
        let now = attempt.at;
        while self.0.front().is_some_and(|oldest| self.0.len() >= ATTEMPTS_MAX || now.since_ms(oldest.at) > 30 * DAY_MS)
        {
            self.0.pop_front();
        }
        self.0.push_back(attempt);
    }

    /// How they develop, up to this moment; what has the most of the last seven days first.
    pub fn trends(&self, now: Timestamp) -> Vec<Trend> {
        let mut groups: BTreeMap<Of, Vec<&Attempt>> = BTreeMap::new();
        for attempt in self.0.iter().filter(|attempt| now.since_ms(attempt.at) <= 30 * DAY_MS) {
            let of_model = attempt.model.clone().map(Of::Model);
            for of in [Of::Agent(attempt.agent.clone()), Of::Tool(attempt.tool.clone())].into_iter().chain(of_model) {
                groups.entry(of).or_default().push(attempt);
            }
        }
        let mut trends: Vec<Trend> = groups.into_iter().map(|(of, attempts)| Trend::of(of, &attempts, now)).collect();
        trends.sort_by_key(|trend| std::cmp::Reverse((trend.n_week, trend.n_month)));
        trends
    }
}

impl Trend {
    fn of(of: Of, attempts: &[&Attempt], now: Timestamp) -> Self {
        let within = |from_days: u64, to_days: u64| {
            let is_in = |attempt: &&&Attempt| {
                let age_ms = now.since_ms(attempt.at);
                age_ms <= to_days * DAY_MS && (from_days == 0 || age_ms > from_days * DAY_MS)
            };
            count(attempts.iter().filter(is_in))
        };
        let different = |name: fn(&Attempt) -> &str| {
            count(attempts.iter().map(|attempt| name(attempt)).collect::<BTreeSet<_>>().into_iter())
        };
        let mut tools: BTreeMap<String, u32> = BTreeMap::new();
        for attempt in attempts {
            *tools.entry(attempt.tool.clone()).or_default() += 1;
        }
        Self {
            n_week: within(0, 7),
            n_month: within(0, 30),
            n_tasks: different(|attempt| &attempt.task),
            n_workflows: different(|attempt| &attempt.workflow),
            tools,
            n_weeks_before: within(7, 28),
            of,
        }
    }

    /// Whether it is this agent's.
    pub fn is_of_agent(&self, agent: &AgentName) -> bool {
        self.of == Of::Agent(agent.clone())
    }

    /// What stands out, as it is written: `repeated-tool`, `several-tasks`, `rising`.
    pub fn patterns(&self) -> Vec<&'static str> {
        let mut patterns = Vec::new();
        if self.tools.values().any(|n_attempts| *n_attempts >= SEVERAL) {
            patterns.push("repeated-tool");
        }
        if self.n_tasks >= SEVERAL || self.n_workflows > 1 {
            patterns.push("several-tasks");
        }
        // More than twice as many as in a week of the three before.
        if self.n_week >= SEVERAL && self.n_week.saturating_mul(3) > self.n_weeks_before.saturating_mul(2) {
            patterns.push("rising");
        }
        patterns
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// From how many on something is repeated. Ours; the framework gives none.
const SEVERAL: u32 = 3;
/// Attempts that are remembered; beyond that the oldest is forgotten.
const ATTEMPTS_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(day: i64, agent: &str, tool: &str, task: &str) -> Attempt {
        Attempt {
            at: Timestamp::from_millis(day * DAY_MS as i64),
            agent: agent.parse().unwrap(),
            model: Some("one/task-1".to_owned()),
            tool: tool.to_owned(),
            workflow: "w".to_owned(),
            task: task.to_owned(),
        }
    }

    fn trends(attempts: &[Attempt], day: i64) -> Vec<Trend> {
        let mut all = Attempts::default();
        attempts.iter().cloned().for_each(|attempt| all.note(attempt));
        all.trends(Timestamp::from_millis(day * DAY_MS as i64))
    }

    #[test]
    fn attempts_are_counted_for_agent_model_and_tool_and_each_pattern_is_named() {
        let of = |trends: &[Trend], of: Of| trends.iter().find(|trend| trend.of == of).cloned().unwrap();
        let made = [attempt(1, "a", "s:x", "t1"), attempt(20, "a", "s:x", "t2"), attempt(21, "b", "s:x", "t3")];
        let found = trends(&made, 22);
        let tool = of(&found, Of::Tool("s:x".to_owned()));
        assert_eq!((tool.n_week, tool.n_month, tool.n_tasks), (2, 3, 3));
        assert_eq!(tool.patterns(), ["repeated-tool", "several-tasks"]);
        assert_eq!(of(&found, Of::Model("one/task-1".to_owned())).n_month, 3);
        let agent = of(&found, Of::Agent("a".parse().unwrap()));
        assert_eq!((agent.n_month, agent.patterns()), (2, vec![]));
        // One tool more often each week.
        let made: Vec<_> = [1, 8, 15, 23, 24, 25].map(|day| attempt(day, "a", "s:x", "t1")).to_vec();
        let agent = of(&trends(&made, 26), Of::Agent("a".parse().unwrap()));
        assert_eq!(agent.patterns(), ["repeated-tool", "rising"]);
    }

    #[test]
    fn what_is_older_than_thirty_days_is_forgotten_and_the_rest_is_bounded() {
        assert_eq!(trends(&[attempt(1, "a", "s:x", "t")], 32), []);
        let many: Vec<_> = (0..5_000).map(|_| attempt(1, "a", "s:x", "t")).collect();
        assert_eq!(trends(&many, 1)[0].n_month, 4_096);
    }
}
