//! The walls of docs/ARCHITECTURE.md, held by a machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Modules of ledger-core in the order of the flow: each uses only what stands before it (and itself).
const FLOW: [&str; 12] = [
    "digest",
    "time",
    "id",
    "canonical",
    "payload",
    "record",
    "log",
    "pki",
    "signature",
    "domain",
    "projection",
    "evidence",
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file without comments and without its tests: what the flow and the clocks are looked for in.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end].lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn modules_of_the_core_use_only_what_stands_before_them() {
    let source = top().join("ledger-core/src");
    let declared: Vec<String> = std::fs::read_to_string(source.join("lib.rs"))
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned))
        .collect();
    let expected: Vec<_> = FLOW.iter().copied().filter(|module| declared.iter().any(|name| name == module)).collect();
    assert_eq!(declared, expected, "lib.rs declares the modules in reading order; a new one needs a place in FLOW");
    let mut wrong = Vec::new();
    let mut files = Vec::new();
    sources(&source, &mut files);
    for path in files {
        let relative = path.strip_prefix(&source).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let Some(place) = FLOW.iter().position(|name| *name == module) else { continue };
        let code = code(&path);
        for later in FLOW.iter().skip(place + 1) {
            if code.contains(&format!("crate::{later}::")) {
                wrong.push(format!("{} uses {later}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_reads_no_clock_draws_no_dice_and_does_no_io() {
    let mut files = Vec::new();
    sources(&top().join("ledger-core/src"), &mut files);
    let forbidden = [
        "SystemTime",
        "Instant::now",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "getrandom",
        "HashMap",
        "HashSet",
        "async fn",
        "println!",
    ];
    let mut wrong = Vec::new();
    for path in files {
        let code = code(&path);
        wrong.extend(
            forbidden.iter().filter(|word| code.contains(**word)).map(|word| format!("{}: {word}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Names of all crates that the build of a package needs (normal dependencies).
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(top())
        .args(["tree", "--offline", "--locked", "-e", "normal", "--prefix", "none", "--format", "{lib}"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_core_and_the_auditor_are_built_without_runtime_server_and_store() {
    let core = tree(&["-p", "ledger-core"]);
    let auditor = tree(&["-p", "ledger-api", "--no-default-features"]);
    let server = tree(&["-p", "ledger-api"]);
    for name in ["tokio", "actix_web", "ledger_store", "rusqlite", "object_store"] {
        assert!(!core.contains(name), "ledger-core needs {name}");
        assert!(!auditor.contains(name), "ledger-audit needs {name}");
        // The same question with the answer yes: the check can fail.
        assert!(server.contains(name), "the server should need {name}");
    }
    assert!(auditor.contains("ledger_core"));
}

#[test]
fn the_auditor_cannot_reach_a_network() {
    let auditor = tree(&["-p", "ledger-api", "--no-default-features"]);
    let server = tree(&["-p", "ledger-api"]);
    for name in ["hyper", "hyper_util", "mio", "socket2"] {
        assert!(!auditor.contains(name), "ledger-audit needs {name}");
        assert!(server.contains(name), "the server should need {name}");
    }
}

#[test]
fn only_fetching_and_the_server_touch_the_network() {
    let mut files = Vec::new();
    for directory in ["ledger-core/src", "ledger-store/src", "ledger-api/src"] {
        sources(&top().join(directory), &mut files);
    }
    let words = ["std::net", "core::net", "tokio::net", "hyper::", "hyper_util::", "HttpServer"];
    let users: BTreeSet<String> = files
        .iter()
        .filter(|path| words.iter().any(|word| code(path).contains(word)))
        .map(|path| path.strip_prefix(top()).unwrap().display().to_string())
        .collect();
    // `ledgerd` binds the address.
    let homes = ["ledger-store/src/fetch", "ledger-api/src/server", "ledger-api/src/bin/ledgerd.rs"];
    let wrong: Vec<&String> = users.iter().filter(|file| !homes.iter().any(|home| file.starts_with(home))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The words find what they are for.
    for part in homes {
        assert!(users.iter().any(|file| file.starts_with(part)), "nothing in {part} uses the network? {users:#?}");
    }
}

#[test]
fn serde_json_keeps_its_exact_numbers_and_sorted_maps() {
    let output = Command::new(env!("CARGO"))
        .current_dir(top())
        .args(["tree", "--offline", "--locked", "--workspace", "-e", "features", "-i", "serde_json"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("serde_json feature \"raw_value\""), "the question was asked: {text}");
    for feature in ["preserve_order", "arbitrary_precision", "unbounded_depth"] {
        assert!(!text.contains(&format!("serde_json feature \"{feature}\"")), "{feature} changes what canonical means");
    }
}

#[test]
fn status_codes_stand_in_one_file() {
    let mut files = Vec::new();
    sources(&top().join("ledger-api/src"), &mut files);
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| !path.ends_with("server/problem.rs")) {
        if code(path).contains("StatusCode::") {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_holds_a_path_of_a_machine() {
    let mut files = vec![top().join("README.md"), top().join("test")];
    for directory in ["ledger-core", "ledger-store", "ledger-api", "examples", "benches"] {
        sources(&top().join(directory), &mut files);
    }
    let needles = [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat(), ["/ho", "me/"].concat()];
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| path.exists()) {
        let text = std::fs::read_to_string(path).unwrap();
        wrong.extend(
            needles
                .iter()
                .filter(|needle| text.contains(*needle))
                .map(|needle| format!("{}: {needle}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
