//! `ledgerd`: serves a ledger over HTTP, and the few things that are done where its data lies.
//!
//! Exit codes: 0 done, 1 it did not work, 2 the arguments were not understood.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::rt::signal::unix::{SignalKind, signal};
use ledger_api::server::auth::{Role, TokenError, Tokens};
use ledger_api::server::{self, now};
use ledger_core::id::{DocumentId, IdentifierMode, ParticipantId, UserId};
use ledger_core::projection::Viewer;
use ledger_store::fetch::{Background, FetchSettings, Fetcher, SettingsError};
use ledger_store::{Ledger, LedgerError, LedgerOptions};

const HELP: &str = "\
ledgerd: the document ledger

usage: ledgerd COMMAND [OPTIONS]

  serve   [--data DIR] [--listen ADDRESS:PORT] [--services FILE]
                                                 serve over HTTP; a new DIR is initialised first
  init    [--data DIR] [--name HOST] [--test-identifiers]
                                                 make a ledger without serving it
  export  [--data DIR] --document ID --out FILE  write the evidence bundle of one document
  token create [--data DIR] --role operator|auditor|participant [--participant ID]
  token list   [--data DIR]
  token revoke [--data DIR] --user ID            take back the tokens of one user id (see list)
  demo    [DIR]                                  the whole story in an empty folder (default ./demo)

  --data DIR            where everything lies (default ./data)
  --listen ADDRESS      default 127.0.0.1:8080; there is no TLS here: put a proxy in front for other machines
  --services FILE       OCSP responders, time-stamping authorities and revocation lists that may be asked (JSON, see
                        docs/OPERATIONS.md); without it nobody is asked
  --name HOST           name of a new ledger, part of its origin for ever (default ledger.local)
  --test-identifiers    a new ledger that takes BIN and IIN with wrong check digits (for tests only)
";

