//! What the limits of a mandate count: transactions, and the money that they move (AT-1.7).

use maso_core::{Act, Class, Principal, Turn};
use serde_json::Value;

use crate::Resolved;

/// What one transaction moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// So much, in the smallest unit of the currency; 0 where the tool moves no money.
    Minor(u64),
    /// Nobody can say: the amount is missing, or no whole number of the smallest unit.
    Unclear(String),
}

impl Resolved {
    /// What the hop moves, if it is a transaction: an agent's call of a tool that does more than read. What nobody
    /// described does more.
    pub fn moved(&self) -> Option<Moved> {
        let hop = self.hop();
        let is_call = matches!((&hop.from, &hop.act, hop.turn), (Principal::Agent(_), Act::CallTool(_), Turn::Ask));
        if !is_call || self.tool().is_some_and(|tool| tool.class == Class::Read) {
            return None;
        }
        let Some(pointer) = self.tool().and_then(|tool| tool.value_pointer.as_deref()) else {
            return Some(Moved::Minor(0));
        };
        let unclear = |what: String| Some(Moved::Unclear(format!("`{pointer}` {what}")));
        match hop.payload.pointer(pointer) {
            None | Some(Value::Null) => unclear("names no amount".to_owned()),
            Some(Value::Number(amount)) => match amount.as_u64() {
                Some(amount) => Some(Moved::Minor(amount)),
                None => unclear(format!("is {amount}, not a whole amount")),
            },
            Some(_) => unclear("is not a number".to_owned()),
        }
    }
}
