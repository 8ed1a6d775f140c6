//! Rows of JSON Lines, plain or compressed with zstd.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
};

use ruzstd::decoding::StreamingDecoder;
use serde::de::DeserializeOwned;

/// Why a file of rows could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RowFault {
    /// It cannot be opened or read.
    #[error("cannot read `{}`", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not compressed as its name says.
    #[error("`{}` is no zstd stream", file.display())]
    Uncompressed {
        /// The file.
        file: PathBuf,
    },
    /// A line is no row of the kind that is wanted.
    #[error("{}:{line}: not a row that can be read", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line is longer than any row may be.
    #[error("{}:{line}: longer than {LINE_BYTES_MAX} bytes", file.display())]
    Long {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
}

/// Reads all rows of a file, in its order; one that ends in `.zst` is decompressed on the way.
///
/// # Errors
/// When the file cannot be read, or a line is no such row.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<Vec<T>, RowFault> {
    let unreadable = |source| RowFault::Unreadable { file: file.to_owned(), source };
    let opened = BufReader::new(File::open(file).map_err(unreadable)?);
    if file.extension().is_some_and(|extension| extension == "zst") {
        let decoder = StreamingDecoder::new(opened).map_err(|_| RowFault::Uncompressed { file: file.to_owned() })?;
        rows(BufReader::new(decoder), file)
    } else {
        rows(opened, file)
    }
}

fn rows<T: DeserializeOwned>(mut text: impl BufRead, file: &Path) -> Result<Vec<T>, RowFault> {
    let mut rows = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX) + 1;
        let n_read = text
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut bytes)
            .map_err(|source| RowFault::Unreadable { file: file.to_owned(), source })?;
        if n_read == 0 {
            break;
        }
        if bytes.len() > LINE_BYTES_MAX {
            return Err(RowFault::Long { file: file.to_owned(), line });
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let row = serde_json::from_slice(&bytes);
        rows.push(row.map_err(|source| RowFault::Row { file: file.to_owned(), line, source })?);
    }
    Ok(rows)
}

/// Bytes of the longest line that is read.
const LINE_BYTES_MAX: usize = 64 << 20;
