//! What the crate promises, over its public items.

use crate::*;

#[test]
fn the_minimal_deployment_parses() {
    let deployment = parse(&minimal()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(deployment.name, "notes");
    assert_eq!(deployment.agents.len(), 1);
    assert!(deployment.tool(&"notes:send_note".parse().unwrap()).unwrap().definition.is_some());
}
