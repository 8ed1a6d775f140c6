//! What the recorder promises.
