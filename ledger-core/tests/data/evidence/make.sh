#!/bin/sh
# Makes the samples of this folder again (other keys, so other bytes): a CA, two certificates, a CRL, four CMS.
# The ids in the statements are those of tests/evidence_bundle/ledger.rs.
set -eu
out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
: > index.txt
echo 01 > serial
echo 01 > crlnumber
cat > ca.cnf <<'CNF'
[ca]
default_ca = the_ca
[the_ca]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
x509_extensions = signer
crl_extensions = crl
copy_extensions = none
[any]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[crl]
authorityKeyIdentifier = keyid
CNF
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
key ca; key sender; key recipient; key other
openssl req -new -config /dev/null -subj "/C=KZ/O=Evidence test/CN=Evidence test CA" -key ca.key -out ca.csr 2>/dev/null \
    || openssl req -new -subj "/C=KZ/O=Evidence test/CN=Evidence test CA" -key ca.key -out ca.csr
openssl ca -config ca.cnf -batch -notext -selfsign -extensions root -in ca.csr -keyfile ca.key \
    -startdate 20260101000000Z -enddate 20360101000000Z -out ca.pem
for who in sender recipient; do
    openssl req -new -subj "/C=KZ/O=$who/CN=Evidence test $who" -key $who.key -out $who.csr
    openssl ca -config ca.cnf -batch -notext -in $who.csr -startdate 20260101000000Z -enddate 20290101000000Z -out $who.pem
    openssl x509 -in $who.pem -outform DER -out "$out/$who.der"
done
openssl x509 -in ca.pem -outform DER -out "$out/ca.der"
openssl req -new -x509 -subj "/C=KZ/O=Other/CN=Other CA" -key other.key -days 3650 -outform DER -out "$out/other-ca.der"
openssl ca -config ca.cnf -gencrl -crl_lastupdate 20260531000000Z -crl_nextupdate 20270531000000Z -out crl.pem
openssl crl -in crl.pem -outform DER -out "$out/crl.der"
printf 'Акт выполненных работ № 1\nAct of completed works No. 1\n' > "$out/content.txt"
sign() { openssl cms -sign -binary -cades -in "$2" -signer "$1.pem" -inkey "$1.key" -outform DER -out "$3"; }
origin=ledger.example/07070707070707070707070707070707
for who in sender recipient; do
    case $who in sender) id=01 ;; recipient) id=02 ;; esac
    id=$(printf "$id%.0s" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    printf '{"act":"register-certificate","ledger":"%s","participant":"%s","t":"edl/v1/statement"}' "$origin" "$id" > statement
    sign $who statement "$out/$who-possession.p7s"
    sign $who "$out/content.txt" "$out/$who-content.p7s"
done
