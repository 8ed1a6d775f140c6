//! The insurer's database: what its servers may read and change, as plain functions.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use schemars::JsonSchema;
use serde::Serialize;

use crate::DemoError;

/// The insurer's database. Clones share one connection.
#[derive(Clone)]
pub(crate) struct Store(Arc<Mutex<Connection>>);

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("no {what} `{id}`")]
    Missing { what: &'static str, id: String },
    #[error("claim `{claim_id}` is {state}, expected {expected}")]
    State { claim_id: String, state: String, expected: &'static str },
    #[error("idempotency key `{0}` was used for another payment")]
    KeyReused(String),
    #[error("the database is not available")]
    Database(#[from] rusqlite::Error),
}

/// A claim as the system of record has it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Claim {
    /// The claim.
    pub claim_id: String,
    /// The policy under which it was made.
    pub policy_id: String,
    /// What happened, in one word or two.
    pub peril: String,
    /// Day of the loss, `YYYY-MM-DD`.
    pub loss_date: String,
    /// What the call centre wrote down.
    pub summary: String,
    /// The appraiser's figure, in euro cents.
    pub appraisal_minor: i64,
    /// What is payable if the loss is covered, in euro cents: the appraisal less the deductible, up to the cover limit.
    pub payable_minor: i64,
    /// What the documents claim according to intake's extract, in euro cents. Nobody checked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_amount_minor: Option<i64>,
    /// Where the claim stands.
    pub state: String,
}

/// A policy as the system of record has it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Policy {
    /// The policy.
    pub policy_id: String,
    /// The policyholder.
    pub holder: String,
    /// The policyholder's address on file.
    pub email: String,
    /// The policyholder's account on file.
    pub payee_iban: String,
    /// The most that is paid for one loss, in euro cents.
    pub cover_limit_minor: i64,
    /// What the policyholder bears of each loss, in euro cents.
    pub deductible_minor: i64,
    /// First day of cover, `YYYY-MM-DD`.
    pub active_from: String,
    /// Last day of cover, `YYYY-MM-DD`.
    pub active_until: String,
}

/// Whether a loss is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cover {
    Covered,
    NotCovered,
}

/// A payment that was made.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Payment {
    /// The payment.
    pub payment_id: i64,
    /// The claim that it settles.
    pub claim_id: String,
    /// The account that was paid.
    pub payee_iban: String,
    /// The amount, in euro cents.
    pub amount_minor: i64,
}

