//! The documents are caught where the example says that they are, and each seed is fresh.

use expect_test::expect;
use maso_guard::{Scanner, Surface};
use serde_json::json;

use super::*;
use crate::testing::seeded;

/// Wording alone gives away two documents. What the others want is stopped further on, where they would act.
#[test]
fn scanners_see_only_part_of_the_poison() {
    let data = seeded();
    let scanner = Scanner::new();
    let mut seen = String::new();
    let mut paths = Vec::new();
    for claim in fs::read_dir(data.path().join(DOCUMENTS_FOLDER)).unwrap() {
        for document in fs::read_dir(claim.unwrap().path()).unwrap() {
            paths.push(document.unwrap().path());
        }
    }
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(data.path().join(DOCUMENTS_FOLDER)).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let scan = scanner.scan_value(Surface::Result, &json!({ "text": text }), maso_core::Timestamp::from_millis(0));
        if scan.findings.word() != maso_core::Word::Go {
            seen += &format!("{name}: {}\n", scan.findings.word());
        }
        for redaction in scan.redactions {
            seen += &format!("{name}: redacted {}\n", redaction.pointer);
        }
    }
    expect![[r#"
        C-1005/destruction-record.txt: NO-GO
        C-1011/letter.txt: ESCALATE
    "#]]
    .assert_eq(&seen);
}

#[test]
fn a_fresh_seed_leaves_nothing_of_an_earlier_run() {
    let data = seeded();
    let database = data.path().join(DATABASE_FILE);
    Connection::open(&database).unwrap().execute_batch("DELETE FROM claims").unwrap();
    seed(data.path()).unwrap();
    let n_claims: i64 =
        Connection::open(&database).unwrap().query_row("SELECT count(*) FROM claims", [], |row| row.get(0)).unwrap();
    assert_eq!(n_claims, 12);
}
