//! Where a task is in its life.

use maso_core::words;

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// It was taken on, and nobody works on it yet.
    Submitted,
    /// Somebody works on it.
    Working,
    /// It is done.
    Completed,
    /// It is over, and not done.
    Failed,
    /// It was taken back.
    Canceled,
    /// It goes on when more is said.
    InputRequired,
    /// It was not taken on.
    Rejected,
    /// It goes on when somebody has shown who they are.
    AuthRequired,
}
words!(TaskState {
    Submitted = "TASK_STATE_SUBMITTED",
    Working = "TASK_STATE_WORKING",
    Completed = "TASK_STATE_COMPLETED",
    Failed = "TASK_STATE_FAILED",
    Canceled = "TASK_STATE_CANCELED",
    InputRequired = "TASK_STATE_INPUT_REQUIRED",
    Rejected = "TASK_STATE_REJECTED",
    AuthRequired = "TASK_STATE_AUTH_REQUIRED",
});

impl TaskState {
    /// Whether nothing comes after it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Rejected)
    }

    /// Whether it goes on only when somebody does something about it.
    pub const fn is_interrupted(self) -> bool {
        matches!(self, Self::InputRequired | Self::AuthRequired)
    }
}
