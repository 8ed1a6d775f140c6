//! Numbers of a deployment, with the framework's defaults.

use std::net::SocketAddr;

use maso_core::Risk;
use maso_wire::Limits;

use crate::{BusSettings, ContextTerms, Federation, TlsSettings};

/// Numbers of a deployment (`maso.toml`).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the gateway, API and console listen.
    pub listen: SocketAddr,
    /// The address that agents and browsers know it by, where something in front of it has another: scheme, host, port.
    pub public_url: Option<url::Url>,
    /// How long requests under way may take when the gateway is told to stop; then it ends all the same.
    pub drain_ms: u64,
    /// Bounds on one frame.
    pub limits: Limits,
    /// Bounds on what may be open at the same time.
    pub open: OpenLimits,
    /// How long a held action waits for a person, by risk; unanswered is denied (EC-2.9).
    pub approval_wait_ms: [u64; 4],
    /// How many actions of one agent may wait for people at once; one more is refused (EC-1.3).
    pub held_actions_max: usize,
    /// How long an agent counts as there after it was last heard of (EC-1.7).
    pub alive_within_ms: u64,
    /// How long a client's request is kept open for a held action before it gets a ticket instead.
    pub hold_open_ms: u64,
    /// Guardrail blocks within the window that open an agent's breaker (EC-2.4: 3).
    pub breaker_blocks_max: u32,
    /// The breaker's window (EC-2.4: 10 minutes).
    pub breaker_window_ms: u64,
    /// Judge blocks within the breaker's window past which an agent goes to Alternate (PACE: 3).
    pub judge_blocks_max: u32,
    /// How long a scope may stay in Alternate before it goes to Contingency (48 h).
    pub alternate_ms_max: u64,
    /// How long an agent token lives (IA-2.2: 1 h high-privilege, 24 h read-only).
    pub token_ttl_ms: u64,
    /// Whether agents may use tokens that are not bound to a key, on loopback only.
    pub bearer_on_loopback: bool,
    /// The Unix socket of the Workload API; `None` where it is not served.
    pub workload_socket: Option<String>,
    /// The door over TLS; `None` where there is none.
    pub tls: Option<TlsSettings>,
    /// The trust domain whose workloads may be agents here; `None` where our own alone counts.
    pub federation: Option<Federation>,
    /// How old a proof of possession may be (RFC 9449 §11.1).
    pub proof_window_ms: u64,
    /// How long a tool server may take to answer.
    pub server_wait_ms: u64,
    /// Tool calls of one agent per hour where its mandate names none (EC-1.3: 100).
    pub calls_per_hour_max: u32,
    /// How much an agent's context holds whose mandate does not say so; `None` where it is then not watched.
    pub context: Option<ContextTerms>,
    /// The broker that carries what agents send each other; `None` where it stays in this process.
    pub bus: Option<BusSettings>,
}

/// How much may be open at the same time. A share for each agent, so that none can use up what all of them need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenLimits {
    /// Sessions of one agent. Past it the one that it left alone the longest ends; when all are in use, none begins.
    pub sessions_per_agent_max: usize,
    /// Sessions of all agents. Past it none begins.
    pub sessions_max: usize,
    /// How long a session lives that nobody uses.
    pub session_idle_ms: u64,
    /// Connections to one tool server for one agent; to a server over pipes, each is a process of its own.
    pub connections_per_agent_max: usize,
    /// Connections to all tool servers for all agents. One agent gets a quarter of them.
    pub connections_max: usize,
    /// Request bodies that are being read. One agent gets a quarter of them; what comes then waits unread.
    pub bodies_max: usize,
}

impl OpenLimits {
    /// The limits of a deployment that sets none.
    pub const DEFAULT: Self = Self {
        sessions_per_agent_max: 32,
        sessions_max: 1_024,
        session_idle_ms: 30 * 60_000,
        connections_per_agent_max: 32,
        connections_max: 256,
        bodies_max: 64,
    };

    /// Connections of one agent to all tool servers together.
    pub fn connections_of_agent_max(&self) -> usize {
        self.connections_max.div_ceil(4)
    }

    /// Request bodies of one agent that are being read.
    pub fn bodies_per_agent_max(&self) -> usize {
        self.bodies_max.div_ceil(4)
    }
}

impl Settings {
    /// How long a held action of this risk waits for a person.
    pub const fn approval_wait(&self, risk: Risk) -> u64 {
        self.approval_wait_ms[risk as usize]
    }
}

impl Default for Settings {
    fn default() -> Self {
        const MINUTE: u64 = 60_000;
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7680)),
            public_url: None,
            drain_ms: 25_000,
            limits: Limits::DEFAULT,
            open: OpenLimits::DEFAULT,
            approval_wait_ms: [60 * MINUTE, 60 * MINUTE, 15 * MINUTE, 15 * MINUTE],
            held_actions_max: 64,
            hold_open_ms: 50_000,
            breaker_blocks_max: 3,
            breaker_window_ms: 10 * MINUTE,
            judge_blocks_max: 3,
            alternate_ms_max: 48 * 60 * MINUTE,
            token_ttl_ms: 60 * MINUTE,
            bearer_on_loopback: true,
            workload_socket: None,
            tls: None,
            federation: None,
            proof_window_ms: MINUTE,
            server_wait_ms: 5 * MINUTE,
            calls_per_hour_max: 100,
            context: None,
            bus: None,
            alive_within_ms: 10 * MINUTE,
        }
    }
}
