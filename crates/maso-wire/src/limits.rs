//! How big a frame may be (EC-2.15).

/// Bounds on one frame. Past any of them the frame is refused as malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole frame.
    pub frame_bytes_max: usize,
    /// Nesting of arrays and objects.
    pub depth_max: usize,
    /// Values of any kind in the frame, keys not counted.
    pub nodes_max: usize,
    /// Bytes of one string after unescaping.
    pub string_bytes_max: usize,
    /// Keys of one object.
    pub keys_max: usize,
}

impl Limits {
    /// The limits of a deployment that sets none.
    pub const DEFAULT: Self = Self {
        frame_bytes_max: 4 << 20,
        depth_max: 64,
        nodes_max: 100_000,
        string_bytes_max: 2 << 20,
        keys_max: 1_024,
    };
}
