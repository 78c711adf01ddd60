//! A signer and a timestamp authority under two roots, played by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A scratch folder that goes with its test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ledger-core-timestamp-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn openssl(arguments: &[&str]) -> Vec<u8> {
    openssl_in(Path::new("."), arguments)
}

fn openssl_in(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().expect("openssl is needed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

const CONFIG: &str = "\
[ca]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[signer]
keyUsage=critical,digitalSignature,nonRepudiation
[tsa]
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
[lax]
keyUsage=critical,digitalSignature
extendedKeyUsage=timeStamping
[wide]
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping,emailProtection
[mute]
keyUsage=critical,keyEncipherment
extendedKeyUsage=critical,timeStamping
[ts]
default_tsa=ts_tsa
[ts_tsa]
serial=serial
default_policy=1.2.398.3.3.2.6.4
digests=sha256,sha384,sha512
accuracy=secs:1
ess_cert_id_alg=sha256
signer_digest=sha256
[lists]
database=database
default_md=sha256
default_crl_days=30
";

/// Everything made once: two roots, a signer, authorities fit and unfit, a signature, a token over it.
pub(crate) struct World {
    /// Root of the signer.
    pub(crate) signer_root: Vec<u8>,
    /// Root of the authorities.
    pub(crate) tsa_root: Vec<u8>,
    /// What was signed.
    pub(crate) document: Vec<u8>,
    /// A detached CAdES-BES signature.
    pub(crate) signature: Vec<u8>,
    /// Another signature over the same document.
    pub(crate) other_signature: Vec<u8>,
    /// A token over the value of `signature`.
    pub(crate) token: Vec<u8>,
    /// A token over the document.
    pub(crate) document_token: Vec<u8>,
    /// A token over `document_token`, a token over that one, and so on.
    pub(crate) renewal_tokens: Vec<Vec<u8>>,
    /// The statement of `token`, signed by certificates that must not sign tokens: lax, wide, mute, signer.
    pub(crate) unfit_tokens: Vec<(&'static str, Vec<u8>)>,
    /// The statement of `token` signed by the authority, without signing-certificate.
    pub(crate) unnamed_token: Vec<u8>,
    /// Lists that revoke the authority an hour after the tokens, each with the reason as OpenSSL writes it.
    pub(crate) revocations: Vec<(&'static str, Vec<u8>)>,
    /// The same, with two signers.
    pub(crate) double_token: Vec<u8>,
}

pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(make)
}

fn make() -> World {
    let scratch = Scratch::new("world");
    let folder = scratch.0.clone();
    scratch.write("config", CONFIG.as_bytes());
    scratch.write("serial", b"01");
    let run = |arguments: &str| openssl_in(&folder, &arguments.split(' ').collect::<Vec<_>>());
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch";
    for root in ["root", "tsaroot"] {
        let subject = format!("-subj /CN={root}");
        run(&format!(
            "req -x509 {key} -days 3650 {subject} -keyout {root}.key -out {root}.pem -extensions ca -config config -section ca"
        ));
    }
    for (name, root) in
        [("signer", "root"), ("tsa", "tsaroot"), ("lax", "tsaroot"), ("wide", "tsaroot"), ("mute", "tsaroot")]
    {
        run(&format!("req -new {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        run(&format!(
            "x509 -req -in {name}.csr -CA {root}.pem -CAkey {root}.key -CAcreateserial -days 365 -extfile config -extensions {name} -out {name}.pem"
        ));
    }
    let document = b"%PDF-1.7 a contract".to_vec();
    scratch.write("document", &document);
    let sign =
        || run("cms -sign -binary -cades -outform DER -md sha256 -in document -signer signer.pem -inkey signer.key");
    let (signature, other_signature) = (sign(), sign());
    let stamp = |bytes: &[u8]| {
        scratch.write("data", bytes);
        run("ts -query -data data -sha256 -cert -out query");
        run("ts -reply -config config -section ts_tsa -queryfile query -signer tsa.pem -inkey tsa.key -token_out")
    };
    let token = stamp(&super::der::signature_value(&signature));
    let document_token = stamp(&document);
    let mut renewal_tokens = vec![stamp(&document_token)];
    while let (Some(last), 0..60) = (renewal_tokens.last(), renewal_tokens.len()) {
        renewal_tokens.push(stamp(last));
    }
    let info = super::der::children(super::der::value(&token))[1];
    let content = super::der::children(super::der::value(super::der::value(info)))[2];
    let content = super::der::children(super::der::value(content))[1];
    scratch.write("info", super::der::value(super::der::value(content)));
    let by = |arguments: &str| {
        run(&format!(
            "cms -sign -binary -nodetach -outform DER -md sha256 -econtent_type 1.2.840.113549.1.9.16.1.4 -in info {arguments}"
        ))
    };
    let unfit_tokens = ["lax", "wide", "mute", "signer"]
        .map(|name| (name, by(&format!("-cades -signer {name}.pem -inkey {name}.key"))))
        .to_vec();
    let serial = String::from_utf8(run("x509 -in tsa.pem -noout -serial")).unwrap();
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    let date = Command::new("date").args(["-u", "-d", "+1 hour", "+%y%m%d%H%M%SZ"]).output().unwrap().stdout;
    let date = String::from_utf8(date).unwrap();
    let revocations = [",keyCompromise", "", ",superseded"].map(|reason| {
        let entry = format!("R\t490101000000Z\t{}{reason}\t{serial}\tunknown\t/CN=tsa\n", date.trim());
        scratch.write("database", entry.as_bytes());
        run("ca -gencrl -name lists -config config -keyfile tsaroot.key -cert tsaroot.pem -out list.pem");
        (reason, run("crl -in list.pem -outform DER"))
    });
    let certificate = |name: &str| run(&format!("x509 -in {name}.pem -outform DER"));
    World {
        signer_root: certificate("root"),
        tsa_root: certificate("tsaroot"),
        document,
        signature,
        other_signature,
        token,
        document_token,
        renewal_tokens,
        unfit_tokens,
        revocations: revocations.to_vec(),
        unnamed_token: by("-signer tsa.pem -inkey tsa.key"),
        double_token: by("-cades -signer tsa.pem -inkey tsa.key -signer lax.pem -inkey lax.key"),
    }
}
