//! The accounts as a NATS server's configuration has them.

use std::fmt::Write as _;

use super::{Access, Accounts, User};
use crate::nats::SYNCED_SUBJECT;

impl Accounts {
    /// The part of a NATS server's configuration that says who may do what. `public_key` gives each user's (`U…`). A key that
    /// stands here is no secret, so neither is the file; but who may write it, decides.
    pub fn write(&self, public_key: impl Fn(&User) -> String) -> String {
        let account = self.layout.account();
        let mut text = String::from(HEAD);
        let mut line = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        line("accounts {");
        line(&format!("  \"{account}\": {{"));
        line("    jetstream: enabled");
        // The one question to the system's account: whether the server waits for its disk.
        line(&format!(
            "    imports: [{{ service: {{ account: \"SYS\", subject: \"{JETSTREAM_OF_SERVER}\" }}, to: \"{SYNCED_SUBJECT}\" }}]"
        ));
        line("    users: [");
        for (user, access) in self.users() {
            line(&written(user, access, &public_key(user)));
        }
        line("    ]");
        line("  }");
        line(&format!(
            "  \"SYS\": {{ exports: [{{ service: \"{JETSTREAM_OF_SERVER}\", accounts: [\"{account}\"] }}] }}"
        ));
        line("}");
        line("system_account: \"SYS\"");
        text
    }
}

fn written(user: &User, access: &Access, public_key: &str) -> String {
    let Access { publish, subscribe } = access;
    let mut text = String::new();
    let who = match user {
        User::Mediator => "maso itself".to_owned(),
        User::Sidecar(agent) => format!("the sidecar of {agent}"),
    };
    let list = |subjects: &std::collections::BTreeSet<String>| {
        subjects.iter().map(|subject| format!("            \"{subject}\"\n")).collect::<String>()
    };
    write!(
        text,
        "      # {who}\n      {{\n        nkey: {public_key}\n        permissions: {{\n          publish: {{ allow: [\n{}          ] }}\n          \
         subscribe: {{ allow: [\n{}          ] }}\n        }}\n      }}",
        list(publish),
        list(subscribe)
    )
    .expect("writing to a string does not fail");
    text
}

const HEAD: &str = "# Who may do what at this NATS server, derived from which agents a maso deployment declares by `maso bus accounts`.\n\
                    # Write it anew when agents come or go; by hand nothing is added.\n";
/// What the system's account answers about JetStream.
const JETSTREAM_OF_SERVER: &str = "$SYS.REQ.SERVER.PING.JSZ";
