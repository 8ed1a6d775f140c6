//! What is said on a line, as the broker's messages carry it.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::CHUNK;

/// One message on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Bytes, and how many came before them.
    Data { at: u64, bytes: Bytes },
    /// No byte comes after these many.
    End { at: u64 },
    /// Up to how many bytes may be sent, counted from the line's beginning.
    Credit { up_to: u64 },
    /// This end is there.
    Alive,
    /// This end is gone, and nothing of what is on its way reaches anybody.
    Reset,
}

/// What is no message of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what came on a line is no message of one")]
pub(super) struct NoFrame;

impl Frame {
    /// Reads a message.
    pub(super) fn read(message: &Bytes) -> Result<Self, NoFrame> {
        let (tag, rest) = message.split_first().ok_or(NoFrame)?;
        let count = || rest.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)).ok_or(NoFrame);
        let alone = |frame: Self, length: usize| if rest.len() == length { Ok(frame) } else { Err(NoFrame) };
        match *tag {
            DATA => {
                let (at, bytes) = (count()?, message.slice(HEAD..));
                if bytes.is_empty() || bytes.len() > CHUNK { Err(NoFrame) } else { Ok(Self::Data { at, bytes }) }
            }
            END => alone(Self::End { at: count()? }, 8),
            CREDIT => alone(Self::Credit { up_to: count()? }, 8),
            ALIVE => alone(Self::Alive, 0),
            RESET => alone(Self::Reset, 0),
            _ => Err(NoFrame),
        }
    }

    /// The message as it is sent.
    pub(super) fn write(&self) -> Bytes {
        let mut message =
            BytesMut::with_capacity(HEAD + if let Self::Data { bytes, .. } = self { bytes.len() } else { 0 });
        match self {
            Self::Data { at, bytes } => {
                message.put_u8(DATA);
                message.put_u64(*at);
                message.put_slice(bytes);
            }
            Self::End { at } => {
                message.put_u8(END);
                message.put_u64(*at);
            }
            Self::Credit { up_to } => {
                message.put_u8(CREDIT);
                message.put_u64(*up_to);
            }
            Self::Alive => message.put_u8(ALIVE),
            Self::Reset => message.put_u8(RESET),
        }
        message.freeze()
    }
}

const DATA: u8 = 0;
const END: u8 = 1;
const CREDIT: u8 = 2;
const ALIVE: u8 = 3;
const RESET: u8 = 4;
/// The tag and a count.
const HEAD: usize = 9;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames() -> impl Strategy<Value = Frame> {
        prop_oneof![
            (any::<u64>(), prop::collection::vec(any::<u8>(), 1..100))
                .prop_map(|(at, bytes)| Frame::Data { at, bytes: bytes.into() }),
            any::<u64>().prop_map(|at| Frame::End { at }),
            any::<u64>().prop_map(|up_to| Frame::Credit { up_to }),
            Just(Frame::Alive),
            Just(Frame::Reset),
        ]
    }

    #[test]
    fn what_is_longer_than_a_chunk_or_empty_is_no_frame() {
        let data = |length| Frame::Data { at: 0, bytes: vec![0; length].into() }.write();
        assert!(Frame::read(&data(CHUNK)).is_ok());
        assert_eq!(Frame::read(&data(CHUNK + 1)), Err(NoFrame));
        assert_eq!(Frame::read(&data(0)), Err(NoFrame));
        assert_eq!(Frame::read(&Bytes::new()), Err(NoFrame));
    }

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written(frame in frames()) {
            prop_assert_eq!(Frame::read(&frame.write()), Ok(frame));
        }

        #[test]
        fn whatever_is_read_is_written_so(message in prop::collection::vec(any::<u8>(), 0..40)) {
            let message = Bytes::from(message);
            if let Ok(frame) = Frame::read(&message) {
                prop_assert_eq!(frame.write(), message);
            }
        }
    }
}
