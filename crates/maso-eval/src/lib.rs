//! What maso makes of recorded runs and labelled texts, and how good that is.
//!
//! Nothing here decides: runs travel the path as live ones do, and texts are scanned as payloads are. What is measured is
//! the program, under a deployment that somebody wrote.

pub mod replay;
pub mod report;
pub mod rows;
pub mod run;
pub mod scores;
pub mod traces;

#[cfg(test)]
mod tests;
