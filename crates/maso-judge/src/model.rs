//! A judge by a model behind an OpenAI-compatible endpoint.

mod answer;
mod prompt;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use maso_core::JudgeName;
use maso_intent::{ContextLevel, ContextTerms, JudgeKind, JudgeSpec};
use maso_policy::Verdict;
use reqwest::{StatusCode, header::HeaderValue, redirect};

use crate::{Brief, Judge, brief::Ruling, view::View};

/// Judges by a model (EC-2.5, OI-2.1), each action in a fresh context.
///
/// What the agent wrote reaches the model only as quoted data. Whatever the model answers, it can at most fulfil a
/// review: a bypassed model is one layer lost, not an action granted.
#[derive(Clone)]
pub struct ModelJudge {
    spec: Arc<JudgeSpec>,
    endpoint: url::Url,
    model: String,
    authorization: Option<HeaderValue>,
    client: reqwest::Client,
}

/// A secret that opens a model's endpoint. Never shown.
#[derive(Clone)]
pub struct ApiKey(String);

/// Why a judge cannot be made as it is declared.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// It needs a key that is not there.
    #[error("judge `{judge}` needs an API key in the environment variable `{variable}`, which is empty or not set")]
    KeyMissing {
        /// The judge.
        judge: JudgeName,
        /// The variable.
        variable: String,
    },
    /// The key has characters that no header may carry.
    #[error("the API key of judge `{judge}` is not one line of visible text")]
    KeyUnusable {
        /// The judge.
        judge: JudgeName,
    },
    /// Its endpoint is nothing that can be asked safely.
    #[error("judge `{judge}` cannot ask `{endpoint}`: expected {expected}")]
    Endpoint {
        /// The judge.
        judge: JudgeName,
        /// The endpoint, without anything secret.
        endpoint: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// It is declared as a judge by rules.
    #[error("judge `{judge}` is not declared with a model")]
    NotAModel {
        /// The judge.
        judge: JudgeName,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client of judge `{judge}`")]
    Client {
        /// The judge.
        judge: JudgeName,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

impl ApiKey {
    /// The key, as the caller read it from where secrets are kept.
    pub fn new(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

impl fmt::Debug for ModelJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelJudge").field("name", &self.spec.name).field("model", &self.model).finish_non_exhaustive()
    }
}

impl ModelJudge {
    /// The judge that is declared, with its key.
    ///
    /// # Errors
    /// When it is not declared with a model, or its endpoint would leak the key or the evidence.
    pub fn new(spec: &Arc<JudgeSpec>, key: Option<ApiKey>) -> Result<Self, JudgeError> {
        let judge = || spec.name.clone();
        let JudgeKind::Model { endpoint: base, model, .. } = &spec.kind else {
            return Err(JudgeError::NotAModel { judge: judge() });
        };
        let endpoint = chat_completions(base).map_err(|expected| JudgeError::Endpoint {
            judge: judge(),
            endpoint: without_secrets(base),
            expected,
        })?;
        let authorization = match key {
            None => None,
            Some(ApiKey(key)) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim()))
                    .map_err(|_| JudgeError::KeyUnusable { judge: judge() })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        // The endpoint is the one that was declared: no redirect, and no proxy that the environment slips in.
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_millis(spec.max_evaluation_latency_ms))
            .build()
            .map_err(|source| JudgeError::Client { judge: judge(), source: source.without_url() })?;
        Ok(Self { spec: Arc::clone(spec), endpoint, model: model.clone(), authorization, client })
    }

    async fn ask(&self, brief: &Brief) -> Ruling {
        let case = prompt::Case::of(View::from(brief), brief.action, &self.spec);
        if !self.fits(&case, brief) {
            return Ruling::silent("the case does not fit in the judge's context");
        }
        match self.answer_to(&case).await {
            Ok(ruling) => case.weaken(ruling),
            Err(why) => Ruling::silent(why),
        }
    }

    /// Whether the case fits in the context of the model. Each case has an empty one: it shares none with an agent, and
    /// none with another case (EC-2.17). What does not fit is not cut down to what does.
    fn fits(&self, case: &prompt::Case, brief: &Brief) -> bool {
        let JudgeKind::Model { context_tokens: Some(tokens), .. } = &self.spec.kind else { return true };
        let terms = ContextTerms::of(*tokens);
        let level = terms.level(terms.tokens_of(case.n_bytes()).saturating_add(prompt::ANSWER_TOKENS_MAX.into()));
        if level >= Some(ContextLevel::Warning) {
            let judge = &self.spec.name;
            tracing::warn!(%judge, action = %brief.action, level = level.map(ContextLevel::as_str), "a case nearly fills a judge's context");
        }
        level < Some(ContextLevel::Critical)
    }

    /// Asks the endpoint. What goes wrong is told in words without anything that the endpoint said.
    async fn answer_to(&self, case: &prompt::Case) -> Result<Ruling, &'static str> {
        let mut request = self.client.post(self.endpoint.clone()).json(&case.request(&self.model));
        if let Some(authorization) = &self.authorization {
            request = request.header(reqwest::header::AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send().await.map_err(|fault| {
            if fault.is_timeout() { "the model did not answer in time" } else { "the model cannot be reached" }
        })?;
        if response.status() != StatusCode::OK {
            return Err("the model's endpoint answered with an error");
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| "the model's answer broke off")? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err("the model's answer is too long");
            }
            body.extend_from_slice(&chunk);
        }
        answer::read(&body)
    }
}

#[async_trait]
impl Judge for ModelJudge {
    fn name(&self) -> &JudgeName {
        &self.spec.name
    }

    fn latency_ms_max(&self) -> u64 {
        self.spec.max_evaluation_latency_ms
    }

    async fn hear(&self, brief: &Brief) -> Verdict {
        let bound_ms = self.spec.max_evaluation_latency_ms;
        let ruling = match tokio::time::timeout(Duration::from_millis(bound_ms), self.ask(brief)).await {
            Ok(ruling) => ruling,
            Err(_) => Ruling::silent("the model did not answer in time"),
        };
        ruling.bind(&self.spec.name, brief.action, brief.now)
    }
}

/// The address to ask, under the declared base. Evidence and key go in the clear only where nobody can listen.
fn chat_completions(base: &url::Url) -> Result<url::Url, &'static str> {
    let loopback = match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match base.scheme() {
        "https" => {}
        "http" if loopback => {}
        _ => return Err("`https`, or `http` on loopback"),
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err("an address without a user or password; name the key by `api_key_env`");
    }
    let mut endpoint = base.clone();
    endpoint.path_segments_mut().map_err(|()| "an address with a path")?.pop_if_empty().extend(["chat", "completions"]);
    Ok(endpoint)
}

fn without_secrets(base: &url::Url) -> String {
    format!("{}://{}{}", base.scheme(), base.host_str().unwrap_or_default(), base.path())
}

/// More than any verdict needs, with all that an endpoint says around it.
const BODY_BYTES_MAX: usize = 64 * 1024;
