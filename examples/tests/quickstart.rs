//! The quickstart runs, and prints what stands in `quickstart.out`.

use std::process::Command;

#[test]
fn the_quickstart_prints_what_was_recorded() {
    let folder = std::env::temp_dir().join(format!("quickstart-{}", std::process::id()));
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).arg(&folder).output().expect("the quickstart starts");
    let _ = std::fs::remove_dir_all(&folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), include_str!("../quickstart.out"));
}
