//! How much may come of taking layers off: bounded by what was sent, so that nobody makes others work for little.

use super::layer::Layer;

/// What may still be read out of one payload.
#[derive(Debug)]
pub struct Budget {
    bytes_left: usize,
    /// Bytes that were looked through or written.
    steps: usize,
}

/// Past which bound a text went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// There is something under more layers than are taken off.
    Depth(Layer),
    /// More comes out of it than a multiple of what was sent.
    Bytes,
}

impl Default for Budget {
    /// What any payload may lead to, so that a small file can be opened.
    fn default() -> Self {
        Self { bytes_left: BYTES_AT_LEAST, steps: 0 }
    }
}

impl Budget {
    /// Makes room for what a string of this length may lead to.
    pub fn extend(&mut self, length: usize) {
        self.bytes_left = (self.bytes_left + length.saturating_mul(BYTES_PER_BYTE)).min(BYTES_MAX);
    }

    /// Bytes that one piece of compressed data may become: half of what is left, so that no one piece leaves nothing for
    /// the others.
    pub const fn inflated_bytes_max(&self) -> usize {
        self.bytes_left / 2
    }

    /// Uses some of them, if there are so many.
    pub fn take(&mut self, length: usize) -> Result<(), Bound> {
        self.steps += length;
        match self.bytes_left.checked_sub(length) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => {
                self.bytes_left = 0;
                Err(Bound::Bytes)
            }
        }
    }

    /// Notes that so many bytes were looked through.
    pub const fn look(&mut self, length: usize) {
        self.steps += length;
    }

    /// How many bytes were looked through or written.
    #[cfg(test)]
    pub const fn steps(&self) -> usize {
        self.steps
    }
}

/// A document of one page, compressed, is a few kibibytes and opens to some tens.
const BYTES_AT_LEAST: usize = 64 << 10;
/// Reading a text in all its forms at once takes three or four times its size, and text is compressed to a fifth or so.
const BYTES_PER_BYTE: usize = 8;
const BYTES_MAX: usize = 16 << 20;
