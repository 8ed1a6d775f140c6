//! What it means that a server did not take a parcel: whether it was put, was not, or nobody knows.

use std::error::Error as _;

use async_nats::jetstream::{
    self, ErrorCode,
    context::{PublishError, PublishErrorKind},
};

use crate::{Full, NotPut, Unavailable};

/// Why a publish did not end well.
pub(super) enum Refused {
    /// The server refused it: it was not put.
    For(NotPut),
    /// There is no mailbox at the moment: it was not put, and may be soon.
    NotYet(String),
    /// Nobody knows.
    Unclear(String),
}

impl Refused {
    pub(super) fn of(error: &PublishError) -> Self {
        let said = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
        match (error.kind(), said) {
            (PublishErrorKind::Other, Some(said)) => Self::said(said),
            (PublishErrorKind::StreamNotFound, _) => Self::NotYet("the mailbox is not there".to_owned()),
            (PublishErrorKind::MaxPayloadExceeded, _) => Self::For(Unavailable(error.to_string()).into()),
            _ => Self::Unclear(error.to_string()),
        }
    }

    /// What a server's refusal means. It has one code for every bound of a stream, and says which in words.
    fn said(said: &jetstream::Error) -> Self {
        let words = said.to_string();
        match said.error_code() {
            ErrorCode::STREAM_STORE_FAILED if words.contains("maximum messages per subject exceeded") => {
                Self::For(NotPut::Full(Full::Edge))
            }
            ErrorCode::STREAM_STORE_FAILED if words.contains("maximum") => Self::For(NotPut::Full(Full::Mailbox)),
            // Its disk may have taken a part of it; of a cluster, another may have it. The same, sent before, may be on its way;
            // whoever leads may not any more, and has passed on what he will not answer.
            ErrorCode::STREAM_STORE_FAILED
            | ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT
            | ErrorCode::CLUSTER_NOT_LEADER
            | ErrorCode::CLUSTER_NOT_AVAILABLE
            | UNNAMED => Self::Unclear(words),
            _ => Self::For(Unavailable(words).into()),
        }
    }
}

/// What has no code of its own, such as that the leader of a mailbox is none any more.
const UNNAMED: ErrorCode = ErrorCode(0);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests {
    use super::*;

    fn said(code: u64, words: &str) -> Result<NotPut, String> {
        let text = format!(r#"{{ "code": 503, "err_code": {code}, "description": {words:?} }}"#);
        match Refused::said(&serde_json::from_str(&text).unwrap()) {
            Refused::For(not_put) => Ok(not_put),
            Refused::NotYet(why) | Refused::Unclear(why) => Err(why),
        }
    }

    #[test]
    fn what_is_said_to_be_full_was_not_put() {
        assert_eq!(said(10_077, "maximum messages per subject exceeded"), Ok(NotPut::Full(Full::Edge)));
        assert_eq!(said(10_077, "maximum messages exceeded"), Ok(NotPut::Full(Full::Mailbox)));
        assert_eq!(said(10_077, "maximum bytes exceeded"), Ok(NotPut::Full(Full::Mailbox)));
        assert!(matches!(said(10_023, "insufficient resources"), Ok(NotPut::Unavailable(_))));
    }

    #[test]
    fn of_what_a_server_may_have_passed_on_nobody_says_that_it_was_not_put() {
        for (code, words) in [
            (0, "raft: not leader"),
            (10_009, "JetStream cluster can not handle request"),
            (10_008, "JetStream system temporarily unavailable"),
            (10_158, "duplicate message id is in process"),
            (10_077, "store is closed"),
            (10_077, "no space left on device"),
        ] {
            assert!(said(code, words).unwrap_err().contains(words), "{words}");
        }
    }
}
