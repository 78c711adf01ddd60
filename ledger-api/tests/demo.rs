//! The demo, from an empty folder to the verdict on the altered evidence.

use ledger_api::demo::{self, DemoError};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_passes_its_evidence_fails_the_altered_one_and_never_runs_over_other_files() {
    let folder = std::env::temp_dir().join(format!("ledger-demo-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let mut out = Vec::new();
    let done = demo::run(&folder, &mut out, false).await;
    let text = String::from_utf8(out).unwrap();
    assert!(done.is_ok(), "{done:?}\n{text}");
    let again = demo::run(&folder, &mut Vec::new(), false).await;
    let files =
        ["contract.pdf", "evidence.zip", "altered.zip", "trust/origin", "trust/log.vkey", "ledger/genesis.json"];
    let missing: Vec<_> = files.iter().filter(|name| !folder.join(name).is_file()).collect();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(matches!(again, Err(DemoError::NotEmpty(_))));
    for line in ["recalled", "withdrawn", "annulled", "certificate-suspended", "contested"] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    let (passed, failed) = (text.find("PASSED").unwrap(), text.find("FAILED").unwrap());
    assert!(passed < failed && !text.contains('\u{1b}'));
    assert!(text.lines().all(|line| line.chars().count() <= 180), "{text}");
}
