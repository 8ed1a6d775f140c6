//! How big a frame may be (EC-2.15).

/// Bounds on one frame. Past any of them the frame is refused as malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole frame.
    pub frame_bytes_max: usize,
    /// Nesting of arrays and objects; whatever is set here, 127 is never exceeded.
    pub depth_max: usize,
    /// Values of any kind in the frame, keys not counted.
    pub nodes_max: usize,
    /// Bytes of one string or key after unescaping.
    pub string_bytes_max: usize,
    /// Keys of one object.
    pub keys_max: usize,
    /// Magnitude of an integer. Above 2^53 − 1 peers that read doubles (RFC 7493) would act on another number.
    pub integer_max: u64,
}

impl Limits {
    /// The limits of a deployment that sets none.
    pub const DEFAULT: Self = Self {
        frame_bytes_max: 4 << 20,
        depth_max: 64,
        nodes_max: 100_000,
        string_bytes_max: 2 << 20,
        keys_max: 1_024,
        integer_max: (1 << 53) - 1,
    };

    /// The same limits for what a server answers: integers of 64 bits pass, because no approval is bound to them. An
    /// agent that hands one on as an argument meets the stricter limit there.
    #[must_use]
    pub const fn for_answers(self) -> Self {
        Self { integer_max: u64::MAX, ..self }
    }
}
