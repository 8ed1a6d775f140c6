//! Layer 2: judges that are heard before an action is committed.
