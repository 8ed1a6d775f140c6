//! Export as JSON Lines: one record a line, in a fixed form that can be checked byte by byte.

use std::io::{self, Write};

use crate::{LogFault, Reader, reader::Exact};

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// What was read could not be written.
    #[error("cannot write the export")]
    Write(#[from] io::Error),
}

impl Reader {
    /// Writes the records `from` to `to`, both included, as JSON Lines, and returns how many there were.
    ///
    /// Each line is `{"sequence":…,"at":"…","previous":"…","hash":"…","body":…}` without other spaces: the hashes in
    /// hexadecimal, the body last and in its exact bytes, so that the line can be checked with any SHA-256.
    ///
    /// # Errors
    /// When the log cannot be read or `out` cannot be written.
    pub fn export(&self, from: u64, to: u64, out: &mut dyn Write) -> Result<u64, ExportError> {
        let mut next = from;
        let mut n_records = 0;
        loop {
            let page = self.exact(next, to, PAGE_MAX)?;
            let Some(last) = page.last() else { break };
            next = last.sequence + 1;
            for Exact { sequence, at, body, previous, hash } in &page {
                let (previous, hash) = (hex::encode(previous.as_bytes()), hex::encode(hash.as_bytes()));
                writeln!(
                    out,
                    r#"{{"sequence":{sequence},"at":"{at}","previous":"{previous}","hash":"{hash}","body":{body}}}"#
                )?;
                n_records += 1;
            }
        }
        out.flush()?;
        Ok(n_records)
    }
}

/// Records that are read at a time.
const PAGE_MAX: usize = 512;
