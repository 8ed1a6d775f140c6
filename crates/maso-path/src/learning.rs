//! What a task learns from what is delivered in it: by this process, by others, and before this one began (PG-2.5).

use std::sync::Arc;

use maso_core::{Act, Confidentiality, Integrity, Label, Listing, Origin, Principal, ServerName, Source, TaskId};
use maso_intent::{Deployment, Resolved, ResultLabels};
use maso_log::{Reader, v1};
use maso_policy::{Memory, Order, best_answer, labels_declared, labels_of, source_declared, source_of};
use parking_lot::RwLock;
use serde_json::Value;

use crate::{Path, release::Release, travel::NotRecorded, world::Delivery};

/// What a task learns from a hop that is released here.
#[derive(Debug)]
pub(crate) struct Lesson {
    resolved: Resolved,
    source: Source,
    labels: ResultLabels,
    value: Value,
}

impl Path {
    /// The memory of this hop's task, which has learned what was delivered there and was in no memory of this process: by
    /// other processes, or before this one began. Costs a look into a map where there is nothing to recall. As long as
    /// somebody holds what it gives, the task's memory is not given up.
    ///
    /// What cannot be read back counts as forgotten.
    ///
    /// # Errors
    /// When too many tasks recall something at this moment.
    pub(crate) async fn recall(&self, resolved: &Resolved) -> Result<Arc<RwLock<Memory>>, NotRecorded> {
        let memories = self.world.memories();
        let task = resolved.task().id;
        let memory = self.memory_of(resolved);
        if !memories.deciding(resolved.hop().id, task) {
            return Ok(memory);
        }
        // One after the other: nobody traces before what it waits for is learned.
        let Some(_turn) = self.turns.of(task).await else {
            tracing::error!(%task, "too many tasks recall what they have seen; the hop is refused");
            return Err(NotRecorded::Fault);
        };
        // Once. What comes meanwhile is not waited for, or a busy task would wait for ever: where it matters, it sends the
        // hop back at its commit.
        let Some(recall) = memories.recall(task) else { return Ok(memory) };
        let missed = &recall.missed;
        {
            let mut memory = memory.write();
            memory.reckon_with(missed.seen);
            for (server, label) in &missed.unread {
                memory.sent_unread(missed.order, server, *label);
            }
        }
        let recalling = Recalling {
            reader: self.recorder.reader().clone(),
            deployment: Arc::clone(self.world.deployment()),
            memory: Arc::clone(&memory),
            task,
            order: missed.order,
        };
        let deliveries = missed.deliveries.clone();
        let read = tokio::task::spawn_blocking(move || {
            deliveries.iter().for_each(|delivery| recalling.learn(delivery));
        });
        if let Err(fault) = read.await {
            tracing::error!(error = &fault as &dyn std::error::Error, %task, "what a task has seen cannot be read");
            for delivery in &missed.deliveries {
                if let Some(server) = &delivery.sent_to {
                    memory.write().sent_unread(missed.order, server, delivery.label);
                }
            }
        }
        recall.done();
        Ok(memory)
    }

    /// Notes what must be known before a hop is carried: the label of what is about to be seen, and what a server is
    /// about to be sent. An answer may come back before the delivery has ended. Gives what is to be learned of it then.
    pub(crate) fn foresee(&self, release: &Release) -> Option<Lesson> {
        let weighed = release.weighed()?;
        let (resolved, label) = (weighed.resolved(), weighed.label());
        let hop = resolved.hop();
        let value = release.replaced_payload().unwrap_or(&hop.payload);
        let labels = match (&hop.from, &hop.to, &hop.act) {
            // The names of tools are pinned and approved; whoever lists them has seen nothing.
            (_, _, Act::List { listing: Listing::Tools, .. }) => return None,
            // It goes to maso itself, and nobody is shown it.
            (_, _, Act::Report { .. } | Act::Spawn { .. }) => return None,
            (Principal::Server(_), _, _) => labels_of(resolved),
            // Relay does not launder: what an agent passes on is believed as little as the least of what it is made of.
            (Principal::Agent(_), _, Act::Request { .. } | Act::Tell { .. }) => plain(label),
            (Principal::Agent(_), Principal::Server(server), _) => {
                let answers = answers_of(self.world.deployment(), server);
                self.memory_of(resolved).write().sent(Order::InTime, server, value, weighed.origins(), label, answers);
                return None;
            }
            (Principal::Agent(_) | Principal::Operator(_), _, _) => return None,
        };
        self.memory_of(resolved).write().reckon_with(label);
        // Whoever leaves its task token out takes what it knows along: its standing task counts as having seen it too.
        if let Some(standing) = self.memory_beside(resolved) {
            standing.write().reckon_with(label);
        }
        // What servers say of themselves is no source of values: an example in a schema makes no account verified.
        if matches!(hop.act, Act::List { .. }) {
            return None;
        }
        Some(Lesson { resolved: resolved.clone(), source: source_of(resolved), labels, value: value.clone() })
    }

