//! Approvals, tasks, sign-in, posture orders: the HTTP API.
