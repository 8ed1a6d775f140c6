//! `claims-db`: the insurer's system of record.

use rmcp::{
    Json, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    schemars, tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::{Claim, Cover, Ending, Payment, Policy, Store, StoreError};

/// The insurer's system of record as an MCP server.
#[derive(Clone)]
pub(crate) struct ClaimsDb {
    store: Store,
    tool_router: ToolRouter<Self>,
}

#[tool_handler(
    router = self.tool_router,
    name = "claims-db",
    version = "1.0.0",
    instructions = "The insurer's system of record: policies, claims and payments. Amounts are in euro cents."
)]
impl ServerHandler for ClaimsDb {}

#[tool_router]
impl ClaimsDb {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, tool_router: Self::tool_router() }
    }

    #[tool(
        description = "List all claims with their state.",
        annotations(title = "List claims", read_only_hint = true, open_world_hint = false)
    )]
    async fn list_claims(&self) -> Result<Json<ClaimList>, String> {
        let claims = self.store.claims().map_err(told)?;
        let claims = claims.into_iter().map(|claim| ClaimLine { claim_id: claim.claim_id, state: claim.state });
        Ok(Json(ClaimList { claims: claims.collect() }))
    }

    #[tool(
        description = "Read one claim: its policy, the appraiser's figure and the amount that is payable if it is covered.",
        annotations(title = "Read a claim", read_only_hint = true, open_world_hint = false)
    )]
    async fn read_claim(&self, Parameters(which): Parameters<WhichClaim>) -> Result<Json<Claim>, String> {
        self.store.claim(&which.claim_id).map(Json).map_err(told)
    }

    #[tool(
        description = "Read one policy: its holder, the holder's address and account on file, and the terms of cover.",
        annotations(title = "Read a policy", read_only_hint = true, open_world_hint = false)
    )]
    async fn read_policy(&self, Parameters(which): Parameters<WhichPolicy>) -> Result<Json<Policy>, String> {
        self.store.policy(&which.policy_id).map(Json).map_err(told)
    }

    #[tool(
        description = "Stage what was read out of a claim's documents. A later extract replaces an earlier one.",
        annotations(
            title = "Record an extract",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn record_extract(&self, Parameters(extract): Parameters<Extract>) -> Result<Json<Recorded>, String> {
        self.store.record_extract(&extract.claim_id, &extract.documents, extract.claimed_amount_minor).map_err(told)?;
        Ok(Json(Recorded { claim_id: extract.claim_id }))
    }

    #[tool(
        description = "Record whether a received claim is covered, and why.",
        annotations(
            title = "Record an assessment",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn record_assessment(&self, Parameters(given): Parameters<Assessment>) -> Result<Json<Claim>, String> {
        let cover = if given.covered { Cover::Covered } else { Cover::NotCovered };
        let ending = Ending::of(given.dry_run);
        self.store.record_assessment(&given.claim_id, cover, &given.rationale, ending).map(Json).map_err(told)
    }

    #[tool(
        description = "Stop an assessed claim, so that a person takes it over.",
        annotations(
            title = "Stop a claim",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = false
        )
    )]
    async fn stop_claim(&self, Parameters(given): Parameters<Stop>) -> Result<Json<Claim>, String> {
        self.store.stop_claim(&given.claim_id, given.reason.as_str()).map(Json).map_err(told)
    }

    #[tool(
        description = "Pay an assessed claim to an account. The transfer leaves at once and cannot be called back.",
        annotations(
            title = "Pay a claim",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = true
        )
    )]
    async fn pay_claim(&self, Parameters(order): Parameters<PaymentOrder>) -> Result<Json<Payment>, String> {
        let ending = Ending::of(order.dry_run);
        self.store
            .pay(&order.claim_id, &order.payee_iban, order.amount_minor, &order.idempotency_key, ending)
            .map(Json)
            .map_err(told)
    }
}

/// Names a claim.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichClaim {
    /// The claim, such as `C-1001`.
    #[schemars(regex(pattern = "^C-[0-9]{4}$"))]
    claim_id: String,
}

/// Names a policy.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichPolicy {
    /// The policy, such as `P-2001`.
    #[schemars(regex(pattern = "^P-[0-9]{4}$"))]
    policy_id: String,
}

/// What was read out of a claim's documents.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Extract {
    /// The claim, such as `C-1001`.
    #[schemars(regex(pattern = "^C-[0-9]{4}$"))]
    claim_id: String,
    /// The documents that were read.
    #[schemars(length(max = 32))]
    documents: Vec<String>,
    /// The amount that the documents claim, in euro cents.
    #[schemars(range(min = 1))]
    claimed_amount_minor: Option<i64>,
}

/// Whether a claim is covered, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Assessment {
    /// The claim, such as `C-1001`.
    #[schemars(regex(pattern = "^C-[0-9]{4}$"))]
    claim_id: String,
    /// Whether the policy covers the loss.
    covered: bool,
    /// Why.
    #[schemars(length(min = 1, max = 500))]
    rationale: String,
    /// Whether to record nothing, and only say what would be.
    #[serde(default)]
    dry_run: bool,
}

/// Which claim is stopped, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stop {
    /// The claim, such as `C-1001`.
    #[schemars(regex(pattern = "^C-[0-9]{4}$"))]
    claim_id: String,
    /// Why it is stopped.
    reason: StopReason,
}

/// Why a claim is stopped.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StopReason {
    /// A person did not approve the payment.
    NotApproved,
    /// The payment was refused for another reason.
    Refused,
}

impl StopReason {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::NotApproved => "not_approved",
            Self::Refused => "refused",
        }
    }
}

/// An order to pay.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PaymentOrder {
    /// The claim that is settled, such as `C-1001`.
    #[schemars(regex(pattern = "^C-[0-9]{4}$"))]
    claim_id: String,
    /// The account that is paid, without spaces.
    #[schemars(regex(pattern = "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"))]
    payee_iban: String,
    /// The amount, in euro cents.
    #[schemars(range(min = 1))]
    amount_minor: i64,
    /// Names this payment: the same key never pays twice.
    #[schemars(length(min = 1, max = 64))]
    idempotency_key: String,
    /// Whether to pay nothing, and only say what would be paid.
    #[serde(default)]
    dry_run: bool,
}

/// All claims.
#[derive(Serialize, JsonSchema)]
struct ClaimList {
    /// The claims, by id.
    claims: Vec<ClaimLine>,
}

/// A claim and where it stands.
#[derive(Serialize, JsonSchema)]
struct ClaimLine {
    /// The claim.
    claim_id: String,
    /// Where it stands.
    state: String,
}

/// What was recorded.
#[derive(Serialize, JsonSchema)]
struct Recorded {
    /// The claim.
    claim_id: String,
}

fn told(error: StoreError) -> String {
    error.to_string()
}
