//! Whoever is outside holds nothing here, and is believed in nothing.

use maso_core::Integrity;

use super::{deployment, edit, whole};
use crate::{Severity, Transport, parse};

const PARTNER: &str = "agents/partner.toml";
const QUOTES: &str = "tools/quotes.toml";

fn refused(path: &str, old: &str, new: &str, message: &str) {
    let problems = parse(&edit(whole(), path, old, new)).expect_err("it should not parse").into_vec();
    let found = problems.iter().find(|problem| problem.message.contains(message));
    let found = found.unwrap_or_else(|| panic!("`{message}` is not among {problems:#?}"));
    assert_eq!((found.file.as_str(), found.severity), (path, Severity::Error));
    assert!(!found.remedy.is_empty());
}

#[test]
fn what_is_declared_of_whoever_is_outside_arrives() {
    let deployment = deployment(&whole());
    let partner = "partner".parse().unwrap();
    assert!(deployment.is_outside(&partner) && !deployment.is_outside(&"intake".parse().unwrap()));
    let external = deployment.agents[&partner].external.as_ref().unwrap();
    assert!(external.may_be_called_at(&"https://partner.example/hooks/1".parse().unwrap()));
    assert!(!external.may_be_called_at(&"https://partner.example/".parse().unwrap()));
    let quotes = &deployment.servers[&"quotes".parse().unwrap()];
    let Transport::A2a(peer) = &quotes.transport else { panic!("{quotes:?}") };
    assert_eq!((peer.keys.keys().len(), peer.addresses.len()), (2, 1));
    assert_eq!(peer.headers_from_env["authorization"], "PARTNER_TOKEN");
    assert_eq!(quotes.label.integrity, Integrity::External);
}

#[test]
fn an_agent_outside_holds_nothing_and_is_not_asked_through_a_mailbox() {
    for holds in [
        "[tools.\"db:read_claim\"]\n",
        "[[resources]]\nserver = \"db\"\n",
        "[[prompts]]\nserver = \"db\"\n",
        "[process]\nuid = 1\n",
    ] {
        refused(PARTNER, "[authority]", &format!("{holds}\n[authority]"), "an agent that is outside has");
    }
    refused(PARTNER, "logic = ", "may_be_asked_by = [\"db\"]\nlogic = ", "an agent that is outside has");
    let to_it = "from = \"analysis\"\nto = \"partner\"\nrequest = \"ask_about_claim\"";
    let from_it = "from = \"partner\"\nto = \"analysis\"\nrequest = \"ask_about_claim\"";
    refused("workflows/claims.toml", from_it, to_it, "a grant leads to `partner`");
    let told = "to = \"analysis\"\ncontract";
    refused("workflows/claims.toml", told, "to = \"partner\"\ncontract", "a message leads to `partner`");
}

#[test]
fn an_agent_outside_is_called_back_only_where_others_cannot_read() {
    for address in ["http://partner.example/hooks/", "https://partner.example/hooks", "https://u@partner.example/"] {
        refused(PARTNER, "https://partner.example/hooks/", address, "is no beginning of addresses");
    }
}

#[test]
fn what_a_peer_says_cannot_be_declared_better_than_external() {
    for integrity in ["internal", "verified", "operator"] {
        let message = format!("counts as `{integrity}`");
        refused(QUOTES, "integrity = \"external\"", &format!("integrity = \"{integrity}\""), &message);
        let result = format!("[tools.quote]\nresult = {{ integrity = \"{integrity}\" }}");
        refused(QUOTES, "[tools.quote]", &result, &message);
        let field = format!("[tools.quote]\nresult_fields = {{ \"/price\" = {{ integrity = \"{integrity}\" }} }}");
        refused(QUOTES, "[tools.quote]", &field, &message);
    }
}

#[test]
fn a_peer_has_a_card_and_keys_that_say_whose_it_is() {
    refused(QUOTES, "card = \"https://partner.example/.well-known/agent-card.json\"\n", "", "has a `card`");
    refused(QUOTES, "card = \"https:", "card = \"http:", "without TLS");
    refused(QUOTES, "card = ", "url = \"https://partner.example/mcp\"\ncard = ", "has a `card`");
    refused(QUOTES, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "11qYAYKxCrfVS_7TyWQHOg", "is none");
    refused(QUOTES, "crv = \"P-256\"", "crv = \"P-384\"", "is none");
    let source = whole();
    let keys = source.files[QUOTES].find("keys = [").unwrap();
    let end = source.files[QUOTES].find("addresses = ").unwrap();
    let keys = source.files[QUOTES][keys..end].to_owned();
    refused(QUOTES, &keys, "", "no key says who may sign");
    refused("tools/web.toml", "url = ", "card = \"https://partner.example/card.json\"\nurl = ", "of kind `a2a`");
}
