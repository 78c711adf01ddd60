//! A certification authority run with `openssl`: certificates, an OCSP responder, a time-stamping authority.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A CA in a folder of its own, removed at the end.
pub(crate) struct Authority {
    pub(crate) folder: PathBuf,
}

/// A holder's certificate.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    /// Of its files, without their endings.
    name: String,
    pub(crate) der: Vec<u8>,
    pub(crate) serial: String,
}

/// What the responder is to say about a serial number; one that it is not told of is unknown to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    Revoked,
}

static NUMBER: AtomicU32 = AtomicU32::new(1);

fn number() -> u32 {
    NUMBER.fetch_add(1, Ordering::SeqCst)
}

/// Runs `openssl` in a folder; `arguments` are separated by single spaces.
#[track_caller]
fn openssl(folder: &Path, arguments: &str) -> String {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Authority {
    /// A new folder with nothing in it.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("edl-fetch-{name}-{}-{}", std::process::id(), number()));
        let _left_over = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    pub(crate) fn new(name: &str) -> Self {
        let folder = Self::folder(name);
        openssl(&folder, "ecparam -name prime256v1 -genkey -noout -out ca.key");
        openssl(&folder, "req -x509 -new -key ca.key -subj /C=KZ/CN=TEST -days 30 -out ca.pem");
        openssl(&folder, "x509 -in ca.pem -outform DER -out ca.der");
        Self { folder }
    }

    /// The CA of the ledger's tests.
    pub(crate) fn of(certificate_pem: &str, private_key_pem: &str, certificate_der: &[u8]) -> Self {
        let folder = Self::folder("of");
        std::fs::write(folder.join("ca.pem"), certificate_pem).unwrap();
        std::fs::write(folder.join("ca.key"), private_key_pem).unwrap();
        std::fs::write(folder.join("ca.der"), certificate_der).unwrap();
        Self { folder }
    }

    pub(crate) fn certificate_der(&self) -> Vec<u8> {
        std::fs::read(self.folder.join("ca.der")).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A certificate with these lines of an extension section.
    pub(crate) fn issue(&self, extensions: &str) -> Issued {
        let name = format!("holder{}", number());
        let serial = format!("4{:07}", number());
        std::fs::write(self.path(&format!("{name}.cnf")), extensions).unwrap();
        openssl(&self.folder, &format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
        openssl(&self.folder, &format!("req -new -key {name}.key -subj /C=KZ/CN={name} -out {name}.csr"));
        let sign = format!("-CA ca.pem -CAkey ca.key -set_serial 0x{serial} -days 20 -extfile {name}.cnf");
        openssl(&self.folder, &format!("x509 -req -in {name}.csr {sign} -outform DER -out {name}.der"));
        openssl(&self.folder, &format!("x509 -inform DER -in {name}.der -out {name}.pem"));
        let der = std::fs::read(self.path(&format!("{name}.der"))).unwrap();
        Issued { name, der, serial }
    }

    /// The index file by which `openssl ocsp` answers.
    fn index(&self, statuses: &[(&str, Status)]) -> String {
        let name = format!("index{}.txt", number());
        let line = |(serial, status): &(&str, Status)| match status {
            Status::Good => format!("V\t360101000000Z\t\t{serial}\tunknown\t/CN={serial}\n"),
            Status::Revoked => {
                format!("R\t360101000000Z\t260101000000Z,keyCompromise\t{serial}\tunknown\t/CN={serial}\n")
            }
        };
        std::fs::write(self.path(&name), statuses.iter().map(line).collect::<String>()).unwrap();
        name
    }

    /// The answer of `openssl ocsp` to a request, as another server passes it on.
    pub(crate) fn answer(&self, request: &[u8], statuses: &[(&str, Status)]) -> Vec<u8> {
        self.answer_by("ca", request, statuses)
    }

    fn answer_by(&self, signer: &str, request: &[u8], statuses: &[(&str, Status)]) -> Vec<u8> {
        let (index, name) = (self.index(statuses), format!("ocsp{}", number()));
        std::fs::write(self.path(&format!("{name}.req")), request).unwrap();
        let keys = format!("-CA ca.pem -rsigner {signer}.pem -rkey {signer}.key -nmin 60");
        openssl(&self.folder, &format!("ocsp -index {index} {keys} -reqin {name}.req -respout {name}.rsp"));
        std::fs::read(self.path(&format!("{name}.rsp"))).unwrap()
    }

    /// An answer about this CA's certificates that a stranger signed.
    pub(crate) fn answer_of_stranger(&self, stranger: &Self, request: &[u8], statuses: &[(&str, Status)]) -> Vec<u8> {
        for name in ["ca.pem", "ca.key"] {
            std::fs::copy(stranger.path(name), self.path(&format!("stranger-{name}"))).unwrap();
        }
        self.answer_by("stranger-ca", request, statuses)
    }

    /// What `openssl ocsp` reads in an answer: good, revoked or unknown.
    pub(crate) fn reads(&self, response: &[u8]) -> String {
        let name = format!("read{}.rsp", number());
        std::fs::write(self.path(&name), response).unwrap();
        let text = openssl(&self.folder, &format!("ocsp -respin {name} -resp_text -noverify"));
        let status = text.lines().find_map(|line| line.trim().strip_prefix("Cert Status: "));
        status.unwrap_or_default().to_owned()
    }

    /// Verifies a token over bytes with `openssl ts`, and gives what it reads in it.
    pub(crate) fn reads_token(&self, token: &[u8], data: &[u8]) -> String {
        let name = format!("token{}", number());
        std::fs::write(self.path(&format!("{name}.tst")), token).unwrap();
        std::fs::write(self.path(&format!("{name}.data")), data).unwrap();
        let trust = "-CAfile ca.pem -untrusted tsa.pem";
        openssl(&self.folder, &format!("ts -verify -token_in -in {name}.tst -data {name}.data {trust}"));
        openssl(&self.folder, &format!("ts -reply -token_in -in {name}.tst -token_out -text"))
    }

    /// `openssl ocsp` itself, listening.
    pub(crate) fn responder(&self, statuses: &[(&str, Status)]) -> Responder {
        let index = self.index(statuses);
        let keys = "-CA ca.pem -rsigner ca.pem -rkey ca.key -nmin 60 -port 0";
        let mut child = Command::new("openssl")
            .args(format!("ocsp -index {index} {keys}").split(' '))
            .current_dir(&self.folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // "ACCEPT [::]:36351 PID=9746"
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split(' ').nth(1).unwrap_or_default();
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
        Responder { child, port: port.unwrap_or_else(|| panic!("openssl ocsp says {line:?}")) }
    }

    /// Makes the CA a time-stamping authority as well; its certificate, DER.
    pub(crate) fn add_time_stamping(&self) -> Vec<u8> {
        let extensions = "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n\
                          subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
        let issued = self.issue(extensions);
        for ending in ["pem", "key"] {
            std::fs::rename(self.path(&format!("{}.{ending}", issued.name)), self.path(&format!("tsa.{ending}")))
                .unwrap();
        }
        let configuration = "[tsa]\ndefault_tsa = one\n[one]\nserial = tsa.serial\ncrypto_device = builtin\n\
             signer_cert = tsa.pem\nsigner_key = tsa.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n\
             other_policies = 1.2.3.4.5\ndigests = sha256, sha512\naccuracy = secs:1\n\
             ess_cert_id_chain = no\ness_cert_id_alg = sha256\n";
        std::fs::write(self.path("tsa.cnf"), configuration).unwrap();
        issued.der
    }

    /// The answer of `openssl ts` to a request.
    pub(crate) fn timestamp(&self, request: &[u8]) -> Vec<u8> {
        // One at a time: the serial number is kept in a file.
        static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _one = ONE.lock().unwrap();
        let name = format!("ts{}", number());
        std::fs::write(self.path(&format!("{name}.tsq")), request).unwrap();
        openssl(&self.folder, &format!("ts -reply -config tsa.cnf -queryfile {name}.tsq -out {name}.tsr"));
        std::fs::read(self.path(&format!("{name}.tsr"))).unwrap()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A running `openssl ocsp`.
pub(crate) struct Responder {
    child: Child,
    port: u16,
}

impl Responder {
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.host())
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
