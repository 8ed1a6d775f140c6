//! The table of all rules.
//!
//! `E` error, `W` warning, `N` note, `_` nothing: at tier 1, 2, 3.

use crate::Severity;

rules! {
    // the folder
    Malformed "malformed" "-" E E E
        "a file is not well formed" "write it as docs/deployment.md says";
    PolicyInvalid "policy-invalid" "EC-2.1" E E E
        "a hand-written policy does not compile" "mend the policy; docs/policies.md names the types and attributes";

    // maso.toml: people and controls
    AccountableHumanUnknown "accountable-human-unknown" "OB-2.7" E E E
        "the accountable human is not an operator" "name an operator";
    SupervisorMissing "supervisor-missing" "EC-2.9" E E E
        "nobody may approve a held action" "give an operator the role `supervisor`";
    IncidentCommanderMissing "incident-commander-missing" "ENV-21" W W E
        "nobody may pull the kill switch" "give an operator the role `incident-commander`";
    SecondSupervisorMissing "second-supervisor-missing" "EC-2.9" W W E
        "an agent holds a critical tool, and only one person may approve" "give a second operator the role `supervisor`";
    ControlUnknown "control-unknown" "-" E E E
        "a control is named that the framework does not have" "see docs/controls.md";
    ControlWithoutEffect "control-without-effect" "-" E E E
        "a control is selected that this version does nothing about" "leave it out";
    DeselectionRefused "deselection-refused" "-" E E E
        "a control is switched off that cannot be" "leave it out";
    DeselectionWithoutEffect "deselection-without-effect" "-" N N N
        "a control is switched off that this version does nothing about" "keep it if an auditor wants the reason";
    DeselectionCheckedAnyway "deselection-checked-anyway" "-" N N N
        "a control is switched off that is looked for all the same" "keep it if an auditor wants the reason";
    DeselectionOwnerUnknown "deselection-owner-unknown" "OB-2.7" E E E
        "who answers for switching a control off is not an operator" "name an operator";
    DeselectionDateInvalid "deselection-date-invalid" "OB-2.7" E E E
        "the end of a deselection is not a date" "write it as `2027-01-31`";
    DeselectionContradicted "deselection-contradicted" "OB-2.7" E E E
        "a control is both selected and deselected" "keep one";
    DeselectionUnending "deselection-unending" "OB-2.7" N W W
        "a control is switched off without an end" "say `until` when, so that somebody looks at it again";

    // maso.toml: numbers and doors
    RateZero "rate-zero" "EC-1.3" E E E
        "a limit on rates or places is zero" "leave it out or raise it";
    WaitZero "wait-zero" "EC-2.9" E E E
        "a wait is zero" "leave it out or raise it";
    BreakerZero "breaker-zero" "EC-2.4" E E E
        "a breaker opens at nothing" "leave it out or raise it";
    TokenLifeZero "token-life-zero" "IA-2.2" E E E
        "tokens end when they begin" "leave it out or raise it";
    ProofWindowZero "proof-window-zero" "IA-2.1" E E E
        "no proof of possession can be in time" "leave it out or raise it";
    FrameLimitZero "frame-limit-zero" "EC-2.15" E E E
        "a bound on frames is zero" "leave it out or raise it";
    ShareTooLarge "share-too-large" "EC-1.3" W W E
        "one agent may have everything that all agents share" "lower the share of one agent";
    TokenLifeTooLong "token-life-too-long" "IA-2.2" E E E
        "agent tokens live longer than 24 hours" "shorten `token_ttl`";
    TokenLifeOverAnHour "token-life-over-an-hour" "IA-3.1" _ _ E
        "agent tokens live longer than an hour" "shorten `token_ttl`";
    ApprovalWaitTooLong "approval-wait-too-long" "EC-2.9" W W E
        "an action of high or critical risk may wait longer than a day" "shorten the wait";
    PublicUrlInvalid "public-url-invalid" "IA-2.3" E E E
        "the public address is not that of a door" "write scheme, host and port alone";
    ListenExposed "listen-exposed" "IA-2.3" W W E
        "maso listens beyond this machine and accepts bearer tokens" "put TLS in front of it, or listen on `127.0.0.1`";
    ListenPlain "listen-plain" "IA-2.3" W W E
        "maso listens beyond this machine without encryption" "listen there at `[listen.tls]`";
    TlsOptional "tls-optional" "IA-2.3" _ N W
        "whoever comes over TLS need not show a certificate" "write `client_certificates = \"required\"`";
    BusPlain "bus-plain" "IA-2.3" W W E
        "the bus is reached beyond this machine without encryption" "write `tls://`";
    BusUnsynced "bus-unsynced" "-" _ _ E
        "what is sent may be lost with the power of one machine" "write `promise = \"synced\"`";
    SigningNotRequired "signing-not-required" "AT-1.3" _ W W
        "a deployment runs on what nobody must have signed" "give each owner and `security` a key";
    SignatureMissing "signature-missing" "AT-1.3" E E E
        "somebody who must sign this version did not" "sign it with `maso sign`";
    SignatureInvalid "signature-invalid" "AT-1.3" W W W
        "a file of signatures is none, or is about another version" "remove it";

    // contexts and budgets
    ProcessAmbiguous "process-ambiguous" "IA-2.3" E E E
        "one process could be two agents" "give them different users, programs or control groups";
    ProcessUnasked "process-unasked" "IA-2.3" W W W
        "the process of an agent is declared, and no Workload API is served" "add `[workload_api]` with `socket`";
    ContextUndeclared "context-undeclared" "EC-1.9" _ W W
        "nobody watches how full an agent's context is" "add `[context]`";
    ContextImpossible "context-impossible" "EC-1.9" E E E
        "the size of a context cannot be" "write what the model's provider says";
    RotationLate "rotation-late" "EC-2.16" W W E
        "an agent is told to rotate its context when it is isolated already" "rotate below 85 per cent";
    BudgetZero "budget-zero" "OB-2.5" E E E
        "a budget of tokens or money is zero" "leave it out or raise it";

    // workflows: owners, dates, members, limits
    WorkflowMissing "workflow-missing" "AT-1.1" E E E
        "there is no workflow" "add `workflows/NAME.toml`";
    OwnerMissing "owner-missing" "AT-1.1" E E E
        "a solution mandate has no process owner or no technical owner" "name both";
    ApproverMissing "approver-missing" "AT-1.1" E E E
        "nobody approved a solution mandate" "add `approved_by`";
    DateMissing "date-missing" "AT-1.1" E E E
        "a solution mandate has no effective date or no review date" "add both";
    DateInvalid "date-invalid" "AT-1.1" E E E
        "a date of a mandate is none" "write it as `2027-01-31`";
    ReviewBeforeEffect "review-before-effect" "AT-2.2" E E E
        "a mandate is to be reviewed before it takes effect" "review at least quarterly";
    ReviewTooLate "review-too-late" "AT-2.2" _ W W
        "a mandate is reviewed later than a quarter after it takes effect" "review at least quarterly";
    OwnersAreOne "owners-are-one" "AT-1.1" _ W W
        "one owner answers for both process and technology" "name two";
    OwnerDidNotApprove "owner-did-not-approve" "AT-1.1" W W E
        "an owner is not among those who approved" "have both owners approve";
    ApproversTooFew "approvers-too-few" "AT-1.1" _ W W
        "fewer than three approved: process owner, technical owner, security lead" "have all three approve";
    WorkflowEmpty "workflow-empty" "AT-1.1" E E E
        "a workflow has no agents" "name them in sequence";
    AgentTwice "agent-twice" "AT-1.1" E E E
        "a workflow names an agent twice" "keep one of them";
    AgentUnknown "agent-unknown" "AT-1.1" E E E
        "a workflow names an agent that does not exist" "add `agents/NAME.toml`";
    AgentOfAnotherWorkflow "agent-of-another-workflow" "AT-1.2" E E E
        "a workflow names an agent of another workflow" "let each agent belong to one";
    ToolUnheld "tool-unheld" "AT-2.3" N N W
        "a workflow lists a tool that none of its agents holds" "provision only what is directly needed";
    ServerUnknown "server-unknown" "SC-2.3" E E E
        "a server is named that is not declared" "add `tools/SERVER.toml`";
    ToolUndescribed "tool-undescribed" "SC-1.2" E E E
        "a tool is named that nothing describes" "describe it in `tools/SERVER.toml`";
    TimeBoxZero "time-box-zero" "EC-3.4" E E E
        "no task of a workflow can be opened" "raise `max_execution`";
    TransactionsZero "transactions-zero" "AT-1.7" W W W
        "nothing but reads can pass in a workflow" "raise `max_transactions_per_batch`";
    ValueZero "value-zero" "AT-1.7" W W W
        "a tool of a workflow may move nothing" "raise `max_value_minor`";
    CurrencyInvalid "currency-invalid" "AT-1.7" E E E
        "a currency is none" "write its three letters";
    TurnsOutOfBounds "turns-out-of-bounds" "EC-1.5" E E E
        "agents may go back and forth without end, or not at all" "write `turns_max` from 1 to 100";
    DelegationsOutOfBounds "delegations-out-of-bounds" "EC-1.5a" E E E
        "agents may give each other work without end, or none" "lower the number, or remove the grants";
    SpawnsOutOfBounds "spawns-out-of-bounds" "EC-1.5a" E E E
        "instances of agents may be started without end, or none" "lower the number, or remove the entry of `spawns`";
    SpawnUnknown "spawn-unknown" "EC-1.5a" E E E
        "an agent may start instances of what is no agent of its workflow" "name an agent of the same workflow";
    SpawnCircle "spawn-circle" "EC-1.5a" E E E
        "agents may start each other in a circle" "remove an entry of `spawns`";
    SpawnTtlTooLong "spawn-ttl-too-long" "IA-2.2" W W W
        "an instance would outlive what any credential of it may" "shorten `ttl`";
    SpawnWithoutGrant "spawn-without-grant" "IA-2.4" W W E
        "an agent may start another one, and ask nothing of it" "grant a request, or remove the entry of `spawns`";
    RetriesOutOfBounds "retries-out-of-bounds" "EC-1.10" E E E
        "agents may try again more than ten times" "lower `retries_max`";
    CooldownTooLong "cooldown-too-long" "ENV-14" E E E
        "what failed may not be tried again for more than a day" "shorten `retry_cooldown`";
    DecisionsKeptOutOfBounds "decisions-kept-out-of-bounds" "EC-2.6" E E E
        "decisions stay committed for less than an hour, or more than 90 days" "write `30d`, or leave it out";
    PlanThresholdsDisordered "plan-thresholds-disordered" "AT-2.8" W W E
        "a threshold of plan attempts can never be the one that is passed" "let longer windows accept more";

    // workflows: halts, disagreements, reviews
    HardStopsIncomplete "hard-stops-incomplete" "AT-1.7" W W W
        "a list of hard stops leaves some out" "add a table for each";
    HaltStateLost "halt-state-lost" "AT-2.9" W W W
        "nothing says what state is kept when a workflow halts" "add `preserve`";
    HaltWithoutResumer "halt-without-resumer" "AT-2.9" E E E
        "nobody has the role that may resume a workflow" "give it to an operator";
    PersonUnknown "person-unknown" "AT-2.9" E E E
        "who is told of a halt or failure is not an operator" "name an operator";
    JudgeUnknown "judge-unknown" "PA-2.4" E E E
        "a workflow names a judge that does not exist" "add `judges/NAME.toml`";
    JudgeTwice "judge-twice" "PA-2.4" E E E
        "a workflow names a judge twice" "keep one";
    OverrideWithoutVerdict "override-without-verdict" "PA-2.4" E E E
        "a rule of precedence would always apply" "say in `when` which verdict it needs";
    OverrideLoosens "override-loosens" "PA-2.4" E E E
        "a rule of precedence loosens a verdict" "raise its `action`";
    ConflictWindowTooLong "conflict-window-too-long" "PA-2.4" W W W
        "people have too long to settle a disagreement of judges" "shorten `window`";
    ConflictLossCritical "conflict-loss-critical" "PA-2.4" E E E
        "a loss is accepted unasked at the risk `critical`" "write `expiry = \"most-restrictive\"`";
    ConflictLossAccepted "conflict-loss-accepted" "PA-2.4" W W W
        "a loss is to be accepted unasked, and is denied" "write `expiry = \"most-restrictive\"`";
    ConflictWithoutOwner "conflict-without-owner" "PA-2.4" E E E
        "a loss is accepted in the name of nobody" "add `process_owner`";
    AmendmentApproverUnknown "amendment-approver-unknown" "AT-2.10" E E E
        "who approved an amendment is not an operator" "name an operator";
    AmendmentAhead "amendment-ahead" "AT-2.10" E E E
        "an amendment is in a version that is still to come" "raise `version`";
    ReviewerMissing "reviewer-missing" "AT-2.2" W W W
        "an owner did not take part in a review" "have both owners approve it anew";
    MandateWithdrawn "mandate-withdrawn" "AT-2.2" E E E
        "the latest review withdrew a mandate" "remove the workflow, or have it approved anew";
    StrategicEvaluationTooSeldom "strategic-evaluation-too-seldom" "OI-2.2" W W W
        "a workflow as a whole is evaluated too seldom for its risk" "evaluate more often";
    WorkflowKeysRecorded "workflow-keys-recorded" "AT-1.1" N N N
        "keys of a workflow are recorded, and nothing acts on them yet" "keep them for those who review";

    // histories of declarations
    WorkflowAuthorIsAgent "workflow-author-is-agent" "OI-1.2" E E E
        "an agent wrote a workflow's specification" "name the person";
    AuthorIsAgent "author-is-agent" "OI-1.1" E E E
        "an agent wrote an agent's specification" "name the person";
    JudgeAuthorIsAgent "judge-author-is-agent" "OI-2.3" E E E
        "an agent wrote a judge's specification" "name the person";
    HistoryMiscounted "history-miscounted" "AT-1.3" W W W
        "a version and the number of versions before it do not agree" "name the missing versions";
    VersionTwice "version-twice" "AT-1.3" E E E
        "a history names one version twice" "keep one";

    // data sources
    DataSourceWithoutTool "data-source-without-tool" "AT-1.1" E E E
        "no tool leads to a data source" "name the tools in `through`";
    DataSourceToolUnlisted "data-source-tool-unlisted" "AT-1.1" E E E
        "a tool leads to a data source and is no tool of the workflow" "add it to `tools`";
    DataSourceTooNarrow "data-source-too-narrow" "AT-1.1" E E E
        "a tool does more with a data source than its access allows" "widen `access`, or leave the tool out";
    DataScopeUnknown "data-scope-unknown" "AT-2.1" E E E
        "an agent's scope has a data source that its workflow does not" "add it under `data_sources`";
    DataAccessBeyondParent "data-access-beyond-parent" "AT-2.1" E E E
        "an agent's access to a data source goes beyond its workflow's" "narrow it";
    ToolBeyondDataScope "tool-beyond-data-scope" "AT-2.1" E E E
        "a tool of an agent does more with data than its scope allows" "remove it, or widen `data_scope`";
    DataBeyondClearance "data-beyond-clearance" "DP-1.1" W W W
        "a data source holds what an agent is not cleared to see" "raise `clearance`, or remove the tool";

    // workflows: grants
    GrantAgentUnknown "grant-agent-unknown" "IA-2.4" E E E
        "a grant names an agent that does not exist" "name an agent of the workflow";
    GrantAgentForeign "grant-agent-foreign" "IA-2.4" E E E
        "a grant names an agent of another workflow" "add it to `agents`, or remove the grant";
    GrantTwice "grant-twice" "IA-2.4" E E E
        "a request is granted twice" "keep one";
    RequestReserved "request-reserved" "IA-2.4" E E E
        "a grant names a request that maso keeps for itself" "give it another name";
    RequestQueues "request-queues" "EC-1.7" _ _ W
        "a request may wait for an agent that is not there" "leave `queues` out, so that the sender hears of it";
    GrantToolsSilent "grant-tools-silent" "IA-2.4" W W W
        "a grant names no tools, and its agent holds some" "write `tools`; `[]` if none is needed";
    GrantToolForeign "grant-tool-foreign" "IA-2.4" E E E
        "a grant names a tool that its workflow does not allow" "add it to `tools` of the workflow, or remove it";
    GrantToolUnheld "grant-tool-unheld" "IA-2.4" W W W
        "a grant names a tool that nobody holds to whom the request leads" "remove it, or grant it to the agent";
    GrantArgumentIdle "grant-argument-idle" "IA-2.4" W W W
        "a grant fixes an argument of a tool that it does not name" "add the tool to `tools`, or remove the argument";
    GrantDataUnknown "grant-data-unknown" "IA-2.4" E E E
        "a grant names a data source that its workflow does not have" "add it under `data_sources`";
    GrantDataBeyondWorkflow "grant-data-beyond-workflow" "IA-2.4" E E E
        "a grant's access to a data source goes beyond its workflow's" "narrow it";
    GrantToolBeyondData "grant-tool-beyond-data" "IA-2.4" W W E
        "a tool of a grant does more with data than its `data_scope` allows" "remove it, or widen `data_scope`";
    GrantWithoutSchema "grant-without-schema" "EC-2.14" W W E
        "a request may contain anything" "declare its `schema`";
    GrantSchemaOpen "grant-schema-open" "EC-2.14" _ N W
        "the schema of a request lets any further field pass" "write `additionalProperties = false`";
    GrantFreeText "grant-free-text" "EC-2.14" W E E
        "an agent that holds a privileged tool may be asked in free text" "fix each string with `enum`, `const`, `pattern` or `format`";
    AnswerFreeText "answer-free-text" "EC-2.14" W E E
        "an agent that holds a privileged tool may be answered in free text" "declare its `answer`, and fix each string with `enum`, `const`, `pattern` or `format`";
    GrantCircle "grant-circle" "AT-2.4" E E E
        "grants go round in a circle" "remove one grant of the circle";
    GrantChainDeep "grant-chain-deep" "IA-2.4" W W W
        "grants hand work on over too many agents" "shorten the chain";
    GrantAgainstSequence "grant-against-sequence" "AT-2.4" W W E
        "an agent may ask one that comes before it in the sequence" "order `agents` by who asks whom";

    // workflows: messages
    MessageAgentUnknown "message-agent-unknown" "PG-1.4" E E E
        "a message is from or to an agent that does not exist" "name an agent of the workflow";
    MessageAgentForeign "message-agent-foreign" "PG-1.4" E E E
        "a message is from or to an agent of another workflow" "add it to `agents`, or remove the message";
    MessageToItself "message-to-itself" "PG-1.4" E E E
        "an agent may tell itself something" "name another agent, or remove the message";
    MessageTwice "message-twice" "PG-1.4" E E E
        "a message is declared twice" "keep one";
    MessageWithoutSchema "message-without-schema" "EC-2.14" W W E
        "a message may contain anything" "declare its `schema`";
    MessageSchemaOpen "message-schema-open" "EC-2.14" _ N W
        "the schema of a message lets any further field pass" "write `additionalProperties = false`";
    MessageFreeText "message-free-text" "EC-2.14" W E E
        "an agent that holds a privileged tool may be told something in free text" "fix each string with `enum`, `const`, `pattern` or `format`";

    // agents: inside the parent
    ParentUnknown "parent-unknown" "AT-1.2" E E E
        "an agent names a workflow that does not exist" "name the workflow that is its parent";
    ParentSilent "parent-silent" "AT-1.2" E E E
        "the workflow of an agent does not name it" "add it to `agents` of the workflow";
    SequenceWrong "sequence-wrong" "AT-2.4" E E E
        "an agent claims another place in the sequence than the workflow gives it" "leave `sequence_position` out";
    SequenceUndeclared "sequence-undeclared" "AT-2.4" N W W
        "a workflow of several agents does not hold them to their sequence" "declare `[sequence]`";
    RequiredToolUnheld "required-tool-unheld" "EC-2.8" E E E
        "work of an agent needs a tool that the agent may not call" "name tools of the agent";
    RequiredToolsIdle "required-tools-idle" "EC-2.8" W W E
        "an agent names tools that must run, and nothing holds it to them" "declare `[sequence]` in its workflow";
    AgentUnreachable "agent-unreachable" "AT-2.4" W W W
        "no chain of grants leads from the first agent to this one" "add a grant, or present a task token to it directly";
    AgentsUnlinked "agents-unlinked" "AT-2.4" N N N
        "no agent of the workflow may ask another" "add a grant, or present a task token to each";
    ToolBeyondParent "tool-beyond-parent" "AT-2.1" E E E
        "an agent holds a tool that its workflow does not" "remove it, or have the workflow's owners add it";
    AmountBeyondParent "amount-beyond-parent" "AT-2.1" W W E
        "an agent may move more in one call than its workflow in one task" "lower the bound";
    RiskBeyondParent "risk-beyond-parent" "OI-1.2" W W E
        "an agent is riskier than its workflow says that it is" "raise the workflow's `risk_classification`";
    ProhibitionWithoutEffect "prohibition-without-effect" "AT-1.2" N N N
        "an agent prohibits a tool that its workflow does not grant" "leave it out";
    ToolGrantedAndProhibited "tool-granted-and-prohibited" "AT-1.2" E E E
        "a tool is both granted to an agent and prohibited for it" "keep one of the two";
    ActionProhibitedAndHeld "action-prohibited-and-held" "AT-2.1" E E E
        "a tool is granted, and an intent specification prohibits it" "keep one of the two";

    // agents: terms
    JustificationMissing "justification-missing" "AT-2.3" W W E
        "nothing says why an agent needs a tool that does more than read" "add `justification`";
    DefinitionUnpinned "definition-unpinned" "SC-2.2" W W E
        "an agent holds a tool whose definition nobody approved" "approve it, or add it to the lock file";
    BoundWithoutArgument "bound-without-argument" "EC-1.2" E E E
        "a bound is on an argument that the tool does not have" "name an argument of the tool";
    AmountUnbounded "amount-unbounded" "EC-2.3" _ N W
        "nothing bounds what an agent may move in one call" "bound the argument with `at_most`";
    ResourcePrefixOpen "resource-prefix-open" "IA-1.4" N N N
        "a resource prefix ends within a name" "end it with `/`";
    ClearanceTooLow "clearance-too-low" "DP-1.1" W W W
        "an agent holds a tool whose answers it is not cleared to see" "raise `clearance`, or remove the tool";
    EscalationToAgent "escalation-to-agent" "AT-2.9" E E E
        "an agent escalates to an agent" "escalate to an operator";
    EscalationUnknown "escalation-unknown" "AT-2.9" E E E
        "an agent escalates to somebody who is not an operator" "escalate to an operator";
    EscalationPowerless "escalation-powerless" "AT-2.9" N W W
        "an agent escalates to somebody who may not decide" "escalate to a supervisor";
    LogicMissing "logic-missing" "AT-1.2" W W E
        "nothing says how an agent is to work" "describe approach and tool order in `logic`";
    SubstituteHeld "substitute-held" "AT-2.3" N W E
        "an agent holds a tool that does what one that is kept from it would" "bound it, guard it, or take it away";
    ToolDoesAnything "tool-does-anything" "AT-2.3" W W E
        "an agent may run any code or command, which gives it what no mandate lists" "bound the code, or take it away";
    ProhibitedThroughGrant "prohibited-through-grant" "IA-2.4" _ _ N
        "an agent may ask one that holds what is prohibited for it" "make sure that the request cannot name the effect";

    // agents: parent, role, order, powers, substitutes
    ParentVersionWrong "parent-version-wrong" "AT-1.2" E E E
        "an agent's mandate is of another version of its parent" "review it against the one in force";
    OrchestratorTools "orchestrator-tools" "IA-2.5" E E E
        "an agent that hands out work lists tools, which it cannot call" "remove them, or change its `role`";
    LookingRoleActs "looking-role-acts" "OI-1.1" E E E
        "an agent whose role is to look holds a tool that changes something" "remove the tool";
    OrderToolUnheld "order-tool-unheld" "AT-1.2" E E E
        "the expected order has a tool that the agent does not hold" "leave it out";
    OrderIncomplete "order-incomplete" "AT-2.7" N N N
        "a tool has no place in the expected order" "add it to `tool_order`";
    OrderToolTwice "order-tool-twice" "PG-3.4" E E E
        "a tool is two steps of the expected order" "keep one, with `repeats = true`";
    OrderAfterUnknown "order-after-unknown" "PG-3.4" E E E
        "a step comes after a tool that is no step" "name a tool of `tool_order`";
    OrderCycle "order-cycle" "PG-3.4" E E E
        "a step of the expected order waits for itself" "let one of the steps wait for nothing";
    DeviationWithoutOrder "deviation-without-order" "PG-3.4" W W W
        "`on_deviation` is given, and no order is expected" "declare `tool_order`";
    OrderToolProhibited "order-tool-prohibited" "AT-1.2" E E E
        "the expected order has a prohibited tool" "keep one of the two";
    ProhibitedTwice "prohibited-twice" "AT-1.2" N N N
        "an agent prohibits a tool twice" "keep one";
    SubstituteOfItself "substitute-of-itself" "AT-2.3" E E E
        "a tool is its own substitute" "leave it out";
    SubstituteBeside "substitute-beside" "AT-2.3" W W W
        "an agent holds a tool beside its declared substitute" "prohibit one of the two";
    TimeBoundaryBeyondParent "time-boundary-beyond-parent" "AT-2.1" E E E
        "an agent may take longer than its workflow" "shorten `time_boundary`";
    DelegationForbidden "delegation-forbidden" "IA-2.4" E E E
        "an agent that may not delegate is granted a request" "remove the grant, or write `can_delegate = true`";
    DelegationUnused "delegation-unused" "IA-2.4" N N N
        "an agent may delegate, and no grant lets it ask" "write `can_delegate = false`";
    DelegationTooDeep "delegation-too-deep" "IA-2.4" E E E
        "grants lead farther than `max_delegation_depth`" "remove a grant, or raise the depth";
    AgentKeysRecorded "agent-keys-recorded" "AT-1.2" N N N
        "keys of an agent are recorded, and nothing acts on them yet" "keep them for those who review";

    // intent specifications
    WorkflowSuccessMissing "workflow-success-missing" "OI-1.2" E E E
        "nothing says when a workflow succeeded" "add `success_criteria`";
    WorkflowFailureMissing "workflow-failure-missing" "OI-1.2" W W W
        "nothing says when a workflow failed" "add `failure_criteria`";
    AgentSuccessMissing "agent-success-missing" "OI-1.1" E E E
        "nothing says when an agent succeeded" "add `success_criteria`";
    AgentFailureMissing "agent-failure-missing" "OI-1.1" W W W
        "nothing says when an agent failed" "add `failure_criteria`";
    CriterionTwice "criterion-twice" "OI-1.5" E E E
        "two success criteria have one id" "give each its own";
    CriterionUncovered "criterion-uncovered" "OI-1.5" E E E
        "no agent covers a success criterion of its workflow" "name it in `covers` of the agent that serves it";
    CoversUnknown "covers-unknown" "OI-1.5" E E E
        "an agent covers a success criterion that its workflow does not have" "name one that it has";
    CriterionVague "criterion-vague" "PG-1.6" W W E
        "a criterion uses a word that cannot be measured" "say what can be counted, compared or looked up";
    ClarityWaived "clarity-waived" "PG-1.6" N W E
        "a task need not say what is wanted, or when it succeeded" "add it to `required`, or leave `clarity` out";
    CriterionUndecided "criterion-undecided" "PG-1.6" _ N W
        "nothing says what decides a success criterion" "add `decided_by`";
    DeciderUnknown "decider-unknown" "PG-1.6" E E E
        "what is to decide a criterion does not exist" "name a judge, an operator, a schema or a required field";
    DeciderUnable "decider-unable" "PG-1.6" W W E
        "what is to decide a criterion cannot" "name a judge with a model, or a person";
    EvaluationTooSeldom "evaluation-too-seldom" "OI-2.1" W W E
        "an intent specification is evaluated too seldom for its risk" "evaluate more often";
    EvaluationWithoutEffect "evaluation-without-effect" "OI-2.2" N N N
        "`evaluation` moves no judge yet" "leave it out";

    // judges and models
    JudgeWithoutCriteria "judge-without-criteria" "OI-2.3" E E E
        "a judge has no criteria" "add questions to be answered with yes or no";
    JudgeVague "judge-vague" "OI-2.3" W W W
        "a judge is asked what cannot be measured" "ask for what can be counted, compared or looked up";
    JudgeWithoutExclusions "judge-without-exclusions" "OI-2.3" W W W
        "nothing says what a judge does not evaluate" "add `exclusions`";
    JudgeWithoutTime "judge-without-time" "EC-2.9" E E E
        "a judge has no time to answer" "allow it `5s`";
    JudgeOnAgentModel "judge-on-agent-model" "EC-2.5" W E E
        "a judge runs on the model of an agent that it judges" "judge with a model that no judged agent runs on";
    JudgeOnAgentProvider "judge-on-agent-provider" "EC-2.5" _ W W
        "a judge runs at the provider of an agent that it judges" "judge at another provider";
    JudgeMissing "judge-missing" "EC-2.5" _ E E
        "there is no judge" "add `judges/NAME.toml`";
    PanelTooSmall "panel-too-small" "EC-3.3" _ _ E
        "there are no two judges on independent models" "add a second judge of kind `model` on another model";
    PanelAtOneHost "panel-at-one-host" "PG-2.9" _ _ W
        "all judges with a model are at one provider" "use two providers";
    ProviderSingle "provider-single" "PG-2.9" N W W
        "all agents of a workflow depend on one provider" "use different models, best of different providers";
    AgentModelUnknown "agent-model-unknown" "SC-2.1" _ N W
        "nobody can tell whether a judge runs on the model of an agent" "add `model` to the agent";
    JudgeScopeUnknown "judge-scope-unknown" "OI-2.3" E E E
        "a judge's scope has an agent that does not exist" "name an agent";
    JudgeScopeTwice "judge-scope-twice" "OI-2.3" E E E
        "a judge's scope has an agent twice" "keep one";
    JudgePowerless "judge-powerless" "OI-2.3" W W W
        "a judge may neither escalate nor block" "add `block` or `escalate`";
    CalibrationTooSeldom "calibration-too-seldom" "OI-2.4" W W W
        "a judge is calibrated too seldom for what it judges" "calibrate more often";
    JudgeMonitorInvalid "judge-monitor-invalid" "OI-2.4" E E E
        "who watches a judge is no other judge and no operator" "name another judge, or an operator";
    JudgeKeysRecorded "judge-keys-recorded" "OI-2.3" N N N
        "keys of a judge are recorded, and nothing acts on them yet" "keep them for those who review";

    // tool servers
    ServerUnused "server-unused" "SC-2.3" N N N
        "no agent may use a server" "grant something of it, or remove it";
    ServerUnlabelled "server-unlabelled" "DP-1.1" N W W
        "nothing classifies what a server says" "add `label`";
    LockOrphaned "lock-orphaned" "SC-2.3" E E E
        "tools are pinned of a server that is not declared" "add `tools/SERVER.toml`";
    SecretWritten "secret-written" "IA-2.6" E E E
        "a secret is written in a file" "take it from maso's environment";
    TlsMissing "tls-missing" "IA-2.3" W W E
        "a server is reached without TLS over a network" "use `https`";
    PreApprovedBeyond "pre-approved-beyond" "EC-2.1" E E E
        "a tool is approved in advance that its workflow does not have" "name one of its tools";
    PreApprovedCritical "pre-approved-critical" "EC-2.1" E E E
        "a tool of critical risk is approved in advance" "leave it to people";
    PreApprovedOpen "pre-approved-open" "PG-2.5" _ _ W
        "a tool is approved in advance whose arguments may come from anywhere" "declare under `authority` what decides";
    ToolUnclassified "tool-unclassified" "EC-2.1" E E E
        "a pinned tool is not classified" "describe it in `tools/SERVER.toml`";
    ClassMissing "class-missing" "EC-2.1" E E E
        "a tool has no class" "add `class`";
    ReversibilityMissing "reversibility-missing" "EC-1.6" E E E
        "nothing says whether what a tool does can be undone" "add `reversibility`";
    RiskMissing "risk-missing" "EC-2.1" E E E
        "a tool has no risk" "add `risk`";
    RiskTooLow "risk-too-low" "EC-2.1" W W E
        "a tool has less risk than its class and reversibility imply" "raise `risk`";
    WindowMissing "window-missing" "EC-1.6" E E E
        "nothing says for how long a tool can be undone" "add `reversible_window`";
    WindowWithoutEffect "window-without-effect" "EC-1.6" E E E
        "a tool that is not time-bounded has a window" "write `reversibility = \"time-bounded\"`, or remove the window";
    UndoUndescribed "undo-undescribed" "EC-1.6" E E E
        "a tool is undone by one that nothing describes" "describe it";
    RemedyMissing "remedy-missing" "EC-2.11" _ W W
        "nothing is declared that makes up for what a tool does and nobody can undo" "add `compensated_by` or `remedy`";
    DryRunIdle "dry-run-idle" "EC-2.7a" E E E
        "a tool is tried out by the very call that it would try out" "name an argument, another tool or another server";
    DryRunChanges "dry-run-changes" "EC-2.7a" E E E
        "a tool is tried out by one that changes what agents work on" "name one that reads, or a server for trying things out";
    DryRunArgumentUnknown "dry-run-argument-unknown" "EC-2.7a" E E E
        "the argument that makes a call a dry run does not exist" "name an argument of the tool";
    DryRunMissing "dry-run-missing" "EC-2.7a" _ W W
        "a tool that is critical, or changes what nobody can change back, cannot be tried out" "add `dry_run`, or switch EC-2.7a off with a reason";
    AmountUncounted "amount-uncounted" "EC-2.3" W W E
        "nothing says how much a tool moves" "add `value_pointer`";
    ValueArgumentUnknown "value-argument-unknown" "EC-2.3" E E E
        "the argument that says how much is moved does not exist" "name an argument of the tool";
    AuthorityArgumentUnknown "authority-argument-unknown" "PG-2.5" E E E
        "an argument with authority does not exist" "name an argument of the tool";
    InstructionArgumentUnknown "instruction-argument-unknown" "AT-2.5" E E E
        "the argument that names an instruction does not exist" "name an argument of the tool";
    ItemArgumentUnknown "item-argument-unknown" "AT-2.4" E E E
        "the argument that names what a call is about does not exist" "name an argument of the tool";
    DecisionWithoutItem "decision-without-item" "EC-2.6" E E E
        "a tool decides, and nothing says about what" "add `item_pointer`";
    DecisionArgumentUnknown "decision-argument-unknown" "EC-2.6" E E E
        "the argument that says what is decided does not exist" "name an argument of the tool";
    AuthorityUndeclared "authority-undeclared" "PG-2.5" W W E
        "an argument by its name carries authority, and may come from anywhere" "declare it under `authority`";

    // ways through agents and tools
    DutiesMixed "duties-mixed" "IA-1.4" W W E
        "one agent reads whatever strangers write, and holds a privileged tool" "bound what it reads, or give the tool to another";
    Trifecta "trifecta" "ENV-16" W W E
        "private data and untrusted text meet at an open way out" "guard where it sends to, or part the three";
    TrifectaHeld "trifecta-held" "ENV-16" _ N W
        "private data and untrusted text meet at a way out that only a person keeps" "write `below = \"deny\"`, or part the three";
    InjectionPath "injection-path" "PG-2.5" N W E
        "untrusted text reaches a privileged tool that takes its arguments from anywhere" "declare its arguments under `authority`";

    // temporal rules
    EventUnused "event-unused" "-" N N N
        "no rule names an event" "remove it";
    EventImpossible "event-impossible" "-" E E E
        "an event never happens" "mend what is asked of it, or remove it";
    EventNameUnknown "event-name-unknown" "-" E E E
        "an event names a server, tool, agent or request that does not exist" "declare it, or mend the name";
    EventArgumentUnknown "event-argument-unknown" "-" E E E
        "an event asks for an argument that its tool does not have" "name an argument of the tool";
    RuleConstant "rule-constant" "-" E E E
        "the condition of a rule never changes" "mend the condition";
    RuleShadowed "rule-shadowed" "-" W W W
        "a rule adds nothing to another" "remove one of them";

    // what people attest
    AttesterUnknown "attester-unknown" "OB-2.7" E E E
        "who attests is not an operator" "name an operator";
    EvidenceDueEarly "evidence-due-early" "-" E E E
        "an attestation is due again before the day of which it speaks" "write a later day";
    EvidenceDueLate "evidence-due-late" "-" W W W
        "an attestation is due later than it counts" "write the day until which it counts";
    EvidenceUnneeded "evidence-unneeded" "-" N N N
        "what is attested is done by maso itself" "keep it if an auditor wants to read it";

    // dates, held against today
    NotYetEffective "not-yet-effective" "AT-1.1" W W W
        "a mandate does not grant anything yet" "wait, or have an earlier date approved";
    ReviewOverdue "review-overdue" "AT-2.2" W W W
        "the review of a mandate is overdue" "have both owners review it";
    EvidenceAhead "evidence-ahead" "-" E E E
        "an attestation speaks of a day to come" "write the day on which it was so";
    EvidenceOverdue "evidence-overdue" "-" W W W
        "the latest attestation of a control counts no more" "look again, and attest it anew";
}
