//! The story that the records tell: nothing is released that was not permitted, no approval counts twice.

mod delegations;
mod instances;

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use self::{delegations::Delegations, instances::Instances};
use crate::{Report, named::Named, payloads::Erasures};

/// How long a decision may take from being made, when its approvals must count, to being written.
const COMMIT_MS_MAX: i64 = 10_000;

/// How long an identity may live.
const SVID_MS_MAX: i64 = 86_400_000;

/// What the records have said so far. In memory it keeps what people were asked, and what is under way.
pub(crate) struct Story {
    /// Whether it is told from the first record on. If not, what is missing may lie before.
    pub(crate) is_whole: bool,
    /// Releases that each hop is still permitted. Of a whole story only those that are, so that a long one needs no more
    /// memory than it has hops under way; of a part of one, what was used up or never permitted too.
    permits: HashMap<String, u32>,
    tickets: HashMap<String, Ticket>,
    /// Dry runs that began and have not ended: by hop, the action.
    trying_out: HashMap<String, String>,
    /// Dry runs that succeeded and were not used, by action: identical hops at once are each tried out.
    tried_out: HashMap<String, Vec<TriedOut>>,
    /// Tickets and attempts at instructions that were used, messages that were said, questions and assumptions that were
    /// answered: at which record, for which hop.
    pub(crate) spent: HashMap<String, (u64, String)>,
    /// Questions about what is meant.
    questions: BTreeSet<String>,
    /// What agents assume, and for which task.
    assumptions: HashMap<String, String>,
    /// Agents that were revoked, as `agent:NAME`.
    revoked: BTreeSet<String>,
    /// Join tokens, by id: until when each counts.
    invitations: HashMap<String, i64>,
    /// Hops that were allowed because of a ticket: record, hop, ticket.
    owed: Vec<(u64, String, String)>,
    /// Instructions, by what carried them out last.
    instructions: HashMap<String, CarriedOut>,
    /// Hops that carry out an instruction and have not come to an end.
    carrying_out: HashMap<String, String>,
    delegations: Delegations,
    instances: Instances,
    pub(crate) erasures: Erasures,
    /// Payloads that the records name, in hexadecimal.
    pub(crate) payloads: Named,
}

#[derive(Default)]
struct Ticket {
    action: String,
    /// Until when each approval counts.
    approvals: Vec<i64>,
    /// Rejected or expired.
    is_closed: bool,
}

/// A dry run that succeeded.
struct TriedOut {
    hop: String,
    /// Until when it counts.
    until_ms: i64,
}

struct CarriedOut {
    hop: String,
    has_failed: bool,
}

impl Story {
    /// Nothing was told yet.
    pub(crate) fn new() -> rusqlite::Result<Self> {
        Ok(Self {
            is_whole: false,
            permits: HashMap::new(),
            tickets: HashMap::new(),
            trying_out: HashMap::new(),
            tried_out: HashMap::new(),
            spent: HashMap::new(),
            questions: BTreeSet::new(),
            assumptions: HashMap::new(),
            revoked: BTreeSet::new(),
            invitations: HashMap::new(),
            owed: Vec::new(),
            instructions: HashMap::new(),
            carrying_out: HashMap::new(),
            delegations: Delegations::default(),
            instances: Instances::default(),
            erasures: Erasures::default(),
            payloads: Named::new()?,
        })
    }

