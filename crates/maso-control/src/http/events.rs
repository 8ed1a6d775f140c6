//! What happens, as it happens (server-sent events). The event id is the record's sequence: a client that comes back
//! with `Last-Event-ID` misses nothing.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event as Sse, KeepAlive, Sse as Stream},
};
use futures::{Stream as Source, StreamExt};
use maso_api::Event;
use maso_log::{Record, v1};

use super::{By, reads::ticket_view, secret};
use crate::{Desk, view};

pub(super) async fn stream(
    State(desk): State<Arc<Desk>>,
    _: By,
    headers: HeaderMap,
) -> Stream<impl Source<Item = Result<Sse, Infallible>>> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse::<u64>().ok());
    let from = last.unwrap_or_else(|| desk.path().recorder().last_sequence()).saturating_add(1);
    let secret = secret(&headers);
    let still = Arc::clone(&desk);
    let events = desk
        .path()
        .recorder()
        .tail(from)
        // The stream ends with the session: whoever signed out, or was removed, sees nothing more.
        .take_while(move |_| {
            let signed_in =
                secret.as_ref().is_some_and(|secret| still.session(secret, still.path().clock().now()).is_some());
            futures::future::ready(signed_in)
        })
        .filter_map(move |record| {
            let event = event(&desk, &record).and_then(|event| {
                let data = serde_json::to_string(&event).ok()?;
                Some(Ok(Sse::default().id(record.sequence.to_string()).data(data)))
            });
            futures::future::ready(event)
        });
    Stream::new(events).keep_alive(KeepAlive::default())
}

fn event(desk: &Desk, record: &Record) -> Option<Event> {
    let ticket = |id: &str| {
        let state = desk.path().world().tickets().find(id.parse().ok()?)?;
        Some(Event::Ticket(Box::new(ticket_view(desk, &state))))
    };
    match &record.body {
        v1::Body::HopDecided(_) => view::hop(record).map(|hop| Event::Hop(Box::new(hop))),
        v1::Body::TicketAnswered(answered) => ticket(&answered.ticket),
        v1::Body::TicketExpired(expired) => ticket(&expired.ticket),
        v1::Body::TicketSpent(spent) => ticket(&spent.ticket),
        v1::Body::ToolSeen(_) | v1::Body::ToolApproved(_) => {
            Some(Event::Tools { n_waiting: desk.path().world().pins().waiting().len() })
        }
        v1::Body::PhaseChanged(_) | v1::Body::Killed(_) => {
            Some(Event::Posture(view::posture(desk.path().world(), desk.path().clock().now())))
        }
        v1::Body::TaskOpened(_)
        | v1::Body::TaskClosed(_)
        | v1::Body::TaskAssessed(_)
        | v1::Body::TaskEvaluated(_)
        | v1::Body::AssumptionMade(_)
        | v1::Body::AssumptionAnswered(_)
        | v1::Body::ClarificationAsked(_)
        | v1::Body::ClarificationAnswered(_) => Some(Event::Tasks),
        v1::Body::Revoked(revoked) => {
            Some(Event::Revoked { what: revoked.what.clone(), subject: revoked.subject.clone() })
        }
        v1::Body::AgentSpawned(_) | v1::Body::InstanceEnded(_) => Some(Event::Instances),
        v1::Body::JoinTokenUsed(used) => used.instance.is_some().then_some(Event::Instances),
        _ => None,
    }
}
