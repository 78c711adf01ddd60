//! The tour of the README, as it is printed there: extracted, run against the built programs, every request a success.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const BEGIN: &str = "<!-- tour -->";
const END: &str = "<!-- end of tour -->";

/// What stands before the script: the built programs in place of `cargo run`, and a request that is refused ends it.
const PREAMBLE: &str = r#"
set -euo pipefail
cargo() {
  case "$*" in
    "run --release --bin ledger-audit -- "*) shift 5; "$LEDGER_AUDIT" "$@" ;;
    *) echo "the tour runs: cargo $*" >&2; return 1 ;;
  esac
}
curl() { command curl --fail-with-body "$@"; }
"#;

/// A folder with the service that runs in it.
struct Tour {
    folder: PathBuf,
    service: Option<Child>,
}

impl Drop for Tour {
    fn drop(&mut self) {
        if let Some(mut service) = self.service.take() {
            let _ = service.kill();
            let _ = service.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The blocks of shell commands between the two marks.
fn blocks(readme: &str) -> Vec<String> {
    let tour = readme.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(tour, _)| tour);
    let fenced = tour.expect("the README marks its tour").split("```").skip(1).step_by(2);
    fenced.map(|block| block.strip_prefix("sh\n").expect("blocks of the tour are sh").to_owned()).collect()
}

/// The arguments of a line `cargo run --release -- ARGUMENTS   # comment`.
fn arguments(line: &str) -> Vec<&str> {
    let command = line.split(" #").next().unwrap().strip_prefix("cargo run --release -- ");
    command.unwrap_or_else(|| panic!("not a command of ledgerd: {line}")).split_whitespace().collect()
}

#[test]
fn the_tour_of_the_readme_runs_as_it_is_printed() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let blocks = blocks(&std::fs::read_to_string(readme).unwrap());
    let (start, walk) = blocks.split_first().unwrap();
    let [init, serve] = start.lines().collect::<Vec<_>>()[..] else { panic!("init and serve: {start}") };

    let folder = std::env::temp_dir().join(format!("edl-tour-{}", std::process::id()));
    let _left_over = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut tour = Tour { folder: folder.clone(), service: None };
    let ledgerd = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
        command.current_dir(&folder);
        command
    };
    let made = ledgerd().args(arguments(init)).output().unwrap();
    let printed = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success(), "{printed}");
    let token = printed.split_whitespace().find(|word| word.starts_with("edl_")).expect("init prints the token");

    // As printed, but for the port: any free one.
    let mut service = ledgerd().args(arguments(serve)).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn();
    let output = service.as_mut().unwrap().stdout.take().unwrap();
    tour.service = service.ok();
    let mut lines = BufReader::new(output).lines();
    let serving = lines.find_map(|line| line.ok().filter(|line| line.starts_with("serving "))).expect("it serves");
    let url = serving.split_whitespace().find(|word| word.starts_with("http://")).unwrap();

    let mut script = PREAMBLE.to_owned();
    let mut given = 0;
    for line in walk.iter().flat_map(|block| block.lines()) {
        let value = match line.split('=').next() {
            Some("export OP") => Some(format!("export OP={token}")),
            Some("export URL") => Some(format!("export URL={url}")),
            _ => None,
        };
        given += usize::from(value.is_some());
        script.push_str(value.as_deref().unwrap_or(line));
        script.push('\n');
    }
    assert_eq!(given, 2, "the tour sets the token and the address once each");
    let walked = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&folder)
        .env("LEDGER_AUDIT", env!("CARGO_BIN_EXE_ledger-audit"))
        .stdin(Stdio::null())
        .output()
        .expect("bash, curl, openssl and python3 are installed by ./test");
    let (printed, complaints) = (String::from_utf8_lossy(&walked.stdout), String::from_utf8_lossy(&walked.stderr));
    assert!(walked.status.success(), "{printed}\n{complaints}");
    assert!(printed.contains("PASSED"), "the verifier has the last word: {printed}\n{complaints}");
}