    /// Takes in one record.
    pub(crate) fn tell(
        &mut self,
        sequence: u64,
        at_ms: i64,
        body: &Value,
        report: &mut Report,
    ) -> rusqlite::Result<()> {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let mut problem = |what: String| report.problem(sequence, what);
        match body["kind"].as_str() {
            Some("hop-decided") => {
                self.instances.decided(body, self.is_whole, &mut problem);
                self.decided(sequence, at_ms, body, &mut problem)?;
            }
            Some("dry-run-started") => drop(self.trying_out.insert(text("hop"), text("action"))),
            Some("dry-run-ended") => self.tried(body, &mut problem),
            Some("hop-released") => {
                let hop = text("hop");
                if let Some(instruction) = self.carrying_out.remove(&hop)
                    && let Some(last) = self.instructions.get_mut(&instruction)
                {
                    last.has_failed = body["outcome"] == "failed";
                }
                match self.permits.get_mut(&hop) {
                    Some(1) if self.is_whole => drop(self.permits.remove(&hop)),
                    Some(n_permits) if *n_permits > 0 => *n_permits -= 1,
                    None if !self.is_whole => {}
                    _ => problem(format!("`{hop}` was released without a permit")),
                }
            }
            Some("ticket-answered") => {
                let (name, action) = (text("ticket"), text("action"));
                match self.tickets.get_mut(&name) {
                    Some(ticket) if ticket.action != action => {
                        problem(format!("the answer to `{name}` is to another action than was held"));
                    }
                    Some(ticket) if text("answer") == "approve" => {
                        ticket.approvals.push(body["expires_at"].as_i64().unwrap_or(i64::MIN));
                    }
                    Some(ticket) => ticket.is_closed = true,
                    None if self.is_whole => problem(format!("`{name}` was answered and nothing was held under it")),
                    None => {}
                }
            }
            Some("ticket-expired") => {
                if let Some(ticket) = self.tickets.get_mut(&text("ticket")) {
                    ticket.is_closed = true;
                }
            }
            Some("ticket-spent") => {
                let (name, hop) = (text("ticket"), text("hop"));
                match self.tickets.get(&name) {
                    Some(ticket) if ticket.is_closed => {
                        problem(format!("`{name}` was used after it was rejected or had expired"));
                    }
                    Some(ticket)
                        if !ticket.approvals.iter().any(|until_ms| until_ms.saturating_add(COMMIT_MS_MAX) >= at_ms) =>
                    {
                        problem(format!("`{name}` was used without an approval that counted"));
                    }
                    None if self.is_whole => problem(format!("`{name}` was used and nothing was held under it")),
                    _ => {}
                }
                if let Some((earlier, _)) = self.spent.get(&name) {
                    problem(format!("`{name}` was used before, at record {earlier}"));
                } else {
                    self.spent.insert(name, (sequence, hop));
                }
            }
            Some("revoked") => {
                if body["what"] == "agent" {
                    self.revoked.insert(format!("agent:{}", text("subject")));
                }
                self.instances.revoked(body);
                self.delegations.revoked(body, self.is_whole, &mut problem);
            }
            Some("agent-spawned") => self.instances.started(sequence, body, self.is_whole, &mut problem),
            Some("instance-ended") => self.instances.ended(body),
            Some("task-closed") => self.instances.task_closed(body),
            Some("token-issued") => self.instances.issued(body, self.is_whole, &mut problem),
            Some("join-token-issued") => {
                self.invitations.insert(text("id"), body["expires_at"].as_i64().unwrap_or(i64::MIN));
            }
            Some("join-token-used") => {
                self.instances.joined(body, self.is_whole, &mut problem);
                self.joined(sequence, at_ms, body, &mut problem);
            }
            Some("svid-issued") => self.issued(at_ms, body, &mut problem),
            Some("task-evaluated") => evaluated(body, &mut problem),
            Some("instruction-used") => self.used(sequence, body, &mut problem),
            Some("message-said") => self.said(sequence, body, &mut problem),
            Some("context-checkpoint") => self.noted(body)?,
            Some("clarification-asked") => {
                self.questions.insert(text("question"));
            }
            Some("assumption-made") => {
                self.assumptions.insert(text("assumption"), text("task"));
            }
            Some("assumption-answered") => self.promoted(sequence, body, &mut problem),
            Some("clarification-answered") => self.clarified(sequence, body, &mut problem),
            Some("payloads-erased") if !self.erasures.tell(sequence, body) => {
                problem("it does not say what was erased, by whom and why".to_owned());
            }
            Some(_) => {}
            None => problem("its body has no kind".to_owned()),
        }
        Ok(())
    }

    /// A join token was issued before it was used, is used once, and not after its end.
    fn joined(&mut self, sequence: u64, at_ms: i64, body: &Value, problem: &mut dyn FnMut(String)) {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (id, agent) = (text("id"), text("agent"));
        match self.invitations.get(&id) {
            Some(until_ms) if at_ms > until_ms.saturating_add(COMMIT_MS_MAX) => {
                problem(format!("the join token `{id}` was used after its end"));
            }
            None if self.is_whole => problem(format!("the join token `{id}` was used and nobody issued it")),
            _ => {}
        }
        if self.revoked.contains(&agent) {
            problem(format!("`{agent}` joined after it was revoked"));
        }
        if let Some((earlier, _)) = self.spent.get(&id) {
            problem(format!("the join token `{id}` was used before, at record {earlier}"));
        } else {
            self.spent.insert(id, (sequence, text("token_id")));
        }
    }

