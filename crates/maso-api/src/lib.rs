//! Versioned types of the HTTP API.
