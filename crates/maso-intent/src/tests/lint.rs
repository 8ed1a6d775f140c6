use super::*;
use crate::{
    Severity::{self, Error, Note, Warning},
    check, check_at,
};

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

/// What is written in a file, what stands in its place, and what is then found there: line, severity, control, message.
type Row<'a> = (&'a str, &'a str, usize, Severity, &'a str, &'a str);

fn each_in_team(file: &str, rows: &[Row<'_>]) {
    for (old, new, line, severity, control, message) in rows {
        found(&team_with(file, old, new), file, *line, *severity, control, message);
    }
}

fn each_in_minimal(file: &str, rows: &[Row<'_>]) {
    for (old, new, line, severity, control, message) in rows {
        found(&edited(file, old, new), file, *line, *severity, control, message);
    }
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
    each_in_minimal(
        maso,
        &[
            ("human = \"owner\"", "human = \"ownr\"", 4, Error, "OB-2.7", "is not an operator"),
            ("\"supervisor\", ", "", 6, Error, "EC-2.9", "nobody may approve"),
            (", \"incident-commander\"", "", 6, Warning, "ENV-21", "kill switch"),
            ("tier = 1", "tier = 2", 3, Error, "EC-2.5", "tier 2 needs a judge"),
        ],
    );
    each_in_team(
        maso,
        &[
            ("tier = 2", "tier = 3", 4, Error, "EC-3.3", "two judges"),
            ("owner = \"supervisor\"", "owner = \"nobody\"", 19, Error, "OB-2.7", "answers for switching"),
        ],
    );
    for (selected, message) in [("PG-2.55", "no control `PG-2.55`"), ("PG-3.5", "does nothing about it")] {
        found(&team_with(maso, "PG-2.5", selected), maso, 15, Error, "", message);
    }
    for (deselected, severity, message) in [
        ("EC-2.122", Error, "no control `EC-2.122`"),
        ("PG-2.10", Note, "does nothing about it anyway"),
        ("PG-2.9", Note, "looks for it all the same"),
        ("PG-1.4", Error, "cannot be switched off, and stays in force"),
    ] {
        found(&team_with(maso, "EC-2.12", deselected), maso, 17, severity, "", message);
    }
    found(&team_with(maso, "EC-2.12", "IA-2.1"), maso, 17, Error, "IA-2.1", "cannot be switched off");
    found(&edited(maso, "[[op", "[limits]\nheld_actions_max = 0\n[[op"), maso, 7, Error, "EC-1.3", "is zero");
    found(&team_with(maso, "2027-01-01", "next year"), maso, 20, Error, "OB-2.7", "is not a date");
    each_in_minimal(
        maso,
        &[
            ("[[op", "[identity]\ntoken_ttl = \"25h\"\n[[op", 7, Error, "IA-2.2", "longer than 24 hours"),
            ("[[op", "[limits]\ncalls_per_hour_max = 0\n[[op", 7, Error, "EC-1.3", "is zero"),
            ("[[op", "[listen]\naddress = \"0.0.0.0:1\"\n[[op", 6, Warning, "IA-2.3", "beyond this machine"),
        ],
    );
    for key in ["sessions_per_agent_max", "connections_max", "bodies_max"] {
        let limited = edited(maso, "[[op", &format!("[limits]\n{key} = 0\n[[op"));
        found(&limited, maso, 7, Error, "EC-1.3", &format!("`{key}` is zero"));
    }
    found(
        &team_with(maso, "[[op", "[limits]\nsessions_per_agent_max = 2000\n[[op"),
        maso,
        11,
        Warning,
        "EC-1.3",
        "leaves nothing to others",
    );
    found(
        &edited(maso, "[[op", "[listen]\npublic_url = \"https://maso.example/mcp\"\n[[op"),
        maso,
        7,
        Error,
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
        found(&team_with(file, key, ""), file, 1, Error, "AT-1.1", &format!("has no `{name}`"));
    }
    each_in_team(
        file,
        &[
            ("2027-01-31", "2026-10-31", 13, Error, "AT-2.2", "not after the effective date"),
            ("2027-01-31", "soon", 13, Error, "AT-1.1", "is not a date"),
            (
                "[\"intake\", \"analysis\"]",
                "[\"intake\", \"analysis\", \"clerk\"]",
                7,
                Error,
                "AT-1.1",
                "there is no agent `clerk`",
            ),
            ("\"db:pay\",", "\"db:pya\", \"db:pay\",", 8, Error, "SC-1.2", "nothing describes tool `db:pya`"),
            ("\"db:pay\",", "\"dv:pay\", \"db:pay\",", 8, Error, "SC-2.3", "there is no server `dv`"),
            ("to = \"analysis\"", "to = \"analyst\"", 26, Error, "IA-2.4", "there is no agent `analyst`"),
            ("schema = {", "# schema = {", 27, Warning, "EC-2.14", "may contain anything"),
        ],
    );
    let back = "[[grants]]\nfrom = \"analysis\"\nto = \"intake\"\nrequest = \"ask\"\nschema = {}\n\n[oispec]";
    each_in_team(
        file,
        &[
            ("[oispec]", back, 25, Error, "AT-2.4", "`analysis` → `intake` → `analysis`"),
            ("to = \"analysis\"", "to = \"intake\"", 25, Error, "AT-2.4", "`intake` → `intake`"),
        ],
    );
    found(
        &team_with("agents/analysis.toml", "covers = [\"paid\"]", ""),
        file,
        33,
        Error,
        "OI-1.5",
        "`paid` is not covered",
    );
    found(
        &team_with(file, "each claim ends in `paid` or `stopped`", "claims are handled well"),
        file,
        33,
        Warning,
        "OI-1.2",
        "`well` cannot be measured",
    );
    found(
        &team_with("agents/analysis.toml", "\"two\"", "\"one\""),
        file,
        7,
        Warning,
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
        Error,
        "AT-2.1",
        "goes beyond the parent mandate",
    );
    each_in_team(
        file,
        &[
            ("prohibited = [", "prohibited = [\"db:read_claim\", ", 13, Error, "AT-1.2", "both granted and prohibited"),
            ("workflow = \"claims\"", "workflow = \"claim\"", 3, Error, "AT-1.2", "there is no workflow `claim`"),
        ],
    );
    found(
        &team_with("workflows/claims.toml", "\"intake\", ", ""),
        file,
        3,
        Error,
        "AT-1.2",
        "does not name agent `intake`",
    );
    each_in_team(
        file,
        &[
            ("escalation = \"supervisor\"", "escalation = \"analysis\"", 10, Error, "AT-2.9", "is an agent"),
            ("escalation = \"supervisor\"", "escalation = \"nobody\"", 10, Error, "AT-2.9", "is not an operator"),
            ("logic = [\"read\", \"hand on\"]", "", 1, Warning, "AT-1.2", "how the agent is to work"),
            ("\"/claim\" =", "\"/claims\" =", 15, Error, "EC-1.2", "has no argument `/claims`"),
            ("may_be_asked_by = [\"files\"]", "may_be_asked_by = [\"fils\"]", 8, Error, "SC-2.3", "no server `fils`"),
            ("file:///claims/", "file:///claims", 18, Note, "IA-1.4", "only begins so"),
        ],
    );
    let analysis = "agents/analysis.toml";
    each_in_team(
        analysis,
        &[
            ("covers = [\"paid\"]", "covers = [\"payed\"]", 25, Error, "OI-1.5", "no success criterion `payed`"),
            ("justification = \"it pays\"", "", 11, Warning, "AT-2.3", "why the agent needs"),
            (
                "workflow = \"claims\"",
                "workflow = \"claims\"\nsequence_position = 1",
                4,
                Error,
                "AT-2.4",
                "sequence position 1",
            ),
        ],
    );
    let mut unpinned = team();
    unpinned.files.remove("tools/db.lock.json");
    found(&unpinned, file, 13, Warning, "SC-2.2", "nobody approved");
    let unreachable = team_with(
        "workflows/claims.toml",
        "agents = [\"intake\", \"analysis\"]",
        "agents = [\"analysis\", \"intake\"]",
    );
    found(&unreachable, file, 3, Warning, "AT-2.4", "not the first");
}

#[test]
fn judges() {
    let file = "judges/tactical.toml";
    each_in_team(
        file,
        &[
            ("\"m3\"", "\"m1\"", 4, Error, "EC-2.5", "the model of agent `intake`"),
            ("exclusions = [\"tone\"]", "", 1, Warning, "OI-2.3", "does not evaluate"),
            ("[\"the payee is the account of the claim\"]", "[]", 5, Error, "OI-2.3", "no criteria"),
            ("the payee is the account of the claim", "the tone is appropriate", 5, Warning, "OI-2.3", "`appropriate`"),
        ],
    );
}

#[test]
fn tools() {
    let file = "tools/db.toml";
    let pay = "class = \"transfer\"\nreversibility = \"irreversible\"\nrisk = \"high\"\n";
    each_in_team(
        file,
        &[
            (pay, &pay.replace("class = \"transfer\"\n", ""), 17, Error, "EC-2.1", "`pay` has no `class`"),
            (
                pay,
                &pay.replace("reversibility = \"irreversible\"\n", ""),
                17,
                Error,
                "EC-1.6",
                "has no `reversibility`",
            ),
            (pay, &pay.replace("high", "low"), 17, Warning, "EC-2.1", "less than such a tool has"),
            ("reversible_window = \"60s\"\n", "", 26, Error, "EC-1.6", "for how long"),
            ("value_pointer = \"/amount_minor\"\n", "", 17, Warning, "EC-2.3", "no cap can count"),
            ("\"/iban\" = { role", "\"/ibna\" = { role", 23, Error, "PG-2.5", "has no argument `/ibna`"),
            ("\"/iban\" = { role", "# { role", 17, Warning, "PG-2.5", "carries authority (account)"),
            (
                "[tools.pay.authority]",
                "compensated_by = \"unpay\"\n[tools.pay.authority]",
                22,
                Error,
                "EC-1.6",
                "which nothing describes",
            ),
            ("DB = \"claims.db\"", "DB_PASSWORD = \"hunter2\"", 7, Error, "IA-2.6", "looks like a secret"),
        ],
    );
    let lock = "tools/db.lock.json";
    let nested = r#""iban": {"type": "string"}, "cc": {"type": "array", "items": {"type": "string"}}, "legs": {"type": "array", "items": {"type": "object", "properties": {"url": {"type": "string"}}}}"#;
    let nested = || team_with(lock, r#""iban": { "type": "string" }"#, nested);
    found(&nested(), file, 17, Warning, "PG-2.5", "`/cc` of `pay`");
    found(&nested(), file, 17, Warning, "PG-2.5", "`/legs/*/url` of `pay`");
    let declared = "[tools.pay.authority]\n\"/cc\" = { role = \"recipient\" }\n\"/legs\" = { role = \"url\" }";
    let declared = edit(nested(), file, "[tools.pay.authority]", declared);
    assert!(check(&declared).is_empty());
    let astray =
        edit(nested(), file, "[tools.pay.authority]", "[tools.pay.authority]\n\"/legs/url\" = { role = \"url\" }");
    found(&astray, file, 23, Error, "PG-2.5", "no argument `/legs/url`");
    found(&team_with(lock, "[\n", "[\n{ \"name\": \"wipe\" },\n"), lock, 2, Error, "EC-2.1", "is not classified");
    let mut orphan = team();
    orphan.files.insert("tools/other.lock.json".to_owned(), "[]".to_owned());
    found(&orphan, "tools/other.lock.json", 1, Error, "SC-2.3", "not declared");
    found(
        &team_with("tools/files.toml", "http://127.0.0.1", "http://files.example"),
        "tools/files.toml",
        4,
        Warning,
        "IA-2.3",
        "without TLS",
    );
}

#[test]
fn one_supervisor_cannot_approve_what_needs_two() {
    let critical = edit(minimal(), "tools/notes.toml", "risk = \"high\"", "risk = \"critical\"");
    found(&critical, "maso.toml", 6, Warning, "EC-2.9", "needs two people");
    let second = "[[operators]]\nname = \"deputy\"\nroles = [\"supervisor\"]\n\n[[operators]]";
    assert!(check(&edit(critical, "maso.toml", "[[operators]]", second)).is_empty());
}

#[test]
fn limits_that_let_nothing_pass() {
    let file = "workflows/notes.toml";
    for (old, new, line, severity, control, message) in [
        ("max_execution = \"1h\"", "max_execution = \"0s\"", 15, Error, "EC-3.4", "no task can be opened"),
        ("per_batch = 100", "per_batch = 0", 14, Warning, "AT-1.7", "nothing but reads"),
    ] {
        found(&edited(file, old, new), file, line, severity, control, message);
    }
    let file = "workflows/claims.toml";
    found(
        &team_with(file, "max_value_minor = 1000", "max_value_minor = 0"),
        file,
        18,
        Warning,
        "AT-1.7",
        "`db:pay` may move nothing",
    );
}

#[test]
fn a_currency_is_three_letters() {
    let file = "workflows/claims.toml";
    let with = |currency: &str| {
        team_with(file, "max_value_minor = 1000", &format!("max_value_minor = 1000\ncurrency = \"{currency}\""))
    };
    assert!(check(&with("EUR")).is_empty());
    for currency in ["eur", "EURO", "€", "E R"] {
        found(&with(currency), file, 19, Error, "AT-1.7", "is no currency");
    }
}

#[test]
fn dates_are_held_against_the_day() {
    let file = "workflows/claims.toml";
    let at = |day: &str| {
        let begins: jiff::Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        let problems = check_at(&team(), maso_core::Timestamp::from_millis(begins.as_millisecond()));
        problems
            .into_iter()
            .map(|problem| {
                assert_eq!((problem.file.as_str(), problem.severity), (file, Warning), "{problem}");
                (problem.line, problem.message)
            })
            .collect::<Vec<_>>()
    };
    let not_yet = "`SOL-1-v2` takes effect on 2026-11-01: until then it grants nothing";
    let overdue = "the review of `SOL-1-v2` is overdue since 2027-01-31";
    for (day, expected) in [
        ("2026-10-31", vec![(12, not_yet.to_owned())]),
        ("2026-11-01", vec![]),
        ("2027-01-31", vec![]),
        ("2027-02-01", vec![(13, overdue.to_owned())]),
    ] {
        assert_eq!(at(day), expected, "{day}");
    }
}

#[test]
fn an_evaluation_that_is_too_seldom_for_the_risk_is_said() {
    let file = "agents/writer.toml";
    let with = |risk: &str, evaluation: &str| {
        let source = edited(file, "[oispec]\n", &format!("[oispec]\nevaluation = \"{evaluation}\"\n"));
        edit(source, file, "risk_classification = \"medium\"", &format!("risk_classification = \"{risk}\""))
    };
    for (risk, evaluation) in
        [("medium", "post-execution"), ("high", "post-execution"), ("high", "per-phase"), ("critical", "per-phase")]
    {
        found(&with(risk, evaluation), file, 14, Warning, "OI-2.1", "is too seldom");
    }
    for (risk, evaluation) in
        [("low", "post-execution"), ("low", "every-action"), ("medium", "per-phase"), ("critical", "every-action")]
    {
        let problems = check(&with(risk, evaluation));
        assert!(problems.iter().all(|problem| problem.severity == Note), "{risk} {evaluation}");
    }
}

#[test]
fn what_is_read_and_not_acted_on_is_said() {
    let file = "agents/writer.toml";
    found(
        &edited(file, "[oispec]\n", "[oispec]\nevaluation = \"per-phase\"\n"),
        file,
        14,
        Note,
        "OI-2.2",
        "moves no judge yet",
    );
}

#[test]
fn evidence() {
    let file = "evidence/sample.toml";
    let with = |about: &str, by: &str, on: &str, due: &str| {
        let mut source = team();
        let text = format!("{about}\nwhat = \"read 40 of 600\"\nby = \"{by}\"\non = \"{on}\"\ndue = \"{due}\"\n");
        source.files.insert(file.to_owned(), text);
        source
    };
    let weekly = "control = \"OB-1.3\"";
    assert!(check(&with(weekly, "supervisor", "2026-11-20", "2026-11-27")).is_empty());
    assert!(check(&with("fact = \"capacity\"", "supervisor", "2026-11-20", "2028-11-20")).is_empty());
    for (source, line, severity, control, message) in [
        (with(weekly, "nobody", "2026-11-20", "2026-11-27"), 3, Error, "OB-2.7", "is not an operator"),
        (with(weekly, "supervisor", "2026-11-20", "2026-11-19"), 5, Error, "", "before the day of which it speaks"),
        (with(weekly, "supervisor", "2026-11-20", "2026-11-28"), 5, Warning, "OB-1.3", "counts until 2026-11-27"),
        (with("control = \"OB-1.33\"", "supervisor", "2026-11-20", "2026-11-27"), 1, Error, "", "no control `OB-1.33`"),
        (with("control = \"EC-1.1\"", "supervisor", "2026-11-20", "2026-11-27"), 1, Note, "EC-1.1", "maso does what"),
        (with("", "supervisor", "2026-11-20", "2026-11-27"), 1, Error, "", "nothing says what it is about"),
        (
            with("control = \"OB-1.3\"\nfact = \"capacity\"", "supervisor", "2026-11-20", "2026-11-27"),
            1,
            Error,
            "",
            "about a `control` and about a `fact`",
        ),
    ] {
        found(&source, file, line, severity, control, message);
    }
}

#[test]
fn evidence_is_held_against_the_day() {
    let evidence = |day: &str| {
        format!(
            "control = \"OB-1.3\"\nwhat = \"a sample\"\nby = \"supervisor\"\non = \"{day}\"\ndue = \"2026-12-31\"\n"
        )
    };
    let problems = |days: &[&str], today: &str| {
        let mut source = team();
        for day in days {
            source.files.insert(format!("evidence/{day}.toml"), evidence(day));
        }
        let begins = today.parse::<maso_core::Day>().unwrap().begins();
        let problems = check_at(&source, begins).into_iter();
        let problems = problems.filter(|problem| {
            problem.file.starts_with("evidence/") && problem.line != 5 || problem.message.contains("overdue")
        });
        problems.map(|problem| (problem.file, problem.severity)).collect::<Vec<_>>()
    };
    let file = |day: &str, severity| vec![(format!("evidence/{day}.toml"), severity)];
    assert_eq!(problems(&["2026-11-20"], "2026-11-27"), []);
    assert_eq!(problems(&["2026-11-20"], "2026-11-28"), file("2026-11-20", Warning));
    // The newest counts, and one for a day to come does not.
    assert_eq!(problems(&["2026-11-20", "2026-11-27"], "2026-11-28"), []);
    assert_eq!(problems(&["2026-11-27", "2026-11-29"], "2026-11-28"), file("2026-11-29", Error));
}