    /// Who was revoked is issued no identity any more, and none outlives a day (IA-2.1, IA-2.2).
    fn issued(&self, at_ms: i64, body: &Value, problem: &mut dyn FnMut(String)) {
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        if self.revoked.contains(text("agent")) {
            problem(format!("`{}` was issued an identity after it was revoked", text("agent")));
        }
        if body["not_after"].as_i64().is_none_or(|until_ms| until_ms > at_ms.saturating_add(SVID_MS_MAX)) {
            problem(format!("the identity `{}` lives longer than a day", text("id")));
        }
    }

    /// A question was asked before it was answered, and is answered once.
    fn clarified(&mut self, sequence: u64, body: &Value, problem: &mut dyn FnMut(String)) {
        let Some(question) = body["question"].as_str() else { return };
        if self.is_whole && !self.questions.contains(question) {
            problem(format!("`{question}` was answered and nobody asked it"));
        }
        if let Some((earlier, _)) = self.spent.get(question) {
            problem(format!("`{question}` was answered before, at record {earlier}"));
        } else {
            let by_hop = body["hop"].as_str().unwrap_or_default().to_owned();
            self.spent.insert(question.to_owned(), (sequence, by_hop));
        }
    }

    /// An assumption was made before a person says for whom it holds, in that task, and it is said once (PG-2.8).
    fn promoted(&mut self, sequence: u64, body: &Value, problem: &mut dyn FnMut(String)) {
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let assumption = text("assumption");
        match self.assumptions.get(assumption) {
            Some(task) if task != text("task") => problem(format!("`{assumption}` was made for another task")),
            None if self.is_whole => problem(format!("`{assumption}` was answered and nobody made it")),
            _ => {}
        }
        if !text("by").starts_with("operator:") {
            problem(format!("`{assumption}` was answered by `{}`, which is no person", text("by")));
        }
        if !["local", "task", "global"].contains(&text("scope")) {
            problem(format!("`{assumption}` holds for `{}`, which is nobody", text("scope")));
        }
        if let Some((earlier, _)) = self.spent.get(assumption) {
            problem(format!("`{assumption}` was answered before, at record {earlier}"));
        } else {
            self.spent.insert(assumption.to_owned(), (sequence, String::new()));
        }
    }

    /// What was carried out once is not carried out again, unless it is known to have failed.
    fn used(&mut self, sequence: u64, body: &Value, problem: &mut dyn FnMut(String)) {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (instruction, attempt, hop) = (text("instruction"), text("attempt"), text("hop"));
        if let Some(last) = self.instructions.get(&instruction).filter(|last| !last.has_failed) {
            problem(format!("`{instruction}` is carried out again, and `{}` is not known to have failed", last.hop));
        }
        self.carrying_out.insert(hop.clone(), instruction.clone());
        self.instructions.insert(instruction, CarriedOut { hop: hop.clone(), has_failed: false });
        if let Some((earlier, _)) = self.spent.get(&attempt) {
            problem(format!("`{attempt}` was used before, at record {earlier}"));
        } else {
            self.spent.insert(attempt, (sequence, hop));
        }
    }

    /// A message is said once, whoever names it again.
    fn said(&mut self, sequence: u64, body: &Value, problem: &mut dyn FnMut(String)) {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (said, hop) = (text("said"), text("hop"));
        if said != format!("{} {}", text("from"), text("message")) {
            problem(format!("`{said}` names another message than it is about"));
        }
        if let Some((earlier, _)) = self.spent.get(&said) {
            problem(format!("`{said}` was said before, at record {earlier}"));
        } else {
            self.spent.insert(said, (sequence, hop));
        }
    }

    /// What came of a dry run counts for the action for which it began.
    fn tried(&mut self, body: &Value, problem: &mut dyn FnMut(String)) {
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        match self.trying_out.remove(text("hop")) {
            Some(action) if action != text("action") => {
                problem(format!("the dry run of `{}` ended for another action than it began for", text("hop")));
            }
            None if self.is_whole => problem(format!("the dry run of `{}` ended and had not begun", text("hop"))),
            _ if text("outcome") == "succeeded" => {
                let until_ms = body["expires_at"].as_i64().unwrap_or(i64::MIN);
                let tried = TriedOut { hop: text("hop").to_owned(), until_ms };
                self.tried_out.entry(text("action").to_owned()).or_default().push(tried);
            }
            _ => {}
        }
    }

