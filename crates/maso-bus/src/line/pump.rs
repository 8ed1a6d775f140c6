//! What moves bytes between one end of a line and the broker.

use std::{collections::VecDeque, time::Duration};

use async_nats::{Client, Subject, Subscriber};
use bytes::{Buf as _, Bytes, BytesMut};
use futures::StreamExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf},
    time::{Instant, interval},
};

use super::{
    CHUNK,
    frame::{Frame, NoFrame},
    window::{Broken, Receiving, Sending},
};
use crate::nats::Link;

/// Both directions of one line, from one end.
pub(super) struct Pump {
    /// Where the other end is heard.
    pub(super) ear: Subscriber,
    /// Where it is spoken to.
    pub(super) mouth: Subject,
    pub(super) client: Client,
    pub(super) link: Link,
}

/// Why a line is over.
#[derive(Debug, thiserror::Error)]
enum Over {
    #[error("the other end is gone")]
    Gone,
    #[error("this end is gone")]
    Dropped,
    #[error("the connection to the broker was lost")]
    Down,
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    NoFrame(#[from] NoFrame),
}

impl Pump {
    /// Carries until both ends have said everything, or one is gone.
    pub(super) async fn run(mut self, line: DuplexStream) {
        let ended = self.carry(line).await;
        if let Err(over) = &ended
            && !matches!(over, Over::Gone)
        {
            self.say(&Frame::Reset).await;
        }
        if let Err(over @ (Over::Broken(_) | Over::NoFrame(_) | Over::Down)) = ended {
            tracing::debug!(error = &over as &dyn std::error::Error, subject = %self.mouth, "a line ended");
        }
        if let Err(error) = self.ear.unsubscribe().await {
            tracing::debug!(%error, "the broker was not told that a line is over");
        }
        // A client that nobody else holds ends with this, and what it was told last would go nowhere.
        tokio::select! {
            flushed = self.client.flush() => if let Err(error) = flushed {
                tracing::debug!(%error, "the broker may not have heard the end of a line");
            },
            () = self.link.down() => {}
        }
    }

    async fn carry(&mut self, line: DuplexStream) -> Result<(), Over> {
        let (mut from_line, mut to_line): (ReadHalf<_>, WriteHalf<_>) = tokio::io::split(line);
        let (mut sending, mut receiving) = (Sending::default(), Receiving::default());
        let mut came: VecDeque<Bytes> = VecDeque::new();
        let (mut all_came, mut all_sent) = (false, false);
        let mut buffer = BytesMut::with_capacity(CHUNK);
        let mut beat = interval(BEAT);
        let mut heard = Instant::now();
        while !(all_sent && all_came && came.is_empty()) {
            let room = sending.room().min(CHUNK);
            tokio::select! {
                said = self.ear.next() => {
                    heard = Instant::now();
                    match Frame::read(&said.ok_or(Over::Down)?.payload)? {
                        Frame::Data { at, bytes } if !all_came => {
                            receiving.came(at, bytes.len())?;
                            came.push_back(bytes);
                        }
                        Frame::Data { .. } => return Err(Broken::Gap.into()),
                        Frame::End { at } => {
                            receiving.came(at, 0)?;
                            all_came = true;
                            if came.is_empty() {
                                to_line.shutdown().await.map_err(|_| Over::Dropped)?;
                            }
                        }
                        Frame::Credit { up_to } => sending.grant(up_to)?,
                        Frame::Alive => {}
                        Frame::Reset => return Err(Over::Gone),
                    }
                }
                wrote = to_line.write(came.front().map_or(&[][..], |bytes| &bytes[..])), if !came.is_empty() => {
                    let wrote = wrote.map_err(|_| Over::Dropped)?;
                    if let Some(first) = came.front_mut() {
                        first.advance(wrote);
                        if first.is_empty() {
                            came.pop_front();
                        }
                    }
                    if let Some(up_to) = receiving.took(wrote) {
                        self.say(&Frame::Credit { up_to }).await;
                    }
                    if all_came && came.is_empty() {
                        to_line.shutdown().await.map_err(|_| Over::Dropped)?;
                    }
                }
                read = read_some(&mut from_line, &mut buffer, room), if !all_sent && room > 0 => {
                    if read.map_err(|_| Over::Dropped)? == 0 {
                        all_sent = true;
                        self.say(&Frame::End { at: sending.at() }).await;
                    } else {
                        let bytes = buffer.split().freeze();
                        let at = sending.sent(bytes.len());
                        self.say(&Frame::Data { at, bytes }).await;
                    }
                }
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE_MAX {
                        return Err(Over::Gone);
                    }
                    self.say(&Frame::Alive).await;
                }
                () = self.link.down() => return Err(Over::Down),
            }
        }
        Ok(())
    }

    /// What the broker does not get is missing at the other end, which notices.
    async fn say(&self, frame: &Frame) {
        if let Err(error) = self.client.publish(self.mouth.clone(), frame.write()).await {
            tracing::debug!(%error, "the broker did not take what was on a line");
        }
    }
}

/// Reads at most this many bytes. Broken off, it has read none.
async fn read_some(from: &mut ReadHalf<DuplexStream>, buffer: &mut BytesMut, room: usize) -> std::io::Result<usize> {
    buffer.reserve(room);
    from.take(room as u64).read_buf(buffer).await
}

/// How often an end says that it is there.
const BEAT: Duration = Duration::from_secs(10);
/// After how long without a word the other end is taken to be gone.
const SILENCE_MAX: Duration = Duration::from_secs(35);