impl Store {
    /// Opens a database that was seeded before.
    pub(crate) fn open(database: &Path) -> Result<Self, DemoError> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(crate) fn claims(&self) -> Result<Vec<Claim>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&format!("{CLAIM} ORDER BY claim_id LIMIT 1000"))?;
        let claims = statement.query_map([], read_claim)?.collect::<Result<_, _>>()?;
        Ok(claims)
    }

    pub(crate) fn claim(&self, claim_id: &str) -> Result<Claim, StoreError> {
        find_claim(&self.connection(), claim_id)
    }

    pub(crate) fn policy(&self, policy_id: &str) -> Result<Policy, StoreError> {
        let connection = self.connection();
        let found = connection
            .query_row("SELECT * FROM policies WHERE policy_id = ?1", [policy_id], |row| {
                Ok(Policy {
                    policy_id: row.get("policy_id")?,
                    holder: row.get("holder")?,
                    email: row.get("email")?,
                    payee_iban: row.get("payee_iban")?,
                    cover_limit_minor: row.get("cover_limit_minor")?,
                    deductible_minor: row.get("deductible_minor")?,
                    active_from: row.get("active_from")?,
                    active_until: row.get("active_until")?,
                })
            })
            .optional()?;
        found.ok_or_else(|| StoreError::Missing { what: "policy", id: policy_id.to_owned() })
    }

    /// Stages what was read out of the documents; an earlier extract is replaced.
    pub(crate) fn record_extract(
        &self,
        claim_id: &str,
        documents: &[String],
        claimed_amount_minor: Option<i64>,
    ) -> Result<(), StoreError> {
        let connection = self.connection();
        find_claim(&connection, claim_id)?;
        connection.execute(
            "INSERT OR REPLACE INTO extracts (claim_id, documents, claimed_amount_minor) VALUES (?1, ?2, ?3)",
            params![claim_id, documents.join(", "), claimed_amount_minor],
        )?;
        Ok(())
    }

    /// Records the assessment of a received claim, which makes it `assessed` or `declined`.
    pub(crate) fn record_assessment(
        &self,
        claim_id: &str,
        cover: Cover,
        rationale: &str,
        ending: Ending,
    ) -> Result<Claim, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        expect_state(&find_claim(&transaction, claim_id)?, "received")?;
        let (covered, state) = match cover {
            Cover::Covered => (true, "assessed"),
            Cover::NotCovered => (false, "declined"),
        };
        transaction.execute(
            "INSERT INTO assessments (claim_id, covered, rationale) VALUES (?1, ?2, ?3)",
            params![claim_id, covered, rationale],
        )?;
        transaction.execute("UPDATE claims SET state = ?2 WHERE claim_id = ?1", params![claim_id, state])?;
        let claim = find_claim(&transaction, claim_id)?;
        ending.end(transaction)?;
        Ok(claim)
    }

    /// Stops an assessed claim for a person to look at.
    pub(crate) fn stop_claim(&self, claim_id: &str, reason: &str) -> Result<Claim, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        expect_state(&find_claim(&transaction, claim_id)?, "assessed")?;
        transaction.execute(
            "UPDATE claims SET state = 'stopped', stop_reason = ?2 WHERE claim_id = ?1",
            params![claim_id, reason],
        )?;
        let claim = find_claim(&transaction, claim_id)?;
        transaction.commit()?;
        Ok(claim)
    }

    /// Pays an assessed claim. A repetition under the same key pays nothing and returns the first payment.
    pub(crate) fn pay(
        &self,
        claim_id: &str,
        payee_iban: &str,
        amount_minor: i64,
        idempotency_key: &str,
        ending: Ending,
    ) -> Result<Payment, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let earlier = transaction
            .query_row("SELECT * FROM payments WHERE idempotency_key = ?1", [idempotency_key], read_payment)
            .optional()?;
        if let Some(payment) = earlier {
            let same = payment.claim_id == claim_id
                && payment.payee_iban == payee_iban
                && payment.amount_minor == amount_minor;
            return if same { Ok(payment) } else { Err(StoreError::KeyReused(idempotency_key.to_owned())) };
        }
        expect_state(&find_claim(&transaction, claim_id)?, "assessed")?;
        transaction.execute(
            "INSERT INTO payments (claim_id, payee_iban, amount_minor, idempotency_key) VALUES (?1, ?2, ?3, ?4)",
            params![claim_id, payee_iban, amount_minor, idempotency_key],
        )?;
        let payment_id = transaction.last_insert_rowid();
        transaction.execute("UPDATE claims SET state = 'paid' WHERE claim_id = ?1", [claim_id])?;
        ending.end(transaction)?;
        Ok(Payment { payment_id, claim_id: claim_id.to_owned(), payee_iban: payee_iban.to_owned(), amount_minor })
    }

    /// Puts a mail about a claim into the outbox, from which it leaves after a minute.
    pub(crate) fn send_mail(
        &self,
        claim_id: &str,
        to: &str,
        subject: &str,
        body: &str,
        ending: Ending,
    ) -> Result<i64, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        find_claim(&transaction, claim_id)?;
        transaction.execute(
            "INSERT INTO outbox (claim_id, to_address, subject, body) VALUES (?1, ?2, ?3, ?4)",
            params![claim_id, to, subject, body],
        )?;
        let mail_id = transaction.last_insert_rowid();
        ending.end(transaction)?;
        Ok(mail_id)
    }

    /// Takes a mail back out of the outbox while it is there.
    pub(crate) fn recall_mail(&self, mail_id: i64) -> Result<(), StoreError> {
        let n_recalled = self.connection().execute(
            "DELETE FROM outbox WHERE mail_id = ?1 AND unixepoch('now') - unixepoch(sent_at) < 60",
            [mail_id],
        )?;
        if n_recalled == 1 {
            Ok(())
        } else {
            Err(StoreError::Missing { what: "recallable mail", id: mail_id.to_string() })
        }
    }

    /// Sends the whole customer list to an address; how many customers were on it.
    pub(crate) fn export_customers(&self, to: &str) -> Result<i64, StoreError> {
        let connection = self.connection();
        let n_customers = connection.query_row("SELECT count(*) FROM policies", [], |row| row.get(0))?;
        connection
            .execute("INSERT INTO exports (to_address, n_customers) VALUES (?1, ?2)", params![to, n_customers])?;
        Ok(n_customers)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic while holding the lock has rolled its transaction back, so the connection stays good.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// How a change ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// It is kept.
    Kept,
    /// It was a dry run: everything is as before.
    Undone,
}

impl Ending {
    pub(crate) const fn of(dry_run: bool) -> Self {
        if dry_run { Self::Undone } else { Self::Kept }
    }

    fn end(self, transaction: Transaction<'_>) -> rusqlite::Result<()> {
        match self {
            Self::Kept => transaction.commit(),
            Self::Undone => transaction.rollback(),
        }
    }
}

fn find_claim(connection: &Connection, claim_id: &str) -> Result<Claim, StoreError> {
    connection
        .query_row(&format!("{CLAIM} WHERE claim_id = ?1"), [claim_id], read_claim)
        .optional()?
        .ok_or_else(|| StoreError::Missing { what: "claim", id: claim_id.to_owned() })
}

fn expect_state(claim: &Claim, expected: &'static str) -> Result<(), StoreError> {
    if claim.state == expected {
        return Ok(());
    }
    Err(StoreError::State { claim_id: claim.claim_id.clone(), state: claim.state.clone(), expected })
}

fn read_claim(row: &Row<'_>) -> rusqlite::Result<Claim> {
    Ok(Claim {
        claim_id: row.get("claim_id")?,
        policy_id: row.get("policy_id")?,
        peril: row.get("peril")?,
        loss_date: row.get("loss_date")?,
        summary: row.get("summary")?,
        appraisal_minor: row.get("appraisal_minor")?,
        payable_minor: row.get("payable_minor")?,
        claimed_amount_minor: row.get("claimed_amount_minor")?,
        state: row.get("state")?,
    })
}

fn read_payment(row: &Row<'_>) -> rusqlite::Result<Payment> {
    Ok(Payment {
        payment_id: row.get("payment_id")?,
        claim_id: row.get("claim_id")?,
        payee_iban: row.get("payee_iban")?,
        amount_minor: row.get("amount_minor")?,
    })
}

const CLAIM: &str = "SELECT claims.*, claimed_amount_minor,
        max(0, min(appraisal_minor - deductible_minor, cover_limit_minor)) AS payable_minor
 FROM claims JOIN policies USING (policy_id) LEFT JOIN extracts USING (claim_id)";
const BUSY_WAIT: Duration = Duration::from_secs(10);
