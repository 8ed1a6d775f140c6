//! The methods that maso knows, and who may send them in which revision. All others are refused.

use crate::mcp::Revision;

/// Who may send a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// The client.
    pub client: bool,
    /// The server.
    pub server: bool,
}

const NOBODY: Sides = Sides { client: false, server: false };
const CLIENT: Sides = Sides { client: true, server: false };
const SERVER: Sides = Sides { client: false, server: true };
const BOTH: Sides = Sides { client: true, server: true };

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal: $june:ident $november:ident $july:ident),+ $(,)?) => {
        /// A method or notification of the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Method { $($(#[$doc])* $variant),+ }

        impl Method {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Who may send it in this revision.
            pub const fn sides(self, revision: Revision) -> Sides {
                match self {
                    $(Self::$variant => match revision {
                        Revision::V2025_06_18 => $june,
                        Revision::V2025_11_25 => $november,
                        Revision::V2026_07_28 => $july,
                    }),+
                }
            }
        }
    };
}

methods! {
    /// Begins a session.
    Initialize = "initialize": CLIENT CLIENT NOBODY,
    /// The session has begun.
    Initialized = "notifications/initialized": CLIENT CLIENT NOBODY,
    /// Asks a stateless server what it is.
    Discover = "server/discover": NOBODY NOBODY CLIENT,
    /// Asks whether the other side is there.
    Ping = "ping": BOTH BOTH NOBODY,
    /// Lists tools.
    ToolsList = "tools/list": CLIENT CLIENT CLIENT,
    /// Calls a tool.
    ToolsCall = "tools/call": CLIENT CLIENT CLIENT,
    /// Lists prompts.
    PromptsList = "prompts/list": CLIENT CLIENT CLIENT,
    /// Gets a prompt.
    PromptsGet = "prompts/get": CLIENT CLIENT CLIENT,
    /// Lists resources.
    ResourcesList = "resources/list": CLIENT CLIENT CLIENT,
    /// Lists resource templates.
    ResourceTemplatesList = "resources/templates/list": CLIENT CLIENT CLIENT,
    /// Reads a resource.
    ResourcesRead = "resources/read": CLIENT CLIENT CLIENT,
    /// Asks to be told when a resource changes.
    ResourcesSubscribe = "resources/subscribe": CLIENT CLIENT NOBODY,
    /// Takes that back.
    ResourcesUnsubscribe = "resources/unsubscribe": CLIENT CLIENT NOBODY,
    /// Opens a stream of notifications.
    SubscriptionsListen = "subscriptions/listen": NOBODY NOBODY CLIENT,
    /// Completes an argument.
    Complete = "completion/complete": CLIENT CLIENT CLIENT,
    /// Sets the least level of log notifications.
    SetLevel = "logging/setLevel": CLIENT CLIENT NOBODY,
    /// Asks the client's model.
    Sample = "sampling/createMessage": SERVER SERVER NOBODY,
    /// Asks the client's roots.
    RootsList = "roots/list": SERVER SERVER NOBODY,
    /// Asks the person at the client.
    Elicit = "elicitation/create": SERVER SERVER NOBODY,
    /// Takes a request back.
    Cancelled = "notifications/cancelled": BOTH BOTH BOTH,
    /// Tells how far a request is.
    Progress = "notifications/progress": BOTH BOTH SERVER,
    /// A log line.
    Message = "notifications/message": SERVER SERVER SERVER,
    /// The tools changed.
    ToolsChanged = "notifications/tools/list_changed": SERVER SERVER SERVER,
    /// The prompts changed.
    PromptsChanged = "notifications/prompts/list_changed": SERVER SERVER SERVER,
    /// The resources changed.
    ResourcesChanged = "notifications/resources/list_changed": SERVER SERVER SERVER,
    /// A resource changed.
    ResourceUpdated = "notifications/resources/updated": SERVER SERVER SERVER,
    /// A stream of notifications begins.
    SubscriptionsAcknowledged = "notifications/subscriptions/acknowledged": NOBODY NOBODY SERVER,
    /// The roots changed.
    RootsChanged = "notifications/roots/list_changed": CLIENT CLIENT NOBODY,
    /// What the person was sent to do elsewhere is done.
    ElicitationComplete = "notifications/elicitation/complete": NOBODY SERVER NOBODY,
}

impl Method {
    /// The method of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.as_str() == name)
    }

    /// Whether it has no answer.
    pub fn is_notification(self) -> bool {
        self.as_str().starts_with("notifications/")
    }

    /// Whether its 2026-07-28 results say how long they may be kept.
    pub const fn is_cacheable(self) -> bool {
        matches!(
            self,
            Self::Discover
                | Self::ToolsList
                | Self::PromptsList
                | Self::ResourcesList
                | Self::ResourceTemplatesList
                | Self::ResourcesRead
        )
    }

    /// Whether a 2026-07-28 server may answer it by asking for input first.
    pub const fn may_need_input(self) -> bool {
        matches!(self, Self::ToolsCall | Self::PromptsGet | Self::ResourcesRead)
    }
}
