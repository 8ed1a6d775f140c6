//! Whether a server waits for its disk before it acknowledges.

use async_nats::Client;
use serde_json::Value;

use super::BusFault;

/// Asks the server whether it writes to its disk before it acknowledges (`jetstream { sync_interval: always }`). What it does
/// not say counts as no.
pub(super) async fn ask(client: &Client) -> Result<(), BusFault> {
    let said = client.request(SUBJECT, "".into()).await.map_err(|error| BusFault::NotAsked(error.to_string()))?;
    if says_so(&said.payload) { Ok(()) } else { Err(BusFault::NotSynced) }
}

fn says_so(answer: &[u8]) -> bool {
    let said: Value = serde_json::from_slice(answer).unwrap_or_default();
    said.pointer("/data/config/sync_always").and_then(Value::as_bool) == Some(true)
}

/// What the account of maso gets from the system's account, and nothing else of it: see [`crate::Accounts`].
pub(crate) const SUBJECT: &str = "maso.server.jetstream";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_no() {
        for said in [
            &br#"{"data":{"config":{"sync_interval":120000000000}}}"#[..],
            br#"{"data":{"config":{"sync_always":false}}}"#,
            br#"{"data":{"config":{"sync_always":"true"}}}"#,
            br#"{"sync_always":true}"#,
            b"",
            b"yes",
        ] {
            assert!(!says_so(said), "{}", String::from_utf8_lossy(said));
        }
        assert!(says_so(br#"{"data":{"config":{"sync_always":true}}}"#));
    }
}
