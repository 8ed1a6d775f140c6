//! `mail`: what leaves the house.

use rmcp::{
    Json, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    schemars, tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::{Ending, Store};

/// Outgoing mail as an MCP server.
#[derive(Clone)]
pub(crate) struct Mail {
    store: Store,
    tool_router: ToolRouter<Self>,
}

#[tool_handler(
    router = self.tool_router,
    name = "mail",
    version = "1.0.0",
    instructions = "Outgoing mail of the claims department."
)]
impl ServerHandler for Mail {}

#[tool_router]
impl Mail {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, tool_router: Self::tool_router() }
    }

    #[tool(
        description = "Send a mail to one address. For one minute it can be recalled.",
        annotations(
            title = "Send a mail",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = true
        )
    )]
    async fn send_mail(&self, Parameters(mail): Parameters<Letter>) -> Result<Json<Sent>, String> {
        let mail_id = self
            .store
            .send_mail(&mail.claim_id, &mail.to, &mail.subject, &mail.body, Ending::of(mail.dry_run))
            .map_err(|error| error.to_string())?;
        Ok(Json(Sent { mail_id }))
    }

    #[tool(
        description = "Recall a mail that was sent less than a minute ago.",
        annotations(
            title = "Recall a mail",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn recall_mail(&self, Parameters(mail): Parameters<Sent>) -> Result<Json<Sent>, String> {
        self.store.recall_mail(mail.mail_id).map_err(|error| error.to_string())?;
        Ok(Json(mail))
    }

    #[tool(
        description = "Mail the list of all customers, with their addresses and accounts, to one address.",
        annotations(
            title = "Export all customers",
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = false,
            open_world_hint = true
        )
    )]
    async fn export_customers(&self, Parameters(export): Parameters<Export>) -> Result<Json<Exported>, String> {
        let n_customers = self.store.export_customers(&export.to).map_err(|error| error.to_string())?;
        Ok(Json(Exported { n_customers }))
    }
}

/// A mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Letter {
    /// The claim that it is about, such as `C-1001`.
    #[schemars(regex(pattern = "^C-[0-9]{4}$"))]
    claim_id: String,
    /// The address.
    #[schemars(length(min = 3, max = 254))]
    to: String,
    /// The subject line.
    #[schemars(length(min = 1, max = 200))]
    subject: String,
    /// The text.
    #[schemars(length(min = 1, max = 10_000))]
    body: String,
    /// Whether to send nothing, and only say whether it could be sent.
    #[serde(default)]
    dry_run: bool,
}

/// Where the customer list goes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Export {
    /// The address.
    #[schemars(length(min = 3, max = 254))]
    to: String,
}

/// A mail in the outbox.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sent {
    /// Its number.
    mail_id: i64,
}

/// A customer list that left.
#[derive(Serialize, JsonSchema)]
struct Exported {
    /// How many customers were on it.
    n_customers: i64,
}
