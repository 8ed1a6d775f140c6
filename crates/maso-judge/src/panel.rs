//! Several judges, heard at once.

use std::{sync::Arc, time::Duration};

use maso_intent::{Deployment, JudgeKind};
use maso_policy::{Opinion, Verdict};
use tokio::task::JoinSet;

use crate::{ApiKey, Brief, Judge, JudgeError, ModelJudge, RuleJudge, brief::Ruling};

/// Several judges, heard at once and apart from each other.
#[derive(Clone, Default)]
pub struct Panel {
    /// The judges.
    pub judges: Vec<Arc<dyn Judge>>,
}

impl std::fmt::Debug for Panel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.judges.iter().map(|judge| judge.name())).finish()
    }
}

impl Panel {
    /// The judges that a deployment declares, in the order of their names. `env` reads environment variables, for
    /// API keys and nothing else.
    ///
    /// # Errors
    /// When a judge cannot be made as it is declared: its key is missing, or its endpoint would leak it.
    pub fn from_deployment(deployment: &Deployment, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, JudgeError> {
        let mut judges: Vec<Arc<dyn Judge>> = Vec::new();
        for spec in deployment.judges.values() {
            judges.push(match &spec.kind {
                JudgeKind::Rules => Arc::new(RuleJudge::new(spec.name.clone())),
                JudgeKind::Model { api_key_env, .. } => {
                    let key = match api_key_env {
                        None => None,
                        Some(variable) => match env(variable).filter(|key| !key.trim().is_empty()) {
                            Some(key) => Some(ApiKey::new(key)),
                            None => {
                                return Err(JudgeError::KeyMissing {
                                    judge: spec.name.clone(),
                                    variable: variable.clone(),
                                });
                            }
                        },
                    };
                    Arc::new(ModelJudge::new(spec, key)?)
                }
            });
        }
        Ok(Self { judges })
    }

    /// Hears an action that needs `n` judges. If any is needed all are heard, because each looks at something else
    /// and any of them may object; if none is needed none is.
    ///
    /// Gives one verdict for each judge, in their order. A judge that is late, panics, or speaks of something else
    /// is silent. Fewer judges than needed means fewer verdicts than needed, which `settle` counts against the hop.
    pub async fn hear(&self, n: usize, brief: &Brief) -> Vec<Verdict> {
        if n == 0 || self.judges.is_empty() {
            return Vec::new();
        }
        let shown = Arc::new(brief.clone());
        // Dropped with this future, and its tasks with it: nobody judges on when nobody listens.
        let mut hearings = JoinSet::new();
        for (seat, judge) in self.judges.iter().enumerate() {
            let (judge, brief) = (Arc::clone(judge), Arc::clone(&shown));
            hearings.spawn(async move { (seat, hear_in_time(judge.as_ref(), &brief).await) });
        }
        let broke = Ruling::silent("the judge broke");
        let mut verdicts: Vec<_> =
            self.judges.iter().map(|judge| broke.clone().bind(judge.name(), brief.action, brief.now)).collect();
        while let Some(heard) = hearings.join_next().await {
            match heard {
                Ok((seat, verdict)) => {
                    if let Some(place) = verdicts.get_mut(seat) {
                        *place = verdict;
                    }
                }
                Err(fault) => tracing::error!(error = %fault, "a judge panicked and counts as silent"),
            }
        }
        verdicts
    }
}

async fn hear_in_time(judge: &dyn Judge, brief: &Brief) -> Verdict {
    let bound_ms = judge.latency_ms_max();
    let silent = |why: String| Ruling::silent(why).bind(judge.name(), brief.action, brief.now);
    match tokio::time::timeout(Duration::from_millis(bound_ms), judge.hear(brief)).await {
        Err(_) => silent(format!("no answer within {bound_ms} ms")),
        Ok(verdict) if verdict.action != brief.action || verdict.judge != *judge.name() => {
            silent("the answer is bound to something else".to_owned())
        }
        Ok(verdict) if verdict.opinion == Opinion::Silent => {
            tracing::warn!(judge = %judge.name(), reason = %verdict.reasoning, "a judge is silent");
            verdict
        }
        Ok(verdict) => verdict,
    }
}
