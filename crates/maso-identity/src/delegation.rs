//! Delegation: what a task token says of the way by which work came to whoever does it (IA-2.4, IA-3.3).

mod biscuit;
mod chain;
mod data;
mod quota;
mod remit;
mod said;

pub use biscuit::{Delegation, TASK_TOKEN_MS_MAX, TaskToken};
pub use chain::{Chain, Link, NotTheirs};
pub use data::DataScope;
pub use quota::Quota;
pub use remit::{Beyond, BoundArgument, Remit};
