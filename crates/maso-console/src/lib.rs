//! The web console, over the HTTP API's types only.