/// Why the program ends without having done its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}\ntry: ledgerd --help")]
    Usage(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("cannot listen on {address}")]
    Listen {
        address: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot read {}", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Services(#[from] SettingsError),
    #[error("cannot write {}", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[cfg(feature = "demo")]
    #[error(transparent)]
    Demo(ledger_api::demo::DemoError),
    #[error("the service stopped")]
    Service(#[source] io::Error),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("ledgerd: {}", server::error_chain(&failure));
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                #[cfg(feature = "demo")]
                Failure::Demo(_) => ExitCode::FAILURE,
                Failure::Ledger(_)
                | Failure::Token(_)
                | Failure::Listen { .. }
                | Failure::Read { .. }
                | Failure::Services(_)
                | Failure::Write { .. }
                | Failure::Service(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if words.iter().any(|word| matches!(*word, "--help" | "-h" | "help")) {
        print!("{HELP}");
        return Ok(());
    }
    match words.as_slice() {
        ["serve", rest @ ..] => serve(Options::parse(rest, &["--data", "--listen", "--services"])?),
        ["init", rest @ ..] => init(Options::parse(rest, &["--data", "--name", "--test-identifiers"])?),
        ["export", rest @ ..] => export(Options::parse(rest, &["--data", "--document", "--out"])?),
        ["token", "create", rest @ ..] => create_token(Options::parse(rest, &["--data", "--role", "--participant"])?),
        ["token", "list", rest @ ..] => list_tokens(Options::parse(rest, &["--data"])?),
        ["token", "revoke", rest @ ..] => revoke_token(Options::parse(rest, &["--data", "--user"])?),
        ["demo"] => demo(Path::new("demo")),
        ["demo", folder] if !folder.starts_with('-') => demo(Path::new(folder)),
        [] => Err(Failure::Usage("say what to do: serve, init, export, token or demo".to_owned())),
        ["token", ..] => Err(Failure::Usage("say what to do with tokens: create, list or revoke".to_owned())),
        [other, ..] => Err(Failure::Usage(format!("cannot do {other:?}"))),
    }
}

fn serve(options: Options) -> Result<(), Failure> {
    server::quiet_panics();
    let data = options.data();
    let fetcher = Fetcher::new(&options.services()?)?;
    let address = options.get("--listen").unwrap_or("127.0.0.1:8080").to_owned();
    // Before the ledger is opened: a second service says at once that the port is taken.
    let listener =
        TcpListener::bind(&address).map_err(|source| Failure::Listen { address: address.clone(), source })?;
    actix_web::rt::System::new().block_on(async {
        let mut ledger_options = LedgerOptions::default();
        if options.has("--services") {
            ledger_options.evidence_source = Some(Arc::new(fetcher.clone()));
        }
        let ledger = Ledger::open_or_create(&data, ledger_options).await?;
        let tokens = Arc::new(Tokens::open(&data)?);
        first_token(&tokens)?;
        let address = listener.local_addr().map_or(address, |address| address.to_string());
        println!("serving {} at http://{address} from {}", ledger.origin(), data.display());
        let service = server::serve(ledger.clone(), tokens, listener).map_err(Failure::Service)?;
        let background = Background::start(&ledger, &fetcher, server::note);
        let letting_go = actix_web::rt::spawn(let_go_on_signal(fetcher));
        let served = service.running.await.map_err(Failure::Service);
        letting_go.abort();
        background.stop().await;
        ledger.close().await?;
        println!("closed cleanly");
        served
    })
}

/// The server stops on the same signals, when running requests have ended: they shall not wait for anybody outside.
async fn let_go_on_signal(fetcher: Fetcher) {
    let (Ok(mut interrupted), Ok(mut terminated)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    fetcher.stop();
}

fn init(options: Options) -> Result<(), Failure> {
    let data = options.data();
    let mut ledger_options = LedgerOptions::default();
    if let Some(name) = options.get("--name") {
        name.clone_into(&mut ledger_options.name);
    }
    if options.has("--test-identifiers") {
        ledger_options.identifiers = IdentifierMode::TestIdentifiers;
    }
    actix_web::rt::System::new().block_on(async {
        let ledger = Ledger::create(&data, ledger_options).await?;
        println!("made {} in {}", ledger.origin(), data.display());
        first_token(&Tokens::open(&data)?)?;
        Ok(ledger.close().await?)
    })
}

fn export(options: Options) -> Result<(), Failure> {
    let document: DocumentId = options.parsed("--document", "a document id: 32 lower-case hex digits")?;
    let out = PathBuf::from(options.required("--out")?);
    actix_web::rt::System::new().block_on(async {
        let ledger = Ledger::open(&options.data(), LedgerOptions::default()).await?;
        let bundle = ledger.export(document, Viewer::Operator).await;
        let written = match bundle {
            Ok(bundle) => write_new(&out, &bundle).map_err(|source| Failure::Write { path: out.clone(), source }),
            Err(error) => Err(error.into()),
        };
        ledger.close().await?;
        written?;
        println!("wrote {}", out.display());
        Ok(())
    })
}

/// Writes a file that must not be there yet: evidence is not overwritten.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn create_token(options: Options) -> Result<(), Failure> {
    let participant = || options.parsed::<ParticipantId>("--participant", "a participant id: 32 lower-case hex digits");
    let role = match options.required("--role")? {
        "operator" => Role::Operator,
        "auditor" => Role::Auditor,
        "participant" => Role::Participant(participant()?),
        _ => return Err(Failure::Usage("--role is operator, auditor or participant".to_owned())),
    };
    if options.get("--participant").is_some() && !matches!(role, Role::Participant(_)) {
        return Err(Failure::Usage("--participant goes with --role participant".to_owned()));
    }
    let (token, _) = existing_tokens(&options)?.create(role, now())?;
    println!("{token}");
    Ok(())
}

fn list_tokens(options: Options) -> Result<(), Failure> {
    for grant in existing_tokens(&options)?.list()? {
        let role = match grant.role {
            Role::Operator => "operator".to_owned(),
            Role::Auditor => "auditor".to_owned(),
            Role::Participant(id) => format!("participant {id}"),
        };
        println!("{}  user {}  {role}", grant.created_at, grant.user);
    }
    Ok(())
}

fn revoke_token(options: Options) -> Result<(), Failure> {
    let user: UserId = options.parsed("--user", "a user id: 32 lower-case hex digits")?;
    let revoked = existing_tokens(&options)?.revoke(user)?;
    println!("revoked {revoked}");
    Ok(())
}

/// The tokens of a ledger that is there; a mistyped folder is not filled with a token file.
fn existing_tokens(options: &Options) -> Result<Tokens, Failure> {
    let data = options.data();
    if data.join("genesis.json").exists() || data.join(Tokens::FILE_NAME).exists() {
        Ok(Tokens::open(&data)?)
    } else {
        Err(Failure::Usage(format!("{} holds no ledger; see --data", data.display())))
    }
}

/// On the first start: the operator's token, shown this once.
fn first_token(tokens: &Tokens) -> Result<(), TokenError> {
    if tokens.is_empty() {
        let (token, _) = tokens.create(Role::Operator, now())?;
        println!("operator token, shown only now: {token}");
    }
    Ok(())
}

#[cfg(feature = "demo")]
fn demo(folder: &Path) -> Result<(), Failure> {
    let mut out = io::stdout();
    let colours = out.is_terminal();
    actix_web::rt::System::new().block_on(ledger_api::demo::run(folder, &mut out, colours)).map_err(Failure::Demo)
}

#[cfg(not(feature = "demo"))]
fn demo(_: &Path) -> Result<(), Failure> {
    Err(Failure::Usage("this ledgerd was built without the demo (cargo feature demo)".to_owned()))
}

/// `--name value` pairs; the one flag without a value is `--test-identifiers`.
struct Options(Vec<(String, String)>);

impl Options {
    fn parse(words: &[&str], known: &[&str]) -> Result<Self, Failure> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (*word, None),
            };
            if !known.contains(&name) {
                return Err(Failure::Usage(format!("unknown option {name:?}; known here: {}", known.join(", "))));
            }
            if pairs.iter().any(|(other, _)| other == name) {
                return Err(Failure::Usage(format!("{name} stands twice")));
            }
            let value = match (name, attached) {
                ("--test-identifiers", None) => "",
                (_, Some(value)) => value,
                (_, None) => words.next().ok_or_else(|| Failure::Usage(format!("{name} needs a value")))?,
            };
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::Usage(format!("{name} is missing")))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str, expected: &str) -> Result<T, Failure> {
        self.required(name)?.parse().map_err(|_| Failure::Usage(format!("{name} is {expected}")))
    }

    /// The services that may be asked; nobody without a file.
    fn services(&self) -> Result<FetchSettings, Failure> {
        let Some(path) = self.get("--services").map(PathBuf::from) else { return Ok(FetchSettings::default()) };
        let bytes = std::fs::read(&path).map_err(|source| Failure::Read { path, source })?;
        Ok(FetchSettings::from_json(&bytes)?)
    }

    fn data(&self) -> PathBuf {
        PathBuf::from(self.get("--data").unwrap_or("data"))
    }
}
