//! The operations of A2A, as its JSON-RPC binding names them.

use maso_core::words;

/// What a client may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Sends a message, and waits.
    SendMessage,
    /// Sends a message, and follows the task.
    SendStreamingMessage,
    /// How a task stands.
    GetTask,
    /// The client's own tasks.
    ListTasks,
    /// Takes a task back.
    CancelTask,
    /// Follows a task.
    SubscribeToTask,
    /// Asks to be called back about a task.
    CreatePushConfig,
    /// Where one is called back.
    GetPushConfig,
    /// All places where one is called back about a task.
    ListPushConfigs,
    /// Asks not to be called back any more.
    DeletePushConfig,
    /// What the agent can do for whoever asks.
    GetExtendedCard,
}
words!(Method {
    SendMessage = "SendMessage",
    SendStreamingMessage = "SendStreamingMessage",
    GetTask = "GetTask",
    ListTasks = "ListTasks",
    CancelTask = "CancelTask",
    SubscribeToTask = "SubscribeToTask",
    CreatePushConfig = "CreateTaskPushNotificationConfig",
    GetPushConfig = "GetTaskPushNotificationConfig",
    ListPushConfigs = "ListTaskPushNotificationConfigs",
    DeletePushConfig = "DeleteTaskPushNotificationConfig",
    GetExtendedCard = "GetExtendedAgentCard",
});