    /// A permit that needs a dry run uses one up that succeeded, of the same action.
    fn uses_dry_run(&mut self, at_ms: i64, body: &Value, problem: &mut dyn FnMut(String)) {
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let mut all = self.tried_out.remove(text("action")).unwrap_or_default();
        let counts = |tried: &TriedOut| at_ms <= tried.until_ms.saturating_add(COMMIT_MS_MAX);
        let own = all.iter().position(|tried| tried.hop == text("hop") && counts(tried));
        match own.or_else(|| all.iter().position(counts)) {
            Some(used) => {
                all.remove(used);
            }
            None if !all.is_empty() => {
                problem(format!("`{}` was allowed by a dry run that did not count any more", text("hop")));
            }
            None if self.is_whole => {
                problem(format!("`{}` was allowed and had not been tried out with success", text("hop")));
            }
            None => {}
        }
        if !all.is_empty() {
            self.tried_out.insert(text("action").to_owned(), all);
        }
    }

    fn decided(
        &mut self,
        sequence: u64,
        at_ms: i64,
        body: &Value,
        problem: &mut dyn FnMut(String),
    ) -> rusqlite::Result<()> {
        let hop = body["hop"].as_str().unwrap_or_default();
        let is_enforced = body["enforced"] != Value::Bool(false);
        let is_allowed = body["decision"] == "allow";
        let is_permitted = is_allowed || !is_enforced;
        if is_permitted || !self.is_whole {
            *self.permits.entry(hop.to_owned()).or_default() += u32::from(is_permitted);
        }
        if body["decision"] == "hold"
            && let Some(name) = body["ticket"].as_str()
        {
            let action = body["action"].as_str().unwrap_or_default();
            let ticket = self.tickets.entry(name.to_owned()).or_default();
            if !ticket.action.is_empty() && ticket.action != action {
                problem(format!("`{name}` holds another action than before"));
            }
            action.clone_into(&mut ticket.action);
        }
        if is_permitted {
            self.delegations.permitted(body);
        }
        if is_allowed && is_enforced {
            self.delegations.bear(body, self.is_whole, problem);
            let approvals = body["approvals"].as_array().map(Vec::as_slice).unwrap_or_default();
            let people: BTreeSet<_> = approvals.iter().filter_map(|approval| approval["by"].as_str()).collect();
            let n_needed = body["review"]["people"].as_u64().unwrap_or(0);
            if (people.len() as u64) < n_needed {
                problem(format!("`{hop}` was allowed by {} people and needed {n_needed}", people.len()));
            }
            if body["review"]["dry_run"] == Value::Bool(true) {
                self.uses_dry_run(at_ms, body, problem);
            }
            for ticket in approvals.iter().filter_map(|approval| approval["ticket"].as_str()) {
                self.owed.push((sequence, hop.to_owned(), ticket.to_owned()));
            }
        }
        self.noted(body)
    }

    /// Notes the payload that a record names.
    fn noted(&mut self, body: &Value) -> rusqlite::Result<()> {
        match body["payload"].as_str() {
            Some(digest) => self.payloads.note(digest.trim_start_matches("sha256:")),
            None => Ok(()),
        }
    }

    /// What can only be said at the end.
    pub(crate) fn end(&mut self, report: &mut Report) {
        for (sequence, what) in self.instances.unpermitted() {
            report.problem(sequence, what);
        }
        for (sequence, hop, ticket) in self.owed.drain(..) {
            if self.spent.get(&ticket).is_none_or(|(_, spent_on)| *spent_on != hop) {
                report.problem(sequence, format!("`{hop}` was allowed by `{ticket}`, which was not used for it"));
            }
        }
    }
}

/// A verdict on a task is whole, and says what its two halves are together (AT-2.13).
fn evaluated(body: &Value, problem: &mut dyn FnMut(String)) {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let missing = ["task", "workflow", "agent", "mandate", "recommends"].into_iter().find(|name| text(name).is_empty());
    if let Some(name) = missing {
        problem(format!("a verdict on a task has no `{name}`"));
    }
    let together = match (text("means"), text("outcome")) {
        ("right", "right") => "normal-operation",
        ("right" | "unfinished", "wrong") => "execution-failure",
        ("wrong", "wrong") => "visible-failure",
        ("wrong", "right") => "creative-substitution",
        ("right" | "unfinished" | "wrong" | "unspecified", "right" | "wrong" | "undecided") => "undecided",
        _ => return problem(format!("the verdict on `{}` has no means or no outcome", text("task"))),
    };
    if text("class") != together {
        problem(format!("the verdict on `{}` is `{}`, and its halves say `{together}`", text("task"), text("class")));
    }
    if body["confidence"].as_u64().is_none_or(|percent| percent > 100) || !body["criteria"].is_array() {
        problem(format!("the verdict on `{}` does not say how much of it was decided", text("task")));
    }
}

#[cfg(test)]
mod tests;
