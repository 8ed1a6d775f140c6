//! How much may be on its way on a line, and whether something was lost: the part of a line that needs no line.

use super::WINDOW;

/// What this end may send.
#[derive(Debug)]
pub(super) struct Sending {
    /// How many bytes were sent.
    at: u64,
    /// How many may be, altogether.
    up_to: u64,
}

impl Default for Sending {
    fn default() -> Self {
        Self { at: 0, up_to: WINDOW as u64 }
    }
}

impl Sending {
    /// How many bytes were sent.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// How many bytes may be sent now.
    pub(super) fn room(&self) -> usize {
        usize::try_from(self.up_to - self.at).expect("there is never more than a window")
    }

    /// Notes that so many were sent, and says where they began.
    pub(super) const fn sent(&mut self, n_bytes: usize) -> u64 {
        let began = self.at;
        self.at += n_bytes as u64;
        began
    }

    /// The other end takes so many, altogether. Less than before is what came late.
    pub(super) fn grant(&mut self, up_to: u64) -> Result<(), Broken> {
        if up_to > self.at + WINDOW as u64 {
            return Err(Broken::Credit);
        }
        self.up_to = self.up_to.max(up_to);
        Ok(())
    }
}

/// What this end has got.
#[derive(Debug, Default)]
pub(super) struct Receiving {
    /// How many bytes came.
    at: u64,
    /// How many of them were taken by whoever reads.
    taken: u64,
    /// How many the other end was last told it may send, beyond the first window.
    told: u64,
}

impl Receiving {
    /// So many bytes came, which began here.
    pub(super) const fn came(&mut self, at: u64, n_bytes: usize) -> Result<(), Broken> {
        if at != self.at {
            return Err(Broken::Gap);
        }
        self.at += n_bytes as u64;
        if self.at > self.told + WINDOW as u64 { Err(Broken::Credit) } else { Ok(()) }
    }

    /// So many were taken. Says what the other end should be told, when that is worth a message.
    pub(super) const fn took(&mut self, n_bytes: usize) -> Option<u64> {
        self.taken += n_bytes as u64;
        if self.taken - self.told < (WINDOW / 4) as u64 {
            return None;
        }
        self.told = self.taken;
        Some(self.told + WINDOW as u64)
    }
}

/// Why a line cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// Something was lost, or came twice.
    #[error("a part of what was on the line is missing")]
    Gap,
    /// More came than was asked for, or more was asked for than there may be.
    #[error("the other end does not keep to what is agreed on a line")]
    Credit,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_lost_and_what_comes_twice_ends_a_line() {
        let mut receiving = Receiving::default();
        receiving.came(0, 10).unwrap();
        assert_eq!(receiving.came(0, 10), Err(Broken::Gap));
        assert_eq!(receiving.came(11, 1), Err(Broken::Gap));
        receiving.came(10, 1).unwrap();
    }

    #[test]
    fn nobody_sends_more_than_was_granted_or_grants_more_than_a_window() {
        let mut receiving = Receiving::default();
        receiving.came(0, WINDOW).unwrap();
        assert_eq!(receiving.came(WINDOW as u64, 1), Err(Broken::Credit));
        let mut sending = Sending::default();
        assert_eq!(sending.grant(WINDOW as u64 + 1), Err(Broken::Credit));
        assert_eq!(sending.grant(u64::MAX), Err(Broken::Credit));
    }

    proptest! {
        /// However much is written and read at a time, both ends agree, the window is never exceeded, and all of it comes.
        #[test]
        fn two_ends_that_keep_to_it_carry_everything(steps in prop::collection::vec((1..=WINDOW, 1..=WINDOW), 1..60)) {
            let (mut sending, mut receiving) = (Sending::default(), Receiving::default());
            let (mut n_sent, mut n_taken) = (0_usize, 0_usize);
            for (write, read) in steps {
                let now = write.min(sending.room());
                let at = sending.sent(now);
                receiving.came(at, now).unwrap();
                n_sent += now;
                let taken = read.min(n_sent - n_taken);
                n_taken += taken;
                if let Some(up_to) = receiving.took(taken) {
                    sending.grant(up_to).unwrap();
                }
                prop_assert!(n_sent - n_taken <= WINDOW);
                prop_assert!(sending.room() > 0 || n_sent > n_taken, "what was read makes room");
            }
        }
    }
}
