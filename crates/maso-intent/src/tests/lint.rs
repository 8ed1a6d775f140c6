use super::*;
use crate::{Severity, check};

fn found(source: &Source, file: &str, line: usize, severity: Severity, control: &str, message: &str) {
    let problems = check(source);
    let text = || problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let problem = problems
        .iter()
        .find(|problem| problem.file == file && problem.message.contains(message))
        .unwrap_or_else(|| panic!("`{message}` is not among:\n{}", text()));
    let given = problem.control.as_ref().map_or("", |control| control.as_str());
    assert_eq!(
        (problem.file.as_str(), problem.line, problem.severity, given),
        (file, line, severity, control),
        "{problem}"
    );
    assert!(!problem.remedy.is_empty(), "{problem}");
}

fn team_with(path: &str, old: &str, new: &str) -> Source {
    edit(team(), path, old, new)
}

#[test]
fn sound_deployments_have_no_findings() {
    for source in [minimal(), team()] {
        let problems = check(&source);
        assert!(problems.is_empty(), "{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn maso_toml() {
    let maso = "maso.toml";
    found(
        &edited(maso, "human = \"owner\"", "human = \"ownr\""),
        maso,
        4,
        Severity::Error,
        "OB-2.7",
        "is not an operator",
    );
    found(&edited(maso, "\"supervisor\", ", ""), maso, 6, Severity::Error, "EC-2.9", "nobody may approve");
    found(&edited(maso, ", \"incident-commander\"", ""), maso, 6, Severity::Warning, "ENV-21", "kill switch");
    found(&edited(maso, "tier = 1", "tier = 2"), maso, 3, Severity::Error, "EC-2.5", "tier 2 needs a judge");
    found(&team_with(maso, "tier = 2", "tier = 3"), maso, 4, Severity::Error, "EC-3.3", "two judges");
    found(
        &team_with(maso, "owner = \"supervisor\"", "owner = \"nobody\""),
        maso,
        19,
        Severity::Error,
        "OB-2.7",
        "answers for switching",
    );
    for (selected, message) in [("PG-2.55", "no control `PG-2.55`"), ("PG-3.5", "does nothing about it")] {
        found(&team_with(maso, "PG-2.5", selected), maso, 15, Severity::Error, "", message);
    }
    for (deselected, severity, message) in [
        ("EC-2.122", Severity::Error, "no control `EC-2.122`"),
        ("PG-2.9", Severity::Note, "does nothing about it anyway"),
        ("PG-1.4", Severity::Error, "cannot be switched off, and stays in force"),
    ] {
        found(&team_with(maso, "EC-2.12", deselected), maso, 17, severity, "", message);
    }
    found(&team_with(maso, "EC-2.12", "IA-2.1"), maso, 17, Severity::Error, "IA-2.1", "cannot be switched off");
    found(&edited(maso, "[[op", "[limits]\nheld_actions_max = 0\n[[op"), maso, 7, Severity::Error, "EC-1.3", "is zero");
    found(&team_with(maso, "2027-01-01", "next year"), maso, 20, Severity::Error, "OB-2.7", "is not a date");
    found(
        &edited(maso, "[[op", "[identity]\ntoken_ttl = \"25h\"\n[[op"),
        maso,
        7,
        Severity::Error,
        "IA-2.2",
        "longer than 24 hours",
    );
    found(
        &edited(maso, "[[op", "[limits]\ncalls_per_hour_max = 0\n[[op"),
        maso,
        7,
        Severity::Error,
        "EC-1.3",
        "is zero",
    );
    found(
        &edited(maso, "[[op", "[listen]\naddress = \"0.0.0.0:1\"\n[[op"),
        maso,
        6,
        Severity::Warning,
        "IA-2.3",
        "beyond this machine",
    );
    for key in ["sessions_per_agent_max", "connections_max", "bodies_max"] {
        let limited = edited(maso, "[[op", &format!("[limits]\n{key} = 0\n[[op"));
        found(&limited, maso, 7, Severity::Error, "EC-1.3", &format!("`{key}` is zero"));
    }
    found(
        &team_with(maso, "[[op", "[limits]\nsessions_per_agent_max = 2000\n[[op"),
        maso,
        11,
        Severity::Warning,
        "EC-1.3",
        "leaves nothing to others",
    );
    found(
        &edited(maso, "[[op", "[listen]\npublic_url = \"https://maso.example/mcp\"\n[[op"),
        maso,
        7,
        Severity::Error,
        "IA-2.3",
        "is not the address of a door",
    );
}

#[test]
fn workflows() {
    let file = "workflows/claims.toml";
    for key in
        ["process_owner = \"operations\"\n", "technical_owner = \"platform\"\n", "review_date = \"2027-01-31\"\n"]
    {
        let name = key.split(' ').next().unwrap();
        found(&team_with(file, key, ""), file, 1, Severity::Error, "AT-1.1", &format!("has no `{name}`"));
    }
    found(
        &team_with(file, "2027-01-31", "2026-10-31"),
        file,
        13,
        Severity::Error,
        "AT-2.2",
        "not after the effective date",
    );
    found(&team_with(file, "2027-01-31", "soon"), file, 13, Severity::Error, "AT-1.1", "is not a date");
    found(
        &team_with(file, "[\"intake\", \"analysis\"]", "[\"intake\", \"analysis\", \"clerk\"]"),
        file,
        7,
        Severity::Error,
        "AT-1.1",
        "there is no agent `clerk`",
    );
    found(
        &team_with(file, "\"db:pay\",", "\"db:pya\", \"db:pay\","),
        file,
        8,
        Severity::Error,
        "SC-1.2",
        "nothing describes tool `db:pya`",
    );
    found(
        &team_with(file, "\"db:pay\",", "\"dv:pay\", \"db:pay\","),
        file,
        8,
        Severity::Error,
        "SC-2.3",
        "there is no server `dv`",
    );
    found(
        &team_with(file, "to = \"analysis\"", "to = \"analyst\""),
        file,
        26,
        Severity::Error,
        "IA-2.4",
        "there is no agent `analyst`",
    );
    found(
        &team_with(file, "schema = {", "# schema = {"),
        file,
        27,
        Severity::Warning,
        "EC-2.14",
        "may contain anything",
    );
    let back = "[[grants]]\nfrom = \"analysis\"\nto = \"intake\"\nrequest = \"ask\"\nschema = {}\n\n[oispec]";
    found(
        &team_with(file, "[oispec]", back),
        file,
        25,
        Severity::Error,
        "AT-2.4",
        "`analysis` → `intake` → `analysis`",
    );
    found(
        &team_with(file, "to = \"analysis\"", "to = \"intake\""),
        file,
        25,
        Severity::Error,
        "AT-2.4",
        "`intake` → `intake`",
    );
    found(
        &team_with("agents/analysis.toml", "covers = [\"paid\"]", ""),
        file,
        33,
        Severity::Error,
        "OI-1.5",
        "`paid` is not covered",
    );
    found(
        &team_with(file, "each claim ends in `paid` or `stopped`", "claims are handled well"),
        file,
        33,
        Severity::Warning,
        "OI-1.2",
        "`well` cannot be measured",
    );
    found(
        &team_with("agents/analysis.toml", "\"two\"", "\"one\""),
        file,
        7,
        Severity::Warning,
        "PG-2.9",
        "depend on provider `one`",
    );
}

#[test]
fn agents() {
    let file = "agents/intake.toml";
    found(
        &team_with("workflows/claims.toml", "\"db:read_claim\", ", ""),
        file,
        13,
        Severity::Error,
        "AT-2.1",
        "goes beyond the parent mandate",
    );
    found(
        &team_with(file, "prohibited = [", "prohibited = [\"db:read_claim\", "),
        file,
        13,
        Severity::Error,
        "AT-1.2",
        "both granted and prohibited",
    );
    found(
        &team_with(file, "workflow = \"claims\"", "workflow = \"claim\""),
        file,
        3,
        Severity::Error,
        "AT-1.2",
        "there is no workflow `claim`",
    );
    found(
        &team_with("workflows/claims.toml", "\"intake\", ", ""),
        file,
        3,
        Severity::Error,
        "AT-1.2",
        "does not name agent `intake`",
    );
    found(
        &team_with(file, "escalation = \"supervisor\"", "escalation = \"analysis\""),
        file,
        10,
        Severity::Error,
        "AT-2.9",
        "is an agent",
    );
    found(
        &team_with(file, "escalation = \"supervisor\"", "escalation = \"nobody\""),
        file,
        10,
        Severity::Error,
        "AT-2.9",
        "is not an operator",
    );
    found(
        &team_with(file, "logic = [\"read\", \"hand on\"]", ""),
        file,
        1,
        Severity::Warning,
        "AT-1.2",
        "how the agent is to work",
    );
    found(
        &team_with(file, "\"/claim\" =", "\"/claims\" ="),
        file,
        15,
        Severity::Error,
        "EC-1.2",
        "has no argument `/claims`",
    );
    found(
        &team_with(file, "may_be_asked_by = [\"files\"]", "may_be_asked_by = [\"fils\"]"),
        file,
        8,
        Severity::Error,
        "SC-2.3",
        "no server `fils`",
    );
    found(&team_with(file, "file:///claims/", "file:///claims"), file, 18, Severity::Note, "IA-1.4", "only begins so");
    let analysis = "agents/analysis.toml";
    found(
        &team_with(analysis, "covers = [\"paid\"]", "covers = [\"payed\"]"),
        analysis,
        25,
        Severity::Error,
        "OI-1.5",
        "no success criterion `payed`",
    );
    found(
        &team_with(analysis, "justification = \"it pays\"", ""),
        analysis,
        11,
        Severity::Warning,
        "AT-2.3",
        "why the agent needs",
    );
    found(
        &team_with(analysis, "workflow = \"claims\"", "workflow = \"claims\"\nsequence_position = 1"),
        analysis,
        4,
        Severity::Error,
        "AT-2.4",
        "sequence position 1",
    );
    let mut unpinned = team();
    unpinned.files.remove("tools/db.lock.json");
    found(&unpinned, file, 13, Severity::Warning, "SC-2.2", "nobody approved");
    let unreachable = team_with(
        "workflows/claims.toml",
        "agents = [\"intake\", \"analysis\"]",
        "agents = [\"analysis\", \"intake\"]",
    );
    found(&unreachable, file, 3, Severity::Warning, "AT-2.4", "not the first");
}

#[test]
fn judges() {
    let file = "judges/tactical.toml";
    found(&team_with(file, "\"m3\"", "\"m1\""), file, 4, Severity::Error, "EC-2.5", "the model of agent `intake`");
    found(&team_with(file, "exclusions = [\"tone\"]", ""), file, 1, Severity::Warning, "OI-2.3", "does not evaluate");
    found(
        &team_with(file, "[\"the payee is the account of the claim\"]", "[]"),
        file,
        5,
        Severity::Error,
        "OI-2.3",
        "no criteria",
    );
    found(
        &team_with(file, "the payee is the account of the claim", "the tone is appropriate"),
        file,
        5,
        Severity::Warning,
        "OI-2.3",
        "`appropriate`",
    );
}

#[test]
fn tools() {
    let file = "tools/db.toml";
    let pay = "class = \"transfer\"\nreversibility = \"irreversible\"\nrisk = \"high\"\n";
    found(
        &team_with(file, pay, &pay.replace("class = \"transfer\"\n", "")),
        file,
        17,
        Severity::Error,
        "EC-2.1",
        "`pay` has no `class`",
    );
    found(
        &team_with(file, pay, &pay.replace("reversibility = \"irreversible\"\n", "")),
        file,
        17,
        Severity::Error,
        "EC-1.6",
        "has no `reversibility`",
    );
    found(
        &team_with(file, pay, &pay.replace("high", "low")),
        file,
        17,
        Severity::Warning,
        "EC-2.1",
        "less than such a tool has",
    );
    found(&team_with(file, "reversible_window = \"60s\"\n", ""), file, 26, Severity::Error, "EC-1.6", "for how long");
    found(
        &team_with(file, "value_pointer = \"/amount_minor\"\n", ""),
        file,
        17,
        Severity::Warning,
        "EC-2.3",
        "no cap can count",
    );
    found(
        &team_with(file, "\"/iban\" = { role", "\"/ibna\" = { role"),
        file,
        23,
        Severity::Error,
        "PG-2.5",
        "has no argument `/ibna`",
    );
    found(
        &team_with(file, "\"/iban\" = { role", "# { role"),
        file,
        17,
        Severity::Warning,
        "PG-2.5",
        "carries authority (account)",
    );
    found(
        &team_with(file, "[tools.pay.authority]", "compensated_by = \"unpay\"\n[tools.pay.authority]"),
        file,
        22,
        Severity::Error,
        "EC-1.6",
        "which nothing describes",
    );
    found(
        &team_with(file, "DB = \"claims.db\"", "DB_PASSWORD = \"hunter2\""),
        file,
        7,
        Severity::Error,
        "IA-2.6",
        "looks like a secret",
    );
    let lock = "tools/db.lock.json";
    let nested = r#""iban": {"type": "string"}, "cc": {"type": "array", "items": {"type": "string"}}, "legs": {"type": "array", "items": {"type": "object", "properties": {"url": {"type": "string"}}}}"#;
    let nested = || team_with(lock, r#""iban": { "type": "string" }"#, nested);
    found(&nested(), file, 17, Severity::Warning, "PG-2.5", "`/cc` of `pay`");
    found(&nested(), file, 17, Severity::Warning, "PG-2.5", "`/legs/*/url` of `pay`");
    let declared = "[tools.pay.authority]\n\"/cc\" = { role = \"recipient\" }\n\"/legs\" = { role = \"url\" }";
    let declared = edit(nested(), file, "[tools.pay.authority]", declared);
    assert!(check(&declared).is_empty());
    let astray =
        edit(nested(), file, "[tools.pay.authority]", "[tools.pay.authority]\n\"/legs/url\" = { role = \"url\" }");
    found(&astray, file, 23, Severity::Error, "PG-2.5", "no argument `/legs/url`");
    found(
        &team_with(lock, "[\n", "[\n{ \"name\": \"wipe\" },\n"),
        lock,
        2,
        Severity::Error,
        "EC-2.1",
        "is not classified",
    );
    let mut orphan = team();
    orphan.files.insert("tools/other.lock.json".to_owned(), "[]".to_owned());
    found(&orphan, "tools/other.lock.json", 1, Severity::Error, "SC-2.3", "not declared");
    found(
        &team_with("tools/files.toml", "http://127.0.0.1", "http://files.example"),
        "tools/files.toml",
        4,
        Severity::Warning,
        "IA-2.3",
        "without TLS",
    );
}

#[test]
fn one_supervisor_cannot_approve_what_needs_two() {
    let critical = edit(minimal(), "tools/notes.toml", "risk = \"high\"", "risk = \"critical\"");
    found(&critical, "maso.toml", 6, Severity::Warning, "EC-2.9", "needs two people");
    let second = "[[operators]]\nname = \"deputy\"\nroles = [\"supervisor\"]\n\n[[operators]]";
    assert!(check(&edit(critical, "maso.toml", "[[operators]]", second)).is_empty());
}

#[test]
fn limits_that_let_nothing_pass() {
    let file = "workflows/notes.toml";
    for (old, new, line, severity, control, message) in [
        ("max_execution = \"1h\"", "max_execution = \"0s\"", 15, Severity::Error, "EC-3.4", "no task can be opened"),
        ("per_batch = 100", "per_batch = 0", 14, Severity::Warning, "AT-1.7", "nothing but reads"),
    ] {
        found(&edited(file, old, new), file, line, severity, control, message);
    }
    let file = "workflows/claims.toml";
    found(
        &team_with(file, "max_value_minor = 1000", "max_value_minor = 0"),
        file,
        18,
        Severity::Warning,
        "AT-1.7",
        "`db:pay` may move nothing",
    );
}

#[test]
fn what_is_read_and_not_acted_on_is_said() {
    let file = "agents/writer.toml";
    found(
        &edited(file, "[oispec]\n", "[oispec]\nevaluation = \"per-phase\"\n"),
        file,
        14,
        Severity::Note,
        "OI-2.2",
        "not acted on yet",
    );
}
