//! `ledger-audit`: checks the evidence of a document ledger offline; built without server and store.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::process::ExitCode;

use ledger_api::audit;

fn main() -> ExitCode {
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut out = BufWriter::new(io::stdout().lock());
    let code = audit::run(std::env::args_os().skip(1), &mut out, &mut io::stderr().lock(), colour);

    match code.and_then(|code| out.flush().map(|()| code)) {
        Ok(code) => ExitCode::from(code),

        Err(_) => ExitCode::from(audit::UNUSABLE),
    }
}
