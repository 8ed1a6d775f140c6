//! Instructions that are carried out once (AT-2.5).

use maso_core::{Digest, Turn};
use serde_json::{Value, json};

use crate::Resolved;

/// What tells a call from others of its tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Its tool tells no instructions apart.
    Untold,
    /// Its tool does, and the call names none.
    Unnamed {
        /// Where it should be named.
        pointer: String,
        /// What is wrong there, for operators.
        why: String,
    },
    /// A call of the same tool with the same key is the same instruction. The name is as long for every key, and says
    /// nothing of it.
    Named(String),
}

impl Resolved {
    /// The instruction that the hop carries out, by the argument that its tool's manifest names.
    pub fn instruction(&self) -> Instruction {
        let declared = self.tool().and_then(|tool| Some((tool, tool.idempotency_pointer.as_deref()?)));
        let Some((tool, pointer)) = declared.filter(|_| self.hop().turn == Turn::Ask) else {
            return Instruction::Untold;
        };
        let unnamed = |why: String| Instruction::Unnamed { pointer: pointer.to_owned(), why };
        match self.hop().payload.pointer(pointer) {
            Some(key @ Value::Number(_)) => Instruction::Named(name(&tool.tool.to_string(), key)),
            Some(key @ Value::String(text)) if (1..=KEY_BYTES_MAX).contains(&text.trim().len()) => {
                Instruction::Named(name(&tool.tool.to_string(), key))
            }
            Some(Value::String(_)) => unnamed(format!("`{pointer}` is empty or longer than {KEY_BYTES_MAX} bytes")),
            _ => unnamed(format!("`{pointer}` names no instruction")),
        }
    }
}

fn name(tool: &str, key: &Value) -> String {
    format!("instruction:{}", Digest::of_value(&json!([tool, key])))
}

const KEY_BYTES_MAX: usize = 256;
