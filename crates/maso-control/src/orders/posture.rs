//! Moving PACE, and the kill switch (ENV-21).

use maso_core::{Phase, Scope};
use maso_intent::Role;
use maso_log::v1;
use maso_posture::{Authority, EmergencyReview, Office};

use crate::{Desk, OrderFault, SignedIn};

impl Desk {
    /// Moves a scope to a phase. Tightening needs an office; loosening needs grounds as well.
    ///
    /// # Errors
    /// When the person's office or grounds are not enough.
    pub async fn move_phase(&self, by: &SignedIn, order: &maso_api::MovePhase) -> Result<(), OrderFault> {
        let scope = self.scope(&order.scope)?;
        let to = Phase::parse(&order.to).ok_or_else(|| {
            OrderFault::Bad(format!("`{}` is not a phase: primary, alternate, contingency, emergency", order.to))
        })?;
        let authority = Authority {
            operator: by.operator().clone(),
            office: office(by),
            reason: order.reason.clone(),
            review: order.review.as_ref().map(|review| EmergencyReview {
                root_cause_documented: review.root_cause_documented,
                gap_closed: review.gap_closed,
                baselines_updated: review.baselines_updated,
                triggers_recalibrated: review.triggers_recalibrated,
                regulator_settled: review.regulator_settled,
                scenario_added: review.scenario_added,
                risk_owner: review.risk_owner.clone(),
            }),
        };
        let now = self.path().clock().now();
        let orders = self
            .path()
            .world()
            .standing()
            .moved(scope, to, authority, now)
            .map_err(|refused| OrderFault::NotAllowed { why: refused.why, help: refused.help })?;
        for order in orders {
            self.path().recorder().record(order).await?;
        }
        Ok(())
    }

    /// Pulls the kill switch: the scope goes to Emergency at once. Any operator may; only an incident commander ends it.
    ///
    /// # Errors
    /// When the scope does not exist, or it could not be recorded.
    pub async fn kill(&self, by: &SignedIn, order: &maso_api::Kill) -> Result<(), OrderFault> {
        by.needs(Role::Operator)?;
        let scope = self.scope(&order.scope)?;
        let killed = v1::Killed {
            scope: scope.to_string(),
            by: format!("operator:{}", by.operator()),
            reason: order.reason.clone(),
        };
        self.path().recorder().record(v1::Body::Killed(killed)).await?;
        Ok(())
    }

    fn scope(&self, text: &str) -> Result<Scope, OrderFault> {
        let scope: Scope = text.parse().map_err(|error: maso_core::IdError| OrderFault::Bad(error.to_string()))?;
        let deployment = self.path().world().deployment();
        let known = match &scope {
            Scope::Deployment => true,
            Scope::Workflow(workflow) => deployment.workflows.contains_key(workflow),
            Scope::Agent(agent) => deployment.agents.contains_key(agent),
        };
        if known { Ok(scope) } else { Err(OrderFault::Unknown { what: "scope", name: text.to_owned() }) }
    }
}

/// The highest office that the person's roles give.
fn office(by: &SignedIn) -> Office {
    by.roles()
        .iter()
        .map(|role| match role {
            Role::Operator => Office::Operator,
            Role::Supervisor => Office::Supervisor,
            Role::Security => Office::Security,
            Role::IncidentCommander => Office::IncidentCommander,
        })
        .max()
        .unwrap_or(Office::Operator)
}
