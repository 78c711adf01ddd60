//! `ledger-audit` as a person runs it, over a folder that is removed afterwards.

use std::ffi::OsString;
use std::path::PathBuf;

use ledger_api::audit;

/// Exit code, output and errors.
pub(crate) fn run(arguments: &[&str]) -> (u8, String, String) {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let code = audit::run(arguments.iter().map(OsString::from), &mut out, &mut errors, false).unwrap();
    (code, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
}

/// What an auditor was handed.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