    /// Remembers the values of what was delivered. Even when the delivery broke: what may have been read must count as
    /// read.
    pub(crate) fn learn(&self, lesson: Lesson) {
        let Lesson { resolved, source, labels, value } = lesson;
        self.memory_of(&resolved).write().learn(source, &value, &labels);
    }
}

/// How far a server is believed at most; one that is not declared might be believed in anything.
fn answers_of(deployment: &Deployment, server: &ServerName) -> Label {
    let anything = Label { integrity: Integrity::Operator, confidentiality: Confidentiality::Public };
    deployment.servers.get(server).map_or(anything, |server| best_answer(server))
}

/// Reads deliveries from the record into a memory.
struct Recalling {
    reader: Reader,
    deployment: Arc<Deployment>,
    memory: Arc<RwLock<Memory>>,
    task: TaskId,
    order: Order,
}

impl Recalling {
    fn learn(&self, delivery: &Delivery) {
        match (self.read(delivery), &delivery.sent_to) {
            (Some((decided, value)), Some(server)) => {
                let origins: Vec<Origin> = decided.origins.iter().map(|origin| read(origin, delivery.label)).collect();
                let answers = answers_of(&self.deployment, server);
                self.memory.write().sent(self.order, server, &value, &origins, delivery.label, answers);
            }
            (Some((decided, value)), None) => {
                let parties = decided.from.as_deref().and_then(Principal::parse).zip(Principal::parse(&decided.to));
                let act = Act::parse(&decided.verb, &decided.object);
                let Some(((from, to), act)) = parties.zip(act) else { return };
                let labels = match from {
                    Principal::Server(_) => labels_declared(&from, &to, &act, &self.deployment),
                    Principal::Agent(_) | Principal::Operator(_) => plain(delivery.label),
                };
                self.memory.write().learn(source_declared(&from, &act, self.task), &value, &labels);
            }
            (None, Some(server)) => self.memory.write().sent_unread(self.order, server, delivery.label),
            // Its label counts already. Values that nobody can read have no origin.
            (None, None) => {}
        }
    }

    /// The record and its payload, where both can be had.
    fn read(&self, delivery: &Delivery) -> Option<(Box<v1::HopDecided>, Value)> {
        let faulty = |fault: maso_log::LogFault| {
            tracing::error!(
                error = &fault as &dyn std::error::Error,
                sequence = delivery.sequence,
                "cannot be recalled"
            );
        };
        let v1::Body::HopDecided(decided) = self.reader.record(delivery.sequence).map_err(faulty).ok()??.body else {
            return None;
        };
        let payload = decided.payload.as_deref().and_then(maso_core::Digest::parse)?;
        let value = self.reader.payload(payload).map_err(faulty).ok()??;
        Some((decided, value))
    }
}

/// An origin as it was recorded. What a record does not say counts as the worst, or as the whole hop.
fn read(origin: &v1::Origin, whole: Label) -> Origin {
    let confidentiality = origin.confidentiality.as_deref().and_then(Confidentiality::parse);
    Origin {
        pointer: origin.pointer.clone(),
        authority: origin.authority,
        source: Source::Unknown,
        integrity: Integrity::parse(&origin.integrity).unwrap_or(Integrity::External),
        confidentiality: confidentiality.unwrap_or(whole.confidentiality),
        needed: None,
    }
}

fn plain(label: Label) -> ResultLabels {
    ResultLabels::plain(label)
}
