//! DEFLATE in the wrappings of gzip (RFC 1952) and zlib (RFC 1950).

use miniz_oxide::inflate::{
    DecompressError, TINFLStatus, decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit,
};

use crate::normal::budget::{Bound, Budget};

/// What was compressed; `None` if the bytes are neither.
pub fn inflate(bytes: &[u8], budget: &mut Budget) -> Result<Option<Vec<u8>>, Bound> {
    if let Some(body) = gzip_body(bytes) {
        return raw(body, budget);
    }
    // The two bytes of a zlib header are a multiple of 31, and its method is 8.
    let is_zlib = matches!(bytes, [method, flags, _, ..]
        if method & 0x8f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0);
    if is_zlib {
        kept(decompress_to_vec_zlib_with_limit(bytes, budget.inflated_bytes_max()), bytes, budget)
    } else {
        Ok(None)
    }
}

/// What was compressed, without a wrapping.
pub fn raw(bytes: &[u8], budget: &mut Budget) -> Result<Option<Vec<u8>>, Bound> {
    kept(decompress_to_vec_with_limit(bytes, budget.inflated_bytes_max()), bytes, budget)
}

/// Of what breaks off, what came until then: whoever reads it reads that as well.
fn kept(result: Result<Vec<u8>, DecompressError>, bytes: &[u8], budget: &mut Budget) -> Result<Option<Vec<u8>>, Bound> {
    budget.look(bytes.len());
    let inflated = match result {
        Ok(inflated) => inflated,
        // The work was done, and counts.
        Err(error) if error.status == TINFLStatus::HasMoreOutput => {
            budget.take(error.output.len())?;
            return Err(Bound::Bytes);
        }
        Err(error) => error.output,
    };
    budget.take(inflated.len())?;
    Ok((!inflated.is_empty()).then_some(inflated))
}

/// What follows a gzip header.
fn gzip_body(bytes: &[u8]) -> Option<&[u8]> {
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _, rest @ ..] = bytes else { return None };
    let mut rest = rest;
    let after_zero = |rest: &[u8]| rest.iter().position(|b| *b == 0).map(|end| end + 1);
    if flags & 4 != 0 {
        let length = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
        rest = rest.get(2 + length..)?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            rest = rest.get(after_zero(rest)?..)?;
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}
